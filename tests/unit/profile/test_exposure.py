# Copyright: (c) 2026, ck8s.ports contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who may connect to which port of which node: least_privilege and default_deny, asked packet by packet."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from ansible_collections.ck8s.ports.plugins.module_utils._nft_render import render_table
from ansible_collections.ck8s.ports.plugins.module_utils._policy import parse_policy
from ansible_collections.ck8s.ports.plugins.module_utils._verdict import decide
from ansible_collections.ck8s.ports.plugins.plugin_utils._audiences import Access
from ansible_collections.ck8s.ports.plugins.plugin_utils._errors import InputError
from ansible_collections.ck8s.ports.plugins.plugin_utils._firewall_policy import policy
from ansible_collections.ck8s.ports.plugins.plugin_utils._profile import profile
from tests.unit.profile.test_profile import CONTROL_PLANE, WORKER

EDITION = "2025-11"
NODES = {
    "control_plane": profile({**CONTROL_PLANE, "edition": EDITION}),
    "dqlite": profile({**CONTROL_PLANE, "edition": "2025-08", "datastore": "k8s-dqlite"}),
    "worker": profile({**WORKER, "edition": EDITION}),
}
ADDRESSES = {
    "known": {
        "control_plane": {"node1": ["192.0.2.11", "2001:db8::11"]},
        "worker": {"node2": ["192.0.2.12", "2001:db8::12"]},
    },
    "unknown": {"control_plane": {}, "worker": {}},
}
ACCESS = Access(
    exposure="least_privilege",
    addresses=ADDRESSES,
    pod_cidrs=["10.1.0.0/16", "fd01::/108"],
    monitoring_sources=["192.0.2.64/28"],
)

FROM = {
    "control_plane": ("192.0.2.11", "eth0"),
    "control_plane, IPv6": ("2001:db8::11", "eth0"),
    "worker": ("192.0.2.12", "eth0"),
    "worker, IPv6": ("2001:db8::12", "eth0"),
    "pod": ("10.1.0.7", "lxc0123"),
    "pod, IPv6": ("fd01::7", "lxc0123"),
    "pod of another node": ("10.1.3.7", "cilium_host"),
    "who claims to be a pod": ("10.1.0.7", "eth0"),
    "who monitors": ("192.0.2.65", "eth0"),
    "outsider": ("198.51.100.7", "eth0"),
    "outsider, IPv6": ("2001:db9::7", "eth0"),
}
CONTROL_PLANES = {"control_plane", "control_plane, IPv6"}
ALL_NODES = {*CONTROL_PLANES, "worker", "worker, IPv6"}
OUTSIDE = {"who claims to be a pod", "who monitors", "outsider", "outsider, IPv6"}
PODS = {"pod", "pod, IPv6", "pod of another node"}

LET_IN: dict[str, dict[str, set[str]]] = {
    "control_plane": {
        "etcd-client": CONTROL_PLANES,
        "etcd-peer": CONTROL_PLANES,
        "cilium-health": ALL_NODES,
        "hubble": {"who monitors"},
        "k8sd": ALL_NODES,
        "kube-apiserver": set(FROM),
        "vxlan": ALL_NODES,
        "cilium-operator-metrics": {"who monitors"},
        "kubelet": ALL_NODES | PODS,
        "kube-controller-manager": {"who monitors"},
        "kube-scheduler": {"who monitors"},
    },
    "worker": {
        "cilium-health": ALL_NODES,
        "hubble": {"who monitors"},
        "k8sd": ALL_NODES,
        "kube-apiserver": set(),
        "vxlan": ALL_NODES,
        "cilium-operator-metrics": {"who monitors"},
        "kubelet": ALL_NODES | PODS,
    },
}
LET_IN["dqlite"] = {
    **{name: who for name, who in LET_IN["control_plane"].items() if not name.startswith("etcd")},
    "k8s-dqlite": CONTROL_PLANES,
}


def let_in(made: dict[str, Any], protocol: str, port: int) -> set[str]:
    parsed = parse_policy(made)
    return {
        name
        for name, (source, interface) in FROM.items()
        if decide(parsed, protocol, port, source, interface).verdict == "accept"
    }


@pytest.mark.parametrize("enforcement", ["ports", "default_deny"])
@pytest.mark.parametrize("node", NODES)
def test_least_privilege_lets_in_who_has_a_reason_to_connect(node: str, enforcement: str) -> None:
    made = policy(NODES[node], access=replace(ACCESS, enforcement=enforcement))
    seen = {port["id"]: let_in(made, port["protocol"], port["port"]) for port in NODES[node]["ports"]}
    localhost: dict[str, set[str]] = {
        port["id"]: set() for port in NODES[node]["ports"] if port["scope"] == "localhost"
    }
    assert seen == {**LET_IN[node], **localhost}


@pytest.mark.parametrize("port", [2379, 2380, 4240, 8472, 9000])
@pytest.mark.parametrize("node", NODES)
def test_some_ports_are_never_open_to_who_is_outside(node: str, port: int) -> None:
    made = policy(NODES[node], access=ACCESS)
    for protocol in ("tcp", "udp"):
        if any((rule["protocol"], rule["ports"]) == (protocol, [port]) for rule in made["rules"]):
            assert not let_in(made, protocol, port) & OUTSIDE


def test_without_a_word_on_monitoring_its_ports_are_closed() -> None:
    made = policy(NODES["control_plane"], access=replace(ACCESS, monitoring_sources=[]))
    assert {port: let_in(made, "tcp", port) for port in (4244, 9963, 10257, 10259)} == {
        4244: set(),
        9963: set(),
        10257: set(),
        10259: set(),
    }


def test_who_monitors_may_be_in_the_cluster() -> None:
    made = policy(NODES["worker"], access=replace(ACCESS, monitoring_sources=["nodes", "pods"]))
    assert let_in(made, "tcp", 4244) == ALL_NODES | PODS


def test_sources_win_over_the_audience() -> None:
    made = policy(NODES["worker"], {"kubelet": ["198.51.100.0/24", "control_plane"]}, access=ACCESS)
    assert let_in(made, "tcp", 10250) == {"outsider", *CONTROL_PLANES}


def test_the_proxy_of_a_worker_stays_its_own_whoever_may_use_the_api() -> None:
    sources = {"kube-apiserver": ["nodes", "monitoring"]}
    made = {node: policy(NODES[node], sources, access=ACCESS) for node in ("control_plane", "worker")}
    assert let_in(made["control_plane"], "tcp", 6443) == {*ALL_NODES, "who monitors"}
    assert let_in(made["worker"], "tcp", 6443) == set()
    documented = policy(NODES["worker"], sources, access=replace(ACCESS, exposure="documented"))
    assert let_in(documented, "tcp", 6443) == {*ALL_NODES, "who monitors"}


def test_words_among_the_sources_do_not_need_least_privilege() -> None:
    made = policy(NODES["worker"], {"kubelet": ["nodes"]}, access=replace(ACCESS, exposure="documented"))
    assert let_in(made, "tcp", 10250) == ALL_NODES
    assert let_in(made, "tcp", 4244) == set(FROM)


def test_companions_have_an_audience_too() -> None:
    made = policy(NODES["worker"], companions=["metallb-memberlist", "metallb-metrics"], access=ACCESS)
    assert let_in(made, "udp", 7946) == let_in(made, "tcp", 7946) == ALL_NODES
    assert let_in(made, "tcp", 7472) == {"who monitors"}


def test_a_localhost_port_that_is_made_external_is_for_the_nodes() -> None:
    made = policy(profile({**WORKER, "overrides": {"kubelet-healthz": {"scope": "external"}}}), access=ACCESS)
    assert let_in(made, "tcp", 10248) == ALL_NODES


def test_networks_in_place_of_addresses() -> None:
    access = replace(ACCESS, addresses={}, node_cidrs=["198.51.100.0/24"], control_plane_cidrs=["192.0.2.11/32"])
    made = policy(NODES["control_plane"], access=access)
    assert made["sets"]["from_nodes"] == ["198.51.100.0/24", "192.0.2.11/32"]  # control planes are nodes, too
    assert let_in(made, "tcp", 2379) == {"control_plane"}


def test_control_planes_that_only_the_node_knows_of_are_let_in() -> None:
    shown = profile({**CONTROL_PLANE, "edition": EDITION, "detected": {"control_plane_addresses": ["198.51.100.7"]}})
    assert let_in(policy(shown, access=ACCESS), "tcp", 2379) == {*CONTROL_PLANES, "outsider"}


def test_the_networks_of_pods_may_be_detected() -> None:
    shown = profile({**WORKER, "edition": EDITION, "detected": {"pod_cidrs": ["10.1.0.0/16"]}})
    made = policy(shown, access=replace(ACCESS, pod_cidrs=[]))
    assert made["sets"]["from_pods"] == ["10.1.0.0/16"]


def test_without_interfaces_of_pods_there_is_no_rule_for_them() -> None:
    made = policy(NODES["worker"], access=replace(ACCESS, pod_cidrs=[], pod_interfaces=[]))
    assert let_in(made, "tcp", 10250) == ALL_NODES


def test_the_number_of_rules_does_not_depend_on_the_number_of_nodes() -> None:
    def size(nodes: int) -> tuple[int, int]:
        known = {f"node{n}": [f"10.0.{n >> 8}.{n & 255}", f"fd00::{n:x}"] for n in range(2, nodes)}
        addresses = {"known": {"control_plane": {"node1": ["10.9.0.1"]}, "worker": known}, "unknown": {}}
        access = replace(ACCESS, enforcement="default_deny", addresses=addresses)
        made = policy(NODES["control_plane"], access=access)
        return len(made["rules"]), render_table(parse_policy(made)).count(" comment ")

    assert size(3) == size(61) == size(1000)


UNKNOWN = {"control_plane": {}, "worker": {"node7": "ansible_host is 'seven'"}}

REFUSED: dict[str, tuple[str, Access, list[str]]] = {
    "a worker": (
        "worker",
        replace(ACCESS, addresses={**ADDRESSES, "unknown": UNKNOWN}),
        ["the address of node node7 is not known: ansible_host is 'seven', or node_firewall_node_cidrs"],
    ),
    "a control plane, whatever the networks of nodes": (
        "worker",
        replace(
            ACCESS,
            node_cidrs=["192.0.2.0/24"],
            addresses={**ADDRESSES, "unknown": {"control_plane": {"node3": "ansible_host is 'three'"}}},
        ),
        ["the address of node node3 is not known: ansible_host is 'three', or node_firewall_control_plane_cidrs"],
    ),
    "no control plane": (
        "worker",
        replace(ACCESS, addresses={"known": {"worker": {"node2": ["192.0.2.12"]}}}),
        [
            "no control-plane node is known, and every node needs them; put them in the inventory, in the group of "
            "node_profile_control_plane_group, or set node_firewall_control_plane_cidrs"
        ],
    ),
    "pods": (
        "worker",
        replace(ACCESS, pod_cidrs=[]),
        [
            "node_firewall_pod_cidrs: the network of the pods is not known; set it (the snap's default is 10.1.0.0/16"
            "), or node_profile_detect: true, or node_firewall_pod_interfaces: [] where no pod may reach its own node"
        ],
    ),
    "not even right": (
        "worker",
        Access(
            exposure="least",
            enforcement="deny",
            node_cidrs=["10.0.0.1/8"],
            pod_cidrs=["nodes"],
            pod_interfaces=["lxc+"],
            monitoring_sources=["node"],
            ssh_port=70000,
        ),
        [
            "node_firewall_exposure: 'least' is not known; give one of documented, least_privilege",
            "node_firewall_enforcement: 'deny' is not known; give one of ports, default_deny",
            "node_firewall_node_cidrs: '10.0.0.1/8' has host bits set; the network is 10.0.0.0/8",
            "node_firewall_pod_cidrs: 'nodes' is not a CIDR; give one such as 10.0.0.0/8 or fd00::/64",
            "node_firewall_monitoring_sources: 'node' is not a CIDR; give one such as 10.0.0.0/8 or fd00::/64, or one "
            "of nodes, control_plane, pods, monitoring",
            "node_firewall_pod_interfaces: 'lxc+' is not the name of an interface; give one such as eth0, or lxc* for "
            "all that begin so",
            "node_firewall_ssh_port: 70000 is not a port; give a number from 1 to 65535",
        ],
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_is_not_known_is_refused_with_the_way_out(case: str) -> None:
    node, access, faults = REFUSED[case]
    with pytest.raises(InputError) as error:
        policy(NODES[node], access=access)
    assert error.value.faults == faults


def test_documented_needs_none_of_it() -> None:
    made = policy(NODES["worker"], access=Access(addresses={"known": {}, "unknown": UNKNOWN}))
    assert made["sets"] == {}
    assert let_in(made, "tcp", 10250) == set(FROM)


def test_default_deny_leaves_ssh_and_dhcp_open_and_closes_the_rest() -> None:
    made = policy(NODES["worker"], access=replace(ACCESS, enforcement="default_deny", ssh_port=2222))
    assert let_in(made, "tcp", 2222) == let_in(made, "udp", 68) == set(FROM)
    assert decide(parse_policy(made), "udp", 546, "fe80::1", "eth0").verdict == "accept"
    assert let_in(made, "udp", 546) == let_in(made, "tcp", 22) == let_in(made, "tcp", 8080) == set()


def test_ssh_may_be_for_some() -> None:
    access = replace(ACCESS, enforcement="default_deny", ssh_sources=["198.51.100.0/24", "nodes"])
    assert let_in(policy(NODES["worker"], access=access), "tcp", 22) == {"outsider", *ALL_NODES}


def test_who_expects_ssh_as_a_port_says_there_for_whom() -> None:
    node = profile({**WORKER, "extra_ports": [{"id": "sshd", "port": 22, "scope": "external"}]})
    made = policy(node, {"sshd": ["198.51.100.0/24"]}, access=replace(ACCESS, enforcement="default_deny"))
    assert let_in(made, "tcp", 22) == {"outsider"}


@pytest.mark.parametrize("enforcement", ["ports", "default_deny"])
def test_the_port_of_the_connection_is_never_closed(enforcement: str) -> None:
    node = profile({**WORKER, "overrides": {"kubelet-healthz": {"port": 2222}}})
    with pytest.raises(InputError) as error:
        policy(node, access=Access(enforcement=enforcement, ssh_port=2222))
    assert error.value.faults == [
        "refused: kubelet-healthz would close 2222/tcp, on which Ansible connects (SSH). Give kubelet-healthz its real "
        "port in node_profile_overrides, or set node_firewall_ssh_port where SSH is on another port of the node"
    ]
