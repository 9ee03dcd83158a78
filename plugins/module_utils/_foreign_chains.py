# Copyright: (c) 2026, ck8s.ports contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Chains of other firewalls that drop what they do not accept themselves. Private to the collection.

An accept of one chain on a hook is not final: the packet goes on to the next one (nft(8), "Verdict statements"). So a
port that our rules open is closed all the same where such a chain does not open it, too.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Collection, Iterator

from ansible_collections.ck8s.ports.plugins.module_utils._firewall import FirewallError
from ansible_collections.ck8s.ports.plugins.module_utils._nft import Nft
from ansible_collections.ck8s.ports.plugins.module_utils._nft_render import TABLE
from ansible_collections.ck8s.ports.plugins.module_utils._program import find_program, run_program

# Legacy iptables has tables of its own, which nft does not show; these list the ones that are loaded.
_LEGACY = (("ip", "iptables-legacy", "net/ip_tables_names"), ("ip6", "ip6tables-legacy", "net/ip6_tables_names"))

_FAMILIES = ("inet", "ip", "ip6")
_TABLE = re.compile(r"^table (\S+) (\S+) \{$")
_CHAIN = re.compile(r"^\tchain (\S+) \{$")
_INPUT = re.compile(r"^\t\ttype filter hook input priority [^;]*;(?: policy (?P<policy>\w+);)?")
# A rule without a condition, the last of its chain.
_REFUSES_ALL = re.compile(r"^(?:counter )?(?:drop|reject(?: with [a-z0-9 -]+)?)(?: comment \"[^\"]*\")?$")
_LEGACY_POLICY = re.compile(r"^-P INPUT DROP$", re.MULTILINE)
_LEGACY_REFUSES_ALL = re.compile(r"^-A INPUT -j (?:DROP|REJECT)(?: --reject-with \S+)?$", re.MULTILINE)


@dataclass(frozen=True)
class ForeignChain:
    """A base chain on the input hook that ends with a refusal: ``reason`` says how. ``table`` has its family."""

    table: str
    chain: str
    reason: str


def foreign_chains(nft: Nft, proc: str = "/proc/thread-self") -> list[ForeignChain]:
    """Return the chains of others that refuse what they do not accept. Raises :class:`FirewallError`."""
    return [*_of_nftables(nft), *_of_legacy_iptables(Path(proc))]


def warnings(chains: Collection[ForeignChain]) -> list[str]:
    """Return what a user must know of ``chains`` when ports are to be opened with nftables."""
    return [
        f"the chain {chain.chain} of the table {chain.table} refuses what it does not accept itself "
        f"({chain.reason}), so it may refuse connections that this policy accepts. Open the ports there, too; "
        "where it is ufw or firewalld, let this collection do it with backend: auto"
        for chain in chains
    ]


def _of_nftables(nft: Nft) -> Iterator[ForeignChain]:
    for family, table, chain, policy in _input_chains(nft.chains()):
        if family not in _FAMILIES or f"{family} {table}" == TABLE:
            continue
        reason = "policy drop" if policy == "drop" else _last_refusal(nft, family, table, chain)
        if reason:
            yield ForeignChain(f"{family} {table}", chain, reason)


def _input_chains(listing: str) -> Iterator[tuple[str, str, str, str]]:
    """Yield family, table, chain and policy of each filter chain on the input hook in `nft list chains`."""
    table = chain = None
    for line in listing.splitlines():
        table = _TABLE.match(line) or table
        chain = _CHAIN.match(line) or chain
        declared = _INPUT.match(line)
        if declared and table and chain:
            yield table.group(1), table.group(2), chain.group(1), declared.group("policy") or "accept"


def _last_refusal(nft: Nft, family: str, table: str, chain: str) -> str:
    try:
        listing = nft.chain(family, table, chain)
    except FirewallError:
        return ""  # gone meanwhile
    rules = [line.strip() for line in listing.splitlines() if line.startswith("\t\t")]
    return rules[-1] if rules and _REFUSES_ALL.match(rules[-1]) else ""


def _of_legacy_iptables(proc: Path) -> Iterator[ForeignChain]:
    for family, program, names in _LEGACY:
        try:
            loaded = (proc / names).read_text(encoding="ascii").split()
        except OSError:  # no such module in the kernel, or nobody has used it
            continue
        if "filter" not in loaded:
            continue
        listing = run_program(
            [find_program(program, "iptables"), "-w", "-S", "INPUT"],
            timeout=10,
            if_it_hangs="Another program may hold the lock of iptables; look for it, then run again",
            if_it_fails=f"See whether `{program} -S` works on this host, as root",
        )
        refusal = _LEGACY_REFUSES_ALL.search(listing)
        if _LEGACY_POLICY.search(listing) or refusal:
            reason = refusal.group(0) if refusal else "policy DROP"
            yield ForeignChain(f"{family} filter (iptables-legacy)", "INPUT", reason)
