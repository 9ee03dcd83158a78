# Copyright: (c) 2026, ck8s.ports contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The sandbox, started from inside another one: here the outer sandbox is the machine."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.lab.guard import MACHINE_NETNS, namespace_inode

CHECKOUT = Path(__file__).parents[3]
SANDBOX = [sys.executable, "-m", "tests.lab.sandbox", "--"]
PATIENCE = 10
"""Seconds that anything here may take before the test calls it a failure."""


def sandbox(*command: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*SANDBOX, *command], cwd=CHECKOUT, capture_output=True, text=True, timeout=PATIENCE, check=False
    )


def start(*command: str) -> subprocess.Popen[str]:
    """Start a sandbox whose command prints a line when it is ready, and wait for that line."""
    process = subprocess.Popen([*SANDBOX, *command], cwd=CHECKOUT, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    return process


def processes_with(marker: str) -> list[int]:
    """PIDs, of this PID namespace and those below it, whose command line holds ``marker``."""
    found = []
    for cmdline in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            if marker in cmdline.read_text().split("\0"):
                found.append(int(cmdline.parent.name))
        except OSError:
            continue  # ended while we looked
    return found


def wait_until(running: bool, marker: str) -> None:
    """Wait until processes with ``marker`` run, or until none does any more."""
    deadline = time.monotonic() + PATIENCE
    while bool(found := processes_with(marker)) != running:
        assert time.monotonic() < deadline, f"after {PATIENCE} s: {found or 'none'}"
        time.sleep(0.02)


def test_the_network_is_new_and_its_own() -> None:
    inside = sandbox(
        "sh", "-c", "stat -Lc %i /proc/self/ns/net; ip -o link; ip -o route; ip -o -6 route show table main"
    )
    inode, *devices = inside.stdout.splitlines()
    assert inside.returncode == 0
    assert int(inode) != namespace_inode("net")
    assert len(devices) == 1, devices
    assert "lo:" in devices[0]
    assert "UP" in devices[0]


def test_the_machines_namespaces_are_named_for_the_guard() -> None:
    named = sandbox("printenv", MACHINE_NETNS).stdout.split()
    assert str(namespace_inode("net")) in named
    assert set(os.environ[MACHINE_NETNS].split()) <= set(named), "what the outer sandbox must not touch, neither may we"


def test_the_guard_lets_the_command_work() -> None:
    code = "from tests.lab.guard import refuse_machine_namespace as refuse; refuse()"
    assert sandbox(sys.executable, "-c", code).returncode == 0


def test_run_and_proc_and_hostname_are_private() -> None:
    before = os.uname().nodename
    inside = sandbox("sh", "-c", "ls -A /run; echo --; ls -d /proc/[0-9]* | wc -l; hostname elsewhere; touch /run/mine")
    run, processes = inside.stdout.split("--\n")
    assert run.split() == ["lock", "netns"]
    assert int(processes) < 6
    assert os.uname().nodename == before
    assert not Path("/run/mine").exists()


def test_no_ssh_connection_of_the_machine_is_used_in_there() -> None:
    assert sandbox("printenv", "ANSIBLE_SSH_CONTROL_PATH_DIR").stdout.strip().startswith("/run/")


def test_it_is_root_in_there_and_finds_the_system_programs() -> None:
    inside = subprocess.run(
        [
            *SANDBOX,
            "sh",
            "-c",
            "id -u && nft add table inet t && nft list tables && ip link add v0 type veth peer name v1",
        ],
        cwd=CHECKOUT,
        env={**os.environ, "PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (inside.returncode, inside.stdout) == (0, "0\ntable inet t\n"), inside.stderr


@pytest.mark.parametrize(
    ("command", "status"),
    [("exit 0", 0), ("exit 3", 3), ("kill -KILL $$", 128 + signal.SIGKILL), ("kill -TERM $$", 128 + signal.SIGTERM)],
)
def test_the_exit_status_is_the_commands(command: str, status: int) -> None:
    assert sandbox("sh", "-c", command).returncode == status


def test_a_command_that_does_not_exist_is_named() -> None:
    inside = sandbox("no-such-command")
    assert inside.returncode == 127
    assert "no-such-command" in inside.stderr


def test_no_command_is_an_error() -> None:
    assert sandbox().returncode == 2


def test_a_missing_program_is_named_with_its_package(tmp_path: Path) -> None:
    inside = subprocess.run(
        [*SANDBOX, "true"], cwd=CHECKOUT, env={"PATH": str(tmp_path)}, capture_output=True, text=True, check=False
    )
    # The system's directories are searched whatever PATH says; what lives only in /usr/bin is missing now.
    assert inside.returncode == 127
    assert "unshare" in inside.stderr
    assert "util-linux" in inside.stderr


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_signals_reach_the_command_once(number: signal.Signals) -> None:
    code = (
        "import signal, sys, time\n"
        "got = []\n"
        f"signal.signal({int(number)}, lambda n, f: got.append(n))\n"
        "print('ready', flush=True)\n"
        "while not got: time.sleep(0.01)\n"
        "time.sleep(0.3)\n"
        "sys.exit(40 + len(got))\n"
    )
    process = start(sys.executable, "-c", code)
    process.send_signal(number)
    assert process.wait(PATIENCE) == 41


def test_the_terminals_interrupt_reaches_the_command_once() -> None:
    # Ctrl-C on a terminal goes to every process of the foreground group at once.
    code = (
        "import signal, sys, time\n"
        "got = []\n"
        "signal.signal(signal.SIGINT, lambda n, f: got.append(n))\n"
        "print('ready', flush=True)\n"
        "while not got: time.sleep(0.01)\n"
        "time.sleep(0.3)\n"
        "print('interrupts', len(got))\n"
    )
    terminal, inside = os.openpty()
    process = subprocess.Popen(
        ["setsid", "--ctty", "--wait", *SANDBOX, sys.executable, "-c", code],
        cwd=CHECKOUT,
        stdin=inside,
        stdout=inside,
        stderr=inside,
    )
    os.close(inside)
    output = b""
    deadline = time.monotonic() + PATIENCE
    interrupted = False
    while time.monotonic() < deadline:
        try:
            output += os.read(terminal, 4096)
        except OSError:  # the other end is closed
            break
        if b"ready" in output and not interrupted:
            os.write(terminal, b"\x03")
            interrupted = True
    os.close(terminal)
    assert process.wait(PATIENCE) == 0, output
    assert b"interrupts 1" in output


def test_all_in_it_ends_with_the_command() -> None:
    marker = f"left-behind-{os.getpid()}"
    script = f"setsid sh -c 'while :; do sleep 1; done' {marker} >/dev/null 2>&1 & exit 0"
    assert sandbox("sh", "-c", script).returncode == 0
    wait_until(False, marker)


def test_all_in_it_ends_when_the_sandbox_is_killed() -> None:
    marker = f"orphan-{os.getpid()}"
    script = f"setsid sh -c 'while :; do sleep 1; done' {marker} & echo ready; wait"
    process = start("sh", "-c", script)
    wait_until(True, marker)
    process.kill()
    process.wait(PATIENCE)
    wait_until(False, marker)
