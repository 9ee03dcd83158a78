# Copyright: (c) 2026, ck8s.ports contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a policy does with a packet, and which rule says so."""

from __future__ import annotations

from ipaddress import ip_address, ip_network
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.ck8s.ports.plugins.module_utils._policy import parse_policy
from ansible_collections.ck8s.ports.plugins.module_utils._verdict import Decision, decide, may_drop

POLICY: dict[str, Any] = {
    "enforcement": "ports",
    "sets": {"nodes": ["192.0.2.0/28", "192.0.2.64/28", "2001:db8:1::/64"], "admins": ["198.51.100.7", "fe80::/10"]},
    "rules": [
        {"id": "etcd-client", "protocol": "tcp", "ports": [2379, 2380], "verdict": "accept", "sources": ["nodes"]},
        {"id": "etcd-client", "protocol": "tcp", "ports": [2379], "verdict": "drop"},
        {"id": "kubelet", "protocol": "tcp", "ports": [10250], "verdict": "drop", "sources": ["nodes"]},
        {"id": "kubelet", "protocol": "tcp", "ports": [10250], "verdict": "accept", "sources": ["nodes", "admins"]},
        {"id": "vxlan", "protocol": "udp", "ports": [8472], "verdict": "drop"},
    ],
}
ANYONE: dict[str, Any] = {"id": "kube-apiserver", "protocol": "tcp", "ports": [6443]}


@pytest.mark.parametrize(
    ("protocol", "port", "source", "wanted"),
    [
        ("tcp", 2379, "192.0.2.15", Decision("accept", "etcd-client", 0)),
        ("tcp", 2379, "192.0.2.16", Decision("drop", "etcd-client", 1)),
        ("tcp", 2379, "192.0.2.64", Decision("accept", "etcd-client", 0)),
        ("tcp", 2379, "2001:db8:1::7", Decision("accept", "etcd-client", 0)),
        ("tcp", 2379, "2001:db8:2::7", Decision("drop", "etcd-client", 1)),
        ("tcp", 2380, "192.0.2.16", Decision("none")),
        ("udp", 2379, "192.0.2.16", Decision("none")),
        ("tcp", 10250, "192.0.2.1", Decision("drop", "kubelet", 2)),
        ("tcp", 10250, "198.51.100.7", Decision("accept", "kubelet", 3)),
        ("tcp", 10250, "fe80::7%eth0", Decision("accept", "kubelet", 3)),
        ("udp", 8472, "192.0.2.1", Decision("drop", "vxlan", 4)),
        ("udp", 8472, "127.0.0.1", Decision("accept", "loopback")),
        ("udp", 8472, "127.9.9.9", Decision("accept", "loopback")),
        ("udp", 8472, "::1", Decision("accept", "loopback")),
    ],
)
def test_the_first_rule_that_matches_decides(protocol: str, port: int, source: str, wanted: Decision) -> None:
    assert decide(parse_policy(POLICY), protocol, port, source) == wanted


@pytest.mark.parametrize(("interface", "wanted"), [("lo", "accept"), ("eth0", "drop"), (None, "drop")])
def test_what_comes_in_on_lo_is_let_in_whatever_its_address(interface: str | None, wanted: str) -> None:
    assert decide(parse_policy(POLICY), "udp", 8472, "192.0.2.1", interface).verdict == wanted


@pytest.mark.parametrize(
    ("protocol", "port", "wanted"),
    [("tcp", 2379, True), ("tcp", 2380, False), ("tcp", 10250, True), ("udp", 10250, False), ("tcp", 6443, False)],
)
def test_whether_anyone_is_refused(protocol: str, port: int, wanted: bool) -> None:
    policy = {**POLICY, "rules": [*POLICY["rules"], {**ANYONE, "verdict": "accept"}, {**ANYONE, "verdict": "drop"}]}
    assert may_drop(parse_policy(policy), protocol, port) == wanted


def test_what_no_rule_is_about_may_be_dropped_with_default_deny() -> None:
    policy = {**POLICY, "enforcement": "default_deny", "rules": [*POLICY["rules"], {**ANYONE, "verdict": "accept"}]}
    assert may_drop(parse_policy(policy), "tcp", 2380)
    assert not may_drop(parse_policy(policy), "tcp", ANYONE["ports"][0])


WITH_PODS = {
    "enforcement": "default_deny",
    "sets": {"pods": ["10.1.0.0/16"]},
    "rules": [
        {
            "id": "kubelet",
            "protocol": "tcp",
            "ports": [10250],
            "verdict": "accept",
            "sources": ["pods"],
            "interfaces": ["lxc*", "cilium_host"],
        }
    ],
}


@pytest.mark.parametrize(
    ("port", "source", "interface", "wanted"),
    [
        (10250, "10.1.2.3", "lxc0123456789ab", Decision("accept", "kubelet", 0)),
        (10250, "10.1.2.3", "cilium_host", Decision("accept", "kubelet", 0)),
        (10250, "10.1.2.3", "cilium_hostess", Decision("drop", "default-deny")),
        (10250, "10.1.2.3", "eth0", Decision("drop", "default-deny")),
        (10250, "10.1.2.3", None, Decision("accept", "kubelet", 0)),
        (10250, "192.0.2.1", "lxc0", Decision("drop", "default-deny")),
        (22, "10.1.2.3", "lxc0", Decision("drop", "default-deny")),
        (22, "192.0.2.1", "lo", Decision("accept", "loopback")),
    ],
)
def test_interfaces_and_the_rest(port: int, source: str, interface: str | None, wanted: Decision) -> None:
    assert decide(parse_policy(WITH_PODS), "tcp", port, source, interface) == wanted


def test_what_is_no_address_is_an_error() -> None:
    with pytest.raises(ValueError, match="node1"):
        decide(parse_policy(POLICY), "tcp", 2379, "node1")


NETWORKS = st.one_of(
    st.builds(
        lambda bits, prefix: str(ip_network((bits, prefix), strict=False)),
        st.integers(0, 2**32 - 1).map(lambda value: str(ip_address(value))),
        st.integers(0, 32),
    ),
    st.builds(
        lambda bits, prefix: str(ip_network((bits, prefix), strict=False)),
        # Not the IPv4-mapped ones, which a policy refuses.
        st.integers(2**64, 2**128 - 1).map(lambda value: str(ip_address(value))),
        st.integers(0, 128),
    ),
)


@given(cidrs=st.lists(NETWORKS, min_size=1, max_size=8), number=st.integers(0, 2**32 - 1), data=st.data())
def test_a_set_has_the_addresses_of_its_networks_and_no_others(cidrs: list[str], number: int, data: Any) -> None:
    near = ip_network(data.draw(st.sampled_from(cidrs)))
    last = int(near.broadcast_address)
    source = data.draw(
        st.sampled_from([ip_address(number), near.network_address, near.broadcast_address])
        | st.integers(max(0, int(near.network_address) - 1), min(last + 1, 2**near.max_prefixlen - 1)).map(
            type(near.network_address)
        )
    )
    if source.is_loopback:
        return
    rule = {"id": "x", "protocol": "tcp", "ports": [1], "verdict": "drop", "sources": ["them"]}
    policy = parse_policy({"enforcement": "ports", "sets": {"them": cidrs}, "rules": [rule]})
    wanted = any(source in ip_network(cidr) for cidr in cidrs)
    assert (decide(policy, "tcp", 1, str(source)).verdict == "drop") == wanted
