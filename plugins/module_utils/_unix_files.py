# Copyright: (c) 2026, ck8s.ports contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The file of a unix socket: whether it is still there and the same, and who may use it. Private to the collection.

A path means what it means to the process that bound it: in a container it is another file than here, if any.
"""

from __future__ import annotations

import os
import stat

SAME = "same"
REPLACED = "replaced"
MISSING = "missing"

_INODE_BITS = 0xFFFFFFFF  # the kernel tells 32 bits of the inode number of the file


class SocketFile:
    """status: SAME, REPLACED, MISSING, or None when that cannot be told. The rest is None unless it is SAME.

    mode: permissions in four octal digits.
    """

    __slots__ = ("gid", "mode", "status", "uid")

    def __init__(self, status: str | None, seen: os.stat_result | None = None) -> None:
        self.status = status
        self.mode = None if seen is None else f"{stat.S_IMODE(seen.st_mode):04o}"
        self.uid = None if seen is None else seen.st_uid
        self.gid = None if seen is None else seen.st_gid


def look_at(path: bytes, inode: int | None, pids: list[int], proc: str = "/proc") -> SocketFile | None:
    """The file of the socket that was bound to `path` and holds the file `inode`; None for an abstract name.

    pids: processes that hold the socket. A path that is not ours is looked up in their root directories.
    """
    if path.startswith(b"@"):
        return None
    if not path.startswith(b"/"):  # relative to a directory that is not known any more
        return SocketFile(None)
    here = _compare(path, inode)
    if here.status == SAME or not pids:
        # Somebody else's path may be missing here and be there for them.
        return here if here.status == SAME else SocketFile(None)
    for pid in pids:
        if not _is_elsewhere(pid, proc):
            return here
        there = _compare(os.fsencode(f"{proc}/{pid}/root") + path, inode)
        if there.status == SAME:
            return there
    return SocketFile(None)


def is_named(name: str, path: str) -> bool:
    """Whether the name that a socket was bound to is that of ``path``, directly or through links (/var/run is /run)."""
    if name == path:
        return True
    # Asked of thousands of sockets: the file system only for the few that end alike.
    return os.path.basename(name) == os.path.basename(path) and os.path.realpath(name) == os.path.realpath(path)


def describe(path: str) -> dict[str, object]:
    """What ``path`` is, as far as who may use a socket there is concerned; links are followed.

    ``exists``, and where it does ``type`` (socket or file), ``owner``, ``group`` and ``mode`` (permissions in four
    octal digits). Raises OSError where that cannot be told.
    """
    try:
        seen = os.stat(path)
    except (FileNotFoundError, NotADirectoryError):
        return {"exists": False}
    return {
        "exists": True,
        "type": "socket" if stat.S_ISSOCK(seen.st_mode) else "file",
        "owner": _user_name(seen.st_uid),
        "group": group_name(seen.st_gid),
        "mode": f"{stat.S_IMODE(seen.st_mode):04o}",
    }


def _compare(path: bytes, inode: int | None) -> SocketFile:
    try:
        seen = os.stat(path)
    except (FileNotFoundError, NotADirectoryError):
        return SocketFile(MISSING)
    except OSError:
        return SocketFile(None)
    if not stat.S_ISSOCK(seen.st_mode):
        return SocketFile(REPLACED)
    if inode is None:  # /proc/net/unix does not tell it
        return SocketFile(None)
    return SocketFile(SAME, seen) if seen.st_ino & _INODE_BITS == inode else SocketFile(REPLACED)


def _is_elsewhere(pid: int, proc: str) -> bool:
    """Whether a process sees another tree of files than this one, as far as that can be told."""
    try:
        theirs, ours = (os.stat(f"{proc}/{who}/ns/mnt").st_ino for who in (pid, "self"))
        root, own = (os.stat(f"{proc}/{who}/root") for who in (pid, "self"))
    except OSError:
        return True
    return theirs != ours or (root.st_dev, root.st_ino) != (own.st_dev, own.st_ino)


def group_name(gid: int) -> str:
    """The name of a group, its number where it has none."""
    import grp  # noqa: PLC0415  (not needed by those who ask for no unix sockets)

    try:
        return grp.getgrgid(gid).gr_name
    except KeyError:
        return str(gid)


def _user_name(uid: int) -> str:
    import pwd  # noqa: PLC0415

    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)
