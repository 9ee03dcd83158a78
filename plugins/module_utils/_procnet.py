# Copyright: (c) 2026, ck8s.ports contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Listening internet sockets from /proc/net, where there is no NETLINK_SOCK_DIAG. Private to the collection.

Older and poorer: the bound device, the backlog, IPV6_V6ONLY and the control group are not told, and the kernel writes
out every established connection. Source: proc_pid_net(5), net/ipv4/tcp_ipv4.c and net/ipv6/udp.c of Linux.
"""

from __future__ import annotations

import re
import struct

from ansible_collections.ck8s.ports.plugins.module_utils._sockets import Socket

# Protocol to (file in /proc/net, the state in which one of its sockets takes what strangers send).
PROTOCOLS = {
    "tcp": ("tcp", b"0A"),
    "udp": ("udp", b"07"),
    "udplite": ("udplite", b"07"),
    "raw": ("raw", b"07"),
}
_ADDRESS, _STATE, _UID, _INODE = 1, 3, 7, 9  # columns


def listening(protocol: str, family: str, directory: str = "/proc/net") -> list[Socket]:
    """The listening sockets of one protocol and family, with None for what /proc/net does not tell.

    protocol: a key of PROTOCOLS. A missing file is a family that this kernel does not have; other failures raise
    OSError.
    """
    name, state = PROTOCOLS[protocol]
    try:
        with open(f"{directory}/{name}{'6' if family == 'ipv6' else ''}", "rb") as lines:
            next(lines, None)  # the heading
            return [_parse(protocol, family, fields) for fields in map(bytes.split, lines) if fields[_STATE] == state]
    except FileNotFoundError:
        return []


def _parse(protocol: str, family: str, fields: list[bytes]) -> Socket:
    address, _colon, port = fields[_ADDRESS].partition(b":")
    sock = Socket(protocol, family, int(fields[_INODE]))
    sock.bind(packed(address), int(port, 16), None)
    sock.uid = int(fields[_UID])
    return sock


def packed(hexadecimal: bytes) -> bytes:
    """An address as /proc/net writes it: groups of 32 bits, each printed as a number in the host's byte order."""
    words = [int(hexadecimal[start : start + 8], 16) for start in range(0, len(hexadecimal), 8)]
    return struct.pack(f"={len(words)}I", *words)


_UNIX_TYPES = {b"0001": "stream", b"0002": "dgram", b"0005": "seqpacket"}
_UNIX_LINE = re.compile(rb"^[0-9a-f]{8,16}: ", re.MULTILINE)
_ACCEPTS = 0x10000  # __SO_ACCEPTCON: listen() was called


def unix_listening(path: str = "/proc/net/unix") -> list[Socket]:
    """The unix sockets with a name that take what strangers send, as _unix_sockets.listening() tells them.

    Whether a datagram socket is connected to a peer is not told: those are all here. A name may contain spaces and
    newlines: an entry ends where the next one starts. Raises OSError.
    """
    with open(path, "rb") as file:
        text = file.read()
    starts = [match.start() for match in _UNIX_LINE.finditer(text)]
    entries = [text[start:end] for start, end in zip(starts, [*starts[1:], len(text)])]
    return [sock for sock in map(_parse_unix, entries) if sock is not None]


def _parse_unix(entry: bytes) -> Socket | None:
    fields = entry.rstrip(b"\n").split(None, 7)
    if len(fields) < 8:  # without a name
        return None
    _address, _references, _protocol, flags, number, _state, inode, name = fields
    kind = _UNIX_TYPES.get(number)
    listens = bool(int(flags, 16) & _ACCEPTS)
    if kind is None or listens == (kind == "dgram"):
        return None
    sock = Socket("unix", "unix", int(inode))
    sock.type = kind
    sock.path = name
    return sock
