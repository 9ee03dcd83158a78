# Copyright: (c) 2026, ck8s.ports contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""ICMP errors that came back to a UDP socket, with type, code and sender. Private to the collection.

Without asking for them a socket gets an error number only, in which "port unreachable" and what a firewall answers can
be the same. Linux keeps the ICMP message itself in the socket's error queue (ip(7), ipv6(7): IP_RECVERR).
"""

from __future__ import annotations

import socket
import struct
from dataclasses import dataclass

# include/uapi/linux/in.h, in6.h, errqueue.h
_IP_RECVERR = 11
_IPV6_RECVERR = 25
_ORIGIN_ICMP = 2
_ORIGIN_ICMP6 = 3
_EXTENDED_ERROR = struct.Struct("=IBBBBII")
"""struct sock_extended_err: errno, origin, type, code, pad, info, data. The sender's socket address follows it."""
_ADDRESSES = {
    socket.AF_INET: (struct.Struct("=HH4s"), socket.AF_INET),
    socket.AF_INET6: (struct.Struct("=HHI16s"), socket.AF_INET6),
}
_ROOM = 256
"""Bytes for the control message, which is 44 at most, and for the returned beginning of the datagram."""


@dataclass(frozen=True)
class IcmpError:
    """``version`` is 4 or 6, ``type`` and ``code`` are those of the message, ``sender`` is the host that sent it."""

    version: int
    type: int
    code: int
    sender: str | None


def ask_for_errors(datagrams: socket.socket) -> None:
    """Have the kernel keep ICMP errors for this socket."""
    if datagrams.family == socket.AF_INET6:
        datagrams.setsockopt(socket.IPPROTO_IPV6, _IPV6_RECVERR, 1)
    else:
        datagrams.setsockopt(socket.IPPROTO_IP, _IP_RECVERR, 1)


def read_error(datagrams: socket.socket) -> IcmpError | None:
    """Return the next ICMP error of this socket, None where there is none. Never waits."""
    try:
        _data, ancillary, _flags, _address = datagrams.recvmsg(_ROOM, _ROOM, socket.MSG_ERRQUEUE | socket.MSG_DONTWAIT)
    except OSError:
        return None
    for level, kind, data in ancillary:
        if (level, kind) in ((socket.IPPROTO_IP, _IP_RECVERR), (socket.IPPROTO_IPV6, _IPV6_RECVERR)):
            _unused, origin, message_type, code, _unused, _unused, _unused = _EXTENDED_ERROR.unpack_from(data)
            if origin in (_ORIGIN_ICMP, _ORIGIN_ICMP6):
                version = 4 if origin == _ORIGIN_ICMP else 6
                return IcmpError(version, message_type, code, _sender(data[_EXTENDED_ERROR.size :]))
    return None


def _sender(data: bytes) -> str | None:
    """Return the address in a struct sockaddr_in or sockaddr_in6, None for another one."""
    if len(data) < 2:
        return None
    layout, family = _ADDRESSES.get(struct.unpack_from("=H", data)[0], (None, None))
    if layout is None or family is None or len(data) < layout.size:
        return None
    return socket.inet_ntop(family, layout.unpack_from(data)[-1])
