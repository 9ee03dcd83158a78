# Copyright: (c) 2026, ck8s.ports contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What listens in the network namespace of a process, read from /proc/PID/net.

Deliberately not the collection's own code: what is used to say that the lab is up must not be what the lab tests.
"""

from __future__ import annotations

import ipaddress
import socket
import sys
from pathlib import Path

TCP_LISTEN = "0A"
UDP_UNCONNECTED = "07"
SO_ACCEPTCON = 0x10000
"""Flag of a listening unix socket in /proc/net/unix (include/uapi/linux/net.h: __SO_ACCEPTCON)."""


def inet_listeners(process: int) -> set[tuple[str, str, int]]:
    """Return (protocol, address, port) of each listening TCP and each unconnected UDP socket."""
    found = set()
    for protocol, state in (("tcp", TCP_LISTEN), ("udp", UDP_UNCONNECTED)):
        for family in ("", "6"):
            table = Path(f"/proc/{process}/net/{protocol}{family}")
            if not table.exists():  # a kernel without IPv6
                continue
            for line in table.read_text().splitlines()[1:]:
                fields = line.split()
                if fields[3] == state:
                    address, port = fields[1].split(":")
                    found.add((protocol, _address(address), int(port, 16)))
    return found


def unix_listeners(process: int) -> set[str]:
    """Return the paths of the listening unix sockets."""
    lines = Path(f"/proc/{process}/net/unix").read_text().splitlines()[1:]
    fields = (line.split(maxsplit=7) for line in lines)
    return {field[7] for field in fields if len(field) == 8 and int(field[3], 16) & SO_ACCEPTCON}


def _address(text: str) -> str:
    """Return an address as it is written; the kernel prints it as 32-bit words in the machine's own byte order."""
    words = [int(text[start : start + 8], 16).to_bytes(4, sys.byteorder) for start in range(0, len(text), 8)]
    packed = b"".join(words)
    family = socket.AF_INET if len(packed) == 4 else socket.AF_INET6
    return str(ipaddress.ip_address(socket.inet_ntop(family, packed)))
