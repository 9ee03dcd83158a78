# Copyright: (c) 2026, ck8s.ports contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Wanted and live compared by what the kernel holds: unchanged runs, drift, removal, and the tables of others."""

from __future__ import annotations

import dataclasses
import re
import shutil
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.ck8s.ports.plugins.module_utils._firewall import FirewallError
from ansible_collections.ck8s.ports.plugins.module_utils._nft import Nft
from ansible_collections.ck8s.ports.plugins.module_utils._nftables import NftablesBackend
from ansible_collections.ck8s.ports.plugins.module_utils._policy import parse_policy
from ansible_collections.ck8s.ports.plugins.module_utils._verdict import decide
from tests.netns.topology import Network, tcp_fate

POLICY: dict[str, Any] = {
    "enforcement": "ports",
    "sets": {"nodes": ["10.88.0.0/28", "fd88::/64", "192.0.2.7", "198.51.100.0/24", "203.0.113.0/24"]},
    "rules": [
        {"id": "etcd-client", "protocol": "tcp", "ports": [2379], "verdict": "accept", "sources": ["nodes"]},
        {"id": "etcd-client", "protocol": "tcp", "ports": [2379], "verdict": "drop"},
        {"id": "gops", "protocol": "tcp", "ports": [9891, 9890], "verdict": "drop"},
        {"id": "vxlan", "protocol": "udp", "ports": [8472], "verdict": "drop"},
    ],
}

# What else may be on a node: chains as kube-proxy, ufw and Docker make them, and tables named almost like ours.
FOREIGN = """
table ip nat {
    chain KUBE-SERVICES { ip daddr 10.152.183.1 tcp dport 443 counter jump KUBE-SVC; }
    chain KUBE-SVC { meta l4proto tcp counter dnat to 10.88.0.11:6443; }
    chain PREROUTING { type nat hook prerouting priority -100; policy accept; counter jump KUBE-SERVICES; }
}
table ip filter {
    set blocked { type ipv4_addr; flags timeout; elements = { 192.0.2.66 } }
    chain ufw-user-input { tcp dport 22 counter accept comment "ssh"; }
    chain INPUT { type filter hook input priority 0; policy accept; counter jump ufw-user-input; }
}
table inet filter {
    chain input { type filter hook input priority filter; policy accept; ip saddr 192.0.2.66 counter drop; }
}
table ip ck8s_ports {
    chain input { type filter hook input priority -10; counter; }
}
table inet ck8s_ports2 {
    chain input { counter; }
}
table inet ck8s {
    chain ck8s_ports { counter; }
}
"""


def test_the_second_time_nothing_changes_not_even_a_counter(network: Network, firewall: Any) -> None:
    assert firewall.apply(POLICY).changed
    tcp_fate(network.peer, network.node.ipv4, 9890, timeout=0.05)
    before = firewall.nft("-a", "list", "ruleset")
    assert "counter packets 1 " in before

    assert not firewall.apply(POLICY).changed
    assert firewall.nft("-a", "list", "ruleset") == before


def test_another_notation_of_the_same_policy_is_no_change(firewall: Any) -> None:
    firewall.apply(POLICY)
    other = {
        **POLICY,
        "sets": {
            "unused": ["192.0.2.0/24"],
            "nodes": [
                "203.0.113.0/25",
                "203.0.113.128/25",
                "fd88:0::/64",
                "10.88.0.0/28",
                "192.0.2.7/32",
                "198.51.100.0/24",
                "198.51.100.8",
                "FD88::1",
            ],
        },
    }
    assert not firewall.plan(other).changed


@pytest.mark.parametrize("enforcement", ["ports", "default_deny"])
@pytest.mark.parametrize("mode", ["enforce", "audit"])
def test_what_the_kernel_prints_is_read_back_as_the_policy(firewall: Any, enforcement: str, mode: str) -> None:
    wanted = {**POLICY, "enforcement": enforcement, "mode": mode}
    firewall.apply(wanted)
    policy, in_force = parse_policy(wanted), firewall.read().policy
    assert in_force is not None
    assert (in_force.enforcement, in_force.mode) == (enforcement, mode)
    for protocol, port in (("tcp", 2379), ("tcp", 9890), ("tcp", 22), ("udp", 8472), ("udp", 53)):
        for source in ("10.88.0.7", "10.88.0.77", "fd88::7", "fd89::7", "192.0.2.7", "127.0.0.1"):
            told, meant = (decide(each, protocol, port, source) for each in (in_force, policy))
            assert (told.verdict, told.rule) == (meant.verdict, meant.rule)


def test_comparing_changes_nothing(firewall: Any) -> None:
    plan = firewall.plan(POLICY)
    assert plan.changed and not plan.live.present
    assert firewall.nft("list", "ruleset") == ""

    firewall.apply(POLICY)
    before = firewall.nft("-a", "list", "ruleset")
    assert firewall.plan({**POLICY, "rules": []}).changed
    assert firewall.plan(None).changed
    assert firewall.nft("-a", "list", "ruleset") == before


def test_a_changed_policy_replaces_all_of_the_former_one(firewall: Any) -> None:
    firewall.apply(POLICY)
    plan = firewall.apply({"enforcement": "ports", "rules": [{**POLICY["rules"][3], "ports": [4789]}]})
    assert plan.changed
    listing = firewall.nft("list", "ruleset")
    assert "4789" in listing
    assert not any(word in listing for word in ("nodes", "2379", "8472"))


DRIFT = {
    "rule added in front": ["insert", "rule", "inet", "ck8s_ports", "input", "tcp", "dport", "22", "drop"],
    "rule added at the end": ["add", "rule", "inet", "ck8s_ports", "input", "accept", "comment", '"by hand"'],
    "rules deleted": ["flush", "chain", "inet", "ck8s_ports", "input"],
    "network added": ["add", "element", "inet", "ck8s_ports", "SET", "{ 192.0.2.64/26 }"],
    "network deleted": ["delete", "element", "inet", "ck8s_ports", "SET", "{ 192.0.2.7 }"],
    "set added": ["add", "set", "inet", "ck8s_ports", "mine", "{ type ipv4_addr; }"],
    "chain added": [
        "add",
        "chain",
        "inet",
        "ck8s_ports",
        "out",
        "{ type filter hook output priority 0; policy drop; }",
    ],
    "chain's policy changed": ["add", "chain", "inet", "ck8s_ports", "input", "{ policy drop; }"],
    "table put to sleep": ["add", "table", "inet", "ck8s_ports", "{ flags dormant; }"],
    "table deleted": ["delete", "table", "inet", "ck8s_ports"],
}


@pytest.mark.parametrize("drift", DRIFT.values(), ids=list(DRIFT))
def test_a_change_by_hand_is_found_shown_and_mended(firewall: Any, drift: list[str]) -> None:
    wanted = firewall.apply(POLICY).wanted
    (nodes,) = re.findall(r"set (nodes_v4_\w+) ", wanted)
    firewall.nft(*(nodes if word == "SET" else word for word in drift))

    found = firewall.plan(POLICY)
    assert found.changed
    assert found.live.text != wanted == found.wanted

    assert firewall.apply(POLICY).changed
    assert firewall.read().text == wanted
    assert not firewall.plan(POLICY).changed


def test_a_rule_deleted_by_hand_is_missing_on_one_side_of_the_diff_only(firewall: Any) -> None:
    firewall.apply(POLICY)
    (rule,) = [line for line in firewall.nft("-a", "list", "ruleset").splitlines() if "8472" in line]
    firewall.nft("delete", "rule", "inet", "ck8s_ports", "input", "handle", rule.rsplit(maxsplit=1)[1])

    found = firewall.plan(POLICY)
    missing = set(found.wanted.splitlines()) - set(found.live.text.splitlines())
    assert missing == {'\t\tudp dport 8472 counter drop comment "vxlan"'}
    assert "vxlan" not in {rule["id"] for rule in found.live.rules}


def test_removal_leaves_no_trace_and_is_done_once(firewall: Any) -> None:
    assert not firewall.apply(None).changed
    firewall.apply(POLICY)
    assert firewall.apply(None).changed
    assert firewall.nft("list", "ruleset") == ""
    assert not firewall.apply(None).changed


def test_the_tables_of_others_stay_byte_for_byte(network: Network, firewall: Any) -> None:
    network.node.run("nft", "-f", "-", input=FOREIGN)
    before = firewall.nft("-a", "list", "ruleset")

    def others() -> str:
        ours = firewall.nft("-a", "list", "table", "inet", "ck8s_ports")
        everything: str = firewall.nft("-a", "list", "ruleset")
        assert ours in everything
        return everything.replace(ours, "")

    firewall.apply(POLICY)
    assert others() == before
    firewall.apply(POLICY)
    assert others() == before
    firewall.apply({**POLICY, "rules": POLICY["rules"][:1]})
    assert others() == before
    firewall.apply(None)
    assert firewall.nft("-a", "list", "ruleset") == before


def test_names_at_the_limits_of_the_pattern_are_names_to_the_kernel(firewall: Any) -> None:
    names = ["a", "A-.__", "z" * 63, "accept", "type", "ip", "counter.drop", "e-_.v4"]
    policy = {
        "enforcement": "ports",
        "sets": {name: ["192.0.2.0/24", "2001:db8::/32"] for name in names},
        "rules": [
            {"id": name, "protocol": "tcp", "ports": [1], "verdict": "drop", "sources": [name]} for name in names
        ],
    }
    assert firewall.apply(policy).changed
    assert not firewall.apply(policy).changed
    assert [rule["id"] for rule in firewall.read().rules[4::2]] == names


def test_the_whole_of_each_address_family_and_thousands_of_networks(firewall: Any) -> None:
    everything = {"enforcement": "ports", "sets": {"all": ["0.0.0.0/0", "::/0"]}, "rules": []}
    rule = {"id": "a", "protocol": "tcp", "ports": [1, 65535], "verdict": "drop", "sources": ["all"]}
    many = [f"10.{i}.{j}.0/30" for i in range(20) for j in range(100)] + [f"fd00:{i:x}::/64" for i in range(1000)]
    for cidrs in (["0.0.0.0/0", "::/0"], many):
        policy = {**everything, "sets": {"all": cidrs}, "rules": [rule]}
        assert firewall.apply(policy).changed
        assert not firewall.apply(policy).changed
        assert len(firewall.read().rules) == 6


def test_rules_that_the_kernel_refuses_change_nothing_and_are_named_with_their_line(
    network: Network, firewall: Any
) -> None:
    wanted = firewall.apply(POLICY).wanted
    policy = parse_policy(POLICY)
    broken = dataclasses.replace(policy, rules=(*policy.rules, dataclasses.replace(policy.rules[1], protocol="tpc")))
    with network.node.entered():
        with pytest.raises(
            FirewallError, match=r"(?s)failed with status 1: /dev/stdin:\d+:\d+-\d+: Error: .*tpc dport"
        ):
            NftablesBackend().plan(broken)
        with pytest.raises(FirewallError, match="Error: "):
            Nft("nft").load("table inet ck8s_ports\ndelete table inet ck8s_ports\ntable inet ck8s_ports { nonsense }\n")
    assert firewall.read().text == wanted


def test_someone_who_changes_our_table_at_the_same_time_is_noticed(
    network: Network, firewall: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = shutil.which("nft")
    meddling = tmp_path / "nft"
    meddling.write_text(
        f'#!/bin/sh\nif [ "$1" != --file ]; then exec {real} "$@"; fi\n'
        f'script=$(cat)\necho "$script" | {real} "$@" || exit\n'
        f'case "$script" in *"delete table"*|*"flush chain"*) {real} add rule inet ck8s_ports input accept;; esac\n',
        encoding="utf-8",
    )
    meddling.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    with pytest.raises(FirewallError, match="the table inet ck8s_ports holds others now"):
        firewall.apply(POLICY)
