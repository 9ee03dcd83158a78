# Copyright: (c) 2026, ck8s.ports contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a user may write in a policy, and what the answer is to everything else."""

from __future__ import annotations

from ipaddress import IPv4Network, IPv6Network
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.ck8s.ports.plugins.module_utils._nft_render import render_table
from ansible_collections.ck8s.ports.plugins.module_utils._policy import (
    Policy,
    PolicyError,
    Rule,
    SourceSet,
    parse_policy,
)

RULE = {"id": "etcd-client", "protocol": "tcp", "ports": [2379], "verdict": "drop"}


def policy_with(**changes: Any) -> dict[str, Any]:
    """Return a policy of one rule for anyone, with ``changes`` in the rule."""
    return {"enforcement": "ports", "rules": [{**RULE, **changes}]}


def policy_with_set(name: object, cidrs: object) -> dict[str, Any]:
    return {"enforcement": "ports", "sets": {name: cidrs}, "rules": []}


def faults_of(data: object) -> list[str]:
    with pytest.raises(PolicyError) as caught:
        parse_policy(data)
    return caught.value.faults


def test_a_policy_becomes_networks_per_family_and_ports_in_order() -> None:
    parsed = parse_policy(
        {
            "enforcement": "ports",
            "sets": {"nodes": ["192.0.2.128/25", "fd00::/64", "192.0.2.0/25", "192.0.2.7"]},
            "rules": [
                {**RULE, "ports": [2380, 2379, 2380], "verdict": "accept", "sources": ["nodes", "nodes"]},
                {**RULE, "sources": None},
            ],
        }
    )

    assert parsed == Policy(
        enforcement="ports",
        sets={"nodes": SourceSet(ipv4=(IPv4Network("192.0.2.0/24"),), ipv6=(IPv6Network("fd00::/64"),))},
        rules=(
            Rule(id="etcd-client", protocol="tcp", ports=(2379, 2380), verdict="accept", sources=("nodes",)),
            Rule(id="etcd-client", protocol="tcp", ports=(2379,), verdict="drop", sources=None),
        ),
    )


@pytest.mark.parametrize("rules", [[], ()])
def test_a_policy_without_rules_or_sets_is_a_policy(rules: object) -> None:
    assert parse_policy({"enforcement": "ports", "rules": rules}).rules == ()


RULE_0 = "policy.rules[0] (etcd-client): "
PORTS = f"{RULE_0}ports: "
NAME_RULE = "use letters, digits, '-', '_' and '.', a letter first, 63 at most"


@pytest.mark.parametrize(
    ("data", "fault"),
    [
        ([], "policy: [] is not a mapping; give one with the keys enforcement, mode, sets, rules"),
        (None, "policy: null is not a mapping; give one with the keys enforcement, mode, sets, rules"),
        ({"rules": []}, "policy.enforcement: missing; give one of ports, default_deny"),
        (
            {"enforcement": "default-deny", "rules": []},
            "policy.enforcement: 'default-deny' is not known; give one of ports, default_deny",
        ),
        (
            {"enforcement": "ports", "mode": "permissive", "rules": []},
            "policy.mode: 'permissive' is not known; give one of enforce, audit",
        ),
        (
            policy_with(id="learned"),
            "policy.rules[0] (learned): id: 'learned' is the name of a built-in rule; choose another",
        ),
        ({"enforcement": "ports"}, "policy.rules: missing; give a list, [] for no rules"),
        ({"enforcement": "ports", "rules": {}}, "policy.rules: {} is not a list of rules"),
        (
            {"enforcement": "ports", "rules": [], "rule": []},
            "policy: the key 'rule' is not known; known are enforcement, mode, sets, rules",
        ),
        (
            {"enforcement": "ports", "rules": ["22"]},
            "policy.rules[0]: '22' is not a mapping; give one with the keys id, protocol, ports, verdict, sources, "
            "interfaces",
        ),
        (policy_with(ports=[70000]), f"{PORTS}70000 is not a port; give a number from 1 to 65535"),
        (policy_with(ports=[0]), f"{PORTS}0 is not a port; give a number from 1 to 65535"),
        (policy_with(ports=[-1]), f"{PORTS}-1 is not a port; give a number from 1 to 65535"),
        (policy_with(ports=[True]), f"{PORTS}True is not a port; give a number from 1 to 65535"),
        (policy_with(ports=["2379"]), f"{PORTS}'2379' is not a port; give a number from 1 to 65535"),
        (policy_with(ports=[23.79]), f"{PORTS}23.79 is not a port; give a number from 1 to 65535"),
        (policy_with(ports=[[1]]), f"{PORTS}[1] is not a port; give a number from 1 to 65535"),
        (policy_with(ports=[]), f"{PORTS}missing; give a list of at least one number"),
        (policy_with(ports=None), f"{PORTS}missing; give a list of at least one number"),
        (policy_with(ports=2379), f"{PORTS}2379 is not a list of ports"),
        (
            policy_with(protocol="icmp"),
            "policy.rules[0] (etcd-client): protocol: 'icmp' is not known; give one of tcp, udp, sctp",
        ),
        (policy_with(protocol=None), "policy.rules[0] (etcd-client): protocol: missing; give one of tcp, udp, sctp"),
        (
            policy_with(verdict="reject"),
            "policy.rules[0] (etcd-client): verdict: 'reject' is not known; give one of accept, drop",
        ),
        (
            policy_with(id=None),
            f"policy.rules[0]: id: missing; {NAME_RULE}",
        ),
        (
            policy_with(id="loopback-guard"),
            "policy.rules[0] (loopback-guard): id: 'loopback-guard' is the name of a built-in rule; choose another",
        ),
        (
            policy_with(source=["nodes"]),
            f"{RULE_0}the key 'source' is not known; known are id, protocol, ports, verdict, sources, interfaces",
        ),
        (
            policy_with(sources=[]),
            f"{RULE_0}sources: [] is nobody; name at least one set, or leave sources out for anyone",
        ),
        (
            policy_with(sources="nodes"),
            "policy.rules[0] (etcd-client): sources: 'nodes' is not a list of names of sets",
        ),
        (
            policy_with(sources=["nodes"]),
            "policy.rules[0] (etcd-client): sources: 'nodes' is not the name of a set; known are none",
        ),
        (
            {"sets": {"office": ["192.0.2.1"], "vpn": ["192.0.2.2"]}, **policy_with(sources=["offcie"])},
            "policy.rules[0] (etcd-client): sources: 'offcie' is not the name of a set; known are office, vpn",
        ),
        (
            policy_with(id="default-deny"),
            "policy.rules[0] (default-deny): id: 'default-deny' is the name of a built-in rule; choose another",
        ),
        (
            policy_with(interfaces="lxc*"),
            f"{RULE_0}interfaces: 'lxc*' is not a list of names of interfaces",
        ),
        (
            policy_with(interfaces=[]),
            f"{RULE_0}interfaces: [] is none; name at least one, or leave interfaces out for any",
        ),
        *(
            (
                policy_with(interfaces=["lxc*", name]),
                f"{RULE_0}interfaces: {name!r} cannot be the name of an interface; give one like eth0, or lxc* for all "
                "that begin so",
            )
            for name in ("", "*", "lxc*0", "a" * 16, 'eth0" accept; "', "eth0 accept", "eth0\n", "@nodes", "$x", "-o")
        ),
        (
            {"enforcement": "ports", "sets": [], "rules": []},
            "policy.sets: [] is not a mapping of names to lists of CIDRs",
        ),
        (
            policy_with_set("nodes", []),
            "policy.sets.nodes: [] is nobody; give at least one CIDR, or remove the set and the rules for it",
        ),
        (policy_with_set("nodes", "192.0.2.1"), "policy.sets.nodes: '192.0.2.1' is not a list of CIDRs"),
        (
            policy_with_set(1, ["192.0.2.1"]),
            f"policy.sets: 1 cannot be the name of a set; {NAME_RULE}",
        ),
    ],
)
def test_the_answer_names_place_value_and_way_out(data: object, fault: str) -> None:
    assert faults_of(data) == [fault]


def test_host_bits_are_refused_and_the_right_network_is_suggested() -> None:
    assert faults_of(policy_with_set("nodes", ["10.0.0.5/8", "fd00::1/64"])) == [
        "policy.sets.nodes: '10.0.0.5/8' has host bits set; the network is '10.0.0.0/8', the host alone is '10.0.0.5'",
        "policy.sets.nodes: 'fd00::1/64' has host bits set; the network is 'fd00::/64', the host alone is 'fd00::1'",
    ]


@pytest.mark.parametrize(
    "cidr",
    [
        "nodes",
        "",
        "10.0.0.0/33",
        "fd00::/129",
        "10.0.0.0/-1",
        "10.0.0/24",
        "010.0.0.0/8",
        " 10.0.0.0/8",
        "10.0.0.0/8\n",
        "10.0.0.0/255.0.0.0",
        "10.0.0.1-10.0.0.9",
        "fe80::1%eth0",
        # ipaddress takes any text after the '%' for a zone, and prints it again
        "fe80::1%}; flush ruleset/128",
        "10.0.0.0/8 }; flush ruleset; {",
        "\u0661\u0660.0.0.0/8",
        167772160,
        True,
        None,
        ["10.0.0.0/8"],
    ],
)
def test_what_is_not_a_cidr(cidr: object) -> None:
    (fault,) = faults_of(policy_with_set("nodes", [cidr]))
    assert fault.startswith("policy.sets.nodes: ")
    assert fault.endswith(" is not a CIDR; give one like 192.0.2.0/24 or 2001:db8::/64")


def test_an_ipv4_address_in_ipv6_notation_would_match_no_packet() -> None:
    (fault,) = faults_of(policy_with_set("nodes", ["::ffff:192.0.2.1"]))
    assert "is an IPv4 address in IPv6 notation" in fault


INJECTIONS = [
    "; flush ruleset",
    "a; flush ruleset",
    'a" counter accept',
    "a\n\t\ttcp dport 22 drop",
    "a\n",
    "a}",
    "{a",
    "a b",
    "a#",
    "a\\",
    "@a",
    "$a",
    "a/b",
    "a'",
    "a\x00",
    "a\u2028b",
    "\u00e9tcd",
    "-a",
    "1a",
    "",
    "a" * 64,
]


@pytest.mark.parametrize("text", INJECTIONS)
def test_text_that_could_end_a_rule_is_no_name(text: str) -> None:
    (fault,) = faults_of(policy_with(id=text))
    assert fault.startswith("policy.rules[0]: id: ") and fault.isprintable()
    (fault,) = faults_of(policy_with_set(text, ["192.0.2.1"]))
    assert fault.startswith("policy.sets: ") and fault.isprintable()


def test_every_fault_is_reported_at_once() -> None:
    data = {
        "enforcement": "all",
        "sets": {"nodes": ["10.0.0.1/8"]},
        "rules": [{**RULE, "ports": [0, 70000]}, RULE, {**RULE, "verdict": "maybe", "sources": ["node"]}],
    }
    places = [fault.split(": ")[0] for fault in faults_of(data)]
    assert places == [
        "policy.enforcement",
        "policy.sets.nodes",
        "policy.rules[0] (etcd-client)",
        "policy.rules[0] (etcd-client)",
        "policy.rules[2] (etcd-client)",
        "policy.rules[2] (etcd-client)",
    ]


def test_the_place_begins_with_the_name_of_the_variable() -> None:
    with pytest.raises(PolicyError, match=r"^node_firewall_policy\.rules\[0\] \(etcd-client\): ports: 0 is not a port"):
        parse_policy(policy_with(ports=[0]), where="node_firewall_policy")


def test_a_value_is_shown_on_one_line_of_bounded_length() -> None:
    (fault,) = faults_of(policy_with_set("nodes", ["x" * 100_000]))
    assert len(fault) < 200


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=4) | st.integers(), inner, max_size=4),
    max_leaves=12,
)


@given(data=ANYTHING, rule=ANYTHING, sets=ANYTHING)
def test_any_data_at_all_is_a_policy_or_a_policy_error(data: object, rule: object, sets: object) -> None:
    for candidate in (data, {"enforcement": "ports", "rules": [rule], "sets": sets}):
        try:
            parse_policy(candidate)
        except PolicyError as error:
            assert error.faults


@given(name=st.text(min_size=1), cidr=st.text() | st.ip_addresses().map(str))
def test_whatever_gets_through_cannot_leave_its_place_in_the_rules(name: str, cidr: str) -> None:
    try:
        policy = parse_policy(
            {"enforcement": "ports", "sets": {name: [cidr]}, "rules": [{**RULE, "id": name, "sources": [name]}]}
        )
    except PolicyError:
        return
    plain = parse_policy(
        {"enforcement": "ports", "sets": {"n": ["192.0.2.1"]}, "rules": [{**RULE, "id": "n", "sources": ["n"]}]}
    )
    text = render_table(policy).replace(f"{name}_v", "n_v").replace(f'"{name}"', '"n"')
    assert len(text.split("\n")) == len(render_table(plain).split("\n"))
    assert text.count("{") == text.count("}") == render_table(plain).count("{")
    assert ";" not in text.replace("type filter hook input priority filter - 10; policy accept;", "")
