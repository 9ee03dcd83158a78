# Copyright: (c) 2026, ck8s.ports contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""From what the role node_verify has registered on each host to what the judgement takes. Private to the collection.

Pure functions over plain data. What could not be looked at is C({"error": reason}), whether port_evidence says so of a
part, or its task failed altogether.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Sequence
from typing import Any

from ansible_collections.ck8s.ports.plugins.plugin_utils import _counters
from ansible_collections.ck8s.ports.plugins.plugin_utils._node import Node

Data = dict[str, Any]

PROFILE = "node_profile_result"
POLICY = "node_firewall_policy"
EVIDENCE = "__node_verify_evidence"
PROBES = "__node_verify_probes"
CONTROLLER_PROBES = "__node_verify_controller_probes"
LOCALNET = "__node_verify_localnet"
COUNTERS = "__node_verify_counters"
TEMPORARY = "__node_verify_temporary"
TEMPORARY_END = "__node_verify_temporary_end"
VARIABLES = (PROFILE, POLICY, EVIDENCE, PROBES, LOCALNET, COUNTERS, TEMPORARY, TEMPORARY_END)

CONTROLLER = "the controller"
"""The prober of what was tried from where Ansible runs."""

_RULE_COMMENT = re.compile(r' comment "([^"]*)"$')


def reason_unreached(facts: Data) -> str | None:
    """Why the host with these registered C(facts) could not be looked at; None where it was."""
    for name in (PROFILE, POLICY, EVIDENCE):
        result = facts.get(name)
        if result is None:
            return "It failed or was unreachable before it could be looked at."
        if result.get("unreachable"):
            return f"Unreachable: {str(result.get('msg', 'no reason given')).rstrip('.')}."
    return None


def node(
    name: str,
    facts: Data,
    probes: list[Data],
    allow: list[Data],
    companions: Sequence[Data] = (),
    *,
    wire_probes: Sequence[Data] = (),
) -> Node:
    """The node C(name) with its registered C(facts), and what others have tried on it.

    C(probes) and C(wire_probes) are those of probes_by_node and wire_probes_by_node.
    """
    evidence = facts[EVIDENCE]
    profile = facts[PROFILE]["profile"]
    firewall = _firewall(_part(evidence, "firewall"))
    counters = facts.get(COUNTERS) or {}
    return Node(
        name=name,
        profile=profile,
        policy=facts[POLICY]["policy"],
        sockets=_part(evidence, "sockets"),
        firewall=firewall,
        unix_sockets=_unix_sockets(_part(evidence, "unix_sockets"), profile["unix_sockets"]),
        sysctls=_part(evidence, "sysctls"),
        probes=_with_tracking(probes, counters),
        wire_probes=list(wire_probes),
        counts=_counters.difference(firewall, _counted(counters)),
        temporary=_temporary(facts.get(TEMPORARY) or {}, facts.get(TEMPORARY_END) or {}),
        answers=_part(evidence, "claims").get("results", []),
        allow=allow,
        companions=companions,
    )


def wire_probes_by_node(facts_by_host: dict[str, Data]) -> dict[str, list[Data]]:
    """What every host tried on 127.0.0.1 of others through the wire, ordered by the node it was tried on."""
    return _by_node({prober: facts.get(LOCALNET) or {} for prober, facts in facts_by_host.items()})


def probes_by_node(facts_by_host: dict[str, Data], controller: Data | None = None) -> dict[str, list[Data]]:
    """What every host tried, ordered by the node it was tried on; each with its C(prober) and the C(id) of the port.

    C(controller) is what was registered of the probes from the controller, None without any.
    """
    tried = {prober: facts.get(PROBES) or {} for prober, facts in facts_by_host.items()}
    return _by_node({**tried, CONTROLLER: controller or {}})


def _by_node(registered_by_prober: dict[str, Data]) -> dict[str, list[Data]]:
    probes: dict[str, list[Data]] = defaultdict(list)
    for prober, registered in registered_by_prober.items():
        for result in registered.get("results", []):
            name, port_id = result["label"].split(" ")
            probes[name].append({**result, "prober": prober, "id": port_id})
    return probes


def _counted(counters: Data) -> Data:
    """What was registered of port_counters: its result, or C({"error": reason})."""
    return counters if "rules" in counters else {"error": counters.get("msg", "The counters were not read again.")}


def _temporary(begin: Data, end: Data) -> list[Data]:
    """The listeners that were there for the probes: C(lived) says whether until their end, C(detail) why not."""
    clients = {_place(listener): listener["clients"] for listener in end.get("results", [])}
    return [
        {
            **listener,
            "lived": _place(listener) in clients,
            "clients": clients.get(_place(listener), 0),
            "detail": listener["detail"] or "it ended before the probes did",
        }
        for listener in begin.get("results", [])
    ]


def _place(listener: Data) -> tuple[Any, ...]:
    return tuple(listener[name] for name in ("protocol", "address", "port"))


def _with_tracking(probes: list[Data], counters: Data) -> list[Data]:
    """C(probes), each with C(tracked): whether the node's connection tracking has its flow, None where nobody knows."""
    known = {_flow(flow): flow["tracked"] for flow in counters.get("flows", [])}
    return [{**probe, "tracked": known.get(_flow(probe))} for probe in probes]


def _flow(thing: Data) -> tuple[Any, ...]:
    return tuple(thing.get(name) for name in ("protocol", "source", "source_port", "host", "port"))


def _part(evidence: Data, name: str) -> Data:
    """One part of what port_evidence returned: its data, or C({"error": reason})."""
    seen = evidence.get(name)
    if seen is None:
        return {"error": f"Could not be looked at: {evidence.get('msg', 'the task did not run')}"}
    if "error" in seen:
        return {"error": f"Could not be looked at: {seen['error']}"}
    return dict(seen)


def _firewall(result: Data) -> Data:
    if "error" in result:
        return result
    before, after = (result["diff"][key].splitlines() for key in ("before", "after"))
    wanted = [{"id": match.group(1), "text": line.strip()} for line in after if (match := _RULE_COMMENT.search(line))]
    difference = [f"only on the node: {line.strip()}" for line in before if line not in after]
    difference += [f"only in the policy: {line.strip()}" for line in after if line not in before]
    return {
        "live": result["live"],
        # Not what the task says of itself: it runs in check mode and is told never to count as a change.
        "changed": before != after,
        "wanted": {"rules": wanted},
        "difference": difference,
    }


def _unix_sockets(seen: Data, expected: list[Data]) -> Data:
    """What each of the C(expected) ones is, by its path."""
    return {entry["path"]: seen for entry in expected} if "error" in seen else seen
