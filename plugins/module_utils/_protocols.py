# Copyright: (c) 2026, ck8s.ports contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which protocols this kernel has. Private to the collection.

Asking NETLINK_SOCK_DIAG for a protocol makes the kernel load it. A question should change nothing, so that is asked
only for what is there already. Source: /proc/net/protocols, net/core/sock.c of Linux.
"""

from __future__ import annotations

# TCP, UDP and unix sockets are everywhere. These need not be: protocol to its name in /proc/net/protocols.
_NAMES = {"udplite": b"UDP-Lite", "sctp": b"SCTP", "dccp": b"DCCP", "raw": b"RAW", "vsock": b"AF_VSOCK"}


def is_present(protocol: str, path: str = "/proc/net/protocols") -> bool:
    """Whether the kernel has a protocol at the moment, built in or loaded. Raises OSError when it does not say."""
    if protocol not in _NAMES:
        return True
    with open(path, "rb") as lines:
        return any(line.split(None, 1)[:1] == [_NAMES[protocol]] for line in lines)
