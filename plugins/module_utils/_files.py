# Copyright: (c) 2026, ck8s.ports contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Files that are there as a whole or not at all, also after a power cut. Private to the collection."""

from __future__ import annotations

import contextlib
import errno
import os

_BY_ROOT = "run as root (become: true), or look for what forbids it to root as well (SELinux, AppArmor, chattr +i)"
_REMEDIES = {
    errno.EACCES: _BY_ROOT,
    errno.EPERM: _BY_ROOT,
    errno.ENOSPC: "make room there, then run again",
    errno.EDQUOT: "make room there, then run again",
    errno.EROFS: "mount it for writing, then run again",
}


def with_remedy(error: OSError) -> str:
    """Return what ``error`` says, and what to do about it on the host."""
    remedy = _REMEDIES.get(error.errno or 0, "mend that on this host, then run again")
    return f"{error}; {remedy}"


def write_durably(path: str, text: str, mode: int = 0o644) -> None:
    """Put ``text`` at ``path``, in one rename, when it is on the disk. Raises OSError and leaves nothing then."""
    new = f"{path}.new"
    try:
        descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, mode)
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            os.fchmod(file.fileno(), mode)
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        rename_durably(new, path)
    except OSError:
        remove(new)
        raise


def rename_durably(source: str, target: str) -> None:
    """Rename a file or directory, and have the disk know it."""
    os.rename(source, target)
    sync_directory(os.path.dirname(target))


def sync_directory(path: str) -> None:
    """Have the disk know which files are in the directory."""
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def read(path: str) -> str | None:
    """Return the text of a file, None where there is none."""
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            return file.read()
    except FileNotFoundError:
        return None


def target_of(path: str) -> str | None:
    """Return where a symbolic link leads, None where there is none."""
    try:
        return os.readlink(path)
    except FileNotFoundError:
        return None


def remove(path: str) -> None:
    """Remove a file, if it is there."""
    with contextlib.suppress(FileNotFoundError):
        os.unlink(path)


def remove_empty(directory: str) -> None:
    """Remove a directory if it is there and empty."""
    with contextlib.suppress(OSError):
        os.rmdir(directory)
