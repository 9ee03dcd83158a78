# Copyright: (c) 2026, ck8s.ports contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Gathering in several network namespaces, one after the other. Private to the collection."""

from __future__ import annotations

from ansible_collections.ck8s.ports.plugins.module_utils import _gather, _namespaces
from ansible_collections.ck8s.ports.plugins.module_utils._selection import Selection


def gather(selection: Selection) -> _gather.Gathering:
    """What the selection wants of the namespaces that it names ('own', 'all', a name or an inode number).

    Raises ValueError for a namespace that is not there.
    """
    found = _namespaces.find()
    wanted = _choose(selection.netns, found)
    total = _gather.Gathering()
    if "all" in selection.netns and found.denied:
        total.missing(
            "netns",
            f"the network namespaces of {found.denied} processes may not be looked at: that takes root, and ptrace(2)",
            None,
        )
    for namespace in wanted:
        try:
            if namespace is found.own:
                part = _gather.gather(selection)
            else:
                with _namespaces.Entered(namespace):
                    part = _gather.gather(selection)
        except (FileNotFoundError, ProcessLookupError):  # it ended with its last process
            continue
        except PermissionError as exc:
            label = namespace.name or namespace.inode
            total.missing("netns", f"network namespace {label} may not be entered ({exc.strerror}): run as root", None)
            continue
        for sock in part.sockets:
            sock.netns = namespace.inode
            sock.netns_name = namespace.name
        total.sockets += part.sockets
        total.udp_clients_left_out += part.udp_clients_left_out
        for entry in part.incomplete:
            _add(total.incomplete, entry)
        total.sources.update(part.sources)
    return total


def _add(entries: list[dict[str, object]], entry: dict[str, object]) -> None:
    """Add an entry about one namespace to those about others: the same trouble once, with the sum of the sockets."""
    for known in entries:
        if (known["what"], known["reason"]) == (entry["what"], entry["reason"]):
            if isinstance(known["count"], int) and isinstance(entry["count"], int):
                known["count"] += entry["count"]
            return
    entries.append(entry)


def _choose(names: list[str], found: _namespaces.Found) -> list[_namespaces.Namespace]:
    everything = [found.own, *found.others]
    if "all" in names:
        return everything
    chosen = []
    for name in names:
        matching = [
            one for one in everything if name in (one.name, str(one.inode)) or (name == "own" and one is found.own)
        ]
        if not matching:
            known = sorted(one.name for one in everything if one.name) or ["no others have a name"]
            raise ValueError(f"netns: {name!r} is not own, all, an inode number, or one of: {', '.join(known)}")
        chosen += [one for one in matching if one not in chosen]
    return chosen
