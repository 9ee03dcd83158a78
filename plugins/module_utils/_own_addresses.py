# Copyright: (c) 2026, ck8s.ports contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The addresses of this host. Private to the collection.

Sources: rtnetlink(7), include/uapi/linux/if_addr.h of Linux.
"""

from __future__ import annotations

import socket
import struct

from ansible_collections.ck8s.ports.plugins.module_utils._netlink import NETLINK_ROUTE, attributes, dump

_RTM_NEWADDR = 20
_RTM_GETADDR = 22
_ADDRESS = struct.Struct("=BBBBI")  # struct ifaddrmsg: family, prefix length, flags, scope, interface index
_IFA_ADDRESS = 1
_IFA_LOCAL = 2  # ours, where IFA_ADDRESS is the other end of a point-to-point link

_SIZES = {socket.AF_INET: 4, socket.AF_INET6: 16}


def own_addresses() -> frozenset[str]:
    """Every address of every interface of this network namespace. Raises OSError when that is refused.

    What a host sends to one of them comes in on lo, whichever interface has the address.
    """
    found = set()
    for kind, body in dump(NETLINK_ROUTE, _RTM_GETADDR, _ADDRESS.pack(0, 0, 0, 0, 0)).messages:
        if kind != _RTM_NEWADDR or len(body) < _ADDRESS.size:
            continue
        family = _ADDRESS.unpack_from(body)[0]
        told = attributes(body, _ADDRESS.size)
        packed = told.get(_IFA_LOCAL) or told.get(_IFA_ADDRESS, b"")
        if len(packed) == _SIZES.get(family):
            found.add(socket.inet_ntop(family, packed))
    return frozenset(found)
