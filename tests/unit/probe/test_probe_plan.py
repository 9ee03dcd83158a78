# Copyright: (c) 2026, ck8s.ports contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who tries whom, how many probes that makes, and where to look again afterwards."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.ck8s.ports.plugins.plugin_utils._errors import InputError
from ansible_collections.ck8s.ports.plugins.plugin_utils._probe_plan import (
    localnet_targets,
    missing_listeners,
    plan,
    recounts,
    targets,
)

ADDRESSES, PORTS = 2, 3


def cluster(count: int) -> dict[str, Any]:
    profile = {
        "addresses": [f"10.0.0.{number}" for number in range(ADDRESSES)],
        "ports": [{"id": f"p{number}", "port": 6000 + number, "protocol": "tcp"} for number in range(PORTS)],
    }
    return {f"node{number:03}": {"node_profile_result": {"profile": profile}} for number in range(count)}


def test_each_node_tries_the_next_ones_and_the_ring_goes_round() -> None:
    hosts = cluster(4)
    tries = plan(hosts, list(hosts), [], ["ring"], 2)["tries"]
    assert tries == {
        "node000": ["node001", "node002"],
        "node001": ["node002", "node003"],
        "node002": ["node003", "node000"],
        "node003": ["node000", "node001"],
    }


@pytest.mark.parametrize("neighbours", [3, 4, 100])
def test_nobody_tries_itself_or_another_one_twice(neighbours: int) -> None:
    hosts = cluster(4)
    for name, names in plan(hosts, list(hosts), [], ["ring"], neighbours)["tries"].items():
        assert sorted([name, *names]) == list(hosts)


@pytest.mark.parametrize("neighbours", [0, -1])
def test_without_neighbours_nodes_try_nobody(neighbours: int) -> None:
    hosts = cluster(3)
    assert plan(hosts, list(hosts), [], ["ring"], neighbours)["tries"] == {}
    assert plan(cluster(1), ["node000"], [], ["ring"], 2)["tries"] == {}


def test_in_the_ring_the_number_of_probes_grows_with_the_nodes_and_not_with_their_square() -> None:
    def probes(count: int, kind: str) -> int:
        hosts = cluster(count)
        return int(plan(hosts, list(hosts), [], [kind], 2)["count"])

    each = ADDRESSES * PORTS
    assert [probes(count, "ring") for count in (3, 10, 500)] == [3 * 2 * each, 10 * 2 * each, 500 * 2 * each]
    assert [probes(count, "all") for count in (3, 10)] == [3 * 2 * each, 10 * 9 * each]


def test_the_announcement_names_each_plan_and_is_what_is_then_tried() -> None:
    hosts = cluster(3)
    made = plan(hosts, list(hosts), ["stranger"], ["ring", "outsiders", "from_controller"], 1)
    assert made["announcement"] == "54 probes of 3 nodes (ring 18, outsiders 18, from_controller 18)."
    tried = [*made["tries"].values(), made["controller"]]
    assert sum(len(targets(hosts, names)) for names in tried) == made["count"]
    assert made["tries"]["stranger"] == list(hosts)


def test_without_a_plan_nothing_is_tried() -> None:
    hosts = cluster(3)
    made = plan(hosts, list(hosts), ["stranger"], [], 2)
    assert (made["tries"], made["controller"], made["announcement"]) == ({}, [], "0 probes of 3 nodes.")


def test_a_node_whose_profile_failed_is_no_target() -> None:
    hosts = {**cluster(2), "broken": {}}
    assert plan(hosts, list(hosts), [], ["all"], 2)["count"] == (2 + 1 + 1) * ADDRESSES * PORTS
    assert targets(hosts, ["broken"]) == []


def test_an_unknown_plan_is_refused_with_those_that_there_are() -> None:
    with pytest.raises(InputError) as refusal:
        plan({}, [], [], ["rings"], 2)
    assert refusal.value.faults == [
        "node_verify_plan: 'rings' is no plan; give some of ring, all, from_controller, outsiders"
    ]


def tried(label: str, status: str, sent: int = 0) -> dict[str, Any]:
    return {
        "label": label,
        "status": status,
        "sent": sent,
        "protocol": "udp" if sent else "tcp",
        "source": "10.0.0.9",
        "source_port": 40000,
        "host": "10.0.0.1",
        "port": 8472,
    }


def test_looked_at_again_are_the_nodes_that_did_not_answer_with_the_flows_of_the_datagrams() -> None:
    mine = {
        "results": [tried("node1 vxlan", "unknown", 3), tried("node1 kubelet", "silent"), tried("node2 k8sd", "open")]
    }
    controllers = {"results": [tried("node3 kubelet", "refused"), tried("node4 kubelet", "unreachable")]}
    hostvars: dict[str, Any] = {
        "node2": {"__node_verify_probes": mine, "__node_verify_controller_probes": controllers},
        "node3": {"__node_verify_probes": {"skipped": True}, "__node_verify_controller_probes": controllers},
    }
    flow = {"protocol": "udp", "source": "10.0.0.9", "source_port": 40000, "host": "10.0.0.1", "port": 8472}
    assert recounts(hostvars, ["node2", "node3"]) == {"node1": [flow], "node3": []}
    assert recounts({}, []) == {}


def test_through_the_wire_localhost_ports_are_tried_by_ipv4_addresses() -> None:
    ports = [
        {"id": "kubelet-healthz", "port": 10248, "protocol": "tcp", "scope": "localhost"},
        {"id": "kubelet", "port": 10250, "protocol": "tcp", "scope": "external"},
        {"id": "local-dns", "port": 53, "protocol": "udp", "scope": "localhost"},
    ]
    profile = {"addresses": ["10.0.0.1", "fd00::1"], "ports": ports}
    hosts: dict[str, Any] = {name: {"node_profile_result": {"profile": profile}} for name in ("a", "b")}
    assert localnet_targets(hosts, ["a"]) == [{"host": "10.0.0.1", "port": 10248, "label": "a kubelet-healthz"}]
    made = plan(hosts, ["a", "b"], ["stranger"], ["ring"], 1, localnet=True)
    assert made["probes"] == {"ring": 12, "localnet": 2}


def test_missing_listeners_are_where_the_document_has_them() -> None:
    def port(number: int, binding: str) -> dict[str, Any]:
        return {"protocol": "tcp", "port": number, "binding": binding}

    ports = [port(1, "loopback"), port(2, "any"), port(3, "node"), port(4, "host"), port(5, "any")]
    profile = {"addresses": ["10.0.0.1", "fd00::1"], "ports": ports}
    held = {"sockets": [{"protocol": "tcp", "port": 5}, {"protocol": "udp", "port": 1}]}
    assert [(each["address"], each["port"]) for each in missing_listeners(profile, held)] == [
        ("127.0.0.1", 1),
        ("::1", 1),
        ("::", 2),
        ("10.0.0.1", 3),
        ("fd00::1", 3),
        ("10.0.0.1", 4),
        ("fd00::1", 4),
    ]
    assert missing_listeners(profile, {"error": "No rights."}) == []
