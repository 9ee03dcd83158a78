# Copyright: (c) 2026, ck8s.ports contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Over which connection the controller has reached this host, as the processes above tell it."""

from __future__ import annotations

from pathlib import Path

import pytest

from ansible_collections.ck8s.ports.plugins.module_utils._controller import Connection, controllers_connection

OURS = Connection("192.0.2.1", 50000, "192.0.2.11", 22)
OTHER = Connection("198.51.100.1", 50001, "192.0.2.11", 22)


class Processes:
    """A /proc with some processes in it; the highest is the one that asks."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.last = 0

    def add(self, *variables: str, parent: int | None = None) -> None:
        """Add a child of the last one, with an environment."""
        pid = self.last + 1
        directory = self.root / str(pid)
        directory.mkdir()
        above = self.last if parent is None else parent
        (directory / "stat").write_text(f"{pid} (a) b) S {above} 1 1 " + "0 " * 40)
        (directory / "environ").write_bytes(b"\0".join(variable.encode() for variable in variables) + b"\0")
        self.last = pid

    def asked(self, *live: Connection) -> Connection | None:
        """The answer, where these connections are open."""
        return controllers_connection(lambda *ends: Connection(*ends) in live, str(self.root), self.last)


@pytest.fixture
def processes(tmp_path: Path) -> Processes:
    made = Processes(tmp_path)
    made.add("PATH=/usr/bin")
    return made


def variable(connection: Connection) -> str:
    return "SSH_CONNECTION=" + " ".join(map(str, connection))


def test_sudo_takes_it_from_the_module_but_not_from_its_ancestors(processes: Processes) -> None:
    processes.add("HOME=/root", variable(OURS), "TERM=dumb")
    processes.add("SUDO_USER=ada")
    processes.add("SUDO_USER=ada", "NOT_SSH_CONNECTION=1.2.3.4 5 6.7.8.9 22")
    assert processes.asked(OURS, OTHER) == OURS


def test_the_nearest_that_is_open_counts(processes: Processes) -> None:
    processes.add(variable(OTHER))
    processes.add(variable(OURS))
    assert processes.asked(OURS, OTHER) == OURS
    assert processes.asked(OTHER) == OTHER


def test_what_is_not_open_here_is_not_guessed(processes: Processes) -> None:
    """A connection into a container, or a program that has outlived its session."""
    processes.add(variable(OURS))
    assert processes.asked() is None


def test_a_local_connection_has_none(processes: Processes) -> None:
    processes.add("SSH_CLIENT=192.0.2.1 50000 22")
    assert processes.asked(OURS) is None


@pytest.mark.parametrize(
    "value",
    ["", "192.0.2.1 50000", "192.0.2.1 50000 192.0.2.11 22 23", "a b c d", "192.0.2.1 0 192.0.2.11 22", "\xff 1 2 3"],
)
def test_what_a_user_has_put_there_instead_is_nothing(processes: Processes, value: str) -> None:
    processes.add(variable(OURS))
    processes.add(f"SSH_CONNECTION={value}")
    assert processes.asked(OURS) == OURS


def test_a_link_local_address_has_its_scope_taken_off(processes: Processes) -> None:
    processes.add("SSH_CONNECTION=fe80::1%eth0 50000 fe80::2%eth0 22")
    plain = Connection("fe80::1", 50000, "fe80::2", 22)
    assert processes.asked(plain) == plain


def test_processes_that_have_exited_end_the_search(processes: Processes) -> None:
    processes.add(parent=4711)
    assert processes.asked(OURS) is None


def test_a_circle_of_parents_ends_the_search(processes: Processes) -> None:
    processes.add(parent=processes.last + 1)
    assert processes.asked(OURS) is None
