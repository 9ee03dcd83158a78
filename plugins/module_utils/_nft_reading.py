# Copyright: (c) 2026, ck8s.ports contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Our table, as nft prints it, read back as a policy. Pure; private to the collection.

It tells what the rules in force do with a packet, which is asked of a policy elsewhere (:mod:`_verdict`). Whether they
are the wanted ones is not for this to say: that is compared as text.
"""

from __future__ import annotations

import ipaddress
import re

from ansible_collections.ck8s.ports.plugins.module_utils._nft_audit import REFUSE
from ansible_collections.ck8s.ports.plugins.module_utils._policy import (
    AUDIT,
    BUILT_IN_RULES,
    DEFAULT_DENY,
    ENFORCE,
    PORTS,
    Policy,
    Rule,
    SourceSet,
)

_SET = re.compile(r"^\tset (?P<name>\S+) \{\n(?P<body>.*?)^\t\}$", re.MULTILINE | re.DOTALL)
_ELEMENTS = re.compile(r"elements = \{ (.*?) \}", re.DOTALL)
_CHAIN = re.compile(r"^\tchain input \{\n\t\ttype [^\n]*\n(?P<rules>.*?)^\t\}$", re.MULTILINE | re.DOTALL)
_RULE = re.compile(
    r'(?:iifname "(?P<interface>[^"]+)" )?(?:ip6? saddr @(?P<source>\S+) )?(?P<protocol>tcp|udp|sctp) dport '
    r'(?P<ports>[0-9]+|\{ [0-9, ]+ \}) counter (?P<verdict>accept|drop|goto learn) comment "(?P<id>[^"]+)"'
)
_BUILT_IN = re.compile(r'.* (?P<verdict>accept|drop|goto learn) comment "(?P<id>[^"]+)"')
_REST = "default-deny"


def policy_in_force(listing: str) -> Policy | None:
    """Return the policy that ``listing``, the text of `nft list table`, carries out.

    None where there is none, or a rule or a set in it is none of ours: what it does is not known then.
    """
    chain = _CHAIN.search(listing)
    try:
        sets = {match.group("name"): _networks(match.group("body")) for match in _SET.finditer(listing)}
    except ValueError:
        return None
    if chain is None:
        return None
    rules: list[Rule] = []
    enforcement, mode = PORTS, ENFORCE
    for line in chain.group("rules").splitlines():
        built_in = _BUILT_IN.fullmatch(line.strip())
        if built_in is None:
            return None
        if built_in.group("verdict") == REFUSE:
            mode = AUDIT
        if built_in.group("id") in BUILT_IN_RULES:
            enforcement = DEFAULT_DENY if built_in.group("id") == _REST else enforcement
            continue
        rule = _rule(line.strip(), sets)
        if rule is None:
            return None
        rules.append(rule)
    return Policy(enforcement=enforcement, sets=sets, rules=tuple(rules), mode=mode)


def _rule(text: str, sets: dict[str, SourceSet]) -> Rule | None:
    match = _RULE.fullmatch(text)
    if match is None or match.group("source") not in (None, *sets):
        return None
    return Rule(
        id=match.group("id"),
        protocol=match.group("protocol"),
        ports=tuple(int(port) for port in match.group("ports").strip("{ }").split(", ")),
        verdict="accept" if match.group("verdict") == "accept" else "drop",
        sources=None if match.group("source") is None else (match.group("source"),),
        interfaces=None if match.group("interface") is None else (match.group("interface"),),
    )


def _networks(body: str) -> SourceSet:
    """The networks of a set; raises ValueError for what is no network, such as a range."""
    elements = _ELEMENTS.search(body)
    if elements is None or "flags dynamic" in body:
        return SourceSet((), ())
    networks = [ipaddress.ip_network(element) for element in re.split(r",\s+", elements.group(1))]
    return SourceSet(
        ipv4=tuple(ipaddress.collapse_addresses(n for n in networks if isinstance(n, ipaddress.IPv4Network))),
        ipv6=tuple(ipaddress.collapse_addresses(n for n in networks if isinstance(n, ipaddress.IPv6Network))),
    )
