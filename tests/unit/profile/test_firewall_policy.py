"""From expected ports to a policy: what it opens, closes and refuses."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.ck8s.ports.plugins.module_utils._policy import parse_policy
from ansible_collections.ck8s.ports.plugins.module_utils._verdict import decide
from ansible_collections.ck8s.ports.plugins.plugin_utils._errors import InputError
from ansible_collections.ck8s.ports.plugins.plugin_utils._firewall_policy import policy
from ansible_collections.ck8s.ports.plugins.plugin_utils._profile import profile
from tests.unit.profile.test_profile import CONTROL_PLANE, WORKER


def rules(made: dict[str, Any], port_id: str) -> list[dict[str, Any]]:
    return [rule for rule in made["rules"] if rule["id"] == port_id]


def test_external_ports_are_open_and_localhost_ports_closed() -> None:
    made = policy(profile(CONTROL_PLANE))
    for port in profile(CONTROL_PLANE)["ports"]:
        (rule,) = rules(made, port["id"])
        assert rule["verdict"] == {"external": "accept", "localhost": "drop"}[port["scope"]]


def test_with_sources_all_others_are_closed_out() -> None:
    made = policy(profile(CONTROL_PLANE), {"etcd-client": ["192.0.2.0/24"]})
    assert made["sets"] == {"etcd-client": ["192.0.2.0/24"]}
    assert [rule["verdict"] for rule in rules(made, "etcd-client")] == ["accept", "drop"]


def test_sources_for_a_port_of_other_nodes_do_not_matter_here() -> None:
    assert policy(profile(WORKER), {"etcd-client": ["192.0.2.0/24"]})["sets"] == {}


@pytest.mark.parametrize("role", [CONTROL_PLANE, WORKER])
def test_every_policy_is_one_that_the_module_takes(role: dict[str, Any]) -> None:
    made = policy(profile(role), {"kubelet": ["192.0.2.0/24", "2001:db8::/32"]})
    assert len(parse_policy(made).rules) == len(made["rules"])


SOURCES: dict[str, tuple[dict[str, list[str]], str]] = {
    "empty": (
        {"kubelet": []},
        "node_firewall_sources: entry 'kubelet': [] is nobody; to open the port as without the entry, remove it",
    ),
    "host bits": (
        {"kubelet": ["2001:db8::1/64"]},
        "node_firewall_sources: entry 'kubelet': '2001:db8::1/64' has host bits set; the network is 2001:db8::/64",
    ),
    "no CIDR": (
        {"kubelet": ["10.0.0.0/8; accept"]},
        "node_firewall_sources: entry 'kubelet': '10.0.0.0/8; accept' is not a CIDR; give one such as 10.0.0.0/8 or "
        "fd00::/64, or one of nodes, control_plane, pods, monitoring",
    ),
    "a localhost port": (
        {"kubelet-healthz": ["10.0.0.0/8"]},
        "node_firewall_sources: entry 'kubelet-healthz': the port is documented as localhost and closed to "
        "every source; "
        "remove the entry, or set node_profile_overrides: {kubelet-healthz: {scope: external}}",
    ),
    "unknown": (
        {"kublet": ["10.0.0.0/8"]},
        "node_firewall_sources: entry 'kublet': no such port; known external ports are hubble, cilium-health, k8sd, "
        "kube-apiserver, vxlan, cilium-operator-metrics, kubelet",
    ),
}


@pytest.mark.parametrize("name", SOURCES)
def test_bad_sources_are_named(name: str) -> None:
    sources, message = SOURCES[name]
    with pytest.raises(InputError) as error:
        policy(profile(WORKER), sources)
    assert error.value.faults == [message]


def test_etcd_is_not_cut_between_control_planes() -> None:
    """The page of 2025-08 has etcd's peers on localhost; with one control plane nobody is on the other side."""
    assert rules(policy(profile(CONTROL_PLANE), control_planes=1), "etcd-peer")[0]["verdict"] == "drop"
    with pytest.raises(InputError) as error:
        policy(profile(CONTROL_PLANE), control_planes=3)
    (fault,) = error.value.faults
    assert fault.startswith("refused: etcd-peer (2380/tcp) would be closed to other nodes")
    assert fault.endswith(
        "Set node_profile_edition: 2025-11, or node_profile_overrides: {etcd-peer: {scope: external}}"
    )


def test_control_planes_that_only_the_node_knows_of_count() -> None:
    made = profile({**CONTROL_PLANE, "detected": {"control_plane_addresses": ["192.0.2.11", "192.0.2.12"]}})
    with pytest.raises(InputError, match="the cluster has 2 control-plane nodes"):
        policy(made, control_planes=1)


@pytest.mark.parametrize("edition", ["2025-11", "2026-06"])
def test_the_later_editions_are_a_way_out_of_that_refusal(edition: str) -> None:
    made = policy(profile({**CONTROL_PLANE, "edition": edition}), control_planes=3)
    assert rules(made, "etcd-peer")[0]["verdict"] == "accept"


def test_the_override_is_another_one() -> None:
    way_out = {**CONTROL_PLANE, "overrides": {"etcd-peer": {"scope": "external"}}}
    assert rules(policy(profile(way_out), control_planes=3), "etcd-peer")[0]["verdict"] == "accept"


@pytest.mark.parametrize(
    ("port", "source", "wanted"),
    [
        (2379, "192.0.2.7", "accept"),
        (2379, "198.51.100.7", "drop"),
        (2379, "2001:db8::7", "accept"),
        (2379, "2001:db9::7", "drop"),
        (2379, "127.0.0.1", "accept"),
        (2380, "192.0.2.7", "drop"),
        (2380, "::1", "accept"),
        (6443, "198.51.100.7", "accept"),
        (8080, "198.51.100.7", "none"),
    ],
)
def test_what_a_policy_says_of_a_packet(port: int, source: str, wanted: str) -> None:
    made = policy(profile(CONTROL_PLANE), {"etcd-client": ["192.0.2.0/24", "2001:db8::/32"]})
    assert decide(parse_policy(made), "tcp", port, source).verdict == wanted


def test_a_companion_is_opened_only_when_it_is_asked_for() -> None:
    asked = policy(profile(WORKER), companions=["metallb-memberlist"])
    assert [(rule["protocol"], rule["ports"], rule["verdict"]) for rule in rules(asked, "metallb-memberlist")] == [
        ("tcp", [7946], "accept"),
        ("udp", [7946], "accept"),
    ]
    assert rules(policy(profile(WORKER)), "metallb-memberlist") == []
    assert len(parse_policy(asked).rules) == len(asked["rules"])


def test_a_companion_may_have_sources() -> None:
    made = policy(profile(WORKER), {"metallb-memberlist": ["192.0.2.0/24"]}, companions=["metallb-memberlist"])
    assert decide(parse_policy(made), "udp", 7946, "192.0.2.7").verdict == "accept"
    assert decide(parse_policy(made), "udp", 7946, "198.51.100.7").verdict == "drop"


@pytest.mark.parametrize("name", ["metallb", "node-port", "containerd-streaming"])
def test_a_companion_that_no_rule_can_name_is_refused_with_those_that_can(name: str) -> None:
    with pytest.raises(InputError) as error:
        policy(profile(WORKER), companions=[name])
    assert error.value.faults == [
        f"node_firewall_companions: '{name}' is no companion that can be opened; known are cilium-envoy-metrics, "
        "metallb-memberlist, metallb-metrics, metallb-metrics-https"
    ]


def test_sources_of_a_companion_that_is_not_opened_are_named() -> None:
    with pytest.raises(InputError) as error:
        policy(profile(WORKER), {"metallb-metrics": ["192.0.2.0/24"]})
    assert error.value.faults == [
        "node_firewall_sources: entry 'metallb-metrics': the companion is not opened; add it to "
        "node_firewall_companions, or remove the entry"
    ]
