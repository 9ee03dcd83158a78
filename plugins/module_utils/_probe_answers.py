# Copyright: (c) 2026, ck8s.ports contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the answers of a network mean to a probe. Pure; private to the collection."""

from __future__ import annotations

import errno
import os

from ansible_collections.ck8s.ports.plugins.module_utils._icmp_errors import IcmpError

OPEN = "open"
RESET = "reset"
REFUSED = "refused"
SILENT = "silent"
UNKNOWN = "unknown"
UNREACHABLE = "unreachable"
ERROR = "error"

# What connect() itself, or an answer to it, becomes. ICMP errors: icmp_err_convert (net/ipv4/icmp.c) and tab_unreach
# (net/ipv6/icmp.c) in the kernel. Before the handshake is complete, a reset is ECONNREFUSED and nothing else.
_STATUSES = {
    0: OPEN,
    errno.ECONNRESET: RESET,
    errno.EPIPE: RESET,
    errno.ECONNREFUSED: REFUSED,
    errno.ETIMEDOUT: SILENT,
    errno.EHOSTUNREACH: UNREACHABLE,
    errno.ENETUNREACH: UNREACHABLE,
    errno.EHOSTDOWN: UNREACHABLE,
    errno.ENONET: UNREACHABLE,
    errno.ENOPROTOOPT: UNREACHABLE,
    errno.EPROTO: UNREACHABLE,
    errno.EACCES: UNREACHABLE,
}
_REMARKS = {
    errno.ECONNRESET: "ended by the other side right after the handshake",
    errno.EPIPE: "ended by the other side right after the handshake",
    errno.EACCES: "administratively prohibited (ICMPv6)",
}
_FORBIDDEN_HERE = (errno.EACCES, errno.EPERM)

# Destination unreachable: RFC 792 and RFC 1812, RFC 4443.
_ICMP_UNREACHABLE = {4: 3, 6: 1}
_PORT_UNREACHABLE = {4: 3, 6: 4}
_ICMP_WORDS = {
    (4, 0): "network unreachable",
    (4, 1): "host unreachable",
    (4, 2): "protocol unreachable",
    (4, 3): "port unreachable",
    (4, 9): "network administratively prohibited",
    (4, 10): "host administratively prohibited",
    (4, 13): "administratively prohibited",
    (6, 0): "no route",
    (6, 1): "administratively prohibited",
    (6, 3): "address unreachable",
    (6, 4): "port unreachable",
    (6, 5): "source address failed a policy",
    (6, 6): "route rejected",
}


def judge_error(number: int, at_once: bool = False) -> tuple[str, str]:
    """Return status and detail for the error number of an attempt, 0 for success.

    ``at_once``: the call itself said so, not an answer from the network.
    """
    if number == 0:
        return OPEN, ""
    if at_once and number in _FORBIDDEN_HERE:
        return ERROR, f"{named(number)}: forbidden on this host, before anything was sent"
    remark = _REMARKS.get(number)
    detail = named(number) if remark is None else f"{named(number)}: {remark}"
    return _STATUSES.get(number, ERROR), detail


def judge_icmp(error: IcmpError) -> tuple[str, str]:
    """Return status and detail for an ICMP error that came back to a datagram.

    "Port unreachable" is what a host says of a port without a socket; a firewall can say it, too. Everything else comes
    from a firewall or a router, never from a closed port.
    """
    version = error.version
    unreachable = error.type == _ICMP_UNREACHABLE[version]
    words = _ICMP_WORDS.get((version, error.code)) if unreachable else None
    name = "ICMP" if version == 4 else "ICMPv6"
    detail = (
        f"{name} {words or 'error'} (type {error.type}, code {error.code}) from {error.sender or 'an unknown host'}"
    )
    closed = unreachable and error.code == _PORT_UNREACHABLE[version]
    return REFUSED if closed else UNREACHABLE, detail


def named(number: int | None) -> str:
    """Return the error with this number in words: ECONNREFUSED (Connection refused)."""
    if number is None:
        return "unknown error"
    return f"{errno.errorcode.get(number, number)} ({os.strerror(number)})"
