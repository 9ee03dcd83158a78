# Copyright: (c) 2026, ck8s.ports contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The UDP ports of WireGuard interfaces, from generic netlink. Private to the collection.

Sources: include/uapi/linux/wireguard.h and, for the generic part, Documentation/userspace-api/netlink/intro.rst of
Linux.
"""

from __future__ import annotations

import struct
import sys

from ansible_collections.ck8s.ports.plugins.module_utils._netlink import NETLINK_GENERIC, attribute, attributes, dump

_HEADER = struct.Struct("=BBxx")  # struct genlmsghdr: command, version
_CONTROL_TYPE = 16  # GENL_ID_CTRL
_GET_FAMILY = 3  # CTRL_CMD_GETFAMILY
_FAMILY_ID, _FAMILY_NAME = 1, 2  # CTRL_ATTR_FAMILY_ID, CTRL_ATTR_FAMILY_NAME

_GET_DEVICE = 0  # WG_CMD_GET_DEVICE
_VERSION = 1
_INDEX = 1  # WGDEVICE_A_IFINDEX
_LISTEN_PORT = 6  # WGDEVICE_A_LISTEN_PORT. The answer holds keys as well: nothing else of it is looked at.


def listen_port(index: int) -> int | None:
    """The UDP port of the WireGuard interface with this index; None when it has none.

    Raises OSError, EPERM without CAP_NET_ADMIN.
    """
    request = _HEADER.pack(_GET_DEVICE, _VERSION) + attribute(_INDEX, struct.pack("=I", index))
    for _kind, body in dump(NETLINK_GENERIC, _family_id(), request).messages:
        port = port_in(body)
        if port is not None:
            return port
    return None


def port_in(body: bytes) -> int | None:
    """The port in one answer to WG_CMD_GET_DEVICE."""
    port = attributes(body, _HEADER.size).get(_LISTEN_PORT, b"")
    return int.from_bytes(port, sys.byteorder) or None if len(port) == 2 else None


def _family_id() -> int:
    """The number that the kernel has given to WireGuard. Raises FileNotFoundError when it has none."""
    for _kind, body in dump(NETLINK_GENERIC, _CONTROL_TYPE, _HEADER.pack(_GET_FAMILY, 1)).messages:
        family = attributes(body, _HEADER.size)
        if family.get(_FAMILY_NAME) == b"wireguard\0":
            return int.from_bytes(family[_FAMILY_ID], sys.byteorder)
    raise FileNotFoundError(2, "the kernel has no netlink family named wireguard")
