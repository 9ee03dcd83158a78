# Copyright: (c) 2026, ck8s.ports contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Control groups: from the id that a socket carries to the path of the group. Private to the collection.

The id (INET_DIAG_CGROUP_ID) is the inode number of the group's directory under the cgroup2 mount, so a walk over the
directories names it, without root. Sources: Documentation/admin-guide/cgroup-v2.rst and fs/kernfs of Linux.
"""

from __future__ import annotations

import os

# Where systemd mounts cgroup2, alone or beside version 1 (hybrid). Tried before /proc/self/mountinfo, which has
# thousands of lines on a node full of containers.
_USUAL_MOUNTS = ("/sys/fs/cgroup", "/sys/fs/cgroup/unified")


def cgroup2_mount() -> str | None:
    """The directory where cgroup2 is mounted; None when it is not, or not visible."""
    for directory in _USUAL_MOUNTS:
        if os.path.exists(directory + "/cgroup.controllers"):
            return directory
    try:
        with open("/proc/self/mountinfo", "rb") as lines:
            for line in lines:
                before, _dash, after = line.partition(b" - ")
                if after.startswith(b"cgroup2 "):
                    return os.fsdecode(_unescape(before.split(b" ")[4]))
    except OSError:
        pass
    return None


def _unescape(field: bytes) -> bytes:
    """Undo the octal escapes that mountinfo uses for space, tab, newline and backslash, proc_pid_mountinfo(5)."""
    for code in (b"\\040", b"\\011", b"\\012", b"\\134"):
        field = field.replace(code, bytes([int(code[1:], 8)]))
    return field


def paths_of(ids: set[int], mount: str) -> dict[int, str]:
    """The paths, below `mount` ('/' for the mount itself), of the groups with these ids.

    The walk ends when all are found, and never opens a directory without children: that of a cgroup has a link count
    of 2 plus the number of its children. An id that is missing from the answer belongs to a group outside of this
    cgroup namespace, or to one that has been removed.
    """
    missing = set(ids)
    found: dict[int, str] = {}
    try:
        root = os.stat(mount).st_ino
    except OSError:
        return found
    if root in missing:
        missing.discard(root)
        found[root] = "/"
    parents = [""]
    while parents and missing:
        parent = parents.pop()
        try:
            with os.scandir(mount + parent) as entries:
                children = [entry for entry in entries if entry.is_dir(follow_symlinks=False)]
        except OSError:  # removed since its parent was read
            continue
        for child in children:
            path = parent + "/" + child.name
            if child.inode() in missing:
                missing.discard(child.inode())
                found[child.inode()] = path
            try:
                if missing and os.stat(child.path).st_nlink > 2:
                    parents.append(path)
            except OSError:
                pass
    return found


def members(path: str, mount: str) -> list[int]:
    """The processes of the group at `path` below `mount`, empty when it cannot be read.

    Processes of another PID namespace are told as 0 by the kernel and left out.
    """
    try:
        with open(mount + path + "/cgroup.procs", "rb") as procs:
            pids = {int(line) for line in procs}
    except OSError:  # removed, or threaded (EOPNOTSUPP)
        return []
    return sorted(pids - {0})


def of_process(pid: int, proc: str = "/proc") -> str | None:
    """The path of the group that a process is in, in the hierarchy that systemd manages; None when it has exited.

    That is the only hierarchy of cgroup2; else, where processes are kept in version 1, the one named systemd, else
    the deepest of the others (a container runtime without systemd).
    """
    try:
        with open(f"{proc}/{pid}/cgroup", "rb") as lines:
            return choose(lines.read())
    except OSError:
        return None


def choose(text: bytes) -> str | None:
    """The path that of_process() promises, from the text of /proc/PID/cgroup (cgroups(7))."""
    unified = systemd = None
    others = []
    for line in text.splitlines():
        _number, _colon, rest = line.partition(b":")
        controllers, _colon, raw = rest.partition(b":")
        path = raw.decode("utf-8", "backslashreplace")
        if controllers == b"":
            unified = path
        elif controllers == b"name=systemd":
            systemd = path
        else:
            others.append(path)
    candidates = [path for path in (unified, systemd, *sorted(others, key=_depth, reverse=True)) if path is not None]
    return next((path for path in candidates if path != "/"), candidates[0] if candidates else None)


def _depth(path: str) -> int:
    return 0 if path == "/" else path.count("/")


def around_init(proc: str = "/proc") -> str | None:
    """The path of the group that process 1 shares with whatever it starts, where it is no manager of groups; else None.

    Such a group is the place of the whole system as its host sees it (a container, a login), and of nothing in it.
    systemd keeps itself apart, in init.scope.
    """
    path = of_process(1, proc)
    return None if path is None or path.endswith("/init.scope") else path


def manager_root(proc: str = "/proc") -> str:
    """The path below which this system's manager keeps its groups; '' where that is the root.

    In a container that shares the cgroup namespace of its host, it is the container's group: process 1 is then in
    /container/init.scope (systemd does the same, cg_get_root_path()).
    """
    path = of_process(1, proc) or ""
    return path[: -len("/init.scope")] if path.endswith("/init.scope") else ""
