# Copyright: (c) 2026, ck8s.ports contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""From whom audit mode has noted to variables that would let them in. Private to the collection.

A proposal, for a person to read: whoever is in it has sent packets, which says nothing of whether they should. Pure.
"""

from __future__ import annotations

import ipaddress
from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Any

Data = dict[str, Any]

PROFILE = "node_profile_result"
RESULT = "__propose_sources_firewall"
ADDRESSES = "__node_firewall_addresses"

NAMED = 5
"""Hosts that a line of comment names, at most."""


def propose_sources(hostvars: Mapping[str, Data], hosts: Iterable[str]) -> list[str]:
    """The lines of a YAML file with C(node_firewall_sources) and C(node_profile_overrides), and comments.

    C(hosts) are those that the playbook propose_sources has read, into C(hostvars). A port that has sources keeps them;
    one that has none is open to its audience, which is then named. Localhost ports and those that no rule is about are
    proposed as comments only: to open one of them is more than to let someone in.
    """
    seen: dict[tuple[str, int], dict[str, list[str]]] = defaultdict(lambda: defaultdict(list))
    ports: dict[tuple[str, int], Data] = {}
    kept: dict[str, list[str]] = {}
    unread, crowded, silent = [], [], []
    for host in hosts:
        facts = hostvars[host]
        live = (facts.get(RESULT) or {}).get("live")
        if live is None:
            unread.append(host)
            continue
        if live["mode"] != "audit":
            silent.append(host)
        if not live["learned_all"]:
            crowded.append(host)
        for port in facts[PROFILE]["profile"]["ports"]:
            ports.setdefault((port["protocol"], port["port"]), port)
        kept.update(facts.get("node_firewall_sources") or {})
        for entry in live["learned"]:
            seen[entry["protocol"], entry["port"]][entry["source"]].append(host)
    names = _names(hostvars, hosts)
    lines = [
        *_notes("could not be read; the output above says why", unread),
        *_notes("not in audit mode, so nothing is noted there (node_firewall_mode: audit)", silent),
        *_notes("no room to note all, so some are missing: let these in, then propose again", crowded),
    ]
    sources, closed, unknown = [], [], []
    for key in sorted(seen):
        found, there = ports.get(key), seen[key]
        if found is None:
            unknown += _comment(f"{key[1]}/{key[0]}, which no rule is about (node_profile_extra_ports)", there, names)
        elif found["scope"] == "localhost":
            way = f"node_profile_overrides: {{{found['id']}: {{scope: external}}}}"
            closed += _comment(f"{found['id']} ({key[1]}/{key[0]}), which is localhost ({way})", there, names)
        else:
            sources += _entry(found, kept.get(found["id"]), there, names)
    lines += ["node_firewall_sources:", *sources] if sources else ["node_firewall_sources: {}  # nobody to be let in"]
    return [*lines, *closed, *unknown]


def _entry(port: Data, kept: list[str] | None, seen: dict[str, list[str]], names: dict[str, str]) -> list[str]:
    audience = [word for word in port["audience"] if word not in ("anyone", "nobody")]
    return [
        f"  {port['id']}:",
        *(f"    - {who}" for who in (audience if kept is None else kept)),
        *(f'    - "{source}"{_who(source, nodes, names)}' for source, nodes in _in_order(seen)),
    ]


def _comment(what: str, seen: dict[str, list[str]], names: dict[str, str]) -> list[str]:
    return [f"# {what}:", *(f"#   {source}{_who(source, nodes, names)}" for source, nodes in _in_order(seen))]


def _in_order(seen: dict[str, list[str]]) -> list[tuple[str, list[str]]]:
    def number(item: tuple[str, list[str]]) -> tuple[int, int]:
        address = ipaddress.ip_address(item[0])
        return address.version, int(address)

    return sorted(seen.items(), key=number)


def _who(source: str, nodes: list[str], names: dict[str, str]) -> str:
    more = f" and {len(nodes) - NAMED} more" if len(nodes) > NAMED else ""
    whose = f"{names[source]}, " if source in names else ""
    return f"  # {whose}to {', '.join(sorted(nodes)[:NAMED])}{more}"


def _notes(what: str, hosts: list[str]) -> list[str]:
    more = f" and {len(hosts) - NAMED} more" if len(hosts) > NAMED else ""
    return [f"# {', '.join(hosts[:NAMED])}{more}: {what}"] if hosts else []


def _names(hostvars: Mapping[str, Data], hosts: Iterable[str]) -> dict[str, str]:
    """The names of the hosts of the inventory, by their addresses, as far as they are known."""
    for host in hosts:
        known = (hostvars[host].get(ADDRESSES) or {}).get("known", {})
        return {address: name for group in known.values() for name, addresses in group.items() for address in addresses}
    return {}
