# Copyright: (c) 2026, ck8s.ports contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A policy as text for nft. Pure; private to the collection."""

from __future__ import annotations

import hashlib
from typing import Collection, Iterator

from ansible_collections.ck8s.ports.plugins.module_utils import _nft_audit
from ansible_collections.ck8s.ports.plugins.module_utils._policy import AUDIT, DEFAULT_DENY, Policy, Rule

TABLE = "inet ck8s_ports"
"""Family and name of the only table that this collection ever names to nft."""

_FAMILIES = (("ipv4", "ip", "v4"), ("ipv6", "ip6", "v6"))
_DIGEST_LENGTH = 8

# Before the usual filter priority (0), where kube-proxy, the container network, ufw and firewalld have their chains,
# and after destination NAT (-100): the ports seen here are those of the sockets. An accept ends this chain only, the
# others still decide; a drop is final.
_CHAIN = "type filter hook input priority filter - 10; policy accept;"
_EMPTY_CHAIN = f"\tchain input {{\n\t\t{_CHAIN}\n\t}}\n"

# The order matters:
# - established first. Answers to a local process that talked through 127.0.0.1 to a NodePort come in on a network
#   interface and have been translated back to 127.0.0.1 when they get here. They must pass the guard below.
# - lo is always open: the API server reaches etcd on 127.0.0.1:2379 only.
# - the guard: with net.ipv4.conf.*.route_localnet=1, which kube-proxy sets, the kernel takes packets for 127.0.0.0/8
#   from the network (CVE-2020-8558). ::1 needs no such rule: ip6_rcv_core() in the kernel (net/ipv6/ip6_input.c) drops
#   packets from or to ::1 that did not come in on a loopback device, and no sysctl changes that.
# - what the container network hands to its own proxy (Cilium, MARK_MAGIC_TO_PROXY) keeps the port that it was sent to,
#   and is not tracked: it is for the pods' policies, not for the node's. No packet brings a mark from elsewhere.
_FIRST = (
    'ct state established,related accept comment "established"',
    'iifname "lo" accept comment "loopback"',
    'ip daddr 127.0.0.0/8 counter {drop} comment "loopback-guard"',
    'meta mark & 0xf00 == 0x200 accept comment "pod-proxy"',
)

# With default_deny, also what no host can do without: errors (path MTU discovery among them) and echo, which the agents
# of the container network send each other; for IPv6 all that RFC 4890 (4.4.1) says must not be dropped of neighbour
# discovery, router advertisements and multicast listeners.
_ICMP = (
    'icmp type { destination-unreachable, echo-request, time-exceeded, parameter-problem } accept comment "icmp"',
    "icmpv6 type { destination-unreachable, packet-too-big, time-exceeded, parameter-problem, echo-request, "
    "mld-listener-query, mld-listener-report, mld-listener-done, mld2-listener-report, nd-router-solicit, "
    'nd-router-advert, nd-neighbor-solicit, nd-neighbor-advert } accept comment "icmpv6"',
)

# A rule, not the chain's policy: both kinds of enforcement are one chain with other rules, exchanged in one
# transaction, and the drops are counted.
_LAST = ('counter {drop} comment "default-deny"',)


def render_table(policy: Policy) -> str:
    """Return the whole table. The number of its rules depends on the rules of the policy, not on the CIDRs."""
    return _table([*_wanted_sets(policy).values(), *_chains(policy)])


def render_replacement(policy: Policy) -> str:
    """Return the script that puts ``policy`` in place of whatever our table holds, in one transaction."""
    return f"{render_removal()}{render_table(policy)}"


def render_removal() -> str:
    """Return the script that leaves no table of ours; `delete` alone would fail where there is none."""
    return f"table {TABLE}\ndelete table {TABLE}\n"


def render_missing_sets(policy: Policy, live_sets: Collection[str]) -> str:
    """Return the script that adds the sets of ``policy`` that the table does not have; no rule uses them yet."""
    return _table([block for name, block in _wanted_sets(policy).items() if name not in live_sets])


def render_switch(policy: Policy, live_sets: Collection[str]) -> str:
    """Return the script that puts the rules of ``policy`` in place of those in our chains, in one transaction.

    Its sets must be there. Those of ``live_sets`` that no rule uses any more go with it.
    """
    obsolete = sorted(set(live_sets) - set(_wanted_sets(policy)))
    learns = bool(_nft_audit.SETS.keys() & set(live_sets))
    empty = [_EMPTY_CHAIN, f"\tchain {_nft_audit.CHAIN} {{\n\t}}\n"] if learns else [_EMPTY_CHAIN]
    script = f"{_table(empty)}flush chain {TABLE} input\n"
    if learns:
        script += f"flush chain {TABLE} {_nft_audit.CHAIN}\n"
    script += _table(_chains(policy))
    if learns and policy.mode != AUDIT:
        script += f"delete chain {TABLE} {_nft_audit.CHAIN}\n"
    return script + "".join(f"delete set {TABLE} {name}\n" for name in obsolete)


def _table(blocks: list[str]) -> str:
    return f"table {TABLE} {{\n" + "\n".join(blocks) + "}\n"


def _wanted_sets(policy: Policy) -> dict[str, str]:
    """Return the text of each set that a rule uses, by the name that it has in the kernel.

    Sorted, so that the order in which the sets were written does not make another table.
    """
    used = sorted({name for rule in policy.rules for name in rule.sources or ()})
    sets = {
        name: _set(name, attribute, networks)
        for used_name in used
        for name, attribute, networks in _parts(policy, used_name)
    }
    return {**sets, **_nft_audit.render_sets()} if policy.mode == AUDIT else sets


def _parts(policy: Policy, name: str) -> Iterator[tuple[str, str, list[str]]]:
    """Yield kernel name, family and networks for each family that the set ``name`` has networks of.

    The kernel name has a digest of the networks in it, so a set never changes: other networks are another set, which is
    complete before the first rule looks into it. (A set made or changed in the same transaction as the rules can look
    empty to packets for some microseconds, seen with Linux 6.18. Connections that an accept is for are lost then, and
    those that a drop is for get through.) The suffixes also keep every name apart from nft's keywords.
    """
    for attribute, _unused, suffix in _FAMILIES:
        networks = [str(network) for network in getattr(policy.sets[name], attribute)]
        if networks:
            digest = hashlib.sha256(" ".join(networks).encode("ascii")).hexdigest()[:_DIGEST_LENGTH]
            yield f"{name}_{suffix}_{digest}", attribute, networks


def _set(name: str, attribute: str, networks: list[str]) -> str:
    elements = ",\n\t\t\t".join(networks)
    return (
        f"\tset {name} {{\n"
        f"\t\ttype {attribute}_addr\n"
        "\t\tflags interval\n"
        f"\t\telements = {{\n\t\t\t{elements}\n\t\t}}\n"
        "\t}\n"
    )


def _chains(policy: Policy) -> list[str]:
    return [_chain(policy), _nft_audit.render_chain()] if policy.mode == AUDIT else [_chain(policy)]


def _drop(policy: Policy) -> str:
    """What is done with a packet that the policy refuses."""
    return _nft_audit.REFUSE if policy.mode == AUDIT else "drop"


def _chain(policy: Policy) -> str:
    first = [line.replace("{drop}", _drop(policy)) for line in _FIRST]
    rules = [*first, *(line for rule in policy.rules for line in _rule(rule, policy))]
    if policy.enforcement == DEFAULT_DENY:
        rules[len(_FIRST) : len(_FIRST)] = _ICMP
        rules += [line.replace("{drop}", _drop(policy)) for line in _LAST]
    return "\tchain input {\n" + f"\t\t{_CHAIN}\n" + "".join(f"\t\t{rule}\n" for rule in rules) + "\t}\n"


def _rule(rule: Rule, policy: Policy) -> Iterator[str]:
    for interface in _interface_matches(rule):
        for source in _source_matches(rule, policy):
            match = f"{interface}{source}{rule.protocol} dport {_ports(rule.ports)}"
            verdict = _drop(policy) if rule.verdict == "drop" else rule.verdict
            yield f'{match} counter {verdict} comment "{rule.id}"'


def _interface_matches(rule: Rule) -> Iterator[str]:
    """Yield a match for each interface: names that end in a `*` cannot be in a set with every nft that is in use."""
    if rule.interfaces is None:
        yield ""
        return
    for name in rule.interfaces:
        yield f'iifname "{name}" '


def _source_matches(rule: Rule, policy: Policy) -> Iterator[str]:
    if rule.sources is None:
        yield ""
        return
    protocols = {attribute: protocol for attribute, protocol, _unused in _FAMILIES}
    for source in rule.sources:
        for name, attribute, _unused in _parts(policy, source):
            yield f"{protocols[attribute]} saddr @{name} "


def _ports(ports: tuple[int, ...]) -> str:
    if len(ports) == 1:
        return str(ports[0])
    return "{ " + ", ".join(str(port) for port in ports) + " }"
