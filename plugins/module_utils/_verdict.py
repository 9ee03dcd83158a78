# Copyright: (c) 2026, ck8s.ports contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a policy does with a new packet, and which rule decides. Private to the collection.

The one place that says so: the controller asks it what a probe should have met, the node what a change would mean for
its connections. Pure, standard library only.
"""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from typing import Sequence, Union

from ansible_collections.ck8s.ports.plugins.module_utils._policy import DEFAULT_DENY, Policy, Rule

ACCEPT, DROP, NONE = "accept", "drop", "none"
"""What a policy does with a packet. None: no rule is about it, so it is left as it is."""

THE_REST = "default-deny"
"""The built-in rule that drops what no other is about, with the enforcement ``default_deny``."""

LOOPBACK = "loopback"
"""The built-in rule that lets everything in that comes in on lo."""

_Address = Union[ipaddress.IPv4Address, ipaddress.IPv6Address]
_Network = Union[ipaddress.IPv4Network, ipaddress.IPv6Network]


@dataclass(frozen=True)
class Decision:
    """What happens to a packet, and why.

    ``rule`` is the id of the rule that decides, a built-in one included, and ``index`` its place among the rules of the
    policy; both are None where no rule does, ``index`` also for a built-in rule.
    """

    verdict: str
    rule: str | None = None
    index: int | None = None


def decide(policy: Policy, protocol: str, port: int, source: str, interface: str | None = None) -> Decision:
    """Return what ``policy`` does with the first packet of a connection to ``port`` of this host.

    ``source`` is the address that the packet carries, ``interface`` what it comes in on. Where that is not known
    (None) the source alone decides: a pod's address is taken for a pod's packet. Packets from a loopback address come
    in on lo: the kernel takes them from nowhere else. Raises ValueError for a source that is no address.
    """
    # A scope id (fe80::1%eth0) is no part of what the packet carries.
    address = ipaddress.ip_address(source.partition("%")[0])
    if interface == "lo" or address.is_loopback:
        return Decision(ACCEPT, LOOPBACK)
    for index, rule in enumerate(policy.rules):
        if rule.protocol != protocol or port not in rule.ports:
            continue
        if _is_from(policy, rule, address) and _is_on(rule, interface):
            return Decision(rule.verdict, rule.id, index)
    return Decision(DROP, THE_REST) if policy.enforcement == DEFAULT_DENY else Decision(NONE)


def _is_on(rule: Rule, interface: str | None) -> bool:
    if rule.interfaces is None or interface is None:
        return True
    return any(interface.startswith(name[:-1]) if name.endswith("*") else interface == name for name in rule.interfaces)


def may_drop(policy: Policy, protocol: str, port: int) -> bool:
    """Return whether ``policy`` drops the packets of anyone to ``port``."""
    for rule in policy.rules:
        if rule.protocol == protocol and port in rule.ports:
            if rule.verdict == DROP:
                return True
            if rule.sources is None and rule.interfaces is None:
                return False
    return policy.enforcement == DEFAULT_DENY


def _is_from(policy: Policy, rule: Rule, address: _Address) -> bool:
    if rule.sources is None:
        return True
    family = "ipv4" if address.version == 4 else "ipv6"
    return any(_contains(getattr(policy.sets[name], family), address) for name in rule.sources)


def _contains(networks: Sequence[_Network], address: _Address) -> bool:
    """Whether one of the networks, which are sorted and do not overlap, has the address; it is asked for thousands."""
    # By hand: bisect cannot compare a network with an address, and a network made of the address costs more than this.
    first, end = 0, len(networks)
    while first < end:
        middle = (first + end) // 2
        if networks[middle].network_address <= address:  # type: ignore[operator]
            first = middle + 1
        else:
            end = middle
    # The one before has the address, too, or none has; the others begin behind it.
    return first > 0 and address in networks[first - 1]
