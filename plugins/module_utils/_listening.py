# Copyright: (c) 2026, ck8s.ports contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What listens on this host. Private to the collection.

options -> Selection -> gather() in each network namespace -> Join -> rows
"""

from __future__ import annotations

from typing import Any

from ansible_collections.ck8s.ports.plugins.module_utils import _gather
from ansible_collections.ck8s.ports.plugins.module_utils._join import Join, namespace_number
from ansible_collections.ck8s.ports.plugins.module_utils._selection import Selection


def collect(options: dict[str, Any]) -> dict[str, Any]:
    """The answer of the module ck8s.ports.listening_sockets_info, whose documentation describes it, to its options.

    Raises ValueError for an option that is not valid, OSError when no source of sockets can be read.
    """
    selection = Selection(options)
    if selection.netns == ["own"]:
        gathering = _gather.gather(selection)
        number = namespace_number("net")
        for sock in gathering.sockets:
            sock.netns = number
    else:
        from ansible_collections.ck8s.ports.plugins.module_utils import _everywhere  # noqa: PLC0415  (rare and larger)

        gathering = _everywhere.gather(selection)
    join = Join(selection, gathering.sockets)
    incomplete = gathering.incomplete + join.incomplete
    return {
        "sockets": sorted(map(join.row, gathering.sockets), key=_order),
        "complete": not incomplete,
        "incomplete": incomplete,
        "source": _source(gathering.sources),
        "sources": gathering.sources,
        "udp_clients_left_out": gathering.udp_clients_left_out,
    }


def _source(sources: dict[str, str]) -> str | None:
    """One word for where the protocols were read: that of all of them, or 'mixed'. Absent ones do not count."""
    words = set(sources.values()) - {_gather.ABSENT}
    if len(words) > 1:
        return "mixed"
    return words.pop() if words else None


def _order(row: dict[str, Any]) -> tuple[object, ...]:
    """Protocol, family, address, port, and what keeps the order of the rest the same from run to run."""
    return (
        row["protocol"],
        row["family"],
        row["address"] or "",
        row["port"] or 0,
        row["path"] or "",
        row["interface"] or "",
        row["netns"] or 0,
        row["inode"],
    )
