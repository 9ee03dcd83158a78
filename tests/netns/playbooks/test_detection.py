# Copyright: (c) 2026, ck8s.ports contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Detection on nodes that have no snap: they say so, and the inventory decides."""

from __future__ import annotations

from pathlib import Path

import yaml

from tests.lab.topology import INVENTORY
from tests.netns.playbooks.conftest import Cluster


def test_without_the_snap_everything_is_as_without_detection(cluster: Cluster) -> None:
    without = cluster.play("site")
    detecting = cluster.play("site", node_profile_detect=True)
    assert detecting.status == without.status == 0, detecting.output
    assert detecting.statuses() == without.statuses()


def unreachable(path: Path) -> Path:
    """The lab's inventory with a node that nobody has built."""
    everyone = yaml.safe_load(INVENTORY.read_text(encoding="utf-8"))
    everyone["all"]["children"]["worker"]["hosts"]["node9"] = {"node_profile_addresses": ["10.77.0.14"]}
    path.write_text(yaml.safe_dump(everyone), encoding="utf-8")
    return path


def test_a_node_that_cannot_be_asked_is_reported_and_not_touched(cluster: Cluster, tmp_path: Path) -> None:
    inventory = unreachable(tmp_path / "hosts.yml")
    nine = (f"--inventory={inventory}", "--limit=node9")
    run = cluster.play("verify", *nine, node_profile_detect=True)
    assert run.status == 2, run.output
    (finding,) = (each for each in run.report()["findings"] if each["id"] == "node/observed")
    assert (finding["status"], finding["observed"][:12]) == ("unknown", "Unreachable:")

    firewall = cluster.play("firewall", *nine, node_profile_detect=True)
    assert firewall.status == 2
    assert "Unreachable when it was asked who it is" in firewall.output


def test_without_the_snap_the_edition_of_the_release_is_unknown(cluster: Cluster) -> None:
    run = cluster.play("firewall", node_profile_detect=True, node_profile_edition="auto")
    assert run.status == 2
    assert "the installed release is unknown (Canonical Kubernetes is not installed on the node)" in run.output
    assert set(cluster.tables().values()) == {""}

    told = cluster.play("firewall", node_profile_edition="auto", node_profile_release="1.34")
    assert told.status == 0, told.output
    assert 'tcp dport 2380 counter accept comment "etcd-peer"' in cluster.tables()["node1"]
