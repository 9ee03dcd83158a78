# Copyright: (c) 2026, ck8s.ports contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who tries which ports of whom. Private to the collection. Pure functions.

C(ring): each node tries the next few nodes in the order of their names, so that the number of probes grows with the
number of nodes and not with its square. C(all): each node tries every other. C(outsiders): each host outside the
cluster tries every node. C(from_controller): the controller tries every node.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ansible_collections.ck8s.ports.plugins.plugin_utils._errors import InputError

PLANS = ("ring", "all", "from_controller", "outsiders")


def plan(
    hostvars: Mapping[str, Any],
    nodes: list[str],
    outsiders: list[str],
    kinds: list[str],
    neighbours: int,
    *,
    localnet: bool = False,
) -> dict[str, Any]:
    """Who tries whom, by the plans C(kinds), some of C(PLANS); C(neighbours) is the number of others in the ring.

    With C(localnet), whoever tries a node also tries its localhost ports through the wire, apart from the controller.

    The result has C(tries), the names of the nodes that a host tries, by its name; C(controller), those that the
    controller tries; C(probes), the number of probes of each plan; C(count), the sum of these; and C(announcement), a
    sentence for people. A host that tries nobody is not in C(tries). Raises InputError for a plan that there is not.
    """
    strange = [kind for kind in kinds if kind not in PLANS]
    if strange:
        raise InputError(
            [f"node_verify_plan: '{kind}' is no plan; give some of {', '.join(PLANS)}" for kind in strange]
        )
    ordered = sorted(set(nodes))
    reach = len(ordered) - 1 if "all" in kinds else min(neighbours, len(ordered) - 1) if "ring" in kinds else 0
    # Written twice, so that the ring goes round without a copy for each node.
    twice = ordered * 2
    others = {name: twice[place + 1 : place + 1 + reach] for place, name in enumerate(ordered)} if reach > 0 else {}
    strangers = dict.fromkeys(outsiders, ordered) if "outsiders" in kinds else {}
    controller = ordered if "from_controller" in kinds else []
    ports = {name: _count(hostvars[name]) for name in ordered}
    probes = {
        "all" if "all" in kinds else "ring": sum(ports[name] for names in others.values() for name in names),
        "outsiders": len(strangers) * sum(ports.values()),
        "from_controller": sum(ports[name] for name in controller),
    }
    probes = {kind: number for kind, number in probes.items() if kind in kinds}
    if localnet:
        ports = {name: len(localnet_targets(hostvars, [name])) for name in ordered}
        probes["localnet"] = sum(ports[name] for names in [*others.values(), *strangers.values()] for name in names)
    count = sum(probes.values())
    parts = ", ".join(f"{kind} {number}" for kind, number in probes.items())
    return {
        "tries": {**others, **strangers},
        "controller": controller,
        "probes": probes,
        "count": count,
        "announcement": f"{count} probes of {len(ordered)} nodes{f' ({parts})' if parts else ''}.",
    }


def _count(variables: Mapping[str, Any]) -> int:
    """How many targets a node has; see targets."""
    if not _has_profile(variables):
        return 0
    profile = variables["node_profile_result"]["profile"]
    return len(profile["addresses"]) * len(profile["ports"])


def targets(hostvars: Mapping[str, Any], names: list[str]) -> list[dict[str, Any]]:
    """What to try on the nodes C(names): every expected port on every address of each.

    C(hostvars) is Ansible's; a node without C(node_profile_result) in it (its profile failed) is left out. Each target
    has C(host), C(port), C(protocol) and a C(label), "NAME ID", by which the result is found again.
    """
    profiles = {name: hostvars[name]["node_profile_result"] for name in names if _has_profile(hostvars[name])}
    return [
        {"host": address, "port": port["port"], "protocol": port["protocol"], "label": f"{name} {port['id']}"}
        for name, result in profiles.items()
        for address in result["profile"]["addresses"]
        for port in result["profile"]["ports"]
    ]


def localnet_targets(hostvars: Mapping[str, Any], names: list[str]) -> list[dict[str, Any]]:
    """What to try through the wire on the nodes C(names): localhost's TCP ports, by each IPv4 address. See targets."""
    profiles = {name: hostvars[name]["node_profile_result"] for name in names if _has_profile(hostvars[name])}
    return [
        {"host": address, "port": port["port"], "label": f"{name} {port['id']}"}
        for name, result in profiles.items()
        for address in result["profile"]["addresses"]
        if ":" not in address
        for port in result["profile"]["ports"]
        if port["protocol"] == "tcp" and port["scope"] == "localhost"
    ]


def missing_listeners(profile: dict[str, Any], sockets: dict[str, Any]) -> list[dict[str, Any]]:
    """Where the expected ports of C(profile) on which nothing listens should listen, for temporary_listeners.

    C(sockets) is that part of what port_evidence returned; where it is not known what listens, nothing is missing.
    """
    if "sockets" not in sockets:
        return []
    held = {(socket["protocol"], socket["port"]) for socket in sockets["sockets"]}
    addresses = {"loopback": ["127.0.0.1", "::1"], "any": ["::"]}
    return [
        {"protocol": port["protocol"], "address": address, "port": port["port"]}
        for port in profile["ports"]
        if (port["protocol"], port["port"]) not in held
        for address in addresses.get(port["binding"], profile["addresses"])
    ]


UNANSWERED = ("silent", "refused", "unknown")
"""What a probe can meet of which the target's counters tell more."""


def recounts(hostvars: Mapping[str, Any], probers: list[str]) -> dict[str, list[dict[str, Any]]]:
    """On which nodes to look again after the probes, and for which flows, by the node's name.

    These are the nodes of which the counters tell more than the results that C(probers) have registered in C(hostvars);
    the flows are those of the datagrams.
    """
    results = [result for name in probers for result in _results(hostvars[name], "__node_verify_probes")]
    # A task that runs once is registered on every host.
    results += _results(hostvars[probers[0]], "__node_verify_controller_probes") if probers else []
    wanted: dict[str, list[dict[str, Any]]] = {}
    for result in results:
        if result["status"] in UNANSWERED:
            flows = wanted.setdefault(result["label"].split(" ")[0], [])
            if result["sent"]:
                flows.append({name: result[name] for name in ("protocol", "source", "source_port", "host", "port")})
    return wanted


def _results(variables: Mapping[str, Any], name: str) -> list[dict[str, Any]]:
    return list((variables.get(name) or {}).get("results", []))


def _has_profile(variables: Mapping[str, Any]) -> bool:
    return "profile" in variables.get("node_profile_result", {})


def claim_questions(profile: dict[str, Any]) -> list[dict[str, Any]]:
    """What to ask on a node itself, without credentials: each expected TCP port that claims something of an answer.

    Each question has C(port), C(path), C(tls) (whether TLS is claimed) and C(label), the id of the port.
    """
    return [
        {
            "port": port["port"],
            "path": port["claims"].get("anonymous", {}).get("path", "/"),
            "tls": port["claims"]["tls"],
            "label": port["id"],
        }
        for port in profile["ports"]
        if port["protocol"] == "tcp" and (port["claims"].get("tls") or "anonymous" in port["claims"])
    ]
