# Copyright: (c) 2026, ck8s.ports contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Netlink dumps: one question to the kernel, all of its answers. Private to the collection.

Only what a dump needs, with the standard library alone. Sources: netlink(7), include/uapi/linux/netlink.h and
Documentation/userspace-api/netlink/intro.rst of Linux.
"""

from __future__ import annotations

import errno
import os
import socket
import struct

NETLINK_ROUTE = 0
NETLINK_SOCK_DIAG = 4
NETLINK_GENERIC = 16

_NLM_F_REQUEST = 0x01
_NLM_F_DUMP_INTR = 0x10
_NLM_F_DUMP = 0x300
_NLMSG_ERROR = 2
_NLMSG_DONE = 3

_HEADER = struct.Struct("=IHHII")  # length, type, flags, sequence, port id
_ATTRIBUTE = struct.Struct("=HH")  # length, type
_ERROR = struct.Struct("=i")
_NLA_TYPE_MASK = 0x3FFF  # the two upper bits are flags (nested, network byte order)

# The kernel fills at most 32 KiB into one datagram of a dump, whatever is offered (netlink_dump()).
_BUFFER_BYTES = 64 * 1024
_TIMEOUT_SECONDS = 10.0
_ATTEMPTS = 8


class UnfinishedError(Exception):
    """The kernel's answer was cut short or changed under way; asking again is the remedy."""


class Dump:
    """The answer to one dump.

    messages: (message type, payload) in the kernel's order.
    consistent: false when the kernel said, at each attempt, that its table changed during the dump: something may
    be missing.
    """

    __slots__ = ("consistent", "messages")

    def __init__(self, messages: list[tuple[int, bytes]], consistent: bool) -> None:
        self.messages = messages
        self.consistent = consistent


def dump(family: int, message_type: int, payload: bytes) -> Dump:
    """Ask the kernel for a dump in the caller's network namespace, again when the answer was not whole.

    family: NETLINK_SOCK_DIAG, NETLINK_ROUTE, NETLINK_GENERIC.
    payload: the request after its netlink header.
    Raises OSError: no such netlink family (EPROTONOSUPPORT, EAFNOSUPPORT, EPERM), or the kernel's own refusal, such as
    ENOENT for a protocol that it has no diag module for. An answer that never arrives whole is OSError EIO.
    """
    size = _BUFFER_BYTES
    last: Dump | None = None
    problem = ""
    for sequence in range(1, _ATTEMPTS + 1):
        try:
            last = _ask(family, message_type, payload, sequence, size)
        except UnfinishedError as exc:
            problem = str(exc)
            size *= 2
            continue
        if last.consistent:
            return last
    if last is None:
        raise OSError(errno.EIO, f"the answer to a netlink dump was not whole in {_ATTEMPTS} attempts: {problem}")
    return last


def _ask(family: int, message_type: int, payload: bytes, sequence: int, size: int) -> Dump:
    """One attempt, on a socket of its own: what is left of a broken answer goes away with the socket."""
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC, family) as sock:
        sock.settimeout(_TIMEOUT_SECONDS)
        sock.bind((0, 0))
        length = _HEADER.size + len(payload)
        sock.send(_HEADER.pack(length, message_type, _NLM_F_REQUEST | _NLM_F_DUMP, sequence, 0) + payload)
        messages: list[tuple[int, bytes]] = []
        consistent = True
        while True:
            for kind, flags, body in _receive(sock, sequence, size):
                if flags & _NLM_F_DUMP_INTR:
                    consistent = False
                if kind == _NLMSG_DONE:
                    # Since Linux 4.11 the end of a dump carries the error that ended it.
                    _raise_if_error(body)
                    return Dump(messages, consistent)
                if kind == _NLMSG_ERROR:
                    _raise_if_error(body)
                    continue
                messages.append((kind, body))


def _receive(sock: socket.socket, sequence: int, size: int) -> list[tuple[int, int, bytes]]:
    """Read one datagram: (type, flags, payload) of each of its messages that answers `sequence`."""
    try:
        data, _ancillary, flags, sender = sock.recvmsg(size)
    except socket.timeout as exc:
        raise UnfinishedError(f"no answer within {_TIMEOUT_SECONDS:.0f} s") from exc
    except OSError as exc:
        if exc.errno == errno.ENOBUFS:
            raise UnfinishedError("the kernel dropped a part of it (ENOBUFS)") from exc
        raise
    if sender[0] != 0:  # not from the kernel: anybody may send to a netlink port
        return []
    if flags & socket.MSG_TRUNC:
        raise UnfinishedError(f"a datagram did not fit in {size} bytes")
    return [
        (kind, message_flags, body)
        for kind, message_flags, message_sequence, body in split(data)
        if message_sequence == sequence
    ]


def split(data: bytes) -> list[tuple[int, int, int, bytes]]:
    """The messages of a datagram: (type, flags, sequence, payload). Raises UnfinishedError when one is cut off."""
    messages = []
    offset = 0
    while offset < len(data):
        if len(data) - offset < _HEADER.size:
            raise UnfinishedError(f"{len(data) - offset} bytes at offset {offset} are less than a header")
        length, kind, flags, sequence, _port = _HEADER.unpack_from(data, offset)
        if length < _HEADER.size or offset + length > len(data):
            raise UnfinishedError(f"a message of {length} bytes at offset {offset} of {len(data)}")
        messages.append((kind, flags, sequence, data[offset + _HEADER.size : offset + length]))
        offset += (length + 3) & ~3
    return messages


def attributes(data: bytes, offset: int = 0) -> dict[int, bytes]:
    """The attributes that follow a fixed structure of `offset` bytes: type to value.

    An attribute that claims more bytes than there are ends the list (as in the kernel's nla_ok()).
    """
    found = {}
    end = len(data)
    while offset + _ATTRIBUTE.size <= end:
        length, kind = _ATTRIBUTE.unpack_from(data, offset)
        if length < _ATTRIBUTE.size or offset + length > end:
            break
        found[kind & _NLA_TYPE_MASK] = data[offset + _ATTRIBUTE.size : offset + length]
        offset += (length + 3) & ~3
    return found


def attribute(kind: int, value: bytes) -> bytes:
    """One attribute for a request, padded to four bytes."""
    length = _ATTRIBUTE.size + len(value)
    return _ATTRIBUTE.pack(length, kind) + value + b"\0" * (-length % 4)


def _raise_if_error(body: bytes) -> None:
    if len(body) >= _ERROR.size:
        code = -_ERROR.unpack_from(body)[0]
        if code > 0:
            raise OSError(code, os.strerror(code))
