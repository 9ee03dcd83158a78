# Copyright: (c) 2026, ck8s.ports contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Connection attempts at 127.0.0.1 of a neighbour, through the wire (CVE-2020-8558). Private to the collection.

The packets are made here and go straight to the neighbour's hardware address, so that nothing changes on this host: no
route, no sysctl, no rule. The answers are seen on the wire as well; this host's kernel has no part in the connection.
Sources: packet(7), RFC 791, RFC 9293, include/uapi/linux/filter.h.
"""

from __future__ import annotations

import contextlib
import ctypes
import random
import selectors
import socket
import struct
import time
from dataclasses import dataclass
from typing import Iterable

from ansible_collections.ck8s.ports.plugins.module_utils._probe_answers import (
    ERROR,
    OPEN,
    REFUSED,
    SILENT,
    UNREACHABLE,
    named,
)

LOOPBACK = "127.0.0.1"
ARP_TABLE = "/proc/net/arp"

_ETH_P_IP = 0x0800
_SO_ATTACH_FILTER = 26
_ARP_COMPLETE = 0x2
_DISCARD_PORT = 9
"""Where the datagram goes that makes the kernel look for the neighbour; a port that nobody has served for decades."""
_ARP_PATIENCE = 1.0
_ARP_PAUSE = 0.02
_ROUNDS = 2
"""How often an attempt without an answer is made within its time."""

_SYN, _RST, _ACK = 0x02, 0x04, 0x10
_IP = struct.Struct("!BBHHHBBH4s4s")
_TCP = struct.Struct("!HHIIBBHHH")
_FIRST_PORT, _LAST_PORT = 20000, 60000
_ROOM = 2048

# "IP source is 127.0.0.1", for a socket without link headers: ld [12]; jeq 0x7f000001, accept, drop.
_FILTER = struct.pack("=HBBIHBBIHBBIHBBI", 0x20, 0, 0, 12, 0x15, 0, 1, 0x7F000001, 0x06, 0, 0, 0xFFFF, 0x06, 0, 0, 0)


@dataclass(frozen=True)
class Target:
    """TCP ``port`` on 127.0.0.1 of the neighbour whose IPv4 address on the wire is ``host``."""

    host: str
    port: int


@dataclass(frozen=True)
class Outcome:
    """What became of one attempt: a status of _probe_answers, and the reason in words.

    open: the neighbour's 127.0.0.1 answered the handshake. refused: it answered with a reset; nothing listens, but the
    packets get in. silent: they do not get in, or the answers do not get out. unreachable: it is no neighbour.
    ``source`` is the address of this host that was used, None where it did not come to that.
    """

    status: str
    detail: str
    source: str | None = None


@dataclass(frozen=True)
class _Neighbour:
    interface: str
    hardware: bytes
    source: str


def probe(targets: Iterable[Target], timeout: float) -> list[Outcome]:
    """Try all targets at once and return the outcomes in their order; ``timeout`` is in seconds, for all of it."""
    tried = list(targets)
    neighbours = find_neighbours({target.host for target in tried})
    interfaces = {neighbour.interface for neighbour in neighbours.values()}
    wires: dict[str, socket.socket] = {}
    try:
        for interface in interfaces:
            wires[interface] = _open_wire(interface)
        return _Attempts(tried, neighbours, wires, timeout).run()
    except PermissionError:
        return [Outcome(ERROR, "raw packets need CAP_NET_RAW on this host; run as root (become: true)")] * len(tried)
    except OSError as error:
        return [Outcome(ERROR, named(error.errno))] * len(tried)
    finally:
        for wire in wires.values():
            wire.close()


class _Attempts:
    def __init__(
        self,
        targets: list[Target],
        neighbours: dict[str, _Neighbour],
        wires: dict[str, socket.socket],
        timeout: float,
    ) -> None:
        self._targets = targets
        self._neighbours = neighbours
        self._wires = wires
        self._timeout = timeout
        self._sequence = random.getrandbits(32)  # nobody gains by guessing it
        first = random.randrange(_FIRST_PORT, _LAST_PORT)  # noqa: S311
        span = _LAST_PORT - _FIRST_PORT
        self._ports = [_FIRST_PORT + (first + index) % span for index in range(len(targets))]
        self._by_port = {port: index for index, port in enumerate(self._ports)}
        self._outcomes: dict[int, Outcome] = {}

    def run(self) -> list[Outcome]:
        for index, target in enumerate(self._targets):
            if target.host not in self._neighbours:
                reason = "no neighbour: it is not on a network of this host, so it cannot be sent such a packet"
                self._outcomes[index] = Outcome(UNREACHABLE, reason)
        with selectors.DefaultSelector() as selector:
            for wire in self._wires.values():
                selector.register(wire, selectors.EVENT_READ)
            began = time.monotonic()
            for number in range(1, _ROUNDS + 1):
                for index in self._waiting():
                    self._send(index, _SYN, self._sequence)
                self._listen(selector, began + self._timeout * number / _ROUNDS)
        silent = f"no answer in {self._timeout:g} s"
        for index in self._waiting():
            self._end(index, SILENT, silent)
        return [self._outcomes[index] for index in range(len(self._targets))]

    def _waiting(self) -> list[int]:
        return [index for index in range(len(self._targets)) if index not in self._outcomes]

    def _listen(self, selector: selectors.BaseSelector, deadline: float) -> None:
        while len(self._outcomes) < len(self._targets):
            patience = deadline - time.monotonic()
            if patience <= 0:
                return
            for key, _unused in selector.select(patience):
                wire: socket.socket = key.fileobj  # type: ignore[assignment]
                self._take(wire.recv(_ROOM))

    def _take(self, packet: bytes) -> None:
        """Judge a packet if it is the answer to one of ours."""
        if len(packet) < _IP.size or packet[9] != socket.IPPROTO_TCP:
            return
        header = (packet[0] & 0xF) * 4
        if len(packet) < header + _TCP.size:
            return
        source_port, port, _unused, acknowledged, _unused, flags, _unused, _unused, _unused = _TCP.unpack_from(
            packet, header
        )
        index = self._by_port.get(port)
        if index is None or index in self._outcomes or source_port != self._targets[index].port:
            return
        if socket.inet_ntoa(packet[16:20]) != self._neighbours[self._targets[index].host].source:
            return
        if flags & _RST:
            self._end(index, REFUSED, f"{LOOPBACK} answered with a reset: nothing listens, but the packet got in")
        elif flags & _SYN and flags & _ACK:
            self._send(index, _RST, acknowledged)  # else the neighbour would wait for the rest of a handshake
            self._end(index, OPEN, f"{LOOPBACK} answered the handshake")

    def _send(self, index: int, flags: int, sequence: int) -> None:
        target = self._targets[index]
        neighbour = self._neighbours[target.host]
        packet = segment(neighbour.source, self._ports[index], target.port, flags, sequence)
        address = (neighbour.interface, _ETH_P_IP, 0, 0, neighbour.hardware)
        self._wires[neighbour.interface].sendto(packet, address)

    def _end(self, index: int, status: str, detail: str) -> None:
        self._outcomes[index] = Outcome(status, detail, self._neighbours[self._targets[index].host].source)


def segment(source: str, source_port: int, port: int, flags: int, sequence: int) -> bytes:
    """Return an IPv4 packet to 127.0.0.1 with a TCP segment that has no data."""
    addresses = socket.inet_aton(source), socket.inet_aton(LOOPBACK)
    tcp = _TCP.pack(source_port, port, sequence, 0, _TCP.size // 4 << 4, flags, 1024, 0, 0)
    pseudo = b"".join(addresses) + struct.pack("!HH", socket.IPPROTO_TCP, len(tcp))
    tcp = _TCP.pack(source_port, port, sequence, 0, _TCP.size // 4 << 4, flags, 1024, _checksum(pseudo + tcp), 0)
    ip = _IP.pack(0x45, 0, _IP.size + len(tcp), 0, 0, 64, socket.IPPROTO_TCP, 0, *addresses)
    return _IP.pack(0x45, 0, _IP.size + len(tcp), 0, 0, 64, socket.IPPROTO_TCP, _checksum(ip), *addresses) + tcp


def _checksum(data: bytes) -> int:
    """Return the internet checksum (RFC 1071) of an even number of bytes."""
    total: int = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total > 0xFFFF:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def _open_wire(interface: str) -> socket.socket:
    """Return a socket that sends packets on ``interface`` and sees those from 127.0.0.1; raises OSError."""
    # Without a protocol it sees nothing until it is bound, by when it has its filter.
    wire = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC, 0)
    try:
        program = ctypes.create_string_buffer(_FILTER, len(_FILTER))
        wire.setsockopt(
            socket.SOL_SOCKET, _SO_ATTACH_FILTER, struct.pack("@HP", len(_FILTER) // 8, ctypes.addressof(program))
        )
        wire.bind((interface, _ETH_P_IP))
    except OSError:
        wire.close()
        raise
    return wire


def find_neighbours(hosts: Iterable[str], patience: float = _ARP_PATIENCE) -> dict[str, _Neighbour]:
    """Return those of ``hosts`` that are on a network of this host, with their hardware addresses.

    The kernel looks for them, which a datagram to each makes it do; ``patience`` is in seconds, for all of them.
    """
    sources = {host: source for host in sorted(hosts) if (source := _ask_for(host)) is not None}
    deadline = time.monotonic() + patience
    while True:
        found = {host: entry for host, entry in _arp_entries().items() if host in sources}
        if len(found) == len(sources) or time.monotonic() > deadline:
            return {
                host: _Neighbour(interface, hardware, sources[host]) for host, (interface, hardware) in found.items()
            }
        time.sleep(_ARP_PAUSE)


def _ask_for(host: str) -> str | None:
    """Make the kernel look for a host; return the address that it would use, None where there is no way there."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as asking:
        try:
            asking.connect((host, _DISCARD_PORT))
        except OSError:
            return None
        source = str(asking.getsockname()[0])
        with contextlib.suppress(OSError):  # the kernel may know it all the same
            asking.send(b"\0")
    return source


def _arp_entries() -> dict[str, tuple[str, bytes]]:
    """Return interface and hardware address of each IPv4 neighbour that the kernel knows."""
    try:
        with open(ARP_TABLE, encoding="ascii", errors="replace") as table:
            rows = [line.split() for line in table][1:]
    except OSError:
        return {}
    # Columns: address, hardware type, flags, hardware address, mask, device.
    return {
        row[0]: (row[5], bytes.fromhex(row[3].replace(":", "")))
        for row in rows
        if len(row) == 6 and int(row[2], 16) & _ARP_COMPLETE
    }
