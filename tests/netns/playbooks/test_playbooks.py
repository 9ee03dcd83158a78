# Copyright: (c) 2026, ck8s.ports contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The playbooks on three nodes: what they change, what they only predict, and what they find."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from ansible_collections.ck8s.ports.plugins.plugin_utils._catalogue import check_data
from tests.netns.playbooks.conftest import CHECKOUT, Cluster

ALL = {"node1": 1, "node2": 1, "node3": 1}
NONE = {"node1": 0, "node2": 0, "node3": 0}


def test_prediction_effect_and_idempotence_agree(cluster: Cluster) -> None:
    predicted = cluster.play("firewall", "--check", "--diff")
    assert (predicted.status, predicted.changed()) == (0, ALL), predicted.output
    assert '+\t\ttcp dport 10248 counter drop comment "kubelet-healthz"' in predicted.output
    assert set(cluster.tables().values()) == {""}

    done = cluster.play("firewall")
    assert (done.status, done.changed()) == (0, ALL), done.output
    tables = cluster.tables()
    assert all(text.startswith("table inet ck8s_ports {") for text in tables.values())

    for options in (["--check", "--diff"], []):
        again = cluster.play("firewall", *options)
        assert (again.status, again.changed()) == (0, NONE), again.output
    assert cluster.tables() == tables

    removed = cluster.play("remove")
    assert (removed.status, removed.changed()) == (0, ALL), removed.output
    assert set(cluster.tables().values()) == {""}
    assert cluster.play("remove").changed() == NONE


@pytest.mark.parametrize("strategy", ["free", "host_pinned"])
def test_every_strategy_confirms(cluster: Cluster, monkeypatch: pytest.MonkeyPatch, strategy: str) -> None:
    monkeypatch.setenv("ANSIBLE_STRATEGY", strategy)
    done = cluster.play("firewall", node_firewall_serial=["100%"])
    assert (done.status, done.changed()) == (0, ALL), done.output
    for node in cluster.nodes:
        assert cluster.enter(node, "sh", "-c", "ls -d /run/ck8s-ports 2>/dev/null || true") == "", "something waits"


def test_site_brings_a_documented_cluster_to_green(cluster: Cluster) -> None:
    run = cluster.play("site")
    assert run.status == 0, run.output
    assert run.report()["failing"] == []
    assert "nothing fails (medium and worse)" in run.output
    schema = json.loads((CHECKOUT / "docs/report.schema.json").read_text(encoding="utf-8"))
    assert check_data(run.report(), schema) == []
    statuses = run.statuses()
    # VXLAN, too, which answers nothing: the rules count, and connection tracking has the flows.
    assert {name for name, status in statuses.items() if status in ("fail", "warn", "unknown")} == set()
    assert (run.reports / "report.md").read_text(encoding="utf-8").startswith("# Ports of the cluster\n")


@pytest.mark.parametrize(
    ("option", "firewall", "verify"),
    [("--tags=verify", False, True), ("--tags=firewall", True, False), ("--skip-tags=firewall", False, True)],
)
def test_tags_choose_a_part_of_site(cluster: Cluster, option: str, firewall: bool, verify: bool) -> None:
    run = cluster.play("site", option)
    assert run.status == (2 if verify else 0), run.output  # without a firewall the ports for some are open to others
    assert all(("ck8s_ports" in rules) == firewall for rules in cluster.tables().values())
    assert (cluster.reports / "report.json").exists() == verify


def test_verify_says_the_same_in_check_mode(cluster: Cluster) -> None:
    checked = cluster.play("verify", "--check")
    real = cluster.play("verify")
    assert checked.status == real.status == 2  # without a firewall, what is for the nodes is open to the outsider
    assert real.changed() == checked.changed() == NONE
    assert checked.statuses() == real.statuses()


def test_only_the_nodes_with_failing_findings_fail(cluster: Cluster) -> None:
    cluster.play("firewall")
    cluster.enter("node2", "nft", "add", "rule", "inet", "ck8s_ports", "input", "tcp", "dport", "22", "counter")
    run = cluster.play("verify")
    assert run.status == 2
    assert run.report()["failing"] == ["node2:policy/firewall"]
    recap = run.output.split("PLAY RECAP")[1]
    assert [line.split()[0] for line in recap.splitlines() if "failed=1" in line] == ["node2"]


def test_drift_is_found_shown_and_mended(cluster: Cluster) -> None:
    cluster.play("firewall")
    tables = cluster.tables()
    script = 'nft -a list table inet ck8s_ports | sed -n "/kubelet-healthz/s/.*handle //p"'
    handle = cluster.enter("node3", "sh", "-c", script).strip()
    cluster.enter("node3", "nft", "delete", "rule", "inet", "ck8s_ports", "input", "handle", handle)

    found = cluster.play("verify")
    assert set(found.report()["failing"]) == {"node3:kubelet-healthz/firewall", "node3:policy/firewall"}

    mended = cluster.play("firewall", "--diff")
    assert mended.changed() == {**NONE, "node3": 1}
    assert '+\t\ttcp dport 10248 counter drop comment "kubelet-healthz"' in mended.output
    assert cluster.tables() == tables


def test_the_rules_of_others_stay_as_they_are(cluster: Cluster) -> None:
    others = "table ip filter {\n\tchain FOREIGN {\n\t\tip saddr 192.0.2.7 drop\n\t}\n}\n"
    cluster.enter("node1", "nft", "-f", "-", input=others)
    cluster.play("firewall")
    assert cluster.tables()["node1"].startswith(others)
    cluster.play("remove")
    assert cluster.tables()["node1"] == others


def test_waivers_and_a_baseline(cluster: Cluster, tmp_path: Path) -> None:
    cluster.play("firewall")
    cluster.enter("node2", "nft", "add", "rule", "inet", "ck8s_ports", "input", "tcp", "dport", "22", "counter")
    first = cluster.play("verify")
    baseline = tmp_path / "baseline.json"
    baseline.write_text(json.dumps(first.report()), encoding="utf-8")

    waivers = tmp_path / "waivers.yml"
    text = """
waivers:
  - {id: by-hand, finding: policy/firewall, hosts: [node2], reason: Ada looks at it., who: Ada, expires: DAY}
"""
    waivers.write_text(text.replace("DAY", "2999-12-31"), encoding="utf-8")
    run = cluster.play("verify", node_verify_waivers=str(waivers), node_verify_baseline=str(baseline))
    assert run.status == 0, run.output
    assert run.statuses()["node2:policy/firewall"] == "waived"
    assert [change["finding"] for change in run.report()["changes"]] == ["node2:policy/firewall"]
    assert "node2:policy/firewall: fail -> waived" in run.output

    waivers.write_text(text.replace("DAY", "2020-01-01"), encoding="utf-8")
    expired = cluster.play("verify", node_verify_waivers=str(waivers))
    assert expired.status == 2
    assert set(expired.report()["failing"]) == {"node2:policy/firewall", "waivers:by-hand/waiver"}
    assert "It expired on 2020-01-01; it was for node2:policy/firewall." in expired.output


def test_the_controller_tries_the_nodes_when_the_plan_says_so(cluster: Cluster) -> None:
    """10.77.0.1, which is none of the nodes: it is kept out where the policy says so, and let in where it does not."""
    cluster.play("firewall")
    run = cluster.play("verify", node_verify_plan=["from_controller"])
    assert run.status == 0, run.output
    found = {f"{finding['host']}:{finding['id']}": finding for finding in run.report()["findings"]}
    assert len(found["node1:kube-apiserver/reach"]["evidence"]) == 2  # both addresses
    assert found["node1:kube-apiserver/reach"]["evidence"][0].startswith("the controller to 10.77.0.11 port 6443: open")
    assert found["node1:kubelet/reach"]["observed"] == "Silent, as it should be."
    assert "exactly what was sent" in found["node2:vxlan/reach"]["observed"]


def test_the_number_of_probes_is_said_before_they_start(cluster: Cluster) -> None:
    output = cluster.play("verify", node_verify_neighbours=1).output
    assert output.index(" probes of 3 nodes (ring ") < output.rindex("TASK [ck8s.ports.node_verify : Try the ports")


def test_localhost_is_tried_through_the_wire_on_request(cluster: Cluster) -> None:
    """node2 takes packets for 127.0.0.1 as if kube-proxy had set it up so; the firewall's rule makes up for it."""
    switch = "/proc/sys/net/ipv4/conf/eth0/route_localnet"
    cluster.enter("node2", "sh", "-c", f"echo 1 > {switch}")
    try:
        run = cluster.play("verify", node_verify_localnet_probe=True)
        assert run.status == 2
        found = {f"{finding['host']}:{finding['id']}": finding for finding in run.report()["findings"]}
        worst = found["node2:kubelet-healthz/reach"]
        assert (worst["status"], worst["severity"]) == ("fail", "critical")
        assert worst["observed"] == "Open to node1, node3, outsider1 through the wire."
        assert found["node2:localnet/sysctl"]["severity"] == "critical"
        assert found["node1:localnet/sysctl"]["status"] == "pass"
        cluster.play("firewall")
        statuses = cluster.play("verify", node_verify_localnet_probe=True).statuses()
        assert statuses["node2:kubelet-healthz/reach"] == statuses["node2:localnet/sysctl"] == "pass"
    finally:
        cluster.enter("node2", "sh", "-c", f"echo 0 > {switch}")


def test_temporary_listeners_stand_in_for_services_that_are_not_there_and_then_are_gone(cluster: Cluster) -> None:
    """The operator has one replica, on node2: on the other nodes nothing listens on its ports."""
    run = cluster.play("verify", node_verify_temporary_listeners=True)
    found = {f"{finding['host']}:{finding['id']}": finding for finding in run.report()["findings"]}
    reach = found["node1:cilium-operator-metrics/reach"]
    assert (reach["status"], reach["observed"]) == ("pass", "Open, as it should be (to a temporary listener).")
    assert found["node1:cilium-operator-metrics/bind"]["observed"] == "Nothing listens."  # as it was seen before
    assert "temporary" not in str(found["node2:cilium-operator-metrics/reach"])
    assert run.changed() == NONE
    for node in ("node1", "node3"):
        assert ":9963 " not in cluster.enter(node, "ss", "--no-header", "--tcp", "--listening", "--numeric")
