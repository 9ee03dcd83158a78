# Copyright: (c) 2026, ck8s.ports contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Network devices for which the kernel opens UDP ports. Private to the collection.

The socket of such a device belongs to no process. Sources: rtnetlink(7), include/uapi/linux/if_link.h, and for when the
socket exists drivers/net/vxlan/vxlan_core.c, drivers/net/geneve.c, drivers/net/bareudp.c and drivers/net/wireguard of
Linux: only while the device is up, in the namespace in which the device was made.
"""

from __future__ import annotations

import struct

from ansible_collections.ck8s.ports.plugins.module_utils._netlink import NETLINK_ROUTE, attribute, attributes, dump

_RTM_NEWLINK = 16
_RTM_GETLINK = 18
_INTERFACE = struct.Struct("=BxHiII")  # struct ifinfomsg: family, type, index, flags, change
_IFF_UP = 0x1

_IFLA_IFNAME = 3
_IFLA_LINKINFO = 18
_IFLA_EXT_MASK = 29
_IFLA_LINK_NETNSID = 37
_IFLA_INFO_KIND = 1
_IFLA_INFO_DATA = 2
_SKIP_STATISTICS = 0x8  # RTEXT_FILTER_SKIP_STATS: half of each answer

# Kind of device to the attribute of its IFLA_INFO_DATA that holds the port, in network byte order. WireGuard keeps its
# port elsewhere.
_PORT_ATTRIBUTES = {
    b"vxlan": 15,  # IFLA_VXLAN_PORT
    b"geneve": 5,  # IFLA_GENEVE_PORT
    b"bareudp": 1,  # IFLA_BAREUDP_PORT
    b"wireguard": None,
}


class Tunnel:
    """A tunnel device that is up: kind as the kernel calls it; port None when the device does not tell it here."""

    __slots__ = ("index", "kind", "name", "port")

    def __init__(self, kind: str, name: str, index: int, port: int | None) -> None:
        self.kind = kind
        self.name = name
        self.index = index
        self.port = port


def tunnels() -> list[Tunnel]:
    """The tunnel devices that have a socket in this network namespace. Raises OSError when that is refused."""
    request = _INTERFACE.pack(0, 0, 0, 0, 0) + attribute(_IFLA_EXT_MASK, struct.pack("=I", _SKIP_STATISTICS))
    messages = dump(NETLINK_ROUTE, _RTM_GETLINK, request).messages
    found = [_parse(body) for kind, body in messages if kind == _RTM_NEWLINK and len(body) >= _INTERFACE.size]
    return [tunnel for tunnel in found if tunnel is not None]


def _parse(body: bytes) -> Tunnel | None:
    """One RTM_NEWLINK message; None for a device that has no socket here."""
    _family, _type, index, flags, _change = _INTERFACE.unpack_from(body)
    if not flags & _IFF_UP:
        return None
    link = attributes(body, _INTERFACE.size)
    info = attributes(link.get(_IFLA_LINKINFO, b""))
    kind = info.get(_IFLA_INFO_KIND, b"").rstrip(b"\0")
    if kind not in _PORT_ATTRIBUTES or _IFLA_LINK_NETNSID in link:
        return None
    where = _PORT_ATTRIBUTES[kind]
    port = b"" if where is None else attributes(info.get(_IFLA_INFO_DATA, b"")).get(where, b"")
    name = link.get(_IFLA_IFNAME, b"").rstrip(b"\0").decode("utf-8", "backslashreplace")
    return Tunnel(kind.decode(), name, index, int.from_bytes(port, "big") if len(port) == 2 else None)
