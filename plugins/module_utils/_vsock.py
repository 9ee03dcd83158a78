# Copyright: (c) 2026, ck8s.ports contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Listening vsock sockets, by which virtual machines and their host talk, from NETLINK_SOCK_DIAG. Private to the
collection.

Sources: vsock(7), include/uapi/linux/vm_sockets_diag.h and net/vmw_vsock/diag.c of Linux.
"""

from __future__ import annotations

import struct

from ansible_collections.ck8s.ports.plugins.module_utils._netlink import NETLINK_SOCK_DIAG, dump
from ansible_collections.ck8s.ports.plugins.module_utils._sockets import ADDRESS, LOOPBACK, WILDCARD, Socket

_SOCK_DIAG_BY_FAMILY = 20
_AF_VSOCK = 40
_LISTEN = 10

_REQUEST = struct.Struct("=BBxxIII8x")  # struct vsock_diag_req: family, protocol, states, inode, what to show, cookie
# struct vsock_diag_msg: (family), type, (state, shutdown), source cid and port, (destination), inode, cookie.
_MESSAGE = struct.Struct("=xBxxII8xI8s")

_ANY = 0xFFFFFFFF  # VMADDR_CID_ANY
_LOCAL = 1  # VMADDR_CID_LOCAL
_TYPES = {1: "stream", 2: "dgram", 5: "seqpacket"}


def listening() -> tuple[list[Socket], bool]:
    """The listening vsock sockets, and false when the kernel said that its table kept changing.

    The address is a context id in decimal digits, or 'any'. Raises OSError when this kernel does not answer.
    """
    request = _REQUEST.pack(_AF_VSOCK, 0, 1 << _LISTEN, 0, 0)
    answer = dump(NETLINK_SOCK_DIAG, _SOCK_DIAG_BY_FAMILY, request)
    found = {}
    for kind, body in answer.messages:
        if kind == _SOCK_DIAG_BY_FAMILY and len(body) >= _MESSAGE.size:
            number, cid, port, inode, cookie = _MESSAGE.unpack_from(body)
            sock = Socket("vsock", "vsock", inode)
            sock.type = _TYPES.get(number)
            sock.address = "any" if cid == _ANY else str(cid)
            sock.port = port
            sock.exposure = {_ANY: WILDCARD, _LOCAL: LOOPBACK}.get(cid, ADDRESS)
            found[cookie] = sock
    return list(found.values()), answer.consistent
