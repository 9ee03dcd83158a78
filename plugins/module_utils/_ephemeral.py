# Copyright: (c) 2026, ck8s.ports contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Telling an unconnected UDP client from a server. Private to the collection.

UDP has no LISTEN state. A client that calls sendto() without bind() gets a port of its own from the kernel, and its
socket then looks like a server's. The kernel picks such ports from ip_local_port_range without those of
ip_local_reserved_ports, always on the wildcard address, and never one that is taken (ip-sysctl.rst of Linux).
"""

from __future__ import annotations

from ansible_collections.ck8s.ports.plugins.module_utils._sockets import Socket

_PORT_RANGE = "/proc/sys/net/ipv4/ip_local_port_range"
_RESERVED = "/proc/sys/net/ipv4/ip_local_reserved_ports"


def ephemeral_ports(port_range: str = _PORT_RANGE, reserved: str = _RESERVED) -> set[int] | range:
    """The ports that the kernel may pick by itself in this network namespace; none when it does not say."""
    try:
        with open(port_range, encoding="ascii") as file:
            low, high = (int(word) for word in file.read().split())
    except (OSError, ValueError):
        return range(0)
    ports = range(low, high + 1)
    try:
        with open(reserved, encoding="ascii") as file:
            text = file.read().strip()
    except OSError:
        text = ""
    if not text:
        return ports
    kept = set(ports)
    for part in text.split(","):
        first, _dash, last = part.partition("-")
        kept.difference_update(range(int(first), int(last or first) + 1))
    return kept


def without_clients(sockets: list[Socket], ephemeral: set[int] | range | None = None) -> list[Socket]:
    """Those of the unconnected UDP sockets of this network namespace that are not to be taken for clients.

    ephemeral: the ports that the kernel may pick, by default ephemeral_ports(). A client's socket has one of these,
    shared with no other socket, on the wildcard address, and no known owner in the kernel. A server that binds such a
    port itself looks the same if it has only one socket: nothing that the kernel tells makes the difference.
    """
    if ephemeral is None:
        ephemeral = ephemeral_ports()
    users: dict[int | None, int] = {}
    for sock in sockets:
        users[sock.port] = users.get(sock.port, 0) + 1
    return [
        sock
        for sock in sockets
        if sock.port not in ephemeral
        or users[sock.port] > 1
        or sock.exposure != "wildcard"
        or sock.kernel_owner is not None
    ]
