# Copyright: (c) 2026, ck8s.ports contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A policy as rules of ufw, and the files that ufw keeps them in. Pure; private to the collection.

ufw keeps the rules that users add in user.rules and user6.rules, each as a "tuple" (what `ufw status` shows, with a
comment) and the lines for iptables-restore that it makes of it (ufw 0.36.2, UFWBackendIptables._write_rules). What is
written here is what ufw itself would write, so that ufw reads it, shows it, and can delete it. Ours are marked by their
comment.
"""

from __future__ import annotations

import binascii
import re
from dataclasses import dataclass
from typing import Iterator

from ansible_collections.ck8s.ports.plugins.module_utils._firewall import FirewallError
from ansible_collections.ck8s.ports.plugins.module_utils._policy import ENFORCE, PORTS, Policy

MARK = "ck8s.ports:"
"""Begins the comment of our rules; the id of the policy's rule follows."""

GUARD = "loopback-guard"
_PORTS_PER_RULE = 15
"""Of iptables' multiport match, and so of ufw."""
_PROTOCOLS = ("tcp", "udp")

_BEGIN = "### RULES ###\n"
_BLOCK = re.compile(
    r"\n### tuple ### (?P<action>\S+)(?P<rest>[^\n]*?)(?: comment=(?P<comment>[0-9a-f]*))?\n(?P<lines>(?:-[^\n]*\n)*)"
)


@dataclass(frozen=True)
class Family:
    """What ufw has once for IPv4 and once for IPv6."""

    name: str
    program: str
    chain: str
    file: str
    anywhere: str


FAMILIES = (
    Family("ipv4", "iptables", "ufw-user-input", "user.rules", "0.0.0.0/0"),
    Family("ipv6", "ip6tables", "ufw6-user-input", "user6.rules", "::/0"),
)


@dataclass(frozen=True)
class UfwRule:
    """One rule of ours; ``protocol`` and ``ports`` may be "any"."""

    id: str
    action: str
    protocol: str
    ports: str
    destination: str
    source: str
    interface: str = ""

    def block(self, family: Family) -> str:
        """Return the rule as ufw writes it into its file."""
        comment = binascii.hexlify(f"{MARK}{self.id}".encode("ascii")).decode("ascii")
        where = f"in_{self.interface}" if self.interface else "in"
        return (
            f"\n### tuple ### {self.action} {self.protocol} {self.ports} {self.destination} any {self.source} {where} "
            f"comment={comment}\n-A {family.chain} {' '.join(self._matches(family))}\n"
        )

    def _matches(self, family: Family) -> Iterator[str]:
        several = "," in self.ports
        if self.interface:
            yield f"-i {self.interface}"
        if self.protocol != "any":
            yield f"-p {self.protocol}"
        if several:
            yield f"-m multiport --dports {self.ports}"
        if self.destination != family.anywhere:
            yield f"-d {self.destination}"
        if not several and self.ports != "any":
            yield f"--dport {self.ports}"
        if self.source != family.anywhere:
            yield f"-s {self.source}"
        yield {"allow": "-j ACCEPT", "deny": "-j DROP"}[self.action]


def refuse_what_ufw_cannot(policy: Policy) -> None:
    """Raise :class:`FirewallError` for what has no rule in ufw, with the reason and what to do."""
    way_out = "; use backend: nftables, and open the same ports in ufw (nothing was changed)"
    if policy.enforcement != PORTS:
        raise FirewallError(
            f"enforcement {policy.enforcement} is not possible with ufw: its default is the administrator's, and this "
            "collection never changes it. Use enforcement: ports together with `ufw default deny incoming`"
            " (nothing was changed)"
        )
    if policy.mode != ENFORCE:
        raise FirewallError(f"ufw has no rules that only count: mode {policy.mode}{way_out}")
    for rule in policy.rules:
        if rule.protocol not in _PROTOCOLS:
            raise FirewallError(f"ufw has no rules for {rule.protocol} (rule {rule.id}){way_out}")


def rules_of(policy: Policy, family: Family) -> list[UfwRule]:
    """Return the rules of ``policy`` for one family, in their order.

    ufw has no sets: each source has a rule of its own. What is established and what comes in on lo passes before these
    rules (before.rules of ufw); the guard has to be one of them (see _nft_render for what it is for).
    """
    anywhere = family.anywhere
    rules = [UfwRule(GUARD, "deny", "any", "any", "127.0.0.0/8", anywhere)] if family.name == "ipv4" else []
    for rule in policy.rules:
        action = {"accept": "allow", "drop": "deny"}[rule.verdict]
        for start in range(0, len(rule.ports), _PORTS_PER_RULE):
            ports = ",".join(str(port) for port in rule.ports[start : start + _PORTS_PER_RULE])
            rules += [
                UfwRule(rule.id, action, rule.protocol, ports, anywhere, source, interface)
                for source in _sources(policy, rule.sources, family)
                # iptables has a plus where nftables has an asterisk.
                for interface in (name.replace("*", "+") for name in rule.interfaces or ("",))
            ]
    return list(dict.fromkeys(rules))


def _sources(policy: Policy, names: tuple[str, ...] | None, family: Family) -> Iterator[str]:
    if names is None:
        yield family.anywhere
        return
    for name in names:
        for network in getattr(policy.sets[name], family.name):
            # As ufw writes them: a host has no prefix length.
            yield str(network.network_address) if network.prefixlen == network.max_prefixlen else str(network)


@dataclass(frozen=True)
class Block:
    """One rule in ufw's file: ``id`` is None for one of others."""

    id: str | None
    lets_in: bool
    text: str
    input_rules: int
    """How many rules of the chain for incoming packets it makes."""


class RulesFile:
    """The text of user.rules or user6.rules."""

    def __init__(self, text: str, family: Family) -> None:
        """Take the text apart; raises :class:`FirewallError` where it is not as ufw writes it."""
        self._family = family
        head, begin, rest = text.partition(_BEGIN)
        self._head = head + begin
        self._blocks: list[Block] = []
        position = 0
        match = _BLOCK.match(rest)
        while match:
            self._blocks.append(_block(match, family))
            position = match.end()
            match = _BLOCK.match(rest, position)
        self._tail = rest[position:]
        if not begin or "### tuple ###" in self._tail:
            raise FirewallError(
                f"{family.file} of ufw is not as ufw writes it, so nothing can be put into it; make ufw write it again "
                "(add and delete any rule with `ufw`), then run again (nothing was changed)"
            )

    def ours(self) -> str:
        """Return our rules as they are in the file, and after how many of others they stand; "" for none."""
        return _shown([(block.id, block.text.strip()) for block in self._blocks])

    def ids(self) -> list[str | None]:
        """Return, for each rule that the file makes in the chain for incoming packets, its id, None for others'."""
        return [block.id for block in self._blocks for _unused in range(block.input_rules)]

    def with_ours(self, rules: list[UfwRule]) -> str:
        """Return the text with ``rules`` instead of ours, before the first rule of others that lets anyone in."""
        others = [block for block in self._blocks if block.id is None]
        place = next((index for index, block in enumerate(others) if block.lets_in), len(others))
        texts = [block.text for block in others]
        texts[place:place] = [rule.block(self._family) for rule in rules]
        return f"{self._head}{''.join(texts)}{self._tail}"


def _block(match: re.Match[str], family: Family) -> Block:
    comment = bytes.fromhex(match.group("comment") or "").decode("utf-8", "replace")
    action, direction = match.group("action"), match.group("rest").split()[-1:]
    incoming = not action.startswith("route:") and not "".join(direction).startswith("out")
    return Block(
        id=comment[len(MARK) :] if comment.startswith(MARK) else None,
        lets_in=incoming and action.startswith(("allow", "limit")),
        text=match.group(0),
        input_rules=sum(line.startswith(f"-A {family.chain} ") for line in match.group("lines").splitlines()),
    )


_LETS_IN = re.compile(r" -j (?:ACCEPT|ufw6?-user-limit-accept)$")
_REFUSES = re.compile(r" -j (?:DROP|REJECT)\b")


def place_of_ours(others: list[str]) -> int:
    """Return how many rules of others stand before ours in the kernel's chain.

    Before ours are those that only refuse, so that who is kept out by others stays out; behind ours is the first one
    that lets anyone in, so that what the policy refuses is refused, with the rules that belong to it (logging, limits).
    """
    place = next((index for index, rule in enumerate(others) if _LETS_IN.search(rule)), len(others))
    while place < len(others) and place > 0 and not _REFUSES.search(others[place - 1]):
        place -= 1
    return place


_PORT = re.compile(r" --dports? (\S+)")


def overruled(others: list[str], policy: Policy) -> list[str]:
    """Return those of ``others``, the rules in the kernel, that refuse, stand behind ours and concern ports we open."""
    opened = {str(port) for rule in policy.rules if rule.verdict == "accept" for port in rule.ports}
    behind = [rule for rule in others[place_of_ours(others) :] if _REFUSES.search(rule)]
    return [
        rule
        for rule in behind
        for ports in [_PORT.search(rule)]
        if opened and (ports is None or ":" in ports.group(1) or opened & set(ports.group(1).split(",")))
    ]


def shown_rules(chain: str, rules: list[tuple[str | None, str]]) -> str:
    """Return our rules of ``chain`` for a diff, "" for none; each has its id, None for others', and its text."""
    text = _shown([(name, shown_rule(chain, name, rule)) for name, rule in rules])
    return f"{chain}:\n{text}" if text else ""


def shown_rule(chain: str, name: str | None, rule: str) -> str:
    """Return a rule of ours with its chain and its id; every backend shows the id in this way."""
    return f'{chain} {rule} comment "{name}"'


def _shown(rules: list[tuple[str | None, str]]) -> str:
    lines: list[str] = []
    others, told = 0, -1
    for name, text in rules:
        if name is None:
            others += 1
            continue
        if told != others:
            lines.append(f"  after {others} of others:")
            told = others
        lines += [f"    {line}" for line in text.splitlines()]
    return "".join(f"{line}\n" for line in lines)
