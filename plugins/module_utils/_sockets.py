# Copyright: (c) 2026, ck8s.ports contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The record of one listening socket, and what follows from its address. Private to the collection.

Pure: nothing here reads the system.
"""

from __future__ import annotations

import socket

MAPPED_PREFIX = b"\0" * 10 + b"\xff\xff"  # ::ffff:0:0/96, RFC 4291 section 2.5.5.2

LOOPBACK = "loopback"
LINK_LOCAL = "link_local"
ADDRESS = "address"
WILDCARD = "wildcard"
EXPOSURES = (LOOPBACK, LINK_LOCAL, ADDRESS, WILDCARD)


class Socket:
    """One socket as the kernel tells it, before anything is joined to it.

    Whatever a source does not tell is None.
    """

    __slots__ = (
        "address",
        "backlog",
        "cgroup_id",
        "exposure",
        "family",
        "inode",
        "interface",
        "kernel_owner",
        "netns",
        "netns_name",
        "path",
        "path_inode",
        "port",
        "protocol",
        "type",
        "uid",
        "v6only",
    )

    def __init__(self, protocol: str, family: str, inode: int) -> None:
        self.protocol = protocol
        self.family = family
        self.inode = inode
        self.address: str | None = None
        self.port: int | None = None
        self.interface: str | None = None
        self.exposure: str | None = None
        self.v6only: bool | None = None
        self.uid: int | None = None
        self.backlog: int | None = None
        self.cgroup_id: int | None = None
        # Inode number of the network namespace, and its name where it has one.
        self.netns: int | None = None
        self.netns_name: str | None = None
        # What in the kernel serves it, where that is known: {kind, devices}.
        self.kernel_owner: dict[str, object] | None = None
        # Unix sockets only: the name ('@...' when abstract), and the file that was made when it was bound.
        self.type: str | None = None
        self.path: bytes | None = None
        self.path_inode: int | None = None

    def bind(self, packed: bytes, port: int, interface: str | None) -> None:
        """Set the local address (4 or 16 bytes, network order), the port and the device that the socket is bound to."""
        self.address = socket.inet_ntop(socket.AF_INET if len(packed) == 4 else socket.AF_INET6, packed)
        self.port = port
        self.interface = interface
        self.exposure = exposure_of(packed, interface)

    @property
    def dual_stack(self) -> bool | None:
        """Whether this is an IPv6 wildcard that also takes IPv4; None when that cannot be known."""
        if self.family == "ipv4":
            return False
        if self.family != "ipv6":
            return None
        if self.address != "::" or self.protocol == "raw":  # raw IPv6 sockets get IPv6 only
            return False
        return None if self.v6only is None else not self.v6only


def exposure_of(packed: bytes, interface: str | None) -> str:
    """From where an address can be reached: the narrowest true word of EXPOSURES.

    An IPv4-mapped IPv6 address counts as the IPv4 address in it. A wildcard bound to the device `lo` is loopback:
    nothing else arrives there.
    """
    if len(packed) == 16 and packed.startswith(MAPPED_PREFIX):
        packed = packed[12:]
    if not any(packed):
        return LOOPBACK if interface == "lo" else WILDCARD
    if len(packed) == 4:
        if packed[0] == 127:
            return LOOPBACK
        return LINK_LOCAL if packed[:2] == b"\xa9\xfe" else ADDRESS  # 169.254.0.0/16, RFC 3927
    if packed == b"\0" * 15 + b"\1":
        return LOOPBACK
    return LINK_LOCAL if packed[0] == 0xFE and packed[1] & 0xC0 == 0x80 else ADDRESS  # fe80::/10, RFC 4291
