# Copyright: (c) 2026, ck8s.ports contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether the kernel's connection tracking has a flow. Private to the collection.

An entry is made when the first packet of a flow comes in, but is kept only when the packet has left the last chain of
the input hook (nf_conntrack_confirm, at the lowest priority there is): a dropped packet leaves none. So an entry proves
that *every* firewall on this host has let the packet through, whatever else is counted. No entry proves nothing: a rule
may exempt the flow from tracking (`notrack`), or nothing on this host asks for tracking.

Sources: include/uapi/linux/netfilter/nfnetlink_conntrack.h, net/netfilter/nf_conntrack_netlink.c and
nf_conntrack_proto.c of Linux.
"""

from __future__ import annotations

import errno
import ipaddress
import os
import socket
import struct
from dataclasses import dataclass

from ansible_collections.ck8s.ports.plugins.module_utils._netlink import UnfinishedError, attribute, split

_NETLINK_NETFILTER = 12
_GET = 0x0101  # subsystem ctnetlink, message IPCTNL_MSG_CT_GET
_NLM_F_REQUEST = 1
_NLMSG_ERROR = 2
_NESTED = 0x8000
_HEADER = struct.Struct("=IHHII")  # length, type, flags, sequence, port id

_CTA_TUPLE_ORIG = 1 | _NESTED
_CTA_TUPLE_IP = 1 | _NESTED
_CTA_TUPLE_PROTO = 2 | _NESTED
_CTA_IP = {4: (1, 2), 6: (3, 4)}
"""Source and target address, by IP version."""
_CTA_PROTO_NUM, _CTA_PROTO_SRC_PORT, _CTA_PROTO_DST_PORT = 1, 2, 3
_PROTOCOLS = {"tcp": socket.IPPROTO_TCP, "udp": socket.IPPROTO_UDP}
_FAMILIES = {4: socket.AF_INET, 6: socket.AF_INET6}

_TIMEOUT_SECONDS = 5.0
_BUFFER_BYTES = 64 * 1024


@dataclass(frozen=True)
class Flow:
    """The packets of one direction, as they come in on this host; ``protocol`` is tcp or udp."""

    protocol: str
    source: str
    source_port: int
    host: str
    port: int


def tracked(flows: list[Flow]) -> list[bool]:
    """Return for each flow whether connection tracking has it, in the network namespace of the caller.

    Raises OSError: EPERM without CAP_NET_ADMIN, EINVAL or EPROTONOSUPPORT from a kernel that cannot tell, EIO where it
    does not answer.
    """
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC, _NETLINK_NETFILTER) as kernel:
        kernel.settimeout(_TIMEOUT_SECONDS)
        kernel.bind((0, 0))
        return [_is_tracked(kernel, number, flow) for number, flow in enumerate(flows, 1)]


def _is_tracked(kernel: socket.socket, sequence: int, flow: Flow) -> bool:
    request = _request(flow)
    kernel.send(_HEADER.pack(_HEADER.size + len(request), _GET, _NLM_F_REQUEST, sequence, 0) + request)
    try:
        while True:
            data, sender = kernel.recvfrom(_BUFFER_BYTES)
            for kind, _unused, answered, body in split(data) if sender[0] == 0 else []:
                if answered == sequence:
                    return kind != _NLMSG_ERROR or _is_found(body)
    except (socket.timeout, UnfinishedError) as error:
        raise OSError(errno.EIO, f"no whole answer about a tracked flow: {error}") from error


def _is_found(body: bytes) -> bool:
    """Whether the error message says that there is an entry (no error); raises OSError unless it says there is none."""
    (answer,) = struct.unpack_from("=i", body)
    number = -int(answer)
    if number in (0, errno.ENOENT):
        return number == 0
    raise OSError(number, os.strerror(number))


def _request(flow: Flow) -> bytes:
    source, target = (ipaddress.ip_address(text.partition("%")[0]) for text in (flow.source, flow.host))
    source_kind, target_kind = _CTA_IP[source.version]
    addresses = attribute(source_kind, source.packed) + attribute(target_kind, target.packed)
    ports = (
        attribute(_CTA_PROTO_NUM, bytes([_PROTOCOLS[flow.protocol]]))
        + attribute(_CTA_PROTO_SRC_PORT, struct.pack("!H", flow.source_port))
        + attribute(_CTA_PROTO_DST_PORT, struct.pack("!H", flow.port))
    )
    family = struct.pack("=BBH", _FAMILIES[source.version], 0, 0)
    both = attribute(_CTA_TUPLE_IP, addresses) + attribute(_CTA_TUPLE_PROTO, ports)
    return family + attribute(_CTA_TUPLE_ORIG, both)
