# Copyright: (c) 2026, ck8s.ports contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The judgement of a node: every check on every expected port. Private to the collection. Pure, like the checks.

A check compares one expectation with what one party shows. Each has its file, C(_check_NAME.py): pure functions over
plain data, with no clock, no network and no Ansible in them. None of them says C(pass) of what could not be looked at:
an observation with the key C(error) could not be made, and the finding is C(unknown) then. All the rules on one page,
as cases: tests/unit/judgement/cases.yml.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ansible_collections.ck8s.ports.plugins.plugin_utils import (
    _check_bind,
    _check_claim,
    _check_firewall,
    _check_listeners,
    _check_localnet,
    _check_owner,
    _check_reach,
    _check_replicas,
    _check_unix_socket,
)
from ansible_collections.ck8s.ports.plugins.plugin_utils import _wording as word
from ansible_collections.ck8s.ports.plugins.plugin_utils._findings import Finding, Outcome, unknown
from ansible_collections.ck8s.ports.plugins.plugin_utils._node import Node, key

Data = dict[str, Any]


def judge(node: Node) -> list[Finding]:
    """Every finding about C(node), in the order of its expected ports."""
    findings = [_of_port(node, port, check) for port in node.profile["ports"] for check in PORT_CHECKS]
    findings.append(_of_table(node))
    findings.append(_of_localnet(node))
    findings += [_of_unix_socket(node, entry) for entry in node.profile["unix_sockets"]]
    return findings + _check_listeners.findings(node)


def judge_together(nodes: list[Node]) -> list[Finding]:
    """What only all C(nodes) together show: a service of which there is one replica listens on at most one of them.

    A node that could not be looked at shows nothing here; its own findings say so. No finding where all is well: which
    node has the service is in the findings of each.
    """
    listening: dict[str, list[tuple[Node, Data]]] = {}
    for node in nodes:
        seen = {key(socket) for socket in node.sockets.get("sockets", [])}
        for port in node.profile["ports"]:
            if port["presence"] == "one_node" and key(port) in seen:
                listening.setdefault(port["id"], []).append((node, port))
    return [
        Finding(
            f"{name}/replicas",
            node.name,
            "replicas",
            word.subject(port),
            "Listens on one node at most.",
            _check_replicas.replicas(port, [other.name for other, _unused in holders]),
            port["documented"],
        )
        for name, holders in listening.items()
        if len(holders) > 1
        for node, port in holders
    ]


def unreached(name: str, reason: str) -> Finding:
    """The finding about a node that could not be looked at at all."""
    fix = (
        "Mend what failed there, as its error above says, or make Ansible reach the node (ansible -m "
        "ansible.builtin.ping); then verify again."
    )
    outcome = unknown("high", reason, "Nothing is known of this node.", fix=fix)
    return Finding("node/observed", name, "observed", "node", "The node can be looked at.", outcome)


def _bind(node: Node, port: Data) -> tuple[str, Outcome]:
    addresses = node.profile.get("addresses", ())
    outcome = _blind(node) or _check_bind.bind(port, node.profile["role"], node.listening(port), addresses)
    return _check_bind.EXPECTED[port["binding"]], outcome


def _owner(node: Node, port: Data) -> tuple[str, Outcome]:
    incomplete = node.sockets.get("incomplete", [])
    return _check_owner.expected(port), _blind(node) or _check_owner.owner(port, node.listening(port), incomplete)


def _firewall(node: Node, port: Data) -> tuple[str, Outcome]:
    rules = [rule for rule in node.policy["rules"] if rule["id"] == port["id"]]
    outcome = _no_firewall(node) or _check_firewall.firewall(port, rules, node.firewall)
    return _check_firewall.expected(rules), outcome


def _reach(node: Node, port: Data) -> tuple[str, Outcome]:
    probes = [probe for probe in node.probes if probe["id"] == port["id"]]
    wire = [probe for probe in node.wire_probes if probe["id"] == port["id"]]
    outcome = _check_reach.through_the_wire(wire) or _check_reach.reach(
        port,
        node.parsed_policy,
        node.listening(port),
        probes,
        node.counts,
        temporary=[listener for listener in node.temporary if key(listener) == key(port)],
    )
    return _check_reach.EXPECTED[port["scope"]], outcome


def _claim(node: Node, port: Data) -> tuple[str, Outcome]:
    answers = [answer for answer in node.answers if answer["label"] == port["id"]]
    return _check_claim.EXPECTED, _blind(node) or _check_claim.claim(port, node.listening(port), answers)


PORT_CHECKS: dict[str, Callable[[Node, Data], tuple[str, Outcome]]] = {
    "bind": _bind,
    "owner": _owner,
    "firewall": _firewall,
    "reach": _reach,
    "claim": _claim,
}
"""What is asked of every expected port: the name of a check, and what gives the expectation and the outcome."""


def _of_port(node: Node, port: Data, check: str) -> Finding:
    expected, outcome = PORT_CHECKS[check](node, port)
    return Finding(f"{port['id']}/{check}", node.name, check, word.subject(port), expected, outcome, port["documented"])


def _of_table(node: Node) -> Finding:
    outcome = _no_firewall(node) or _check_firewall.table(node.firewall)
    return Finding("policy/firewall", node.name, "firewall", "policy", "The policy is in force.", outcome)


def _of_localnet(node: Node) -> Finding:
    outcome = _check_localnet.localnet(node.sysctls, node.firewall, node.wire_probes)
    name, subject = f"{_check_localnet.NAME}/sysctl", _check_localnet.SUBJECT
    return Finding(name, node.name, "sysctl", subject, _check_localnet.EXPECTED, outcome)


def _of_unix_socket(node: Node, entry: Data) -> Finding:
    seen = node.unix_sockets.get(entry["path"], {"error": "Not looked at."})
    if "error" in seen:
        outcome = unknown("medium", seen["error"], fix=word.AS_ROOT)
    else:
        outcome = _check_unix_socket.unix_socket(entry, seen)
    name, expected = f"{entry['id']}/unix_socket", _check_unix_socket.expected(entry)
    return Finding(name, node.name, "unix_socket", entry["path"], expected, outcome, entry["documented"])


def _blind(node: Node) -> Outcome | None:
    return unknown("medium", node.blind, fix=word.AS_ROOT) if node.blind else None


def _no_firewall(node: Node) -> Outcome | None:
    return unknown("medium", node.firewall["error"], fix=word.AS_ROOT) if "error" in node.firewall else None
