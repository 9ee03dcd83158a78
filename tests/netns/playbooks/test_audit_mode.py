# Copyright: (c) 2026, ck8s.ports contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""From audit mode to enforcement, as a user goes: audit, look, propose, let in, enforce."""

from __future__ import annotations

import sys
from pathlib import Path

import yaml

from tests.netns.playbooks.conftest import CHECKOUT, Cluster

KNOCK = CHECKOUT / "tests/lab/knock.py"
OUTSIDER = "10.77.0.99"
FIRST = ["--limit=node1,node2,outsider1"]


def knock(cluster: Cluster, source: str, address: str, port: int) -> str:
    return cluster.enter(source, sys.executable, "-I", "-S", str(KNOCK), address, str(port)).strip()


def test_from_audit_to_enforcement(cluster: Cluster, tmp_path: Path) -> None:
    only_nodes = {"node_firewall_sources": {"kubelet": ["10.77.0.8/29"], "k8sd": ["10.77.0.8/29"]}}
    audited = cluster.play("firewall", *FIRST, node_firewall_mode="audit", **only_nodes)
    assert audited.status == 0, audited.output
    assert " drop " not in cluster.tables()["node1"]
    assert [knock(cluster, "outsider1", "10.77.0.11", port) for port in (10250, 6400)] == ["open", "open"]
    assert knock(cluster, "node2", "10.77.0.11", 10250) == "open"

    again = cluster.play("firewall", *FIRST, node_firewall_mode="audit", **only_nodes)
    assert (again.status, again.changed()["node1"]) == (0, 0), again.output
    assert "node1: audit mode has noted who would have been refused until now: " in again.output
    assert f"{OUTSIDER} to 10250/tcp" in again.output

    proposal = tmp_path / "sources.yml"
    proposed = cluster.play(
        "propose_sources", *FIRST, node_firewall_mode="audit", propose_sources_file=str(proposal), **only_nodes
    )
    assert (proposed.status, proposed.changed()["node2"]) == (0, 0), proposed.output
    made = yaml.safe_load(proposal.read_text(encoding="utf-8"))
    assert made["node_firewall_sources"]["kubelet"] == ["10.77.0.8/29", OUTSIDER]

    verified = cluster.play("verify", *FIRST, node_firewall_mode="audit", **only_nodes)
    statuses = verified.statuses()
    assert {statuses[f"node1:{finding}/firewall"] for finding in ("policy", "kubelet", "kubelet-healthz")} == {"warn"}
    assert f"would have been refused: {OUTSIDER} to 10250/tcp" in str(verified.report())

    # The kubelet's is accepted, that of k8sd is not.
    let_in = {**only_nodes["node_firewall_sources"], "kubelet": made["node_firewall_sources"]["kubelet"]}
    enforced = cluster.play("firewall", *FIRST, node_firewall_sources=let_in)
    assert enforced.status == 0, enforced.output
    assert " drop " in cluster.tables()["node1"] and "learn" not in cluster.tables()["node1"]
    assert [knock(cluster, "outsider1", "10.77.0.11", port) for port in (10250, 6400)] == ["open", "silent"]
