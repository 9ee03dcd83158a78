# Copyright: (c) 2026, ck8s.ports contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""PID 1 of the sandbox: prepares /run and lo, runs the command, passes signals on, collects orphans.

Started by :mod:`tests.lab.sandbox` as ``python sandbox_init.py LIFELINE COMMAND...``. LIFELINE is the number of the
reading end of a pipe: each byte in it is the number of a signal for the command, and its end means that the process
which asked for the sandbox is gone, however it died. When this process ends, the kernel kills all others in here.
"""

from __future__ import annotations

import os
import select
import signal
import subprocess
import sys

SETUP = (
    ("mount", "-t", "tmpfs", "-o", "mode=755", "tmpfs", "/run"),
    ("mkdir", "-p", "/run/netns", "/run/lock"),
    ("ip", "link", "set", "lo", "up"),
)
WAKING = (signal.SIGCHLD, signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT)
CANNOT_START = 127
KILLED = 128
"""Added to a signal's number in the exit status of a command that died by it, as shells do."""


def main(arguments: list[str]) -> int:
    """Run the command to its end and return its exit status."""
    lifeline, command = int(arguments[0]), arguments[1:]
    os.set_inheritable(lifeline, False)
    for step in SETUP:
        try:
            subprocess.run(step, check=True)
        except (OSError, subprocess.CalledProcessError) as error:
            print(f"sandbox: cannot prepare the namespaces: {' '.join(step)}: {error}", file=sys.stderr)
            return CANNOT_START

    # Signals only wake the loop. One from the terminal has reached the command by itself (same process group), one sent
    # to the sandbox arrives over the lifeline: answering both here would deliver it twice.
    woken, wake = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
    signal.set_wakeup_fd(wake, warn_on_full_buffer=False)
    for number in WAKING:
        signal.signal(number, lambda _number, _frame: None)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, WAKING)

    try:
        child = subprocess.Popen(command)
    except OSError as error:
        print(f"sandbox: cannot start {command[0]}: {error}", file=sys.stderr)
        return CANNOT_START
    while True:
        ready, _, _ = select.select([lifeline, woken], [], [])
        if woken in ready:
            os.read(woken, 512)
        if lifeline in ready:
            sent = os.read(lifeline, 512)
            if not sent:
                return KILLED + signal.SIGKILL
            for signum in sent:
                os.kill(child.pid, signum)
        status = _collect(child.pid)
        if status is not None:
            return status


def _collect(child: int) -> int | None:
    """Reap whatever has ended; return the exit status of ``child`` if it is among them."""
    while True:
        try:
            pid, status = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return None
        if pid == 0:
            return None
        if pid == child:
            code = os.waitstatus_to_exitcode(status)
            return code if code >= 0 else KILLED - code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
