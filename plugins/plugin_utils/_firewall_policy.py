# Copyright: (c) 2026, ck8s.ports contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""From expected ports to a firewall policy. Private to the collection.

A policy is backend-neutral data (see module_utils/_policy.py for its contract and validation, module_utils/_verdict.py
for what it does with a packet). Pure functions.
"""

from __future__ import annotations

import ipaddress
from typing import Any

from ansible_collections.ck8s.ports.plugins.plugin_utils import _catalogue
from ansible_collections.ck8s.ports.plugins.plugin_utils._errors import InputError


def policy(
    profile: dict[str, Any],
    sources: dict[str, list[str]] | None = None,
    control_planes: int = 1,
    companions: list[str] | None = None,
) -> dict[str, Any]:
    """The policy with enforcement C(ports) for a node with this C(profile).

    C(sources) maps the id of an external port to the CIDRs that may connect; a port without sources is open to all, as
    documented. C(control_planes) is the number of control-plane nodes in the inventory; where the node itself knows of
    more, that counts. C(companions) are the ids of companions to open, too. Localhost ports are closed to every
    interface but lo. Raises InputError for bad C(sources) or C(companions), and for a policy that would break that
    cluster.
    """
    sources = sources or {}
    control_planes = max(control_planes, len(profile.get("control_plane_addresses", [])))
    companions = list(dict.fromkeys(companions or []))
    faults = _check_companions(companions) + _check_sources(profile, sources, companions)
    faults += _conflicts(profile, control_planes)
    if faults:
        raise InputError(faults)
    rules: list[dict[str, Any]] = []
    for port in profile["ports"]:
        if port["scope"] == "localhost":
            rules.append({**_rule(port["id"], port["protocol"], port["port"]), "verdict": "drop"})
        else:
            rules += _opened(port["id"], port["protocol"], port["port"], sources)
    for entry in _openable():
        if entry["id"] in companions:
            for protocol in entry["protocols"]:
                rules += _opened(entry["id"], protocol, entry["port"], sources)
    names = [*(port["id"] for port in profile["ports"]), *companions]
    return {
        "enforcement": "ports",
        "sets": {name: sources[name] for name in names if name in sources},
        "rules": rules,
    }


def _opened(name: str, protocol: str, port: int, sources: dict[str, list[str]]) -> list[dict[str, Any]]:
    rule = _rule(name, protocol, port)
    if name in sources:
        return [{**rule, "verdict": "accept", "sources": [name]}, {**rule, "verdict": "drop"}]
    return [{**rule, "verdict": "accept"}]


def _rule(name: str, protocol: str, port: int) -> dict[str, Any]:
    return {"id": name, "protocol": protocol, "ports": [port]}


def _openable() -> list[dict[str, Any]]:
    """The companions that a rule can name: those with one port that others have a reason to connect to."""
    return [entry for entry in _catalogue.companions() if "port" in entry and entry["exposure"] == "external"]


def _check_companions(companions: list[str]) -> list[str]:
    known = [entry["id"] for entry in _openable()]
    return [
        f"node_firewall_companions: '{name}' is no companion that can be opened; known are {', '.join(known)}"
        for name in companions
        if name not in known
    ]


def _check_sources(profile: dict[str, Any], sources: dict[str, list[str]], companions: list[str]) -> list[str]:
    external = [*(port["id"] for port in profile["ports"] if port["scope"] == "external"), *companions]
    known = {entry["id"] for entry in _catalogue.load(profile["edition"])["ports"]}
    known |= {port["id"] for port in profile["ports"]} | set(companions)
    closed = {entry["id"] for entry in _openable()} - known
    localhost = {port["id"] for port in profile["ports"] if port["scope"] == "localhost"}
    faults = []
    for name, cidrs in sources.items():
        place = f"node_firewall_sources: entry '{name}'"
        if name in closed:
            faults.append(
                f"{place}: the companion is not opened; add it to node_firewall_companions, or remove the entry"
            )
        elif name not in known:
            faults.append(f"{place}: no such port; known external ports are {', '.join(external)}")
        elif name in localhost:
            faults.append(
                f"{place}: the port is documented as localhost and closed to every source; remove the entry, or set "
                f"node_profile_overrides: {{{name}: {{scope: external}}}}"
            )
        faults += [f"{place}: {fault}" for fault in _check_cidrs(cidrs)]
    return faults


def _check_cidrs(cidrs: Any) -> list[str]:
    if not isinstance(cidrs, list) or not cidrs:
        return [f"{cidrs!r} is not a list of CIDRs with at least one; to open the port to all, remove the entry"]
    faults = []
    for cidr in cidrs:
        try:
            ipaddress.ip_network(cidr if isinstance(cidr, str) else "")
        except ValueError:
            try:
                right = ipaddress.ip_network(str(cidr), strict=False)
                faults.append(f"'{cidr}' has host bits set; the network is {right}")
            except ValueError:
                faults.append(f"'{cidr}' is not a CIDR; give one such as 10.0.0.0/8 or fd00::/64")
    return faults


def _conflicts(profile: dict[str, Any], control_planes: int) -> list[str]:
    """Known cases in which a firewall that follows the page breaks the cluster (catalogue notes with C(breaks))."""
    if control_planes < 2:
        return []
    return [
        f"refused: {port['id']} ({port['port']}/{port['protocol']}) would be closed to other nodes, and "
        f"the cluster has {control_planes} control-plane nodes. {note['text']} Set {_ways_out(port, note)}"
        for port in profile["ports"]
        for note in _breaking(port)
    ]


def _breaking(port: dict[str, Any]) -> list[dict[str, Any]]:
    """The notes on a cluster that breaks when the port's scope is what it is."""
    return [note for note in port["notes"] if note.get("breaks", {}).get("when_scope") == port["scope"]]


def _ways_out(port: dict[str, Any], note: dict[str, Any] | None) -> str:
    """The variables that open a localhost port, the edition that corrects the page first."""
    corrected = note.get("corrected_in") if note else None
    edition = f"node_profile_edition: {corrected}, or " if corrected in _catalogue.editions() else ""
    return f"{edition}node_profile_overrides: {{{port['id']}: {{scope: external}}}}"


def explanations(profile: dict[str, Any], made: dict[str, Any]) -> dict[str, str]:
    """Why the policy C(made) for C(profile) refuses someone, and how to have them let in, by the id of the port.

    For whoever is about to be refused and should not be.
    """
    closed = {rule["id"] for rule in made["rules"] if rule["verdict"] == "drop"}
    return {port["id"]: _explanation(port, profile["edition"]) for port in profile["ports"] if port["id"] in closed}


def _explanation(port: dict[str, Any], edition: str) -> str:
    if port["scope"] == "external":
        name = port["id"]
        return f"Only its sources may connect. To let others in, add them to node_firewall_sources: {{{name}: [...]}}."
    note = next(iter(_breaking(port)), None)
    text = f" {note['text']}" if note else ""
    return f"It is localhost only (edition {edition}).{text} To open it, set {_ways_out(port, note)}."
