# Copyright: (c) 2026, ck8s.ports contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The judgement of a node: every check on every expected port. Private to the collection. Pure, like the checks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from ansible_collections.ck8s.ports.plugins.module_utils._policy import Policy, parse_policy
from ansible_collections.ck8s.ports.plugins.plugin_utils import _checks as checks
from ansible_collections.ck8s.ports.plugins.plugin_utils import _wording as word
from ansible_collections.ck8s.ports.plugins.plugin_utils._findings import Finding, passed, unknown

Data = dict[str, Any]

BIND = {
    "loopback": "Listens on a loopback address only.",
    "host": "Listens on an address of the host interface, or on every address.",
    "node": "Listens on the node's address.",
    "any": "Listens on every address.",
}
REACH = {
    "localhost": "No other host can connect.",
    "external": "Whom the policy lets in can connect, nobody else.",
}
CLAIM = "A client without credentials gets what the document says."
UNDOCUMENTED = "Only documented ports, and those of node_verify_allow, listen on addresses that others can reach."


@dataclass(frozen=True)
class Node:
    """All that is known of one node: C(profile) and C(policy), and what was observed.

    C(sockets) and C(firewall) are the results of listening_sockets_info and port_policy (in check mode),
    C(unix_sockets) maps a path to what its file is; each has C(error) instead where it could not be looked at.
    C(probes) is what others tried on this node, C(answers) what port_claims was told there, C(allow) the listeners that
    are allowed besides the documented ones, C(companions) the known ones (see _catalogue.companions).
    """

    name: str
    profile: Data
    policy: Data
    sockets: Data
    firewall: Data
    unix_sockets: Data
    probes: list[Data] = field(default_factory=list)
    answers: list[Data] = field(default_factory=list)
    allow: list[Data] = field(default_factory=list)
    companions: Sequence[Data] = ()

    @cached_property
    def parsed_policy(self) -> Policy:
        """The policy as it can be asked about a packet."""
        return parse_policy(self.policy)


def judge(node: Node) -> list[Finding]:
    """Every finding about C(node), in the order of its expected ports."""
    findings = [finding for port in node.profile["ports"] for finding in _judge_port(node, port)]
    whole_table = node.firewall.get("error")
    outcome = unknown("medium", whole_table, fix=checks.AS_ROOT) if whole_table else checks.table(node.firewall)
    findings.append(Finding("policy/firewall", node.name, "firewall", "policy", "The policy is in force.", outcome))
    findings += [_judge_unix_socket(node, entry) for entry in node.profile["unix_sockets"]]
    return findings + _judge_undocumented(node)


def judge_together(nodes: list[Node]) -> list[Finding]:
    """What only all C(nodes) together show: a service of which there is one replica listens on at most one of them.

    A node that could not be looked at shows nothing here; its own findings say so. No finding where all is well: which
    node has the service is in the findings of each.
    """
    listening: dict[str, list[tuple[Node, Data]]] = {}
    for node in nodes:
        seen = {_key(socket) for socket in node.sockets.get("sockets", [])}
        for port in node.profile["ports"]:
            if port["presence"] == "one_node" and _key(port) in seen:
                listening.setdefault(port["id"], []).append((node, port))
    return [
        Finding(
            f"{name}/replicas",
            node.name,
            "replicas",
            _subject(port),
            "Listens on one node at most.",
            checks.replicas(port, [other.name for other, _ in holders]),
            port["documented"],
        )
        for name, holders in listening.items()
        if len(holders) > 1
        for node, port in holders
    ]


def unreached(name: str, reason: str) -> Finding:
    """The finding about a node that could not be looked at at all."""
    fix = "Make Ansible reach the node (ansible -m ansible.builtin.ping), then verify again."
    outcome = unknown("high", reason, "Nothing is known of this node.", fix)
    return Finding("node/observed", name, "observed", "node", "The node can be looked at.", outcome)


def _judge_port(node: Node, port: Data) -> list[Finding]:
    sockets = [socket for socket in node.sockets.get("sockets", []) if _key(socket) == _key(port)]
    blind = node.sockets.get("error")
    no_sockets = unknown("medium", blind, fix=checks.AS_ROOT) if blind else None
    no_firewall = unknown("medium", node.firewall["error"], fix=checks.AS_ROOT) if "error" in node.firewall else None
    held = word.join(port["comm"]) or "any process"
    rules = [rule for rule in node.policy["rules"] if rule["id"] == port["id"]]
    outcomes = {
        "bind": (
            BIND[port["binding"]],
            no_sockets or checks.bind(port, node.profile["role"], sockets, node.profile.get("addresses", ())),
        ),
        "owner": (
            f"Held by {'the kernel' if port['kernel'] else held}.",
            no_sockets or checks.owner(port, sockets, node.sockets.get("incomplete", [])),
        ),
        "firewall": (
            f"In force: {word.join(word.rule(rule) for rule in rules)}.",
            no_firewall or checks.firewall(port, rules, node.firewall),
        ),
        "reach": (
            REACH[port["scope"]],
            checks.reach(port, node.parsed_policy, sockets, [p for p in node.probes if p["id"] == port["id"]]),
        ),
        "claim": (
            CLAIM,
            no_sockets or checks.claim(port, sockets, [a for a in node.answers if a["label"] == port["id"]]),
        ),
    }
    return [
        Finding(f"{port['id']}/{check}", node.name, check, _subject(port), expected, outcome, port["documented"])
        for check, (expected, outcome) in outcomes.items()
    ]


def _subject(port: Data) -> str:
    return f"{port['port']}/{port['protocol']} {port['id']}"


def _judge_unix_socket(node: Node, entry: Data) -> Finding:
    expected = f"A socket of {entry['owner']}:{entry['group']}, mode {entry['mode']} or stricter."
    seen = node.unix_sockets.get(entry["path"], {"error": "Not looked at."})
    outcome = unknown("medium", seen["error"]) if "error" in seen else checks.unix_socket(entry, seen)
    name = f"{entry['id']}/unix_socket"
    return Finding(name, node.name, "unix_socket", entry["path"], expected, outcome, entry["documented"])


def _judge_undocumented(node: Node) -> list[Finding]:
    """One finding for each undocumented port, or one that says there is none."""
    if "error" in node.sockets:
        outcome = unknown("medium", node.sockets["error"], fix=checks.AS_ROOT)
        return [Finding("listeners/undocumented", node.name, "undocumented", "listeners", UNDOCUMENTED, outcome)]
    documented = {_key(port) for port in node.profile["ports"]}
    strangers: dict[tuple[str, int], list[Data]] = {}
    known: dict[str, tuple[Data, list[Data]]] = {}
    for socket in node.sockets["sockets"]:
        if _key(socket) in documented or _is_allowed(node.allow, socket):
            continue
        entry = next((entry for entry in node.companions if _is_companion(entry, socket)), None)
        if entry:
            known.setdefault(_companion_subject(entry, socket), (entry, []))[1].append(socket)
        elif _is_exposed(socket):
            strangers.setdefault(_key(socket), []).append(socket)
    companions = [
        Finding(
            f"{entry['id']}-{sockets[0]['protocol']}/companion",
            node.name,
            "companion",
            subject,
            "Not in the document, but known.",
            checks.companion(entry, sockets),
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
            checks.undocumented(sockets, node.profile["edition"]),
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


def _is_allowed(allow: list[Data], socket: Data) -> bool:
    """Whether an entry of C(allow) is right in all that it names (port, protocol, process)."""
    names = {process["name"] for process in socket["processes"]}
    facts = {"port": socket["port"], "protocol": socket["protocol"], "process": next(iter(names), None)}
    return len(names) < 2 and any(entry and all(facts[k] == v for k, v in entry.items()) for entry in allow)


def _key(thing: Data) -> tuple[str, int]:
    return thing["protocol"], thing["port"]
