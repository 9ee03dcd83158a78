# Copyright: (c) 2026, ck8s.ports contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Audit mode in nftables: what a policy does in place of a drop, and what it has learned. Pure; private.

A drop becomes a step into a chain of its own, which notes source, protocol and port in a set and lets the packet go.
The sets have a size and forget: a new element that finds no room ends that rule, and the chain goes on to the next one,
which accepts (nft_dynset_eval() in net/netfilter/nft_dynset.c of Linux). Whatever a set holds, nothing is dropped.
"""

from __future__ import annotations

import ipaddress
import re

from ansible_collections.ck8s.ports.plugins.module_utils._firewall import LearnedSource

CHAIN = "learn"
SETS = {"learned_v4": ("ipv4_addr", "ip"), "learned_v6": ("ipv6_addr", "ip6")}
"""No set of a policy is named so: those have a digest at their ends."""
SIZE = 4096
"""Sources and ports that each set holds; some 150 bytes of the kernel's memory for each."""
KEPT = "7d"
"""How long one is kept after its last packet."""

REFUSE = f"goto {CHAIN}"

_DYNAMIC = "\t\tflags dynamic,timeout\n"
_ELEMENTS = re.compile(r"\t\telements = \{[^}]*\}\n")
_ELEMENT = re.compile(r"(?P<source>[0-9a-f:.]+) \. (?P<protocol>\w+) \. (?P<port>[0-9]+)(?P<more>[^,}]*)")
_PACKETS = re.compile(r"\bcounter packets ([0-9]+)")
_EXPIRES = re.compile(r"\bexpires (\w+)")
_PART = re.compile(r"([0-9]+)(d|h|ms|m|s)")
_SECONDS = {"d": 86400, "h": 3600, "m": 60, "s": 1, "ms": 0}
# nft prints numbers where /etc/protocols is missing.
_PROTOCOLS = {"6": "tcp", "17": "udp", "132": "sctp"}


def render_sets() -> dict[str, str]:
    """Return the text of each set, by its name."""
    return {
        name: f"\tset {name} {{\n\t\ttype {kind} . inet_proto . inet_service\n\t\tsize {SIZE}\n{_DYNAMIC}"
        f"\t\ttimeout {KEPT}\n\t}}\n"
        for name, (kind, _unused) in SETS.items()
    }


def render_chain() -> str:
    """Return the text of the chain."""
    rules = [
        f"meta l4proto {{ tcp, udp, sctp }} update @{name} {{ {family} saddr . meta l4proto . th dport counter }}"
        for name, (_unused, family) in SETS.items()
    ]
    return f"\tchain {CHAIN} {{\n" + "".join(f'\t\t{rule} comment "learned"\n' for rule in [*rules, "accept"]) + "\t}\n"


def without_learned(listing: str) -> str:
    """Return ``listing``, the text of `nft list table`, without the elements of the sets that rules add to.

    They are what has happened, not what is wanted.
    """
    blocks = listing.split("\n\n")
    return "\n\n".join(_ELEMENTS.sub("", block) if _DYNAMIC in block else block for block in blocks)


def learned(listing: str) -> list[LearnedSource]:
    """Return what the sets in ``listing``, the text of `nft -a list table`, hold, by protocol, port and source."""
    found: list[LearnedSource] = []
    for block in listing.split("\n\n"):
        elements = _ELEMENTS.search(block) if _DYNAMIC in block else None
        if elements is not None:
            found += [_element(match) for match in _ELEMENT.finditer(elements.group())]
    return sorted(found, key=_order)


def is_full(listing: str) -> bool:
    """Whether one of the sets in ``listing`` has no room for another source."""
    sources = [ipaddress.ip_address(str(entry["source"])).version for entry in learned(listing)]
    return any(sources.count(version) >= SIZE for version in (4, 6))


def _element(match: re.Match[str]) -> LearnedSource:
    packets = _PACKETS.search(match.group("more"))
    expires = _EXPIRES.search(match.group("more"))
    return {
        "source": match.group("source"),
        "protocol": _PROTOCOLS.get(match.group("protocol"), match.group("protocol")),
        "port": int(match.group("port")),
        "packets": int(packets.group(1)) if packets else None,
        "expires": None if expires is None else _seconds(expires.group(1)),
    }


def _seconds(duration: str) -> int:
    """``6d23h59m59s984ms`` in whole seconds."""
    return sum(int(number) * _SECONDS[unit] for number, unit in _PART.findall(duration))


def _order(entry: LearnedSource) -> tuple[str, int, int, int]:
    source = ipaddress.ip_address(str(entry["source"]))
    return (str(entry["protocol"]), int(entry["port"] or 0), source.version, int(source))
