# Copyright: (c) 2026, ck8s.ports contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The search for the holders of sockets: where it looks, in which order, and when it stops.

/proc and the cgroup mount are trees of directories and links made for the test; what was opened is seen from the access
to a process that must not be looked into, which here is an error.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from ansible_collections.ck8s.ports.plugins.module_utils._holders import Search


class Machine:
    """A /proc and a cgroup mount."""

    def __init__(self, directory: Path) -> None:
        self.proc = directory / "proc"
        self.mount = directory / "cgroup"
        self.proc.mkdir()
        self.mount.mkdir()

    def process(
        self, pid: int, group: str, *sockets: int, name: str = "server", parent: int = 1, session: int = 0
    ) -> None:
        fds = self.proc / str(pid) / "fd"
        fds.mkdir(parents=True)
        for number, inode in enumerate(sockets):
            (fds / str(number)).symlink_to(f"socket:[{inode}]")
        (fds.parent / "comm").write_text(name + "\n")
        (fds.parent / "stat").write_text(f"{pid} ({name}) S {parent} {pid} {session or pid} 0 -1")
        (fds.parent / "cgroup").write_text(f"0::{group}\n")
        directory = self.mount / group.lstrip("/")
        directory.mkdir(parents=True, exist_ok=True)
        with (directory / "cgroup.procs").open("a") as procs:
            procs.write(f"{pid}\n")

    def search(self, makers: dict[str, set[int]], exhaustive: bool = False) -> tuple[Search, list[int]]:
        """The finished search, and the processes that it looked into."""
        search = Search({inode for inodes in makers.values() for inode in inodes}, str(self.mount), str(self.proc))
        search.look_into_makers(makers)
        search.look_into_others(exhaustive)
        return search, sorted(search.seen)


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    made = Machine(tmp_path)
    made.process(1, "/init.scope", name="systemd")
    return made


def test_the_makers_group_is_enough(machine: Machine) -> None:
    machine.process(10, "/a.service", 100)
    machine.process(11, "/a.service", 100, 101)
    machine.process(20, "/b.service", 200)
    search, seen = machine.search({"/a.service": {100, 101}})
    assert search.pids == {100: [10, 11], 101: [11]}
    assert search.at_home == {100, 101}
    assert seen == [10, 11]


def test_the_rest_is_looked_into_only_for_what_is_open(machine: Machine) -> None:
    machine.process(10, "/a.service", 100)
    machine.process(20, "/b.service")
    machine.process(30, "/c.service", 300)
    machine.process(40, "/d.service", 400)
    search, seen = machine.search({"/a.service": {100}, "/gone.service": {300}})
    assert search.pids == {100: [10], 300: [30]}
    assert seen == [1, 10, 20, 30]


def test_a_passed_socket_lists_systemd_and_who_has_it(machine: Machine) -> None:
    (machine.proc / "1/fd/7").symlink_to("socket:[100]")
    machine.process(50, "/ssh.service", 100)
    machine.process(60, "/ssh.service", 100)
    machine.process(70, "/other.service")
    search, seen = machine.search({"/init.scope": {100}})
    assert search.pids == {100: [1, 50, 60]}
    assert search.at_home == set()
    assert 70 not in seen


def test_a_socket_that_only_systemd_holds_takes_the_whole_walk(machine: Machine) -> None:
    (machine.proc / "1/fd/7").symlink_to("socket:[100]")
    machine.process(50, "/ssh.service")
    search, seen = machine.search({"/ssh.socket": {100}})
    assert search.pids == {100: [1]}
    assert seen == [1, 50]


def test_high_descriptors_are_read_only_for_sockets_that_nobody_holds(machine: Machine) -> None:
    """A process with connections before its listening socket, as after a descriptor was passed to it late."""
    machine.process(50, "/busy.service", *range(1000, 1200), 100)
    search, seen = machine.search({"/gone.service": {100}})
    assert search.pids == {100: [50]}
    assert seen == [1, 50]
    (machine.proc / "1/fd/7").symlink_to("socket:[100]")
    search, seen = machine.search({"/ssh.socket": {100}})
    assert search.pids == {100: [1]}
    assert seen == [1]
    search, _seen = machine.search({"/ssh.socket": {100}}, exhaustive=True)
    assert search.pids == {100: [1, 50]}


def test_in_the_root_group_the_relatives_share_a_socket(machine: Machine) -> None:
    """A server whose parent, child, grandchild, sibling and fellow of the session hold its socket, and strangers."""
    machine.process(10, "/", 100, session=10)
    machine.process(20, "/", 100, parent=10)
    machine.process(21, "/", parent=20)
    machine.process(22, "/", 100, parent=21)
    machine.process(30, "/", 100, session=10)
    machine.process(40, "/", 100, parent=41)
    machine.process(41, "/", 100)
    machine.process(42, "/", 100, parent=41)
    machine.process(50, "/")
    machine.process(51, "/", 100, parent=50)
    search, seen = machine.search({"/": {100}})
    assert search.pids == {100: [10, 20, 22, 30]}
    assert seen == [1, 10, 20, 21, 22, 30]
    search, _seen = machine.search({"/": {100}}, exhaustive=True)
    assert search.pids == {100: [10, 20, 22, 30, 40, 41, 42, 51]}


def test_relatives_are_followed_from_holder_to_holder(machine: Machine) -> None:
    machine.process(40, "/", 100, parent=41)
    machine.process(41, "/", 100, parent=9, session=5)
    machine.process(42, "/", 100, parent=41)
    machine.process(43, "/", 100, session=5)
    machine.process(44, "/")
    search, _seen = machine.search({"/": {100}})
    assert sorted(search.pids[100]) == [40, 41, 42, 43]


@pytest.mark.parametrize(("exhaustive", "holders"), [(False, [10]), (True, [10, 99])])
def test_holders_in_other_groups_are_found_on_request(machine: Machine, exhaustive: bool, holders: list[int]) -> None:
    machine.process(10, "/a.service", 100)
    machine.process(99, "/b.service", 100)
    search, _seen = machine.search({"/a.service": {100}}, exhaustive)
    assert search.pids == {100: holders}


def test_a_process_that_exits_meanwhile_is_no_error(machine: Machine) -> None:
    (machine.mount / "a.service").mkdir()
    (machine.mount / "a.service/cgroup.procs").write_text("10\n")
    machine.process(20, "/b.service", 100)
    (machine.proc / "20/comm").unlink()
    (machine.proc / "15").mkdir()
    search, _seen = machine.search({"/a.service": {100}})
    assert search.pids == {100: [20]}
    assert search.denied == 0
