# Copyright: (c) 2026, ck8s.ports contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is known of one process. Private to the collection.

Names and command lines are chosen by whoever runs the process: they are data, decoded and never interpreted. Sources:
proc_pid_comm(5), proc_pid_exe(5), proc_pid_cmdline(5), proc_pid_stat(5).
"""

from __future__ import annotations

import os
import time

# Fields 4, 6 and 22 of proc_pid_stat(5), counted from the state, the third one, which follows the name.
_PARENT = 4 - 3
_SESSION = 6 - 3
_START_TIME = 22 - 3


class Family:
    """The parent and the session of a process; both 0 when it has exited."""

    __slots__ = ("parent", "session")

    def __init__(self, parent: int, session: int) -> None:
        self.parent = parent
        self.session = session


def text(raw: bytes) -> str:
    r"""Decode what the system gives as bytes. Bytes that are not UTF-8 become `\xff`, readable and valid in JSON."""
    return raw.decode("utf-8", "backslashreplace")


def name_of(pid: int, proc: str = "/proc") -> str | None:
    """The name of a process (its comm, up to 15 bytes); None when it has exited."""
    raw = _read(f"{proc}/{pid}/comm")
    return None if raw is None else text(raw[:-1] if raw.endswith(b"\n") else raw)


def describe(pid: int, full: bool, proc: str = "/proc") -> dict[str, object] | None:
    """A process as the module returns it: {pid, name, exe, cmdline, started}; None when it has exited.

    The last three are None unless full, and where they cannot be read. exe: path of the program, ` (deleted)` appended
    by the kernel when the file is gone. cmdline: list of arguments, without empty ones at its end, which processes that
    rename themselves leave as padding. started: UTC, ISO 8601, seconds.
    """
    name = name_of(pid, proc)
    if name is None:
        return None
    if not full:
        return {"pid": pid, "name": name, "exe": None, "cmdline": None, "started": None}
    return {
        "pid": pid,
        "name": name,
        "exe": _exe(pid, proc),
        "cmdline": _arguments(pid, proc),
        "started": _started(pid, proc),
    }


def _exe(pid: int, proc: str) -> str | None:
    try:
        return text(os.readlink(os.fsencode(f"{proc}/{pid}/exe")))
    except OSError:
        return None


def _arguments(pid: int, proc: str) -> list[str] | None:
    raw = _read(f"{proc}/{pid}/cmdline")
    if raw is None:
        return None
    raw = raw.rstrip(b"\0")
    return [text(argument) for argument in raw.split(b"\0")] if raw else []


def environment_of(pid: int, proc: str = "/proc") -> list[bytes]:
    """The environment that a process was started with, `NAME=value` each; none when it may not be read."""
    return (_read(f"{proc}/{pid}/environ") or b"").split(b"\0")


def family_of(pid: int, proc: str = "/proc") -> Family:
    """The parent and the session of a process."""
    fields = _stat(pid, proc)
    return Family(int(fields[_PARENT]), int(fields[_SESSION])) if fields else Family(0, 0)


def _started(pid: int, proc: str) -> str | None:
    fields = _stat(pid, proc)
    if not fields:
        return None
    since_boot = int(fields[_START_TIME]) / os.sysconf("SC_CLK_TCK")
    booted = time.time() - time.clock_gettime(time.CLOCK_BOOTTIME)
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(booted + since_boot))


def _stat(pid: int, proc: str) -> list[bytes]:
    """The fields of /proc/PID/stat from the state on; none when the process has exited."""
    stat = _read(f"{proc}/{pid}/stat")
    # The name is in parentheses and may contain some itself; nothing after it does.
    return [] if stat is None else stat[stat.rfind(b")") + 2 :].split()


def _read(path: str) -> bytes | None:
    """The whole of a small file, without the buffers of open(): there are four of these for each process."""
    try:
        file = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return None
    try:
        parts = []
        while True:
            part = os.read(file, 65536)
            parts.append(part)
            if not part:
                return b"".join(parts)
    except OSError:
        return None
    finally:
        os.close(file)
