# Copyright: (c) 2026, ck8s.ports contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The files of a node, read with bounds and below a root directory. Private to the collection.

What lies there may be damaged, huge, or not a file at all; nothing of it is waited for, and nothing is read whole that
is larger than a file of a node ever is. The root may be that of another system (an image, a chroot): its symbolic links
are followed inside of it, as that system itself would.
"""

from __future__ import annotations

import errno
import os
import re
import stat

LIMIT = 1024 * 1024
"""Bytes of a file that are read. The largest of a node's (bom.json, snap.yaml) have some kilobytes."""
MOST_NAMES = 4096
_MOST_LINKS = 40  # MAXSYMLINKS of Linux

_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
_KINDS = (
    (stat.S_ISDIR, "a directory"),
    (stat.S_ISFIFO, "a named pipe"),
    (stat.S_ISSOCK, "a socket"),
    (stat.S_ISCHR, "a character device"),
    (stat.S_ISBLK, "a block device"),
)


class Unreadable(Exception):  # noqa: N818 - not a fault of the program: the reason why something is not known
    """Something cannot be known; the message says what, where and why."""


class Missing(Unreadable):
    """There is no such file."""


class Tree:
    """The files below `root`, by the absolute paths that they have on the node."""

    def __init__(self, root: str = "/") -> None:
        self.root = root.rstrip("/")

    def read(self, path: str) -> str:
        """The text of a regular file of at most LIMIT bytes in UTF-8.

        Raises Missing when there is none, Unreadable for everything else that is not such a file.
        """
        try:
            raw = self._bytes(path)
        except OSError as exc:
            raise _why(path, exc) from None
        try:
            text = raw.decode("utf-8")
        except UnicodeDecodeError as exc:
            raise Unreadable(f"{shown(path)} is not text: byte {exc.start + 1} is not UTF-8") from None
        control = _CONTROL.search(text)
        if control:
            raise Unreadable(
                f"{shown(path)} is not text: character {control.start() + 1} is U+{ord(control.group()):04X}"
            )
        return text

    def _bytes(self, path: str) -> bytes:
        real = self.root + self._resolve(path)
        # Looked at before it is opened: to open a device may do something.
        _refuse_other_than_file(path, os.lstat(real))
        file = os.open(real, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK | os.O_NOCTTY | os.O_NOFOLLOW)
        try:
            status = os.fstat(file)
            _refuse_other_than_file(path, status)
            parts: list[bytes] = []
            size = 0
            while size <= LIMIT:
                part = os.read(file, LIMIT + 1 - size)
                if not part:
                    return b"".join(parts)
                parts.append(part)
                size += len(part)
        finally:
            os.close(file)
        raise Unreadable(f"{shown(path)} has {max(size, status.st_size)} bytes; more than {LIMIT} are not read")

    def exists(self, path: str) -> bool:
        """Whether there is anything at `path`, a link that leads nowhere included. Raises Unreadable."""
        try:
            os.lstat(self.root + self._resolve(path, follow_last=False))
        except (FileNotFoundError, NotADirectoryError):
            return False
        except OSError as exc:
            raise _why(path, exc) from None
        return True

    def link(self, path: str) -> str:
        """Where the symbolic link at `path` leads, as it is written in it. Raises Missing, Unreadable."""
        try:
            return os.readlink(self.root + self._resolve(path, follow_last=False))
        except OSError as exc:
            if exc.errno == errno.EINVAL:
                raise Unreadable(f"{shown(path)} is not a symbolic link") from None
            raise _why(path, exc) from None

    def names(self, path: str) -> list[str]:
        """The names in a directory, sorted. Raises Missing, Unreadable."""
        found: list[str] = []
        try:
            with os.scandir((self.root + self._resolve(path)) or "/") as entries:
                for entry in entries:
                    found.append(entry.name)
                    if len(found) > MOST_NAMES:
                        raise Unreadable(f"{shown(path)} has more than {MOST_NAMES} entries; they are not read")
        except OSError as exc:
            raise _why(path, exc) from None
        return sorted(found)

    def _resolve(self, path: str, follow_last: bool = True) -> str:
        """`path` without symbolic links, each looked up below the root; the last component may be missing."""
        pending = [part for part in reversed(path.split("/")) if part]
        done: list[str] = []
        links = 0
        while pending:
            part = pending.pop()
            if part == ".":
                continue
            if part == "..":
                del done[-1:]
                continue
            here = "/".join(["", *done, part])
            if not pending and not follow_last:
                return here
            try:
                target = os.readlink(self.root + here)
            except OSError as exc:
                if exc.errno != errno.EINVAL:  # EINVAL: not a link
                    raise
                done.append(part)
                continue
            links += 1
            if links > _MOST_LINKS:
                raise OSError(errno.ELOOP, os.strerror(errno.ELOOP))
            if target.startswith("/"):
                done = []
            pending += [part for part in reversed(target.split("/")) if part]
        return "/".join(["", *done])


def shown(path: str) -> str:
    """A path as it can be told: names of files are bytes, and those that are not UTF-8 become `\\xff`."""
    return os.fsencode(path).decode("utf-8", "backslashreplace")


def _refuse_other_than_file(path: str, status: os.stat_result) -> None:
    if not stat.S_ISREG(status.st_mode):
        kind = next((name for is_kind, name in _KINDS if is_kind(status.st_mode)), "something else")
        raise Unreadable(f"{shown(path)} is {kind}, not a file")
    if status.st_size > LIMIT:
        raise Unreadable(f"{shown(path)} has {status.st_size} bytes; more than {LIMIT} are not read")


def _why(path: str, exc: OSError) -> Unreadable:
    if exc.errno in (errno.ENOENT, errno.ENOTDIR):
        return Missing(f"{shown(path)} does not exist")
    if exc.errno in (errno.EACCES, errno.EPERM):
        return Unreadable(f"{shown(path)} may not be read ({exc.strerror}): run as root")
    return Unreadable(f"{shown(path)} cannot be read ({exc.strerror or exc})")
