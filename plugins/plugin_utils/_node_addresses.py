# Copyright: (c) 2026, ck8s.ports contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The addresses of all nodes of the inventory, as far as they are known. Private to the collection. Pure functions.

All nodes, not those of a run: a host that C(--limit) leaves out is part of the cluster all the same. No name is looked
up: what a name means to the controller today need not be the address that the other nodes see.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from typing import Any

Data = dict[str, Any]

SET_IT = "set node_profile_addresses for it"


def node_addresses(
    hostvars: Mapping[str, Any], control_planes: list[str], workers: list[str], detect: bool = False
) -> Data:
    """C(known) and C(unknown), each with C(control_plane) and C(worker): names to addresses, and names to reasons.

    C(hostvars) is Ansible's; C(detect) is node_profile_detect of hosts that do not have it among their variables. A
    node's addresses are, as in the role node_profile, those of node_profile_addresses, those that it has shown of
    itself in this run, or the address by which Ansible connects; never two nodes have one address.
    """
    known: dict[str, dict[str, list[str]]] = {"control_plane": {}, "worker": {}}
    unknown: dict[str, dict[str, str]] = {"control_plane": {}, "worker": {}}
    owners: dict[str, str] = {}
    for name in dict.fromkeys([*control_planes, *workers]):
        role = "control_plane" if name in control_planes else "worker"
        addresses, reason = _addresses(name, hostvars[name], detect)
        for address in addresses:
            owner = owners.setdefault(address, name)
            if owner != name:
                reason = f"{address} is also the address of {owner}; {SET_IT}"
        if reason:
            unknown[role][name] = reason
        else:
            known[role][name] = addresses
    return {"known": known, "unknown": unknown}


def _addresses(name: str, variables: Mapping[str, Any], detect: bool) -> tuple[list[str], str]:
    """The addresses of one node, in canonical notation, and "", or why they are not known."""
    given = variables.get("node_profile_addresses") or _settled(variables)
    if given:
        wrong = next((str(address) for address in given if not _is_usable(address)), None)
        if wrong is None:
            return [str(ipaddress.ip_address(address)) for address in given], ""
        return [], f"node_profile_addresses: '{wrong}' is not an address that other nodes can see; give its own ones"
    if variables.get("node_profile_detect", detect):
        return [], f"the node has not been asked in this run, which it has to be for node_profile_detect; {SET_IT}"
    host = str(variables.get("ansible_host") or name)
    if _is_usable(host):
        return [str(ipaddress.ip_address(host))], ""
    facts = _of_facts(variables.get("ansible_facts") or {})
    if facts:
        return facts, ""
    named = "ansible_host is" if variables.get("ansible_host") else "it has no ansible_host, and its name is"
    return [], f"{named} '{host}', which is not an address that other nodes can see, and no name is looked up; {SET_IT}"


def _settled(variables: Mapping[str, Any]) -> list[str]:
    """What the role node_profile has settled for the node in this run."""
    result = variables.get("node_profile_result") or {}
    addresses: list[str] = result.get("profile", {}).get("addresses", [])
    return addresses


def _of_facts(facts: Mapping[str, Any]) -> list[str]:
    routes = (facts.get(f"default_{family}") or {} for family in ("ipv4", "ipv6"))
    return [str(ipaddress.ip_address(route["address"])) for route in routes if _is_usable(route.get("address"))]


def _is_usable(value: Any) -> bool:
    """Whether C(value) is an address that another host can see: neither loopback nor of one link alone."""
    try:
        address = ipaddress.ip_address(value)
    except ValueError:
        return False
    return isinstance(value, str) and not (address.is_loopback or address.is_link_local or address.is_unspecified)
