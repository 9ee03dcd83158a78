# Copyright: (c) 2026, ck8s.ports contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Sockets joined with their units, containers and processes. Private to the collection."""

from __future__ import annotations

import os

from ansible_collections.ck8s.ports.plugins.module_utils import _cgroup_names, _cgroups
from ansible_collections.ck8s.ports.plugins.module_utils._selection import Selection
from ansible_collections.ck8s.ports.plugins.module_utils._sockets import Socket

# Where to import what few callers need: each of these would cost everybody a millisecond.
# ruff: noqa: PLC0415

# The inode number of the first PID namespace, fixed since Linux 3.8 (PROC_PID_INIT_INO).
_INITIAL_PID_NAMESPACE = 0xEFFFFFFC


class Join:
    """Everything that is looked up once for all sockets, and the row that comes of it for each.

    incomplete: what could not be joined, as the module returns it.
    """

    def __init__(self, selection: Selection, sockets: list[Socket]) -> None:
        self.incomplete: list[dict[str, object]] = []
        self._details = selection.processes
        self._users: dict[int, str | None] = {}
        self._processes: dict[int, dict[str, object] | None] = {}
        self._groups_of_processes: dict[int, str | None] = {}
        self._belongings: dict[str, tuple[str | None, dict[str, str | None] | None]] = {}
        self._root: str | None = None
        self._around: str | None = None
        # Socket to the processes that hold it, and the sockets of which one is in the group that made it.
        self._pids: dict[int, list[int]] = {}
        self._at_home: set[int] = set()
        # Whether a socket without a process can only be the kernel's.
        self._all_seen = False
        mount = _cgroups.cgroup2_mount()
        ids = {sock.cgroup_id for sock in sockets if sock.cgroup_id is not None}
        self._paths = _cgroups.paths_of(ids, mount) if ids and mount is not None else {}
        if selection.processes != "none":
            self._find_holders(sockets, mount, selection.all_holders)

    def row(self, sock: Socket) -> dict[str, object]:
        """The entry of one socket in the module's result."""
        pids = sorted(self._pids.get(sock.inode, ()))
        made_in = None if sock.cgroup_id is None else self._paths.get(sock.cgroup_id)
        group = made_in if not pids or sock.inode in self._at_home else self._held_in(pids, made_in)
        unit, container = (None, None) if group is None else self._belonging(group)
        row: dict[str, object] = {
            "protocol": sock.protocol,
            "family": sock.family,
            "address": sock.address,
            "port": sock.port,
            "interface": sock.interface,
            "exposure": sock.exposure,
            "dual_stack": sock.dual_stack,
            "uid": sock.uid,
            "user": None if sock.uid is None else self._user(sock.uid),
            "inode": sock.inode,
            "backlog": sock.backlog,
            "unit": unit,
            "cgroup": made_in,
            "container": container,
            "processes": [process for process in map(self._process, pids) if process is not None],
            "kernel": sock.kernel_owner is not None or not sock.inode or (self._all_seen and not pids),
            "kernel_owner": sock.kernel_owner,
            "netns": sock.netns,
            "netns_name": sock.netns_name,
            "path": None,
            "path_status": None,
            "type": sock.type,
            "mode": None,
            "owner": None,
            "group": None,
        }
        if sock.path is not None:
            self._add_file(row, sock, pids)
        return row

    def _find_holders(self, sockets: list[Socket], mount: str | None, exhaustive: bool) -> None:
        makers: dict[str, set[int]] = {}
        wanted = set()
        for sock in sockets:
            if sock.kernel_owner is None and sock.inode:
                wanted.add(sock.inode)
                path = None if sock.cgroup_id is None else self._paths.get(sock.cgroup_id)
                if path is not None:
                    makers.setdefault(path, set()).add(sock.inode)
        if not wanted:
            return
        from ansible_collections.ck8s.ports.plugins.module_utils._holders import Search

        search = Search(wanted, mount)
        search.look_into_makers(makers)
        search.look_into_others(exhaustive)
        self._pids = search.pids
        self._at_home = search.at_home
        unowned = sum(1 for pids in search.pids.values() if not pids)
        if unowned:
            reason = why_unowned(search.denied)
            if reason is None:
                self._all_seen = True
            else:
                self.incomplete.append({"what": "processes", "reason": reason, "count": unowned})

    def _held_in(self, pids: list[int], made_in: str | None) -> str | None:
        """The group that a socket belongs to now: that of a holder. systemd holds sockets on behalf of others."""
        others = [pid for pid in pids if (self._process(pid) or {}).get("name") != "systemd"]
        groups = [group for group in map(self._group_of, others) if group is not None]
        if not groups or made_in in groups:
            return made_in if made_in is not None else self._group_of(pids[0])
        return groups[0]

    def _group_of(self, pid: int) -> str | None:
        if pid not in self._groups_of_processes:
            self._groups_of_processes[pid] = _cgroups.of_process(pid)
        return self._groups_of_processes[pid]

    def _belonging(self, group: str) -> tuple[str | None, dict[str, str | None] | None]:
        """The unit and the container that a group stands for."""
        if group not in self._belongings:
            if self._root is None:
                self._root = _cgroups.manager_root()
                self._around = _cgroups.around_init()
            root = self._root
            below = group[len(root) :] if root and group.startswith(root + "/") else group
            known = group != self._around
            self._belongings[group] = (
                _cgroup_names.unit_of(below) if known else None,
                _cgroup_names.container_of(group) if known else None,
            )
        return self._belongings[group]

    def _process(self, pid: int) -> dict[str, object] | None:
        if pid not in self._processes:
            from ansible_collections.ck8s.ports.plugins.module_utils import _processes

            self._processes[pid] = _processes.describe(pid, self._details == "full")
        return self._processes[pid]

    def _add_file(self, row: dict[str, object], sock: Socket, pids: list[int]) -> None:
        from ansible_collections.ck8s.ports.plugins.module_utils import _unix_files

        path = sock.path or b""
        row["path"] = path.decode("utf-8", "backslashreplace")
        file = _unix_files.look_at(path, sock.path_inode, pids)
        if file is not None:
            row["path_status"] = file.status
            row["mode"] = file.mode
            row["owner"] = None if file.uid is None else self._user(file.uid) or str(file.uid)
            row["group"] = None if file.gid is None else _unix_files.group_name(file.gid)

    def _user(self, uid: int) -> str | None:
        if uid not in self._users:
            import pwd

            try:
                self._users[uid] = pwd.getpwuid(uid).pw_name
            except KeyError:
                self._users[uid] = None
        return self._users[uid]


def why_unowned(denied: int) -> str | None:
    """Why sockets may have owners that were not found; None when they can have none.

    denied: how many processes could not be looked into.
    """
    if os.geteuid() != 0:
        return f"this user may not look into {denied} processes: run as root to see the owner of every socket"
    if denied:
        return f"{denied} processes may not be looked into, not even by root (see ptrace(2))"
    if namespace_number("pid") != _INITIAL_PID_NAMESPACE:
        return (
            "no process of this PID namespace holds them: the kernel does, or a process of another namespace; look "
            "from the host's own, outside of any container"
        )
    return None


def namespace_number(kind: str) -> int | None:
    """The inode number of one of this process's namespaces, namespaces(7)."""
    try:
        return os.stat("/proc/self/ns/" + kind).st_ino
    except OSError:
        return None
