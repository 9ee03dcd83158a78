# Copyright: (c) 2026, ck8s.ports contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Other network namespaces: which there are, and looking into them. Private to the collection.

Each one is found through the processes in it, in /proc/PID/ns/net, or through the file that keeps it, as `ip netns` and
container runtimes make it. Sources: network_namespaces(7), setns(2), ip-netns(8).
"""

from __future__ import annotations

import os

NAMED_DIRECTORIES = ("/run/netns", "/var/run/netns", "/run/docker/netns")
_CLONE_NEWNET = 0x40000000


class Namespace:
    """A network namespace: its inode number, its name where it has one, and a path by which to enter it."""

    __slots__ = ("inode", "name", "path")

    def __init__(self, inode: int, path: str, name: str | None) -> None:
        self.inode = inode
        self.path = path
        self.name = name


class Found:
    """own: the caller's. others: all the others, by inode number. denied: processes that could not be asked."""

    def __init__(self, own: Namespace, others: list[Namespace], denied: int) -> None:
        self.own = own
        self.others = others
        self.denied = denied


def find(proc: str = "/proc", directories: tuple[str, ...] = NAMED_DIRECTORIES) -> Found:
    """Every network namespace that a process is in, or that has a name."""
    found: dict[int, Namespace] = {}
    for directory in directories:
        try:
            names = sorted(os.listdir(directory))
        except OSError:
            continue
        for name in names:
            path = f"{directory}/{name}"
            inode = _inode(path)
            if inode is not None:
                found.setdefault(inode, Namespace(inode, path, name))
    denied = 0
    own = os.stat(f"{proc}/self/ns/net").st_ino
    for pid in filter(str.isdigit, os.listdir(proc)):
        path = f"{proc}/{pid}/ns/net"
        try:
            inode = os.stat(path).st_ino
        except PermissionError:
            denied += 1
            continue
        except OSError:  # it has exited
            continue
        if inode not in found:
            found[inode] = Namespace(inode, path, None)
    mine = found.pop(own, None) or Namespace(own, f"{proc}/self/ns/net", None)
    return Found(mine, [found[inode] for inode in sorted(found)], denied)


def _inode(path: str) -> int | None:
    """The number of the namespace that is mounted on a file; None when none is."""
    try:
        seen = os.stat(path)
        return seen.st_ino if seen.st_dev == os.stat("/proc/self/ns/net").st_dev else None
    except OSError:
        return None


class Entered:
    """Be in another network namespace for a `with`. Raises OSError, EPERM without CAP_SYS_ADMIN.

    It holds for the calling thread. That it cannot return would be told by an exception as well.
    """

    def __init__(self, namespace: Namespace) -> None:
        self._path = namespace.path
        self._own = -1

    def __enter__(self) -> None:
        self._own = os.open("/proc/self/ns/net", os.O_RDONLY | os.O_CLOEXEC)
        try:
            self._set(self._path)
        except OSError:
            os.close(self._own)
            raise

    def __exit__(self, *_exception: object) -> None:
        try:
            _setns(self._own)
        finally:
            os.close(self._own)

    @staticmethod
    def _set(path: str) -> None:
        file = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        try:
            _setns(file)
        finally:
            os.close(file)


def _setns(file: int) -> None:
    if hasattr(os, "setns"):  # since Python 3.12
        os.setns(file, _CLONE_NEWNET)
        return
    import ctypes  # noqa: PLC0415  (large, and only for older Pythons)

    libc = ctypes.CDLL(None, use_errno=True)
    if libc.setns(file, _CLONE_NEWNET) != 0:
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code))
