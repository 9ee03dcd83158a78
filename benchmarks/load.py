# Copyright: (c) 2026, ck8s.ports contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Processes with sockets and descriptors, to be measured around. Run as ``python3 load.py KIND NUMBERS...``.

Each kind prints 'ready' when everything is there and holds it until its standard input ends. Standard library only.

listeners LISTENERS PROCESSES [CGROUP]   TCP listeners from port 10000 on, spread over processes; with CGROUP, a
                                         directory in a cgroup2 tree, each process in a group of its own below it
connections COUNT [CGROUP]               established TCP connections over loopback, both ends, to one listener
processes COUNT DESCRIPTORS              processes with so many descriptors of /dev/null in all
unix COUNT                               connected unix sockets
"""

from __future__ import annotations

import os
import resource
import socket
import sys
from pathlib import Path

PER_PROCESS = 5000


def listeners(count: str, processes: str, cgroup: str = "") -> None:
    each = int(count) // int(processes)
    for process in range(int(processes)):
        if _forked():
            if cgroup:
                _join(Path(cgroup, f"service{process}.service"))
            held = [socket.socket() for _ in range(each)]
            for number, sock in enumerate(held):
                sock.bind(("0.0.0.0", 10000 + process * each + number))
                sock.listen(16)
            _hold()
    _wait_for_children(int(processes))


def connections(count: str, cgroup: str = "") -> None:
    if cgroup:
        _join(Path(cgroup, "connections.service"))
    left, processes = int(count), 0
    server = socket.socket()
    server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    server.bind(("127.0.0.1", 9))
    server.listen(4096)
    while left > 0:
        part = min(left, PER_PROCESS)
        left -= part
        processes += 1
        # A client and a server for each part, in step: a backlog that overflows would cost seconds.
        source = (f"127.0.1.{processes}", 0)
        if _forked():
            held = []
            for _ in range(part):
                held.append(socket.create_connection(("127.0.0.1", 9), source_address=source))
                held.append(server.accept()[0])
            server.close()
            _hold()
    _wait_for_children(processes)


def processes(count: str, descriptors: str) -> None:
    each = int(descriptors) // int(count) - 4
    held = [os.open("/dev/null", os.O_RDONLY) for _ in range(each)]
    for _ in range(int(count)):
        if _forked():
            _hold()
    _wait_for_children(int(count))
    del held


def unix(count: str) -> None:
    groups = -(-int(count) // PER_PROCESS)
    for _ in range(groups):
        if _forked():
            held = [socket.socketpair() for _ in range(int(count) // groups // 2)]
            _hold()
            del held
    _wait_for_children(groups)


_READY, _TELL = os.pipe()


def _forked() -> bool:
    """Be a child with a session of its own, as services are."""
    if os.fork() != 0:
        return False
    os.setsid()
    return True


def _hold() -> None:
    """In a child: tell that it is ready and stay until the parent has gone."""
    os.write(_TELL, b".")
    sys.stdin.buffer.read()
    os._exit(0)


def _wait_for_children(count: int) -> None:
    for _ in range(count):
        os.read(_READY, 1)


def _join(group: Path) -> None:
    group.mkdir(parents=True, exist_ok=True)
    (group / "cgroup.procs").write_text(str(os.getpid()))


if __name__ == "__main__":
    limit = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (limit, limit))
    {"listeners": listeners, "connections": connections, "processes": processes, "unix": unix}[sys.argv[1]](
        *sys.argv[2:]
    )
    print("ready", flush=True)
    sys.stdin.buffer.read()
