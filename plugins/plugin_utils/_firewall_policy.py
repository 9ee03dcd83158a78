# Copyright: (c) 2026, ck8s.ports contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""From expected ports to a firewall policy. Private to the collection.

A policy is backend-neutral data (see module_utils/_policy.py for its contract and validation, module_utils/_verdict.py
for what it does with a packet). Pure functions.
"""

from __future__ import annotations

import re
from typing import Any

from ansible_collections.ck8s.ports.plugins.module_utils._policy import DEFAULT_DENY, ENFORCEMENTS, MODES
from ansible_collections.ck8s.ports.plugins.module_utils._verdict import THE_REST
from ansible_collections.ck8s.ports.plugins.plugin_utils import _catalogue
from ansible_collections.ck8s.ports.plugins.plugin_utils._audiences import (
    ANYONE,
    NOBODY,
    Access,
    Audiences,
    check_cidrs,
    check_sources,
)
from ansible_collections.ck8s.ports.plugins.plugin_utils._errors import InputError

Data = dict[str, Any]

LEAST_PRIVILEGE = "least_privilege"
EXPOSURES = ("documented", LEAST_PRIVILEGE)
"""Who may connect to an external port that no sources are named for: anyone, or whom the catalogue has a reason for."""

SSH = "ssh"
DHCP = "dhcp-client"
LINK_LOCAL = "link_local"

_DEFAULT_ACCESS = Access()
_INTERFACE = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,14}\*?")


def policy(
    profile: Data,
    sources: dict[str, list[str]] | None = None,
    control_planes: int = 1,
    companions: list[str] | None = None,
    access: Access = _DEFAULT_ACCESS,
) -> Data:
    """The policy for a node with this C(profile).

    C(sources) maps the id of an external port to those who may connect, CIDRs and audiences. A port without sources is
    open to all, or with the exposure C(least_privilege) to its audience in the catalogue; with that, one whose audience
    is nobody is closed whatever its sources. C(control_planes) is the
    number of control-plane nodes in the inventory; where the node itself knows of more, that counts. C(companions) are
    the ids of companions to open, too. C(access) says who is who. Localhost ports are closed to every interface but lo.

    Raises InputError for bad input, for an audience that is not known, for a policy that would break that cluster, and
    for one that closes the port of SSH.
    """
    sources = sources or {}
    control_planes = max(control_planes, len(profile.get("control_plane_addresses", [])))
    companions = list(dict.fromkeys(companions or []))
    faults = _check_companions(companions) + _check_sources(profile, sources, companions) + _check_access(access)
    faults += _conflicts(profile, control_planes)
    if faults:
        raise InputError(faults)
    audiences = Audiences(access, profile)

    def opened(entry: Data, protocol: str) -> list[Data]:
        audience = entry["audience"] if access.exposure == LEAST_PRIVILEGE else [ANYONE]
        # Who is named for the API server is not meant to get at it through the proxy of every worker.
        who = audience if audience == [NOBODY] else sources.get(entry["id"]) or audience
        return audiences.rules(_rule(entry["id"], protocol, entry["port"]), who)

    rules = _host_rules(profile, access, audiences) if access.enforcement == DEFAULT_DENY else []
    for port in profile["ports"]:
        if port["scope"] == "localhost":
            rules.append({**_rule(port["id"], port["protocol"], port["port"]), "verdict": "drop"})
        else:
            rules += opened(port, port["protocol"])
    for entry in _openable():
        if entry["id"] in companions:
            for protocol in entry["protocols"]:
                rules += opened(entry, protocol)
    faults = audiences.faults + _check_ssh(rules, access)
    if faults:
        raise InputError(faults)
    used = {name for rule in rules for name in rule.get("sources", [])}
    sets = {LINK_LOCAL: ["fe80::/10"], **audiences.sets}
    return {
        "enforcement": access.enforcement,
        "mode": access.mode,
        "sets": {name: networks for name, networks in sets.items() if name in used},
        "rules": rules,
    }


def _rule(name: str, protocol: str, port: int) -> Data:
    return {"id": name, "protocol": protocol, "ports": [port]}


def _host_rules(profile: Data, access: Access, audiences: Audiences) -> list[Data]:
    """What a host needs besides Kubernetes, where all is closed that no rule opens: SSH, before all else, and DHCP.

    Who expects SSH as a port of the node (node_profile_extra_ports) has said there who may connect.
    """
    expected = any((port["protocol"], port["port"]) == ("tcp", access.ssh_port) for port in profile["ports"])
    ssh = [] if expected else audiences.rules(_rule(SSH, "tcp", access.ssh_port), access.ssh_sources or [ANYONE])
    return [
        *ssh,
        {**_rule(DHCP, "udp", 68), "verdict": "accept"},
        {**_rule(DHCP, "udp", 546), "verdict": "accept", "sources": [LINK_LOCAL]},
    ]


def _check_ssh(rules: list[Data], access: Access) -> list[str]:
    """The port that Ansible's connection comes in on, as far as the controller can tell, must not be closed."""
    own = (rule for rule in rules if rule["protocol"] == "tcp" and access.ssh_port in rule["ports"])
    first = next(own, None)
    if first is None or first["verdict"] == "accept":
        return []
    return [
        f"refused: {first['id']} would close {access.ssh_port}/tcp, on which Ansible connects (SSH). Give "
        f"{first['id']} its real port in node_profile_overrides, or set node_firewall_ssh_port where SSH is on another "
        "port of the node"
    ]


def _check_access(access: Access) -> list[str]:
    choices = (
        ("exposure", access.exposure, EXPOSURES),
        ("enforcement", access.enforcement, ENFORCEMENTS),
        ("mode", access.mode, MODES),
    )
    faults = [
        f"node_firewall_{name}: '{value}' is not known; give one of {', '.join(known)}"
        for name, value, known in choices
        if value not in known
    ]
    for name in ("node_cidrs", "control_plane_cidrs", "pod_cidrs"):
        faults += [f"node_firewall_{name}: {fault}" for fault in check_cidrs(getattr(access, name))]
    for name in ("monitoring_sources", "ssh_sources"):
        faults += [f"node_firewall_{name}: {fault}" for fault in check_sources(getattr(access, name))]
    faults += [
        f"node_firewall_pod_interfaces: '{name}' is not the name of an interface; give one such as eth0, or lxc* for "
        "all that begin so"
        for name in access.pod_interfaces
        if not isinstance(name, str) or not _INTERFACE.fullmatch(name)
    ]
    if not 1 <= access.ssh_port <= 65535:
        faults.append(f"node_firewall_ssh_port: {access.ssh_port} is not a port; give a number from 1 to 65535")
    return faults


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
        if isinstance(cidrs, list) and not cidrs:
            faults.append(f"{place}: [] is nobody; to open the port as without the entry, remove it")
        faults += [f"{place}: {fault}" for fault in check_sources(cidrs)]
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
    told = {port["id"]: _explanation(port, profile["edition"]) for port in profile["ports"] if port["id"] in closed}
    if made["enforcement"] == DEFAULT_DENY:
        told[THE_REST] = (
            "No rule is about this port. To have it open, name it in node_profile_extra_ports, or in "
            "node_firewall_companions if it is one."
        )
    return told


def _explanation(port: dict[str, Any], edition: str) -> str:
    if port["scope"] == "external":
        name = port["id"]
        return f"Only its sources may connect. To let others in, add them to node_firewall_sources: {{{name}: [...]}}."
    note = next(iter(_breaking(port)), None)
    text = f" {note['text']}" if note else ""
    return f"It is localhost only (edition {edition}).{text} To open it, set {_ways_out(port, note)}."
