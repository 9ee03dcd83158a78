# Copyright: (c) 2026, ck8s.ports contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What listens on this host: sockets joined with units, containers and processes. Private to the collection."""

from __future__ import annotations

import os
from typing import Any

from ansible_collections.ck8s.ports.plugins.module_utils import _cgroup_names, _cgroups, _gather, _processes
from ansible_collections.ck8s.ports.plugins.module_utils._holders import Search
from ansible_collections.ck8s.ports.plugins.module_utils._selection import Selection
from ansible_collections.ck8s.ports.plugins.module_utils._sockets import Socket

# The inode number of the first PID namespace, fixed since Linux 3.8 (PROC_PID_INIT_INO).
_INITIAL_PID_NAMESPACE = 0xEFFFFFFC


def collect(options: dict[str, Any]) -> dict[str, Any]:
    """The answer of the module ck8s.ports.listening_sockets_info, whose documentation describes it, to its options.

    Raises ValueError for an option that is not valid, OSError when no source of sockets can be read.
    """
    selection = Selection(options)
    gathering = _gather.gather(selection)
    sockets = gathering.sockets
    namespace = _namespace_number("net")
    for sock in sockets:
        sock.netns = namespace
    join = _Join(selection, sockets)
    gathering.incomplete += join.incomplete
    return {
        "sockets": sorted(map(join.row, sockets), key=_order),
        "complete": not gathering.incomplete,
        "incomplete": gathering.incomplete,
        "source": _source(gathering.sources),
        "sources": gathering.sources,
        "udp_clients_left_out": gathering.udp_clients_left_out,
    }


class _Join:
    """Everything that is looked up once for all sockets, and the row that comes of it for each.

    incomplete: what could not be joined, as the module returns it.
    """

    def __init__(self, selection: Selection, sockets: list[Socket]) -> None:
        self.incomplete: list[dict[str, object]] = []
        self._details = selection.processes
        self._users: dict[int, str | None] = {}
        self._processes: dict[int, dict[str, object] | None] = {}
        self._groups_of_processes: dict[int, str | None] = {}
        self._root: str | None = None
        mount = _cgroups.cgroup2_mount()
        ids = {sock.cgroup_id for sock in sockets if sock.cgroup_id is not None}
        self._paths = _cgroups.paths_of(ids, mount) if ids and mount is not None else {}
        self._pids: dict[int, list[int]] = {}
        # Whether a socket without a process can only be the kernel's.
        self._all_seen = False
        if selection.processes != "none":
            self._find_holders(sockets, mount, selection.all_holders)

    def row(self, sock: Socket) -> dict[str, object]:
        """The entry of one socket in the module's result."""
        made_in = None if sock.cgroup_id is None else self._paths.get(sock.cgroup_id)
        processes = [entry for entry in map(self._process, self._pids.get(sock.inode, ())) if entry is not None]
        group = self._held_in(self._pids.get(sock.inode, []), made_in)
        return {
            "protocol": sock.protocol,
            "family": sock.family,
            "address": sock.address,
            "port": sock.port,
            "interface": sock.interface,
            "exposure": sock.exposure,
            "dual_stack": sock.dual_stack,
            "uid": sock.uid,
            "user": self._user(sock.uid),
            "inode": sock.inode,
            "backlog": sock.backlog,
            "unit": None if group is None else _cgroup_names.unit_of(self._below_root(group)),
            "cgroup": made_in,
            "container": None if group is None else _cgroup_names.container_of(group),
            "processes": processes,
            "kernel": self._is_kernel(sock),
            "kernel_owner": sock.kernel_owner,
            "netns": sock.netns,
            "netns_name": sock.netns_name,
            "path": sock.path,
            "type": sock.type,
            "mode": None,
            "owner": None,
            "group": None,
        }

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
        search = Search(wanted, mount)
        search.look_into_makers(makers)
        search.look_into_others(exhaustive)
        self._pids = search.pids
        unowned = sum(1 for pids in search.pids.values() if not pids)
        if not unowned:
            return
        if os.geteuid() != 0:
            reason = "this user may not look into %d processes: run as root to see the owner of every socket"
        elif search.denied:
            reason = "%d processes may not be looked into, not even by root (see ptrace(2))"
        elif _namespace_number("pid") != _INITIAL_PID_NAMESPACE:
            reason = "no process of this PID namespace holds them: the kernel does, or a process of another namespace"
        else:
            self._all_seen = True
            return
        reason = reason.replace("%d", str(search.denied))
        self.incomplete.append({"what": "processes", "reason": reason, "count": unowned})

    def _is_kernel(self, sock: Socket) -> bool:
        if sock.kernel_owner is not None or not sock.inode:
            return True
        return self._all_seen and not self._pids.get(sock.inode)

    def _held_in(self, pids: list[int], made_in: str | None) -> str | None:
        """The group that a socket belongs to now: its holder's, or where nobody is known to hold it, its maker's.

        systemd holds sockets on behalf of others; with several holders, one in the maker's group comes first.
        """
        others = [pid for pid in pids if (self._process(pid) or {}).get("name") != "systemd"]
        groups = [group for group in map(self._group_of, others) if group is not None]
        if not groups or made_in in groups:
            return made_in if made_in is not None or not pids else self._group_of(pids[0])
        return groups[0]

    def _group_of(self, pid: int) -> str | None:
        if pid not in self._groups_of_processes:
            self._groups_of_processes[pid] = _cgroups.of_process(pid)
        return self._groups_of_processes[pid]

    def _below_root(self, path: str) -> str:
        if self._root is None:
            self._root = _cgroups.manager_root()
        return path[len(self._root) :] if self._root and path.startswith(self._root + "/") else path

    def _process(self, pid: int) -> dict[str, object] | None:
        if pid not in self._processes:
            self._processes[pid] = self._describe(pid)
        return self._processes[pid]

    def _describe(self, pid: int) -> dict[str, object] | None:
        name = _processes.name_of(pid)
        if name is None:
            return None
        if self._details == "full":
            return {"pid": pid, "name": name, **_processes.details_of(pid)}
        return {"pid": pid, "name": name, "exe": None, "cmdline": None, "started": None}

    def _user(self, uid: int | None) -> str | None:
        if uid is None:
            return None
        if uid not in self._users:
            import pwd  # noqa: PLC0415  (there may be nothing to look up)

            try:
                self._users[uid] = pwd.getpwuid(uid).pw_name
            except KeyError:
                self._users[uid] = None
        return self._users[uid]


def _source(sources: dict[str, str]) -> str:
    """One word for where the protocols were read: that of all of them, or 'mixed'."""
    words = set(sources.values())
    return words.pop() if len(words) == 1 else "mixed"


def _namespace_number(kind: str) -> int | None:
    """The inode number of one of this process's namespaces, namespaces(7)."""
    try:
        return os.stat("/proc/self/ns/" + kind).st_ino
    except OSError:
        return None


def _order(row: dict[str, object]) -> tuple[object, ...]:
    """Protocol, family, address, port, and what keeps the order of the rest the same from run to run."""
    return (
        row["protocol"],
        row["family"],
        row["address"] or "",
        row["port"] or 0,
        row["path"] or "",
        row["interface"] or "",
        row["netns"] or 0,
        row["inode"],
    )
