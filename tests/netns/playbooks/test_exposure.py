# Copyright: (c) 2026, ck8s.ports contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""least_privilege and default_deny, by the playbooks on the lab: what they close, and that verify judges it rightly."""

from __future__ import annotations

import sys
from pathlib import Path

from tests.lab.topology import INVENTORY
from tests.netns.playbooks.conftest import CHECKOUT, Cluster

KNOCK = CHECKOUT / "tests/lab/knock.py"
LEAST = {
    # The lab's own sources aside: the audiences are to decide.
    "node_firewall_sources": {},
    "node_firewall_exposure": "least_privilege",
    "node_firewall_pod_cidrs": ["10.1.0.0/16"],
}
ADDRESSES = ("10.77.0.11", "10.77.0.12", "10.77.0.13")


def knock(cluster: Cluster, source: str, address: str, port: int) -> str:
    return cluster.enter(source, sys.executable, "-I", "-S", str(KNOCK), address, str(port)).strip()


def test_site_with_least_privilege_and_default_deny(cluster: Cluster) -> None:
    run = cluster.play("site", **LEAST, node_firewall_enforcement="default_deny")
    assert run.status == 0, run.output
    statuses = run.statuses()
    assert {name for name, status in statuses.items() if status in ("fail", "warn")} == set()
    assert {statuses[f"{node}:{port}/reach"] for node in cluster.nodes for port in ("kubelet", "kube-apiserver")} == {
        "pass"
    }
    evidence = {
        finding["host"]: " ".join(finding["evidence"])
        for finding in run.report()["findings"]
        if finding["id"] == "kube-apiserver/reach"
    }
    assert "outsider1 to 10.77.0.11 port 6443: open" in evidence["node1"]
    # A worker's is for itself: neither another node nor the outsider gets an answer.
    for node in ("node2", "node3"):
        assert ": silent" in evidence[node]
        assert ": open" not in evidence[node]

    # What verify does not try: a port that nobody governs, and what a node needs of others.
    assert {knock(cluster, "node2", "10.77.0.11", port) for port in (2379, 4000)} == {"silent"}
    assert {knock(cluster, source, address, 10250) for source in ("node1", "node2") for address in ADDRESSES} == {
        "open"
    }
    assert knock(cluster, "outsider1", "10.77.0.12", 4000) == "silent"
    assert cluster.play("firewall", **LEAST, node_firewall_enforcement="default_deny").changed() == {
        "node1": 0,
        "node2": 0,
        "node3": 0,
    }

    back = cluster.play("site", **LEAST)
    assert back.status == 0, back.output
    assert knock(cluster, "outsider1", "10.77.0.12", 4000) == "refused"
    assert knock(cluster, "outsider1", "10.77.0.12", 10250) == "silent"


def test_hosts_outside_the_limit_are_nodes_all_the_same(cluster: Cluster) -> None:
    run = cluster.play("firewall", "--limit=node1", **LEAST)
    assert run.status == 0, run.output
    assert cluster.tables()["node2"] == ""
    assert knock(cluster, "node3", "10.77.0.11", 10250) == "open"
    assert knock(cluster, "node3", "10.77.0.11", 2379) == "silent"


def test_a_node_without_a_known_address_is_named_and_nothing_is_changed(cluster: Cluster, tmp_path: Path) -> None:
    more = tmp_path / "more.yml"
    more.write_text("worker: {hosts: {node9: {ansible_host: nine.example}}}\n", encoding="utf-8")
    inventories = (f"--inventory={INVENTORY}", f"--inventory={more}", "--limit=!node9")
    run = cluster.play("firewall", *inventories, **LEAST)
    assert run.status == 2
    assert (
        "the address of node node9 is not known: ansible_host is 'nine.example', which is not an address" in run.output
    )
    assert "set node_profile_addresses for it, or node_firewall_node_cidrs" in run.output
    assert set(cluster.tables().values()) == {""}

    told = cluster.play("firewall", *inventories, **LEAST, node_firewall_node_cidrs=["10.77.0.8/29", "fd77::10/124"])
    assert told.status == 0, told.output
    assert knock(cluster, "node3", "10.77.0.11", 10250) == "open"
    assert knock(cluster, "outsider1", "10.77.0.11", 10250) == "silent"


def test_without_the_network_of_the_pods_it_is_refused(cluster: Cluster) -> None:
    run = cluster.play("firewall", **{**LEAST, "node_firewall_pod_cidrs": []})
    assert run.status == 2
    assert "node_firewall_pod_cidrs: the network of the pods is not known; set it" in run.output
    assert set(cluster.tables().values()) == {""}
