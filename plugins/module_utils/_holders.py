# Copyright: (c) 2026, ck8s.ports contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which processes hold which sockets. Private to the collection.

The links in /proc/PID/fd tell it, proc_pid_fd(5). Reading all of them is what makes such a report slow, so the
processes of the control group that made a socket are asked first, and the others only for what is still open then.
"""

from __future__ import annotations

import os

from ansible_collections.ck8s.ports.plugins.module_utils import _cgroups, _processes

# systemd's hierarchy where processes are kept in cgroup version 1.
_SYSTEMD_V1_MOUNT = "/sys/fs/cgroup/systemd"

# systemd hands sockets over from descriptor 3 on (sd_listen_fds(3)), and servers open theirs before they have clients.
_LOW_DESCRIPTORS = 64


class Search:
    """A search for the holders of sockets, by inode number.

    pids: inode to the processes that hold it, in the order in which they were found.
    denied: how many processes could not be looked into, for want of privilege.
    at_home: the sockets of which a holder was found in the group that made them.
    seen: the processes that were looked into.
    """

    def __init__(self, inodes: set[int], mount: str | None, proc: str = "/proc") -> None:
        """mount: where cgroup2 is mounted, None when it is not."""
        self.pids: dict[int, list[int]] = {inode: [] for inode in inodes}
        self.denied = 0
        self.at_home: set[int] = set()
        self._mount = mount
        self._proc = proc
        self._links = {f"socket:[{inode}]": inode for inode in inodes}
        # Sockets of which no further holder is looked for.
        self._settled: set[int] = set()
        self.seen: set[int] = set()

    def look_into_makers(self, groups: dict[str, set[int]]) -> None:
        """Look into every process of the groups that made the sockets: path of the group to inodes.

        The root group is left out: it is where everything is that was put nowhere.
        """
        if self._mount is None:
            return
        for path, inodes in groups.items():
            if path != "/":
                self.at_home |= self._look_into_group(_cgroups.members(path, self._mount), inodes)
        self._settled |= self.at_home

    def look_into_others(self, exhaustive: bool) -> None:
        """Look into the processes that no group has led to, in the order of their ids.

        Unless exhaustive, end as soon as every socket has an owner. Those that share it by inheritance are then found
        in the owner's group, and where it has none (all in the root group, as in containers) among its relatives.

        First only the lowest descriptors of each process are read: there is what it opened at its start, and what
        systemd handed to it. The others are read for sockets that nobody at all was found to hold.
        """
        alone: set[int] = set()
        limits = (None,) if exhaustive else (_LOW_DESCRIPTORS, None)
        for limit in limits:
            for pid in self._everybody():
                if not exhaustive and len(self._settled) == len(self.pids):
                    break
                if pid not in self.seen:
                    self._look_for_owner(pid, limit, alone)
            if all(self.pids.values()):
                break
        if not exhaustive:
            self._look_into_relatives(alone)

    def _look_for_owner(self, pid: int, limit: int | None, alone: set[int]) -> None:
        """Look into a process, and settle the sockets that it holds for itself. `alone` gets one without a group."""
        found = self._look_into(pid, None, limit) - self._settled
        if not found or self._is_on_behalf(pid):
            return
        self._settled |= found
        group = self._group_of(pid)
        if pid in group:
            self._look_into_group(group, found)
        else:
            alone.add(pid)

    def _everybody(self) -> list[int]:
        return sorted(int(name) for name in os.listdir(self._proc) if name.isdigit())

    def _look_into_relatives(self, holders: set[int]) -> None:
        """Look into the processes of a holder's session, its ancestors, descendants and siblings, and so on from those
        of them that turn out to be holders."""
        if not holders:
            return
        families = {pid: _processes.family_of(pid, self._proc) for pid in self._everybody() if pid not in self.seen}
        families.update((pid, _processes.family_of(pid, self._proc)) for pid in self.seen)
        new = holders
        while new:
            sessions = {families[pid].session for pid in new} - {0}
            parents = {families[pid].parent for pid in new} - {0, 1}
            relatives = [
                pid
                for pid, family in families.items()
                if pid not in self.seen
                and (
                    family.session in sessions
                    or family.parent in parents
                    or pid in parents
                    or _descends(pid, new, families)
                )
            ]
            new = {pid for pid in relatives if self._look_into(pid, None)}

    def _look_into_group(self, pids: list[int], inodes: set[int]) -> set[int]:
        """Look for these sockets in these processes; the ones that one of them holds for itself."""
        owned: set[int] = set()
        for pid in pids:
            found = self._look_into(pid, inodes) & inodes
            if found - owned and not self._is_on_behalf(pid):
                owned |= found
        return owned

    def _group_of(self, pid: int) -> list[int]:
        """The processes of the group that a process is in; empty for the root group, and when there is none."""
        path = _cgroups.of_process(pid, self._proc)
        if path is None or path == "/":
            return []
        for mount in (self._mount, _SYSTEMD_V1_MOUNT):
            pids = _cgroups.members(path, mount) if mount is not None else []
            if pid in pids:
                return pids
        return []

    def _is_on_behalf(self, pid: int) -> bool:
        """Whether a process is systemd, which holds sockets for the services that it hands them to."""
        return _processes.name_of(pid, self._proc) == "systemd"

    def _look_into(self, pid: int, only: set[int] | None, limit: int | None = None) -> set[int]:
        """Record which sockets a process holds, and return them. A process that exits meanwhile holds none.

        only: stop at the last of these: listening sockets are made early and have low descriptors, before thousands of
        connections. limit: read only so many descriptors; the process counts as seen if it has no more.
        """
        found: set[int] = set()
        self.seen.add(pid)
        links = self._links
        try:
            # Relative to the open directory: half the time of a path for each of the links.
            directory = os.open(f"{self._proc}/{pid}/fd", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        except PermissionError:
            self.denied += 1
            return found
        except OSError:
            return found
        try:
            with os.scandir(directory) as entries:
                for number, entry in enumerate(entries):
                    if number == limit:
                        self.seen.discard(pid)
                        break
                    try:
                        inode = links.get(os.readlink(entry.name, dir_fd=directory))
                    except PermissionError:  # the list may be read, the links not: they are guarded by ptrace(2)
                        self.denied += 1
                        break
                    except OSError:  # closed meanwhile
                        continue
                    if inode is None:
                        continue
                    found.add(inode)
                    if only is not None and only <= found:
                        break
        except OSError:  # it has exited
            pass
        finally:
            os.close(directory)
        for inode in found:
            if pid not in self.pids[inode]:
                self.pids[inode].append(pid)
        return found


def _descends(pid: int, holders: set[int], families: dict[int, _processes.Family]) -> bool:
    """Whether one of the holders is the parent of a process, or the parent of its parent, and so on."""
    for _generation in range(len(families)):
        pid = families[pid].parent
        if pid in holders:
            return True
        if pid not in families:
            return False
    return False
