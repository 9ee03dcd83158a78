# Copyright: (c) 2026, ck8s.ports contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A process that opens the sockets it is told to and holds them until its standard input ends.

    python3 holder.py '[{"family": "ipv4", "type": "stream", "address": "127.0.0.1", "port": 80}, ...]'

Prints one line of JSON when everything is open: {pid, children, sockets: [{inode, port}]}. Runs under any Python 3.8+,
imports nothing of the collection. A description has these keys:

family      ipv4, ipv6, unix, vsock
type        stream, dgram, seqpacket, raw
protocol    number, 0 for the usual one of the type
address     text (for unix a path, or @name), omitted: not bound
port        0 lets the kernel choose
listen      backlog, omitted: listen(16) for stream and seqpacket, -1: bound only
v6only      true, false
device      interface to bind to (SO_BINDTODEVICE)
scope       interface of a link-local address
reuseport   true
connect     [address, port]
connect_path  path of a unix socket
sendto      [address, port]
And of the process: fork (children that inherit everything), name (its comm, as a list of byte values), cgroup (a
directory to move to before opening anything).
"""

from __future__ import annotations

import json
import os
import pathlib
import signal
import socket
import sys
from typing import Any

FAMILIES = {"ipv4": socket.AF_INET, "ipv6": socket.AF_INET6, "unix": socket.AF_UNIX, "vsock": 40}
TYPES = {
    "stream": socket.SOCK_STREAM,
    "dgram": socket.SOCK_DGRAM,
    "seqpacket": socket.SOCK_SEQPACKET,
    "raw": socket.SOCK_RAW,
}


def main() -> None:
    told = json.loads(sys.argv[1])
    if told.get("cgroup"):
        pathlib.Path(told["cgroup"], "cgroup.procs").write_text(str(os.getpid()))
    if "name" in told:
        pathlib.Path("/proc/self/comm").write_bytes(bytes(told["name"]))
    held = [opened(description) for description in told["sockets"] for _ in range(description.get("count", 1))]
    children = []
    for _ in range(told.get("fork", 0)):
        child = os.fork()
        if child == 0:
            signal.pause()
        children.append(child)
    sockets = [{"inode": os.fstat(sock.fileno()).st_ino, "port": port_of(sock)} for sock in held]
    print(json.dumps({"pid": os.getpid(), "children": children, "sockets": sockets}), flush=True)
    sys.stdin.read()
    for child in children:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)


def opened(told: dict[str, Any]) -> socket.socket:
    family = FAMILIES[told["family"]]
    sock = socket.socket(family, TYPES[told["type"]], told.get("protocol", 0))
    if "v6only" in told:
        sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, int(told["v6only"]))
    if told.get("reuseport"):
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    if told.get("device"):
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, told["device"].encode())
    if "address" in told:
        sock.bind(endpoint(family, told))
    if told.get("connect"):
        sock.connect(tuple(told["connect"]))
    elif told.get("connect_path"):
        sock.connect(told["connect_path"])
    elif told.get("sendto"):
        sock.sendto(b"x", tuple(told["sendto"]))
    backlog = told.get("listen", 16)
    if told["type"] in ("stream", "seqpacket") and backlog >= 0 and not told.get("connect"):
        sock.listen(backlog)
    return sock


def endpoint(family: int, told: dict[str, Any]) -> Any:
    address = told["address"]
    if family == socket.AF_UNIX:
        return "\0" + address[1:] if address.startswith("@") else address
    if family == socket.AF_INET6:
        scope = socket.if_nametoindex(told["scope"]) if told.get("scope") else 0
        return (address, told.get("port", 0), 0, scope)
    if family == FAMILIES["vsock"]:
        return (int(address), told.get("port", 0))
    return (address, told.get("port", 0))


def port_of(sock: socket.socket) -> int | None:
    return sock.getsockname()[1] if sock.family in (socket.AF_INET, socket.AF_INET6) else None


main()
