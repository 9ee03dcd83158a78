# Copyright: (c) 2026, ck8s.ports contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A policy as text for nft. Pure; private to the collection."""

from __future__ import annotations

from typing import Iterator

from ansible_collections.ck8s.ports.plugins.module_utils._policy import Policy, Rule, SourceSet

TABLE = "inet ck8s_ports"
"""Family and name of the only table that this collection ever names to nft."""

_FAMILIES = (("ipv4", "ip", "v4"), ("ipv6", "ip6", "v6"))

# Before the usual filter priority (0), where kube-proxy, the container network, ufw and firewalld have their chains,
# and after destination NAT (-100): the ports seen here are those of the sockets. An accept ends this chain only, the
# others still decide; a drop is final.
_CHAIN = "type filter hook input priority filter - 10; policy accept;"

# The order matters:
# - established first. Answers to a local process that talked through 127.0.0.1 to a NodePort come in on a network
#   interface and have been translated back to 127.0.0.1 when they get here. They must pass the guard below.
# - lo is always open: the API server reaches etcd on 127.0.0.1:2379 only.
# - the guard: with net.ipv4.conf.*.route_localnet=1, which kube-proxy sets, the kernel takes packets for 127.0.0.0/8
#   from the network (CVE-2020-8558). ::1 needs no such rule: ip6_rcv_core() in the kernel (net/ipv6/ip6_input.c) drops
#   packets from or to ::1 that did not come in on a loopback device, and no sysctl changes that.
_BUILT_IN = (
    'ct state established,related accept comment "established"',
    'iifname "lo" accept comment "loopback"',
    'ip daddr 127.0.0.0/8 counter drop comment "loopback-guard"',
)


def render_replacement(policy: Policy) -> str:
    """Return the script that puts ``policy`` in place of whatever our table holds, in one transaction."""
    return f"{render_removal()}{render_table(policy)}"


def render_removal() -> str:
    """Return the script that leaves no table of ours; `delete` alone would fail where there is none."""
    return f"table {TABLE}\ndelete table {TABLE}\n"


def render_table(policy: Policy) -> str:
    """Return the whole table. The number of its rules depends on the rules of the policy, not on the CIDRs."""
    blocks = [block for name in _used_sets(policy) for block in _sets(name, policy.sets[name])]
    blocks.append(_chain(policy))
    return f"table {TABLE} {{\n" + "\n".join(blocks) + "}\n"


def _used_sets(policy: Policy) -> list[str]:
    # Sorted, so that the order in which the sets were written does not make another table.
    return sorted({name for rule in policy.rules for name in rule.sources or ()})


def _sets(name: str, sources: SourceSet) -> Iterator[str]:
    for attribute, _, suffix in _FAMILIES:
        networks = getattr(sources, attribute)
        if networks:
            elements = ",\n\t\t\t".join(str(network) for network in networks)
            yield (
                f"\tset {_set_name(name, suffix)} {{\n"
                f"\t\ttype {attribute}_addr\n"
                "\t\tflags interval\n"
                f"\t\telements = {{\n\t\t\t{elements}\n\t\t}}\n"
                "\t}\n"
            )


def _chain(policy: Policy) -> str:
    rules = [*_BUILT_IN, *(line for rule in policy.rules for line in _rule(rule, policy))]
    return "\tchain input {\n" + f"\t\t{_CHAIN}\n" + "".join(f"\t\t{rule}\n" for rule in rules) + "\t}\n"


def _rule(rule: Rule, policy: Policy) -> Iterator[str]:
    for match in _source_matches(rule, policy):
        yield f'{match}{rule.protocol} dport {_ports(rule.ports)} counter {rule.verdict} comment "{rule.id}"'


def _source_matches(rule: Rule, policy: Policy) -> Iterator[str]:
    if rule.sources is None:
        yield ""
        return
    for name in rule.sources:
        for attribute, protocol, suffix in _FAMILIES:
            if getattr(policy.sets[name], attribute):
                yield f"{protocol} saddr @{_set_name(name, suffix)} "


def _set_name(name: str, suffix: str) -> str:
    # The suffix also keeps every name apart from nft's keywords.
    return f"{name}_{suffix}"


def _ports(ports: tuple[int, ...]) -> str:
    if len(ports) == 1:
        return str(ports[0])
    return "{ " + ", ".join(str(port) for port in ports) + " }"
