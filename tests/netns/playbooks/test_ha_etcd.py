# Copyright: (c) 2026, ck8s.ports contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A real etcd cluster of three members, and what the firewall says that would cut it.

How the firewall comes to such a cluster without anybody noticing is the scenario molecule/ha_etcd.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.lab import lab
from tests.lab.topology import read_hosts
from tests.netns.playbooks.conftest import CHECKOUT, Cluster

INVENTORY = CHECKOUT / "tests/lab/inventories/ha_etcd.yml"

ALONE = """
all:
  vars:
    ansible_connection: lab_node
    ansible_python_interpreter: "{{ ansible_playbook_python }}"
    ansible_remote_tmp: /run/ansible
    ansible_pipelining: true
  children:
    control_plane:
      hosts:
        node1: {node_profile_addresses: ["10.77.0.11", "fd77::11"]}
"""
"""One of the control planes, in an inventory that does not know of the others."""


@pytest.fixture(scope="module")
def ha(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """The cluster, with etcd on node1, node2 and node3."""
    directory = tmp_path_factory.mktemp("lab")
    lab.up(read_hosts(INVENTORY), directory)
    yield Cluster(directory / "report", INVENTORY)
    lab.down()


def test_what_the_inventory_does_not_know_the_connections_tell(ha: Cluster, tmp_path: Path) -> None:
    inventory = tmp_path / "alone.yml"
    inventory.write_text(ALONE, encoding="utf-8")
    alone = Cluster(tmp_path, inventory)
    for options in (["--check"], []):
        run = alone.play("firewall", *options)
        assert run.status == 2, run.output
        told = " ".join(run.output.split())
        addresses = dict(ha.hosts[0].etcd_members)
        for member in ("node2", "node3"):
            assert re.search(rf"{addresses[member]} to 2380/tcp \(etcd-peer, etcd; \d+ connections?, open\)", told), (
                told
            )
        assert "A firewall that follows the page cuts a cluster of several control-plane nodes." in told
        assert "set node_profile_edition: 2025-11, or node_profile_overrides: {etcd-peer: {scope: external}}" in told
        assert "node_firewall_on_impact" in told
        assert alone.tables()["node1"] == ""

    warned = alone.play("firewall", "--check", node_firewall_on_impact="warn")
    assert (warned.status, warned.changed()) == (0, {"node1": 1}), warned.output
    assert "would refuse the next connection of" in warned.output
    for way_out in (
        {"node_profile_edition": "2025-11"},
        {"node_profile_overrides": {"etcd-peer": {"scope": "external"}}},
    ):
        allowed = alone.play("firewall", "--check", **way_out)
        assert (allowed.status, allowed.changed()) == (0, {"node1": 1}), allowed.output


def test_a_policy_that_would_cut_the_members_comes_back_with_its_batch(ha: Cluster) -> None:
    """The gate: node2 and node3 reached node1's 2380 before, and would not afterwards. The other nodes are spared."""
    run = ha.play(
        "firewall",
        "--limit=!node4",
        node_firewall_gate="probes",
        node_firewall_confirm_timeout=300,
        node_firewall_on_impact="ignore",
        node_firewall_sources={"etcd-peer": ["10.77.0.14/32"]},
    )
    assert run.status == 2
    told = " ".join(run.output.split())
    assert "No change of this batch (node1) was confirmed; its nodes go back to the rules they had." in told, told
    assert "node2 -> node1 10.77.0.11:2380/tcp etcd-peer: open before, silent after" in told
    assert run.changed() == {"node1": 1, "node2": 0, "node3": 0, "node5": 0}
    assert set(ha.tables().values()) == {""}
