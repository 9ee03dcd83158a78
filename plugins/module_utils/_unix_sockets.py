# Copyright: (c) 2026, ck8s.ports contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Unix sockets that others can reach, from NETLINK_SOCK_DIAG. Private to the collection.

Sources: sock_diag(7), unix(7), include/uapi/linux/unix_diag.h and net/unix/diag.c of Linux.
"""

from __future__ import annotations

import socket
import struct
import sys

from ansible_collections.ck8s.ports.plugins.module_utils._netlink import NETLINK_SOCK_DIAG, attributes, dump
from ansible_collections.ck8s.ports.plugins.module_utils._sockets import Socket

_SOCK_DIAG_BY_FAMILY = 20

_REQUEST = struct.Struct("=BBxxIII8x")  # struct unix_diag_req: family, protocol, states, inode, what to show, cookie
_MESSAGE = struct.Struct("=xBBxI8s")  # struct unix_diag_msg: (family), type, state, inode, cookie
_SHOW = 0x01 | 0x02 | 0x04 | 0x10 | 0x40  # name, file, peer, queue, uid
_NAME, _FILE, _PEER, _QUEUE, _UID = 0, 1, 2, 4, 7  # attributes; the uid since Linux 5.3

_ESTABLISHED = 1
_CLOSE = 7
_LISTEN = 10
_DGRAM = 2
TYPES = {1: "stream", _DGRAM: "dgram", 5: "seqpacket"}


def listening() -> tuple[list[Socket], bool]:
    """The unix sockets of this network namespace that have a name and take what strangers send.

    Streams and sequential packets that listen; datagram sockets that are bound and not connected to a peer. The state
    tells that of the first only: connect() to a datagram socket makes both ends established, so /dev/log always is.
    Returns the sockets, and false when the kernel said that its table kept changing. Raises OSError when this kernel
    does not answer.
    """
    states = 1 << _LISTEN | 1 << _CLOSE | 1 << _ESTABLISHED
    answer = dump(NETLINK_SOCK_DIAG, _SOCK_DIAG_BY_FAMILY, _REQUEST.pack(socket.AF_UNIX, 0, states, 0, _SHOW))
    found: dict[bytes, Socket] = {}
    for kind, body in answer.messages:
        if kind == _SOCK_DIAG_BY_FAMILY and len(body) >= _MESSAGE.size:
            number, state, inode, cookie = _MESSAGE.unpack_from(body)
            if number in TYPES and (number == _DGRAM or state == _LISTEN):
                sock = _parse(TYPES[number], inode, body)
                if sock is not None:
                    found[cookie] = sock
    return list(found.values()), answer.consistent


def _parse(kind: str, inode: int, body: bytes) -> Socket | None:
    """One message; None for a socket without a name or with a peer."""
    more = attributes(body, _MESSAGE.size)
    if _NAME not in more or _PEER in more:
        return None
    sock = Socket("unix", "unix", inode)
    sock.type = kind
    sock.path = name_of(more[_NAME])
    if len(more.get(_FILE, b"")) == 8:
        sock.path_inode = int.from_bytes(more[_FILE][:4], sys.byteorder)
    if kind != "dgram" and len(more.get(_QUEUE, b"")) == 8:
        sock.backlog = int.from_bytes(more[_QUEUE][4:], sys.byteorder)
    if len(more.get(_UID, b"")) == 4:
        sock.uid = int.from_bytes(more[_UID], sys.byteorder)
    return sock


def name_of(raw: bytes) -> bytes:
    """A socket's name: a path up to its end mark, or '@' and an abstract name, which may contain anything."""
    return b"@" + raw[1:] if raw.startswith(b"\0") else raw.split(b"\0")[0]
