# Copyright: (c) 2026, ck8s.ports contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The listeners that no document has. Private to the collection. Pure."""

from __future__ import annotations

from typing import Any

from ansible_collections.ck8s.ports.plugins.module_utils._policy import AUDIT
from ansible_collections.ck8s.ports.plugins.module_utils._verdict import ACCEPT, DROP, decide
from ansible_collections.ck8s.ports.plugins.plugin_utils import _wording as word
from ansible_collections.ck8s.ports.plugins.plugin_utils._allow import is_allowed
from ansible_collections.ck8s.ports.plugins.plugin_utils._findings import (
    Finding,
    Outcome,
    failed,
    not_applicable,
    passed,
    unknown,
    warned,
)
from ansible_collections.ck8s.ports.plugins.plugin_utils._node import Node, key

Data = dict[str, Any]

UNDOCUMENTED = "Only documented ports, and those of node_verify_allow, listen on addresses that others can reach."

STRANGERS = ("192.0.2.1", "2001:db8::1")
"""An address of each family that is nobody's (RFC 5737, RFC 3849): who is in no list of sources."""


def findings(node: Node) -> list[Finding]:
    """One finding for each undocumented port, or one that says there is none."""
    if node.blind:
        outcome = unknown("medium", node.blind, fix=word.AS_ROOT)
        return [Finding("listeners/undocumented", node.name, "undocumented", "listeners", UNDOCUMENTED, outcome)]
    documented = {key(port) for port in node.profile["ports"]}
    strangers: dict[tuple[str, int], list[Data]] = {}
    known: dict[str, tuple[Data, list[Data]]] = {}
    for socket in node.sockets["sockets"]:
        if key(socket) in documented or is_allowed(node.allow, socket):
            continue
        entry = next((entry for entry in node.companions if _is_companion(entry, socket)), None)
        if entry:
            known.setdefault(_companion_subject(entry, socket), (entry, []))[1].append(socket)
        elif _is_exposed(socket):
            strangers.setdefault(key(socket), []).append(socket)
    companions = [
        Finding(
            f"{entry['id']}-{sockets[0]['protocol']}/companion",
            node.name,
            "companion",
            subject,
            "Not in the document, but known.",
            _companion(entry, sockets),
        )
        for subject, (entry, sockets) in sorted(known.items())
    ]
    if not strangers:
        outcome = passed("None besides.")
        nobody = Finding("listeners/undocumented", node.name, "undocumented", "listeners", UNDOCUMENTED, outcome)
        return [nobody, *companions]
    return companions + [
        Finding(
            f"{protocol}-{number}/undocumented",
            node.name,
            "undocumented",
            f"{number}/{protocol} {word.join(p['name'] for s in sockets for p in s['processes'])}".rstrip(),
            UNDOCUMENTED,
            _undocumented(node, sockets),
        )
        for (protocol, number), sockets in sorted(strangers.items(), key=lambda item: item[0][1])
    ]


def _is_companion(entry: Data, socket: Data) -> bool:
    """Whether all holders of C(socket) have a name of the companion, and protocol, port and exposure are its own."""
    first, last = entry.get("range") or (entry.get("port", 1), entry.get("port", 65535))
    names = {process["name"] for process in socket["processes"]}
    return (
        socket["protocol"] in entry["protocols"]
        and first <= socket["port"] <= last
        and (entry["exposure"] == "loopback") == (socket["exposure"] == "loopback")
        and bool(names)
        and names <= set(entry["comm"])
    )


def _companion_subject(entry: Data, socket: Data) -> str:
    """With its port where that is always the same; a random one would make a row of its own for each node."""
    port = f"{entry['port']}/" if "port" in entry else ""
    return f"{port}{socket['protocol']} {entry['id']}"


def _is_exposed(socket: Data) -> bool:
    return socket["protocol"] in ("tcp", "udp") and socket["exposure"] != "loopback"


def _companion(entry: Data, sockets: list[Data]) -> Outcome:
    """A listener that no document has and that is known all the same (the catalogue C(companions))."""
    observed = (
        f"{word.join(word.holder(socket) for socket in sockets)} on "
        f"{word.join(word.address(socket) for socket in sockets)}."
    )
    return not_applicable(observed, entry["note"], [word.listener(socket) for socket in sockets])


def _undocumented(node: Node, sockets: list[Data]) -> Outcome:
    """Sockets on one port, on addresses that others can reach, that neither document nor allow list has."""
    observed = (
        f"{word.join(word.culprit(socket) for socket in sockets)} on "
        f"{word.join(word.address(socket) for socket in sockets)}."
    )
    stopped, why = _what_stops_it(node, *key(sockets[0]))
    why = f"Edition {node.profile['edition']} documents no such port for this node. {why}"
    fix = "Stop it, bind it to loopback, add it to node_profile_extra_ports, or allow it in node_verify_allow."
    evidence = [word.listener(socket) for socket in sockets]
    return warned("low", observed, why, fix, evidence) if stopped else failed("medium", observed, why, fix, evidence)


def _what_stops_it(node: Node, protocol: str, port: int) -> tuple[bool, str]:
    """Whether a rule in force keeps strangers out, and a sentence that says which one, or exactly what is not known."""
    others = "whether another firewall stops them, nobody has looked."
    if "error" in node.firewall:
        return False, f"Whether a rule stops who connects is not known: {node.firewall['error'].rstrip('.')}."
    live = node.firewall["live"]
    if not live["present"] or live.get("mode") == AUDIT:
        since = "they are in audit mode" if live["present"] else "none is in force"
        return False, f"No rule of this collection stops who connects, since {since}; {others}"
    decisions = [decide(node.parsed_policy, protocol, port, stranger) for stranger in STRANGERS]
    let_in = next((decision for decision in decisions if decision.verdict != DROP), None)
    if let_in is None:
        return _dropped_by(node, f"The rule {decisions[0].rule} of the policy")
    if let_in.verdict == ACCEPT:
        return False, f"The rule {let_in.rule} of the policy lets strangers in."
    return False, f"No rule of the policy is about it (enforcement {node.parsed_policy.enforcement}); {others}"


def _dropped_by(node: Node, rule: str) -> tuple[bool, str]:
    """The same where the policy has a rule that keeps strangers out: is it in force?"""
    drops = f"{rule} drops what strangers send there"
    if node.parsed_policy.mode == AUDIT:
        return False, f"{drops} once it is enforced; in audit mode it only counts them."
    if node.firewall["changed"]:
        return False, f"{drops}, but the rules in force are not those of the policy."
    return True, f"{drops}."
