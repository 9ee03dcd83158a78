# Copyright: (c) 2026, ck8s.ports contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Listening internet sockets from NETLINK_SOCK_DIAG. Private to the collection.

The kernel filters by state, so that established connections are neither copied nor looked at. Sources: sock_diag(7),
include/uapi/linux/inet_diag.h, net/ipv4/inet_diag.c and net/ipv4/udp_diag.c of Linux.
"""

from __future__ import annotations

import socket
import struct
import sys

from ansible_collections.ck8s.ports.plugins.module_utils._netlink import NETLINK_SOCK_DIAG, attributes, dump
from ansible_collections.ck8s.ports.plugins.module_utils._sockets import Socket

SOCK_DIAG_BY_FAMILY = 20

# struct inet_diag_req_v2: family, protocol, extensions, padding, states, and a socket id of 48 bytes, all zero.
REQUEST = struct.Struct("=BBBBI48x")
# struct inet_diag_msg without what a listening socket has no use for: (family, state, timer, retransmits), source port,
# (destination port), source address, (destination address), interface, cookie, (expires, receive queue), send queue,
# uid, inode.
_MESSAGE = struct.Struct("=4xH2x16s16xI8s8xIII")

_INET_DIAG_SKV6ONLY = 11  # sent for IPv6 sockets that listen or are not connected
_INET_DIAG_CGROUP_ID = 21  # since Linux 5.8

_CLOSE = 7
_LISTEN = 10

# Protocol to (number, the state in which one of its sockets takes what strangers send).
_PROTOCOLS = {
    "tcp": (socket.IPPROTO_TCP, _LISTEN),
    "udp": (socket.IPPROTO_UDP, _CLOSE),
    "udplite": (136, _CLOSE),
    "sctp": (132, _LISTEN),
    "dccp": (33, _LISTEN),
    "raw": (socket.IPPROTO_RAW, _CLOSE),
}
_CONNECTION_PROTOCOLS = ("tcp", "sctp", "dccp")
_FAMILIES = {"ipv4": (socket.AF_INET, 4), "ipv6": (socket.AF_INET6, 16)}


def listening(protocol: str, family: str) -> tuple[list[Socket], bool]:
    """The listening sockets of one protocol (a key of _PROTOCOLS) and family ('ipv4', 'ipv6') in this namespace.

    The port of a raw socket is its IP protocol number. Returns the sockets, and false when the kernel said that its
    table kept changing under the dump. Raises OSError when this kernel has no NETLINK_SOCK_DIAG or not for this
    protocol.
    """
    number, state = _PROTOCOLS[protocol]
    af, size = _FAMILIES[family]
    answer = dump(NETLINK_SOCK_DIAG, SOCK_DIAG_BY_FAMILY, REQUEST.pack(af, number, 0, 0, 1 << state))
    names: dict[int, str | None] = {0: None}
    # By cookie, the kernel's own identity of a socket: one may be told twice when its table changes during the dump.
    found: dict[bytes, Socket] = {}
    for kind, body in answer.messages:
        if kind == SOCK_DIAG_BY_FAMILY and len(body) >= _MESSAGE.size:
            cookie, sock = _parse(protocol, family, size, body, names)
            found[cookie] = sock
    return list(found.values()), answer.consistent


def _parse(protocol: str, family: str, size: int, body: bytes, names: dict[int, str | None]) -> tuple[bytes, Socket]:
    """One struct inet_diag_msg and its attributes: (cookie, socket). `names` caches interface names by index."""
    port, source, index, cookie, send_queue, uid, inode = _MESSAGE.unpack_from(body)
    sock = Socket(protocol, family, inode)
    if index not in names:
        names[index] = interface_name(index)
    sock.bind(source[:size], socket.ntohs(port), names[index])
    sock.uid = uid
    if protocol in _CONNECTION_PROTOCOLS:
        sock.backlog = send_queue  # of a listening socket this is the limit of its backlog
    more = attributes(body, _MESSAGE.size)
    if _INET_DIAG_SKV6ONLY in more:
        sock.v6only = more[_INET_DIAG_SKV6ONLY] != b"\0"
    if len(more.get(_INET_DIAG_CGROUP_ID, b"")) == 8:
        sock.cgroup_id = int.from_bytes(more[_INET_DIAG_CGROUP_ID], sys.byteorder)
    return cookie, sock


def interface_name(index: int) -> str | None:
    """The name of an interface in this network namespace; 'if7' when it is gone, as a scope id may be written."""
    if index == 0:
        return None
    try:
        return socket.if_indextoname(index)
    except OSError:
        return f"if{index}"
