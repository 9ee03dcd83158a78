# Copyright: (c) 2026, ck8s.ports contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The guard lets pass what is proved to be a sandbox, and nothing else."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.lab.guard import MachineNamespaceError, refuse_machine_namespace

CHECKOUT = Path(__file__).parents[3]


class FakeProc:
    """The handful of /proc entries that the guard looks at; identical files stand for the same namespace."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self._files = 0
        for directory in ("self/ns", "self/net", "1/net"):
            (root / directory).mkdir(parents=True)

    def put(self, *names: str) -> str:
        """Make one new file known under all ``names``; return its inode number."""
        first, *others = (self.root / name for name in names)
        first.touch()
        for other in others:
            other.hardlink_to(first)
        return str(first.stat().st_ino)


@pytest.fixture
def proc(tmp_path: Path) -> FakeProc:
    return FakeProc(tmp_path)


def test_accepts_another_network_than_pid_1(proc: FakeProc) -> None:
    pidns = proc.put("self/ns/pid")
    proc.put("self/ns/net")
    proc.put("self/net/dev")
    proc.put("1/net/dev")
    refuse_machine_namespace({"CK8S_MACHINE_NETNS": "1", "CK8S_MACHINE_PIDNS": pidns}, proc.root)


def test_accepts_sharing_the_network_of_an_init_of_ours(proc: FakeProc) -> None:
    proc.put("self/ns/pid")
    proc.put("self/ns/net")
    proc.put("self/net/dev", "1/net/dev")
    refuse_machine_namespace({"CK8S_MACHINE_NETNS": "1", "CK8S_MACHINE_PIDNS": "2"}, proc.root)


@pytest.mark.parametrize("environ", [{}, {"CK8S_MACHINE_NETNS": ""}, {"CK8S_MACHINE_PIDNS": "2"}])
def test_refuses_where_nothing_is_known_of_the_machine(proc: FakeProc, environ: dict[str, str]) -> None:
    with pytest.raises(MachineNamespaceError, match=r"CK8S_MACHINE_NETNS is not set.*tests\.lab\.sandbox"):
        refuse_machine_namespace(environ, proc.root)


def test_refuses_a_namespace_that_is_listed(proc: FakeProc) -> None:
    proc.put("self/ns/pid")
    own = proc.put("self/ns/net")
    with pytest.raises(MachineNamespaceError, match=rf"net:\[{own}\]"):
        refuse_machine_namespace({"CK8S_MACHINE_NETNS": f"1 {own}", "CK8S_MACHINE_PIDNS": "2"}, proc.root)


@pytest.mark.parametrize("known", [True, False], ids=["pid-namespace-known", "pid-namespace-not-known"])
def test_refuses_the_network_of_the_machines_init_whatever_the_variable_says(proc: FakeProc, known: bool) -> None:
    pidns = proc.put("self/ns/pid")
    proc.put("self/ns/net")
    proc.put("self/net/dev", "1/net/dev")
    environ = {"CK8S_MACHINE_NETNS": "1"} | ({"CK8S_MACHINE_PIDNS": pidns} if known else {})
    with pytest.raises(MachineNamespaceError, match="PID 1"):
        refuse_machine_namespace(environ, proc.root)


def test_refuses_when_it_cannot_look(proc: FakeProc) -> None:
    proc.put("self/ns/pid")
    proc.put("self/ns/net")
    with pytest.raises(MachineNamespaceError, match="cannot compare"):
        refuse_machine_namespace({"CK8S_MACHINE_NETNS": "1"}, proc.root)


def test_the_namespace_tests_refuse_to_run_outside_the_sandbox() -> None:
    environ = {name: value for name, value in os.environ.items() if not name.startswith("CK8S_MACHINE_")}
    pytest_run = subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "tests/netns"],
        cwd=CHECKOUT,
        env=environ,
        capture_output=True,
        text=True,
        check=False,
    )
    assert pytest_run.returncode == pytest.ExitCode.USAGE_ERROR
    assert "python3 -m tests.lab.sandbox .venv/bin/pytest tests/netns" in pytest_run.stderr
