# Copyright: (c) 2026, ck8s.ports contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a wrong input, a missing program, missing rights or a missing node get: an error that helps, and no change."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.lab.topology import INVENTORY
from tests.netns.playbooks.conftest import Cluster

BAD: dict[str, tuple[dict[str, Any], str]] = {
    "edition": (
        {"node_profile_edition": "1999-12"},
        "node_profile_edition: '1999-12' is not known; give one of 2025-08",
    ),
    "role": (
        {"node_profile_role": "master"},
        "node_profile_role: 'master' is not known; give one of control_plane, worker",
    ),
    "datastore": (
        {"node_profile_datastore": "mysql"},
        "node_profile_datastore: 'mysql' is not known; give one of etcd, k8s-dqlite, external",
    ),
    "override": (
        {"node_profile_overrides": {"etcd": {"scope": "external"}}},
        "node_profile_overrides: 'etcd' is no port of edition 2025-08; known are etcd-client, hubble,",
    ),
    "port 0": (
        {"node_profile_extra_ports": [{"id": "mine", "port": 0, "scope": "external"}]},
        "node_profile_extra_ports: entry 'mine': port: 0 is not right",
    ),
    "port 70000": (
        {"node_profile_extra_ports": [{"id": "mine", "port": 70000, "scope": "external"}]},
        "node_profile_extra_ports: entry 'mine': port: 70000 is not right",
    ),
    "empty sources": (
        {"node_firewall_sources": {"kubelet": []}},
        "node_firewall_sources: entry 'kubelet': [] is nobody; to open the port as without the entry, remove it",
    ),
    "no way back": (
        {"node_firewall_confirm_timeout": 0},
        "confirm_timeout: 0 is not a number of seconds from 5 to 3600; there is no change without a way back",
    ),
    "host bits": (
        {"node_firewall_sources": {"kubelet": ["fd77::1/64"]}},
        "node_firewall_sources: entry 'kubelet': 'fd77::1/64' has host bits set; the network is fd77::/64",
    ),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_input_is_named_and_nothing_is_applied(cluster: Cluster, name: str) -> None:
    variables, message = BAD[name]
    run = cluster.play("firewall", **variables)
    assert run.status == 2
    assert message in run.output
    assert set(cluster.tables().values()) == {""}


def test_a_policy_that_would_cut_etcd_is_refused_with_the_way_out(cluster: Cluster, tmp_path: Path) -> None:
    second = tmp_path / "second.yml"
    second.write_text("control_plane: {hosts: {node2: {}}}\n", encoding="utf-8")
    options = (f"--inventory={INVENTORY}", f"--inventory={second}")
    run = cluster.play("firewall", *options)
    assert run.status == 2
    assert "refused: etcd-peer (2380/tcp) would be closed to other nodes" in run.output
    assert "the cluster has 2 control-plane nodes" in run.output
    assert set(cluster.tables().values()) == {""}

    assert "node_profile_overrides: {etcd-peer: {scope: external}}" in run.output
    way_out = cluster.play("firewall", *options, node_profile_overrides={"etcd-peer": {"scope": "external"}})
    assert way_out.status == 0, way_out.output
    assert 'tcp dport 2380 counter accept comment "etcd-peer"' in cluster.tables()["node1"]


@pytest.mark.parametrize("playbook", ["verify", "firewall", "site", "remove"])
def test_a_run_without_a_node_is_a_failure(cluster: Cluster, playbook: str) -> None:
    run = cluster.play(playbook, "--limit=outsider1")
    assert run.status == 2
    assert "No host of this run is a node: none of outsider1 is in the group control_plane or worker" in run.output
    assert "Check the inventory (-i) and --limit" in run.output


def test_a_run_without_an_inventory_is_a_failure(cluster: Cluster, tmp_path: Path) -> None:
    empty = tmp_path / "empty.yml"
    empty.write_text("all: {}\n", encoding="utf-8")
    run = cluster.play("verify", f"--inventory={empty}")
    assert run.status == 2
    assert "No host of this run is a node" in run.output


def test_a_mistyped_inventory_is_a_failure(cluster: Cluster) -> None:
    assert cluster.play("verify", "--inventory=/nonexistent").status != 0


def test_a_node_that_cannot_be_reached_is_in_the_report_and_fails(cluster: Cluster, tmp_path: Path) -> None:
    ghost = tmp_path / "ghost.yml"
    ghost.write_text("worker: {hosts: {node4: {node_profile_addresses: [10.77.0.14]}}}\n", encoding="utf-8")
    run = cluster.play("verify", f"--inventory={INVENTORY}", f"--inventory={ghost}")
    assert run.status == 2
    statuses = run.statuses()
    assert statuses["node4:node/observed"] == "unknown"
    assert "node4:node/observed" in run.report()["failing"]
    assert statuses["node1:kubelet/bind"] == "pass", "the others are looked at all the same"


def interpreter(folder: Path, *wrapper: str) -> dict[str, Any]:
    """Variables by which the modules run behind C(wrapper)."""
    script = folder / "python"
    script.write_text(f'#!/bin/sh\nexec {" ".join(wrapper)} /usr/bin/python3 "$@"\n', encoding="utf-8")
    script.chmod(0o755)
    return {"ansible_python_interpreter": str(script)}


def test_without_rights_the_report_is_partial_and_the_firewall_refuses(cluster: Cluster, tmp_path: Path) -> None:
    # No capability at all: what an ordinary user has, also where this root is one only in the sandbox.
    powerless = interpreter(tmp_path, "setpriv", "--bounding-set=-all", "--inh-caps=-all", "--no-new-privs")
    refused = cluster.play("firewall", **powerless)
    assert refused.status == 2
    assert "without CAP_NET_ADMIN; run as root (become: true)" in refused.output
    assert set(cluster.tables().values()) == {""}

    partial = cluster.play("verify", **powerless)
    statuses = partial.statuses()
    assert statuses["node1:kubelet/bind"] == "pass", "what listens where, everyone may see"
    assert statuses["node1:kubelet/owner"] == "unknown"
    assert statuses["node1:policy/firewall"] == "unknown"
    findings = {f"{finding['host']}:{finding['id']}": finding for finding in partial.report()["findings"]}
    assert "root" in findings["node1:kubelet/owner"]["why"]
    assert "CAP_NET_ADMIN" in findings["node1:policy/firewall"]["observed"]


def test_a_node_without_nft_gets_the_name_of_the_package(cluster: Cluster) -> None:
    program = cluster.enter("node1", "sh", "-c", "readlink -f $(command -v nft)").strip()
    cluster.enter("node1", "mount", "--bind", "/dev/null", program)
    try:
        run = cluster.play("firewall", "--limit=node1")
    finally:
        cluster.enter("node1", "umount", program)
    assert run.status == 2
    assert "nft was not found" in run.output
    assert "install the package nftables" in run.output


def test_where_no_report_can_be_written_the_variable_is_named(cluster: Cluster, tmp_path: Path) -> None:
    taken = tmp_path / "taken"
    taken.write_text("", encoding="utf-8")
    run = cluster.play("verify", "--limit=node1", node_verify_report_dir=str(taken))
    assert run.status == 2
    assert f"node_verify_report_dir: {taken}: cannot be written: " in run.output
    assert "Give a path on the controller where this user may write" in run.output
    assert "See what listens" not in run.output, "before anything is looked at"


BAD_FOR_VERIFY: dict[str, tuple[dict[str, Any], str]] = {
    "allow": (
        {"node_verify_allow": [{"where": "startswith(unit, 'ssh')"}]},
        "node_verify_allow: entry 'number 1': where: 'startswith(unit, 'ssh')' is not right (there is no function",
    ),
    "waivers": (
        {"node_verify_waivers": "/nowhere.yml"},
        "node_verify_waivers: /nowhere.yml: cannot be read: [Errno 2] No such file or directory: '/nowhere.yml'. Give "
        "a YAML file that is on the controller",
    ),
    "baseline": (
        {"node_verify_baseline": "/nowhere.json"},
        "node_verify_baseline: /nowhere.json: cannot be read: [Errno 2] No such file or directory: '/nowhere.json'. "
        "Give a report.json that is on the controller",
    ),
}


@pytest.mark.parametrize("name", BAD_FOR_VERIFY)
def test_bad_input_of_verify_is_named_before_anything_runs(cluster: Cluster, name: str) -> None:
    variables, message = BAD_FOR_VERIFY[name]
    run = cluster.play("verify", **variables)
    assert run.status == 2
    assert message in run.output
    assert "Look at the node" not in run.output
