# Copyright: (c) 2026, ck8s.ports contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Run a command with a network of its own: ``python3 -m tests.lab.sandbox [--] COMMAND...``

The command gets new network, mount, PID and UTS namespaces, and a user namespace where the caller is not root: it is
root in there, may make interfaces, rules and further namespaces, and cannot reach the machine's network at all. /proc
is its own, /run an empty tmpfs, lo is up. Everything started in there ends with the command, and with this process,
also when that is killed by SIGKILL. The exit status is the command's (128 + number when it died by a signal); SIGINT,
SIGTERM, SIGHUP and SIGQUIT are passed on.

Root is not needed where the system lets users make user namespaces. Standard library and util-linux only.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from tests.lab.guard import MACHINE_NETNS, MACHINE_PIDNS, namespace_inode

USAGE = "usage: python3 -m tests.lab.sandbox [--] COMMAND [ARGUMENT...]"
CANNOT_START = 127
FORWARDED = frozenset({signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT})

_PROGRAMS = {"unshare": "util-linux", "mount": "mount", "ip": "iproute2"}
_SYSTEM_DIRECTORIES = ("/usr/local/sbin", "/usr/sbin", "/sbin")
_INIT = Path(__file__).with_name("sandbox_init.py")
_RESTRICTIONS = (
    ("kernel/apparmor_restrict_unprivileged_userns", "1", "AppArmor forbids it (Ubuntu 23.10 and later do by default)"),
    ("kernel/unprivileged_userns_clone", "0", "only root may make user namespaces here"),
    ("user/max_user_namespaces", "0", "no user namespaces are allowed at all"),
)


class SandboxError(RuntimeError):
    """The sandbox cannot be made here; the message says why and what to do."""


def run(command: Sequence[str], environ: Mapping[str, str] = os.environ) -> int:
    """Run ``command`` in a new sandbox, wait for it, and return its exit status.

    Must be called from the main thread of a process without other children: signals are taken over for the duration.
    Raises :class:`SandboxError` where no sandbox can be made.
    """
    environment = _environment(environ)
    unshare = _unshare(environment["PATH"])
    reading, writing = os.pipe()
    waited = FORWARDED | {signal.SIGCHLD}
    # Blocked from before the start, so that none is lost; PID 1 in there unblocks them again.
    before = signal.pthread_sigmask(signal.SIG_BLOCK, waited)
    try:
        process = subprocess.Popen(
            [*unshare, sys.executable, "-I", "-S", str(_INIT), str(reading), *command],
            env=environment,
            pass_fds=[reading],
        )
        os.close(reading)
        while process.poll() is None:
            info = signal.sigtimedwait(waited, 1)
            # A signal of the terminal (not sent by a process: si_code > 0) has reached the command already.
            if info is not None and info.si_signo in FORWARDED and info.si_code <= 0:
                _tell(writing, info.si_signo)
        return process.returncode
    finally:
        os.close(writing)
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _tell(writing: int, number: int) -> None:
    with contextlib.suppress(BrokenPipeError):  # the command has just ended
        os.write(writing, bytes([number]))


def _environment(environ: Mapping[str, str]) -> dict[str, str]:
    """Return the command's environment: system directories on PATH, and what the guard must know of the machine."""
    environment = dict(environ)
    path = environ.get("PATH", os.defpath).split(os.pathsep)
    environment["PATH"] = os.pathsep.join([*path, *(d for d in _SYSTEM_DIRECTORIES if d not in path)])

    machine = set(environ.get(MACHINE_NETNS, "").split())
    machine.add(str(namespace_inode("net")))
    with contextlib.suppress(OSError):  # not ours to see; the guard has a second way of recognising it
        machine.add(str(namespace_inode("net", 1)))
    environment[MACHINE_NETNS] = " ".join(sorted(machine))
    environment[MACHINE_PIDNS] = str(namespace_inode("pid"))
    # An address in here is another host than outside: no connection that was opened there may be used again.
    environment["ANSIBLE_SSH_CONTROL_PATH_DIR"] = "/run/ansible-cp"
    return environment


def _unshare(path: str) -> list[str]:
    """Return the command line that makes the namespaces, after having tried it."""
    missing = {program: package for program, package in _PROGRAMS.items() if shutil.which(program, path=path) is None}
    if missing:
        packages = " ".join(sorted(missing.values()))
        raise SandboxError(f"not found on PATH: {', '.join(missing)}; install the Debian packages: {packages}")
    unshare = [shutil.which("unshare", path=path) or "unshare"]
    if os.geteuid() != 0:
        unshare += ["--user", "--map-root-user"]
    unshare += ["--net", "--mount", "--pid", "--uts", "--mount-proc", "--propagation=private", "--fork", "--kill-child"]

    trial = subprocess.run([*unshare, "true"], capture_output=True, text=True, check=False)
    if trial.returncode != 0:
        raise SandboxError(refusal(trial.stderr.strip(), root=os.geteuid() == 0))
    return unshare


def refusal(reason: str, *, root: bool, settings: Path = Path("/proc/sys")) -> str:
    """Return the message for a kernel that makes no namespaces for us: what it said, why, and what to do."""
    message = f"cannot make namespaces: {reason or 'unshare failed without a word'}"
    if root:
        return f"{message}; root needs CAP_SYS_ADMIN for this, which containers often lack"
    for name, value, meaning in _RESTRICTIONS:
        setting = settings / name
        if setting.exists() and setting.read_text().strip() == value:
            message += f"; {name.replace('/', '.')} = {value}: {meaning}"
    return f"{message}; run the same command with sudo"


def main(arguments: Sequence[str]) -> int:
    """Command line: see the module's documentation."""
    command = list(arguments[1:] if arguments[:1] == ["--"] else arguments)
    if not command or command[0] in ("-h", "--help"):
        print(USAGE, file=sys.stdout if command else sys.stderr)
        return 0 if command else 2
    try:
        return run(command)
    except SandboxError as error:
        print(f"sandbox: {error}", file=sys.stderr)
        return CANNOT_START


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
