# Copyright: (c) 2026, ck8s.ports contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""node_firewall_gate: probes, with a real etcd cluster of three members and policies that would cut it.

Slow: every test runs playbooks over five nodes. `make harm` runs them; one of them is in tests/netns/playbooks, too.
"""

from __future__ import annotations

import re
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.lab import lab
from tests.lab.topology import read_hosts
from tests.netns.playbooks.conftest import CHECKOUT, Cluster, Run

INVENTORY = CHECKOUT / "tests/lab/inventories/ha_etcd.yml"
ALL = ["node1", "node2", "node3", "node4", "node5"]
CUTS_PEERS = {"etcd-peer": ["10.77.0.14/32", "fd77::14/128"]}
"""Sources for etcd's peers that none of the three members is among."""
TIMEOUT = 60
"""Longer than any of these runs: what is back when they end has not come back by its timer."""


@pytest.fixture(scope="module")
def lab_of_three(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    lab.up(read_hosts(INVENTORY), tmp_path_factory.mktemp("lab"))
    yield
    lab.down()


@pytest.fixture
def cluster(lab_of_three: None, tmp_path: Path) -> Iterator[Cluster]:
    made = Cluster(tmp_path, INVENTORY)
    assert set(made.tables().values()) == {""}
    yield made
    for node in made.nodes:
        made.enter(node, "nft", "flush", "ruleset")
        made.enter(node, "sh", "-c", "rm -rf /run/ck8s-ports; ip link set eth0 up")


def gated(cluster: Cluster, *options: str, **variables: object) -> Run:
    given = {"node_firewall_gate": "probes", "node_firewall_confirm_timeout": TIMEOUT, **variables}
    given = {"node_firewall_on_impact": "ignore", **given}  # which would refuse these policies before any probe
    return cluster.play("firewall", *options, **given)


def ours(cluster: Cluster) -> list[str]:
    return [name for name, text in cluster.tables().items() if "ck8s_ports" in text]


def said(run: Run) -> str:
    """What the run says of the batch that was not confirmed, without the way in which Ansible breaks lines."""
    return re.sub(r"\s+", " ", run.output)


def waiting(cluster: Cluster) -> str:
    return "".join(cluster.enter(name, "sh", "-c", "ls /run/ck8s-ports 2>/dev/null || true") for name in cluster.nodes)


def test_a_policy_that_leaves_the_cluster_whole_is_confirmed(cluster: Cluster) -> None:
    done = gated(cluster)
    assert (done.status, done.changed()) == (0, dict.fromkeys(ALL, 1)), done.output
    assert ours(cluster) == ALL
    assert waiting(cluster) == ""

    again = gated(cluster)
    assert (again.status, again.changed()) == (0, dict.fromkeys(ALL, 0)), again.output
    assert "Try the ports" not in again.output, "probes for nothing"


def test_the_first_batch_that_loses_a_port_comes_back_and_ends_the_run(cluster: Cluster) -> None:
    began = time.monotonic()
    cut = gated(cluster, node_firewall_sources=CUTS_PEERS)
    assert time.monotonic() - began < TIMEOUT
    assert cut.status == 2
    assert "No change of this batch (node1) was confirmed; its nodes go back to the rules they had." in said(cut)
    for prober, number in (("node2", 12), ("node3", 13)):
        assert (
            f"{prober} -> node1 10.77.0.11:2380/tcp etcd-peer: open before, silent after (no answer in 2 s); "
            f"rule etcd-peer of node1: drop, for source 10.77.0.{number}"
        ) in said(cut)
    assert (
        "To let others in, add them to node_firewall_sources: {etcd-peer: [...]}. Mend that, then run again."
        in said(cut)
    )
    assert ours(cluster) == []
    assert waiting(cluster) == ""
    assert cut.output.count("PLAY [Put the policy in force]") == 1, "a later batch was touched"
    assert cut.changed() == {"node1": 1, **dict.fromkeys(ALL[1:], 0)}


def test_all_of_a_batch_comes_back_though_one_of_it_loses_nothing(cluster: Cluster) -> None:
    gated(cluster)
    tables = cluster.tables()
    cut = gated(cluster, node_firewall_serial=["100%"], node_firewall_sources=CUTS_PEERS)
    assert cut.status == 2
    assert "-> node5 10." not in cut.output  # a worker has no etcd
    assert cluster.tables() == tables
    assert waiting(cluster) == ""


def test_one_node_on_which_the_change_fails_takes_its_batch_with_it(cluster: Cluster) -> None:
    cluster.enter("node2", "sh", "-c", "mkdir -p /run/ck8s-ports && mount -t tmpfs -o ro tmpfs /run/ck8s-ports")
    try:
        failed = gated(cluster, node_firewall_serial=["100%"])
    finally:
        cluster.enter("node2", "umount", "/run/ck8s-ports")
    assert failed.status == 2
    assert "node2: the change failed: cannot prepare to take the change back: " in said(failed)
    assert ours(cluster) == []


def test_limit_to_one_node_asks_its_neighbours_all_the_same(cluster: Cluster) -> None:
    cut = gated(cluster, "--limit=node2", node_firewall_sources=CUTS_PEERS)
    assert cut.status == 2
    assert "node3 -> node2 10.77.0.12:2380/tcp etcd-peer: open before, silent after" in said(cut)
    assert ours(cluster) == []


def test_a_node_that_is_lost_after_the_change_is_not_confirmed(cluster: Cluster) -> None:
    """From the moment of its change node1 is out of reach: it comes back by itself, and nobody else is confirmed."""
    lost = CHECKOUT / "tests/netns/harm/lost_after_change.sh"
    cluster.enter("node1", "sh", "-c", f"cp {lost} /run/lost.sh && sh /run/lost.sh >/dev/null 2>&1 &")
    run = gated(cluster, node_firewall_serial=["100%"], node_firewall_confirm_timeout=40)
    assert run.status in (2, 4), run.output
    assert "-> node1 10.77.0.11:" in said(run)
    assert "open before, silent after" in said(run)
    assert [name for name in ours(cluster) if name != "node1"] == []


def test_strategies_without_steps_are_refused(cluster: Cluster, monkeypatch: pytest.MonkeyPatch) -> None:
    for strategy in ("free", "host_pinned"):
        monkeypatch.setenv("ANSIBLE_STRATEGY", strategy)
        refused = gated(cluster)
        assert refused.status == 2
        assert f"node_firewall_gate: probes: with strategy {strategy} each host goes through the tasks" in said(refused)
    assert ours(cluster) == []


def test_a_timer_that_is_too_short_for_the_probes_is_refused_before_the_change(cluster: Cluster) -> None:
    refused = gated(cluster, node_firewall_confirm_timeout=5)
    assert refused.status == 2
    assert "so node_firewall_confirm_timeout must be at least" in said(refused)
    assert ours(cluster) == []


def test_without_anyone_who_could_be_asked_nothing_is_changed(cluster: Cluster, tmp_path: Path) -> None:
    unreachable = tmp_path / "unreachable.yml"
    hosts = {name: "{ansible_connection: ssh, ansible_host: 192.0.2.1}" for name in ALL if name != "node1"}
    lines = "".join(f"        {name}: {variables}\n" for name, variables in hosts.items())
    unreachable.write_text(f"all:\n  children:\n    control_plane:\n      hosts:\n{lines}", encoding="utf-8")
    refused = gated(cluster, f"--inventory={unreachable}", "--limit=node1")
    assert refused.status == 2, refused.output
    assert "none of the nodes that need the ports of node1 can be asked" in said(refused)
    assert ours(cluster) == []


def test_check_mode_predicts_and_tries_nothing(cluster: Cluster) -> None:
    predicted = gated(cluster, "--check", node_firewall_sources=CUTS_PEERS)
    assert (predicted.status, predicted.changed()) == (0, dict.fromkeys(ALL, 1)), predicted.output
    assert "Try the ports" not in predicted.output
    assert ours(cluster) == []


def test_removal_needs_no_gate(cluster: Cluster) -> None:
    gated(cluster)
    removed = cluster.play("remove", node_firewall_gate="probes")
    assert (removed.status, removed.changed()) == (0, dict.fromkeys(ALL, 1)), removed.output
    assert ours(cluster) == []


def test_after_a_refused_policy_etcds_members_can_make_new_connections(cluster: Cluster) -> None:
    gated(cluster, node_firewall_sources=CUTS_PEERS)
    knock = CHECKOUT / "tests/lab/knock.py"
    for node in ("node1", "node2", "node3"):
        for number in (11, 12, 13):
            answer = cluster.enter(node, "python3", "-I", "-S", str(knock), f"10.77.0.{number}", "2380").strip()
            assert answer == "open", (node, number, answer)
    with pytest.raises(subprocess.CalledProcessError):
        cluster.enter("node1", "nft", "list", "table", "inet", "ck8s_ports")
