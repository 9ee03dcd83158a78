# Copyright: (c) 2026, ck8s.ports contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The whole of site.yml on nodes with IPv6 alone, and on nodes with both families whose first address is IPv6."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from tests.lab import lab
from tests.lab.topology import INVENTORY, read_hosts
from tests.netns.playbooks.conftest import Cluster

Change = Callable[[list[str]], list[str]]

FAMILIES: dict[str, Change] = {
    "ipv6_only": lambda addresses: [address for address in addresses if ":" in address],
    "dual_stack": lambda addresses: sorted(addresses, key=lambda address: ":" not in address),
}


def variant(change: Change, edition: str, path: Path) -> Path:
    """The lab's inventory with changed addresses, and etcd's peers where C(edition) has them."""
    everyone = yaml.safe_load(INVENTORY.read_text(encoding="utf-8"))["all"]
    everyone["vars"]["node_profile_edition"] = edition
    everyone["vars"]["lab_etcd"] = "alone" if edition == "2025-08" else "member"
    for group in everyone["children"].values():
        for variables in group["hosts"].values():
            variables["node_profile_addresses"] = change(variables["node_profile_addresses"])
            variables.pop("lab_faults", None)
    path.write_text(yaml.safe_dump({"all": everyone}), encoding="utf-8")
    return path


@pytest.mark.parametrize(
    ("family", "edition"), [("ipv6_only", "2025-08"), ("ipv6_only", "2026-06"), ("dual_stack", "2025-11")]
)
def test_site_brings_a_cluster_to_green(family: str, edition: str, tmp_path: Path) -> None:
    inventory = variant(FAMILIES[family], edition, tmp_path / "hosts.yml")
    lab.up(read_hosts(inventory), tmp_path / "lab")
    try:
        nodes = Cluster(tmp_path / "report", inventory)
        run = nodes.play("site")
        assert run.status == 0, run.output
        statuses = run.statuses()
        assert {name for name, status in statuses.items() if status in ("fail", "warn")} == set()
        assert {node["name"]: node["addresses"] for node in run.report()["nodes"]} == {
            host.name: list(host.addresses) for host in nodes.hosts if host.in_cluster
        }
        assert {statuses[f"{node}:kubelet/reach"] for node in nodes.nodes} == {"pass"}
        assert statuses["node1:etcd-peer/bind"] == statuses["node1:etcd-peer/reach"] == "pass"
        # An outsider of either family is kept out of what is for the nodes.
        (outsider,) = [host for host in nodes.hosts if not host.in_cluster]
        evidence = [
            line for each in run.report()["findings"] if each["id"] == "kubelet/reach" for line in each["evidence"]
        ]
        from_outside = [line for line in evidence if line.startswith(f"{outsider.name} to ")]
        assert len(from_outside) == len(nodes.nodes) * len(outsider.addresses)
        assert all(": silent" in line for line in from_outside)
        assert set(nodes.play("firewall").changed().values()) == {0}
    finally:
        lab.down()
