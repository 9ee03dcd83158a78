# Copyright: (c) 2026, ck8s.ports contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A policy as rich rules of firewalld. Pure; private to the collection.

Rich rules have no comments and no names. Ours are known by their priority, in a range that firewalld's own rules and
those of its tools leave alone; the priority is also their order (firewalld.richlanguage(5)). They are written as
firewalld prints them, so that texts can be compared.
"""

from __future__ import annotations

import re
from typing import Iterable, Iterator

from ansible_collections.ck8s.ports.plugins.module_utils._firewall import FirewallError
from ansible_collections.ck8s.ports.plugins.module_utils._policy import ENFORCE, PORTS, Policy

FIRST_PRIORITY = -28000
BAND = 1000
BANDS = 8
"""Our rules are in one of eight bands of a thousand priorities; new ones go to a band that is free."""

GUARD = "loopback-guard"
_PRIORITY = re.compile(r'^rule priority="(-?[0-9]+)" ')
_REFUSES = re.compile(r" (?:drop|reject)\b")
_PORT = re.compile(r' port port="([0-9]+)(?:-([0-9]+))?"')


def priority(rule: str) -> int:
    """Return the priority of a rich rule; 0 is the default."""
    match = _PRIORITY.match(rule)
    return int(match.group(1)) if match else 0


def is_ours(rule: str) -> bool:
    """Return whether the priority is in our range."""
    return FIRST_PRIORITY <= priority(rule) < FIRST_PRIORITY + BANDS * BAND


def in_order(rules: Iterable[str]) -> list[str]:
    """Return those of ``rules`` that are ours, in their order."""
    return sorted(filter(is_ours, rules), key=priority)


def without_priority(rule: str) -> str:
    """Return what a rule does, wherever it stands."""
    return _PRIORITY.sub("rule ", rule)


def with_priorities(rules: list[str], band: int) -> list[str]:
    """Return ``rules``, which have no priority, in their order in ``band``."""
    first = FIRST_PRIORITY + band * BAND
    return [f'rule priority="{first + n}" {rule[len("rule ") :]}' for n, rule in enumerate(rules)]


def free_band(rules: Iterable[str]) -> int:
    """Return the first band that none of ``rules`` is in. Raises :class:`FirewallError` where all are taken."""
    taken = {(priority(rule) - FIRST_PRIORITY) // BAND for rule in rules if is_ours(rule)}
    free = [band for band in range(BANDS) if band not in taken]
    if not free:
        raise FirewallError(
            f"rich rules have the priorities {FIRST_PRIORITY} to {FIRST_PRIORITY + BANDS * BAND - 1} in firewalld, "
            "which this collection keeps for its own; remove those that are not (firewall-cmd --list-rich-rules)"
        )
    return free[0]


def refuse_what_firewalld_cannot(policy: Policy) -> None:
    """Raise :class:`FirewallError` for what has no rule in firewalld, with the reason and what to do."""
    way_out = "; use backend: nftables, and open the same ports in firewalld (nothing was changed)"
    if policy.enforcement != PORTS:
        raise FirewallError(
            f"enforcement {policy.enforcement} is not possible with firewalld: what a zone does with the rest is its "
            "target, which is the administrator's. Use enforcement: ports; the zones of firewalld reject the rest "
            "unless their target is ACCEPT (nothing was changed)"
        )
    if policy.mode != ENFORCE:
        raise FirewallError(f"firewalld has no rules that only count: mode {policy.mode}{way_out}")
    for rule in policy.rules:
        if rule.interfaces:
            raise FirewallError(f"rules for interfaces are not made for firewalld (rule {rule.id}){way_out}")
    if sum(1 for _unused in _rules(policy)) > BAND:
        raise FirewallError(f"more than {BAND} rich rules in a zone: too many for firewalld{way_out}")


def rules_of(policy: Policy) -> list[tuple[str, str]]:
    """Return id and text, without priority, of each rule of ``policy``.

    What is established and what comes in on lo passes before them (firewalld's chain filter_INPUT); the guard has to be
    one of them (see _nft_render for what it is for). A rich rule has one source and one port.
    """
    return list(dict.fromkeys(_rules(policy)))


def _rules(policy: Policy) -> Iterator[tuple[str, str]]:
    yield GUARD, 'rule family="ipv4" destination address="127.0.0.0/8" drop'
    for rule in policy.rules:
        for source in _sources(policy, rule.sources):
            for port in rule.ports:
                yield rule.id, f'rule {source}port port="{port}" protocol="{rule.protocol}" {rule.verdict}'


def _sources(policy: Policy, names: tuple[str, ...] | None) -> Iterator[str]:
    if names is None:
        yield ""
        return
    for name in names:
        for family in ("ipv4", "ipv6"):
            for network in getattr(policy.sets[name], family):
                yield f'family="{family}" source address="{network}" '


def overruled(rules: Iterable[str], policy: Policy) -> list[str]:
    """Return those of ``rules`` that are of others, refuse, come after ours, and concern ports that we open."""
    opened = {port for rule in policy.rules if rule.verdict == "accept" for port in rule.ports}
    found = []
    for rule in rules:
        port = _PORT.search(rule)
        concerns = port is None or any(
            int(port.group(1)) <= each <= int(port.group(2) or port.group(1)) for each in opened
        )
        if opened and concerns and not is_ours(rule) and priority(rule) > FIRST_PRIORITY and _REFUSES.search(rule):
            found.append(rule)
    return found
