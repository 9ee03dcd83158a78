# Copyright: (c) 2026, ck8s.ports contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What another edition of the page means for a node: for its firewall, and for what is expected of its services.

Private to the collection. Pure functions over the catalogue.
"""

from __future__ import annotations

from typing import Any

from ansible_collections.ck8s.ports.plugins.plugin_utils import _catalogue

Data = dict[str, Any]

BINDINGS = {
    "node": "expected on the node's address alone; bound to every address it is a finding",
    "any": "expected on every address",
    "host": "expected on the node's address or on every address",
    "loopback": "expected on loopback alone",
}


def compare(old: str, new: str) -> list[Data]:
    """The differences between the editions C(old) and C(new), each with C(ports), C(consequence) and C(text).

    C(ports) are the entries it is about (C(id), C(port), C(protocol)), C(consequence) what it means for them, C(text)
    both in one line; what goes comes first, then what comes, then what changes. Raises InputError for an edition that
    does not exist.
    """
    before, after = ({entry["id"]: entry for entry in _catalogue.load(name)["ports"]} for name in (old, new))
    grouped: dict[tuple[int, str], list[Data]] = {}
    for entry in [*before.values(), *(entry for name, entry in after.items() if name not in before)]:
        for rank, sentence in _consequences(before.get(entry["id"]), after.get(entry["id"])):
            grouped.setdefault((rank, sentence), []).append(after.get(entry["id"], entry))
    return [
        {"ports": [_named(entry) for entry in entries], "consequence": sentence, "text": _text(entries, sentence)}
        for (_unused, sentence), entries in sorted(grouped.items(), key=lambda item: item[0][0])
    ]


def _text(entries: list[Data], consequence: str) -> str:
    """2380/tcp etcd-peer: becomes external for control planes."""
    names = ["{port}/{protocol} {id}".format(**_named(entry)) for entry in entries]
    return f"{', '.join(names)}: {consequence}."


def _consequences(before: Data | None, after: Data | None) -> list[tuple[int, str]]:
    if after is None:
        return [(0, "goes: it is expected no longer, no rule is made for it, and a listener there is undocumented")]
    if before is None:
        only = after["documented"].get("datastore") or after["documented"].get("feature")
        where = f"{_where(after)} with {only}" if only else _where(after)
        return [(1, f"comes: it is expected on {where}, {_opened(after)}")]
    changes = [(2, sentence) for sentence in _changed_scope(before, after)]
    changes += [(3, sentence) for sentence in _changed_condition(before, after)]
    if after["documented"]["port"] != before["documented"]["port"]:
        changes.append((2, f"moves there from {before['documented']['port']}"))
    if not any(rank == 2 for rank, _unused in changes) and _binding(before) != _binding(after):
        changes.append((4, BINDINGS[_binding(after)]))
    known = [note["text"] for note in before["notes"]]
    changes += [
        (5, note["text"].rstrip("."))
        for note in after["notes"]
        if note.get("about") == "nodes" and note["text"] not in known
    ]
    return changes


def _changed_scope(before: Data, after: Data) -> list[str]:
    if before["documented"]["scope"] == after["documented"]["scope"]:
        return []
    scope = after["documented"]["scope"]
    return [f"becomes {scope} for {_where(after)}: {_opened(after)}, {BINDINGS[_binding(after)]}"]


def _changed_condition(before: Data, after: Data) -> list[str]:
    sentences = []
    for name in ("feature", "datastore"):
        old, new = (entry["documented"].get(name) for entry in (before, after))
        if old != new:
            sentences.append(f"only with {new}" if new else f"no longer only with {old}")
    return sentences


def _opened(entry: Data) -> str:
    if entry["documented"]["scope"] == "localhost":
        return "the firewall closes it to others"
    return "the firewall opens it to others"


def _where(entry: Data) -> str:
    """The nodes on which the software listens: what counts where the page says something else (see the notes)."""
    return "control planes" if entry["nodes"] == ["control_plane"] else "every node"


def _binding(entry: Data) -> str:
    documented = entry["documented"]
    return _catalogue.BINDINGS[documented.get("binding", documented["scope"])]


def _named(entry: Data) -> Data:
    return {"id": entry["id"], "port": entry["documented"]["port"], "protocol": entry["documented"]["protocol"]}
