# Copyright: (c) 2026, ck8s.ports contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""TCP connections that others have made to this host, from NETLINK_SOCK_DIAG. Private to the collection.

The kernel leaves out what is on other ports, so that thousands of connections elsewhere are neither copied nor looked
at. Sources: sock_diag(7), include/uapi/linux/inet_diag.h, and for the filter inet_diag_bc_run() and
inet_diag_bc_audit() in net/ipv4/inet_diag.c of Linux.
"""

from __future__ import annotations

import socket
import struct
from typing import Callable, Collection, Counter, NamedTuple

from ansible_collections.ck8s.ports.plugins.module_utils import _sock_diag
from ansible_collections.ck8s.ports.plugins.module_utils._netlink import NETLINK_SOCK_DIAG, attribute, dump
from ansible_collections.ck8s.ports.plugins.module_utils._sockets import MAPPED_PREFIX, Socket

ESTABLISHED, CLOSING, TIME_WAIT = "established", "closing", "time_wait"

# include/net/tcp_states.h. Not SYN_RECV: whoever sends one has not shown that the address is theirs.
_STATES = {
    1: ESTABLISHED,
    4: CLOSING,  # FIN_WAIT1
    5: CLOSING,  # FIN_WAIT2
    6: TIME_WAIT,
    8: CLOSING,  # CLOSE_WAIT
    9: CLOSING,  # LAST_ACK
    11: CLOSING,
}
_MASK = sum(1 << state for state in _STATES)

_INET_DIAG_REQ_BYTECODE = 1
_JUMP, _SOURCE_PORT_AT_LEAST, _SOURCE_PORT_AT_MOST = 1, 2, 3  # INET_DIAG_BC_JMP, _S_GE, _S_LE
_OPERATION = struct.Struct("=BBH")  # struct inet_diag_bc_op: code, and the steps in bytes when it is so and when not
_LONGEST_FILTER = 1000
"""Ports; the length of an attribute has 16 bits, and a filter has 20 bytes for each port."""

_FAMILIES = ((socket.AF_INET, "ipv4", 4), (socket.AF_INET6, "ipv6", 16))
_WILDCARDS = frozenset({"0.0.0.0", "::"})  # noqa: S104  # compared with, not bound to


class Flow(NamedTuple):
    """Connections of one peer to one address and port of this host that are in the same state.

    Addresses are those in the packets: an IPv4 peer of an IPv6 socket has an IPv4 address.
    """

    peer: str
    local: str
    port: int
    state: str
    connections: int


def listeners() -> list[Socket]:
    """The listening TCP sockets of this network namespace. Raises OSError where the kernel does not list them."""
    return [sock for _name, family, _size in _FAMILIES for sock in _sock_diag.listening("tcp", family)[0]]


def inbound(listening: list[Socket], wanted: Callable[[int], bool]) -> list[Flow]:
    """The connections to wanted ports on which one of the sockets ``listening`` takes them, so that the peer made them.

    Open ones, and those that have been closed but that the kernel still remembers. Raises OSError where the kernel does
    not list them.
    """
    taken: dict[int, set[str]] = {}
    for sock in listening:
        if sock.port is not None and sock.address is not None and wanted(sock.port):
            taken.setdefault(sock.port, set()).add(_plain(sock.address))
    found: Counter[Flow] = Counter()
    for flow, count in _flows(taken).items():
        addresses = taken.get(flow.port, set())
        if flow.local in addresses or addresses & _WILDCARDS:
            found[flow] += count
    return [flow._replace(connections=count) for flow, count in found.items()]


def is_open(peer: str, peer_port: int, local: str, port: int) -> bool:
    """Whether there is this connection, established, in this network namespace. Raises OSError as above."""
    wanted = (peer_port, port, _plain(peer), _plain(local))
    for family, _unused, size in _FAMILIES:
        for state, ports, addresses in _messages(family, {port}):
            theirs, ours = struct.unpack("!HH", ports[2:] + ports[:2])
            at = (_address(addresses[16 : 16 + size]), _address(addresses[:size]))
            if _STATES[state] == ESTABLISHED and (theirs, ours, *at) == wanted:
                return True
    return False


def _flows(ports: Collection[int]) -> Counter[Flow]:
    """The connections on local ``ports``, whoever made them, each Flow with its number."""
    found: Counter[Flow] = Counter()
    if not ports:
        return found
    for family, _unused, size in _FAMILIES:
        # Thousands of connections have few peers: what is equal is counted before it is looked at.
        raw = Counter((state, local[:2], both) for state, local, both in _messages(family, ports))
        for (state, port, both), count in raw.items():
            peer, local = _address(both[16 : 16 + size]), _address(both[:size])
            found[Flow(peer, local, int.from_bytes(port, "big"), _STATES[state], 0)] += count
    return found


def _messages(family: int, ports: Collection[int]) -> list[tuple[int, bytes, bytes]]:
    """State, both ports (local, remote) and both addresses (local, remote, of 16 bytes each) of each connection."""
    request = _sock_diag.REQUEST.pack(family, socket.IPPROTO_TCP, 0, 0, _MASK)
    if len(ports) <= _LONGEST_FILTER:
        request += attribute(_INET_DIAG_REQ_BYTECODE, port_filter(ports))
    answer = dump(NETLINK_SOCK_DIAG, _sock_diag.SOCK_DIAG_BY_FAMILY, request)
    # struct inet_diag_msg: family, state, timer, retransmits; ports; addresses; ...
    return [
        (body[1], body[4:8], body[8:40]) for _unused, body in answer.messages if len(body) >= 40 and body[1] in _STATES
    ]


def port_filter(ports: Collection[int]) -> bytes:
    """The kernel's filter program for sockets with one of these local ports.

    For each port: at least it? at most it? then jump to the end, which accepts; else on to the next port. Where the
    last one does not match, a step behind the end, which refuses.
    """
    size = 5 * _OPERATION.size
    program = b""
    for number, port in enumerate(sorted(ports)):
        last = number == len(ports) - 1
        to_end = (len(ports) - number) * size
        # The number that is compared with is in the field of the next operation, which is stepped over.
        at = [offset * _OPERATION.size for offset in (0, 2, 4)]
        refuse = [to_end - offset + _OPERATION.size if last else size - offset for offset in at]
        program += _OPERATION.pack(_SOURCE_PORT_AT_LEAST, 8, refuse[0]) + _OPERATION.pack(0, 0, port)
        program += _OPERATION.pack(_SOURCE_PORT_AT_MOST, 8, refuse[1]) + _OPERATION.pack(0, 0, port)
        program += _OPERATION.pack(_JUMP, 4, to_end - at[2])
    return program


def _address(packed: bytes) -> str:
    """The address that is in the packets: IPv4 for an IPv6 socket that talks to IPv4."""
    if packed.startswith(MAPPED_PREFIX):
        packed = packed[len(MAPPED_PREFIX) :]
    return socket.inet_ntop(socket.AF_INET if len(packed) == 4 else socket.AF_INET6, packed)


def _plain(address: str) -> str:
    """An address in the notation of _address; raises OSError where it is none."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    return _address(socket.inet_pton(family, address.partition("%")[0]))
