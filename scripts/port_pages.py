# Copyright: (c) 2026, ck8s.ports contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The reference pages of the ports, made from the catalogue: one for each edition, and one for the companions.

usage: python scripts/port_pages.py FOLDER
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "collections"))

from ansible_collections.ck8s.ports.plugins.plugin_utils import _catalogue

Data = dict[str, Any]


def edition_page(edition: Data) -> str:
    """The page of one edition: its tables, then each entry with what we know beside the document."""
    lines = [f"# Edition {edition['edition']}", "", _about(edition), ""]
    lines += _table(
        ["Port", "Service", "Scope", "Nodes", "Presence"],
        [
            [f"{said['port']}/{said['protocol']}", _link(entry), said["scope"], _nodes(entry), entry["presence"]]
            for entry in edition["ports"]
            for said in [entry["documented"]]
        ],
    )
    lines += ["", "Unix sockets:", ""]
    lines += _table(
        ["Path", "Service", "Nodes"],
        [[f"`{entry['documented']['path']}`", _link(entry), _nodes(entry)] for entry in edition["unix_sockets"]],
    )
    for entry in [*edition["ports"], *edition["unix_sockets"]]:
        lines += ["", f"## {entry['id']}", "", _sentence(entry["description"]), ""]
        lines += [f"- {fact}" for fact in _facts(entry)]
        for note in entry["notes"]:
            lines += ["", f"> {_sentence(note['text'])}" + (f" *{note['source']}*" if note.get("source") else "")]
    return "\n".join(lines) + "\n"


def companions_page(companions: tuple[Data, ...]) -> str:
    """The page of the ports that no edition has."""
    lines = ["# Companions", "", "Ports that no edition has and that the software of a cluster opens all the same."]
    for entry in companions:
        where = entry.get("port") or "-".join(map(str, entry.get("range", []))) or "a random port"
        holders = ", ".join(f"`{name}`" for name in entry["comm"]) or "the kernel"
        lines += ["", f"## {entry['id']}", "", _sentence(entry["note"]), ""]
        lines += [f"- {where}, {' and '.join(entry['protocols'])}, {entry['exposure']}; held by {holders}"]
        lines += [f"- Source: {_sentence(entry['source'])}"]
    return "\n".join(lines) + "\n"


def _about(edition: Data) -> str:
    document, releases = edition["document"], edition["releases"]
    text = f"What the page *{document['title']}* of {document['dated']} says, and what we know beside it."
    if not releases:
        return text
    return f"{text} For the releases from {releases['first']} to {releases.get('last', 'the newest')}."


def _facts(entry: Data) -> list[str]:
    said = entry["documented"]
    facts = [f"The page, line {said['line']}: {said.get('service', entry['id'])}"] if said.get("line") else []
    for owner in entry.get("owners", []):
        names = ", ".join(f"`{name}`" for name in owner.get("comm", [])) or "the kernel"
        place = f" in `{owner['unit']}`" if owner.get("unit") else ""
        on = f" on {' and '.join(owner['nodes']).replace('_', ' ')} nodes" if owner.get("nodes") else ""
        facts.append(f"Held by {names}{place}{on}")
    for node, audience in entry.get("audience", {}).items() if isinstance(entry.get("audience"), dict) else []:
        facts.append(f"On a {node.replace('_', ' ')} node for: {', '.join(audience)}")
    if isinstance(entry.get("audience"), list):
        facts.append(f"For: {', '.join(entry['audience'])}")
    return facts


def _table(head: list[str], rows: list[list[str]]) -> list[str]:
    return [f"| {' | '.join(row)} |" for row in [head, ["---"] * len(head), *rows]]


def _link(entry: Data) -> str:
    return f"[{entry['id']}](#{entry['id']})"


def _nodes(entry: Data) -> str:
    return ", ".join(entry["nodes"]).replace("_", " ")


def _sentence(text: str) -> str:
    return " ".join(text.split())


def main() -> int:
    if len(sys.argv) != 2:
        print(__doc__, file=sys.stderr)
        return 2
    folder = Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    for name in _catalogue.editions():
        (folder / f"{name}.md").write_text(edition_page(_catalogue.load(name)), encoding="utf-8")
    (folder / "companions.md").write_text(companions_page(_catalogue.companions()), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
