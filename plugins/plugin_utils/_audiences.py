# Copyright: (c) 2026, ck8s.ports contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who may connect to a port: from audiences and CIDRs to sets and rules of a policy. Private to the collection.

An audience is a word of the catalogue (C(nodes), C(control_plane), C(pods), C(monitoring)); whom it stands for is the
same for every port of a node, so each becomes one set, however many ports and nodes there are. Pure.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

Data = dict[str, Any]

ANYONE, NOBODY = "anyone", "nobody"
NODES, CONTROL_PLANE, PODS, MONITORING = "nodes", "control_plane", "pods", "monitoring"
WORDS = (NODES, CONTROL_PLANE, PODS, MONITORING)
"""What may stand among CIDRs. The other two stand for no set: C(anyone) is no restriction, C(nobody) no rule."""

POD_INTERFACES = ("lxc*", "cilium_host", "cilium_net")
"""Where packets of pods come in on their own node with Cilium: from its own pods, and from those of other nodes."""


@dataclass(frozen=True)
class Access:
    """The variables of the role node_firewall that say who is who, by their names without the prefix.

    C(addresses) is the result of _node_addresses.node_addresses.
    """

    exposure: str = "documented"
    enforcement: str = "ports"
    mode: str = "enforce"
    node_cidrs: Sequence[str] = ()
    control_plane_cidrs: Sequence[str] = ()
    pod_cidrs: Sequence[str] = ()
    pod_interfaces: Sequence[str] = POD_INTERFACES
    monitoring_sources: Sequence[str] = ()
    ssh_port: int = 22
    ssh_sources: Sequence[str] = ()
    addresses: Mapping[str, Any] = field(default_factory=dict)


class Audiences:
    """Makes rules for audiences, and collects the C(sets) that they use and the C(faults) of those that are unknown."""

    def __init__(self, access: Access, profile: Data) -> None:
        self._access = access
        self._profile = profile
        self.sets: dict[str, list[str]] = {}
        self._faults: dict[str, None] = {}

    @property
    def faults(self) -> list[str]:
        """What is not known of the audiences that rules have been made for, each with the way out."""
        return list(self._faults)

    def rules(self, rule: Data, who: Iterable[str]) -> list[Data]:
        """The rules that let C(who), audiences and CIDRs, connect as C(rule) says, and nobody else.

        C(rule) has all but verdict and sources. CIDRs become a set with its id.
        """
        words, cidrs = self._sorted_out(who)
        if ANYONE in words:
            return [{**rule, "verdict": "accept"}]
        sets = [name for word in words if word != PODS and (name := self._set(word))]
        if cidrs:
            self.sets[rule["id"]] = cidrs
            sets.append(rule["id"])
        accepts = [{**rule, "verdict": "accept", "sources": sets}] if sets else []
        if PODS in words and (pods := self._set(PODS)):
            # A pod's address is believed only where pods are: from the network anyone may claim it.
            interfaces = list(self._access.pod_interfaces)
            accepts.append({**rule, "verdict": "accept", "sources": [pods], "interfaces": interfaces})
        return [*accepts, {**rule, "verdict": "drop"}]

    def _sorted_out(self, who: Iterable[str]) -> tuple[list[str], list[str]]:
        """Words and CIDRs apart; who monitors may be said in both."""
        words: dict[str, None] = {}
        cidrs = []
        for one in who:
            if one == MONITORING:
                words.update(dict.fromkeys(word for word in self._access.monitoring_sources if word in WORDS))
                words[MONITORING] = None
            elif one in WORDS or one == ANYONE:
                words[one] = None
            elif one != NOBODY:
                cidrs.append(one)
        return list(words), cidrs

    def _set(self, word: str) -> str | None:
        """The name of the set of an audience, or None for an empty one; no port's id has an underscore."""
        name = f"from_{word}"
        members = _MEMBERS[word](self)
        if not members:
            return None
        self.sets[name] = members
        return name

    def _nodes(self) -> list[str]:
        # Control planes are nodes, whatever networks are given for the nodes.
        if self._access.node_cidrs:
            return [*dict.fromkeys([*self._access.node_cidrs, *self._control_planes()])]
        workers = self._known_addresses("worker", "node_firewall_node_cidrs")
        return [*dict.fromkeys([*self._control_planes(), *workers])]

    def _control_planes(self) -> list[str]:
        shown = self._profile.get("control_plane_addresses", [])
        given = list(self._access.control_plane_cidrs)
        known = given or self._known_addresses("control_plane", "node_firewall_control_plane_cidrs")
        if not (known or shown or self._of("unknown", "control_plane")):
            self._faults[
                "no control-plane node is known, and every node needs them; put them in the inventory, in the group of "
                "node_profile_control_plane_group, or set node_firewall_control_plane_cidrs"
            ] = None
        return [*dict.fromkeys([*known, *shown])]

    def _known_addresses(self, role: str, otherwise: str) -> list[str]:
        """The addresses of the nodes with a role; one that is not known is a fault, for its packets would be lost."""
        for name, reason in self._of("unknown", role).items():
            self._faults[f"the address of node {name} is not known: {reason}, or {otherwise}"] = None
        return [address for addresses in self._of("known", role).values() for address in addresses]

    def _of(self, kind: str, role: str) -> dict[str, Any]:
        found: dict[str, Any] = self._access.addresses.get(kind, {}).get(role, {})
        return found

    def _pods(self) -> list[str]:
        if not self._access.pod_interfaces:
            return []
        known = list(self._access.pod_cidrs) or list(self._profile.get("pod_cidrs", []))
        if not known:
            self._faults[
                "node_firewall_pod_cidrs: the network of the pods is not known; set it (the snap's default is "
                "10.1.0.0/16), or node_profile_detect: true, or node_firewall_pod_interfaces: [] where no pod may "
                "reach its own node"
            ] = None
        return known

    def _monitoring(self) -> list[str]:
        return [one for one in self._access.monitoring_sources if one not in WORDS]


_MEMBERS = {
    NODES: Audiences._nodes,
    CONTROL_PLANE: Audiences._control_planes,
    PODS: Audiences._pods,
    MONITORING: Audiences._monitoring,
}


def check_sources(values: Any) -> list[str]:
    """What is wrong with a list of CIDRs and audiences."""
    if not isinstance(values, (list, tuple)):
        return [f"{values!r} {_NO_LIST}"]
    return [fault for value in values if value not in WORDS and (fault := _check_cidr(value, _OR_WORDS))]


def check_cidrs(values: Any) -> list[str]:
    """What is wrong with a list of CIDRs."""
    if not isinstance(values, (list, tuple)):
        return [f"{values!r} {_NO_LIST}"]
    return [fault for value in values if (fault := _check_cidr(value, ""))]


_NO_LIST = "is not a list of CIDRs; give one such as [10.0.0.0/8, 'fd00::/64']"
_OR_WORDS = f", or one of {', '.join(WORDS)}"


def _check_cidr(cidr: Any, otherwise: str) -> str | None:
    try:
        ipaddress.ip_network(cidr if isinstance(cidr, str) else "")
    except ValueError:
        try:
            right = ipaddress.ip_network(str(cidr), strict=False)
        except ValueError:
            return f"'{cidr}' is not a CIDR; give one such as 10.0.0.0/8 or fd00::/64{otherwise}"
        return f"'{cidr}' has host bits set; the network is {right}"
    return None
