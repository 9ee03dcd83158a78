# Copyright: (c) 2026, ck8s.ports contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Tunnel devices and the UDP ports that the kernel opens for them. Private to the collection.

A tunnel's socket belongs to no process. Sources: rtnetlink(7), include/uapi/linux/if_link.h, and for when the socket
exists drivers/net/vxlan/vxlan_core.c, drivers/net/geneve.c and drivers/net/bareudp.c of Linux: only while the device is
up, in the namespace in which the device was made.
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

# Kind of device to the attribute of its IFLA_INFO_DATA that holds the port, in network byte order.
_PORT_ATTRIBUTES = {
    b"vxlan": 15,  # IFLA_VXLAN_PORT
    b"geneve": 5,  # IFLA_GENEVE_PORT
    b"bareudp": 1,  # IFLA_BAREUDP_PORT
}


class TunnelPort:
    """A UDP port that the kernel itself serves, and the devices that it serves it for (their names, sorted)."""

    __slots__ = ("devices", "kind", "port")

    def __init__(self, kind: str, port: int, devices: list[str]) -> None:
        self.kind = kind
        self.port = port
        self.devices = devices


def tunnel_ports() -> dict[int, TunnelPort]:
    """The UDP ports of the tunnel devices of this network namespace that are up: port to TunnelPort.

    Raises OSError when the kernel refuses the question.
    """
    request = _INTERFACE.pack(0, 0, 0, 0, 0) + attribute(_IFLA_EXT_MASK, struct.pack("=I", _SKIP_STATISTICS))
    found: dict[int, TunnelPort] = {}
    for message_type, body in dump(NETLINK_ROUTE, _RTM_GETLINK, request).messages:
        if message_type == _RTM_NEWLINK and len(body) >= _INTERFACE.size:
            tunnel = _parse(body)
            if tunnel is not None:
                same = found.setdefault(tunnel.port, tunnel)
                same.devices = sorted({*same.devices, *tunnel.devices})
    return found


def _parse(body: bytes) -> TunnelPort | None:
    """The port of one RTM_NEWLINK message; None for a device that opens none here."""
    if not _INTERFACE.unpack_from(body)[3] & _IFF_UP:
        return None
    link = attributes(body, _INTERFACE.size)
    info = attributes(link.get(_IFLA_LINKINFO, b""))
    kind = info.get(_IFLA_INFO_KIND, b"").rstrip(b"\0")
    if kind not in _PORT_ATTRIBUTES or _IFLA_LINK_NETNSID in link:
        return None
    port = attributes(info.get(_IFLA_INFO_DATA, b"")).get(_PORT_ATTRIBUTES[kind], b"")
    if len(port) != 2:
        return None
    name = link.get(_IFLA_IFNAME, b"").rstrip(b"\0").decode("utf-8", "backslashreplace")
    return TunnelPort(kind.decode(), int.from_bytes(port, "big"), [name])
