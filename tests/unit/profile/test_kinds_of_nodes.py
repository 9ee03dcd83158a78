"""From the trees of the kinds of nodes to what is expected of them, with nothing said in the inventory."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from ansible_collections.ck8s.ports.plugins.module_utils._node_facts import collect
from ansible_collections.ck8s.ports.plugins.plugin_utils._detection import settle
from ansible_collections.ck8s.ports.plugins.plugin_utils._errors import InputError
from ansible_collections.ck8s.ports.plugins.plugin_utils._firewall_policy import policy
from ansible_collections.ck8s.ports.plugins.plugin_utils._profile import profile
from tests.unit.node_facts.trees import build, describe, names
from tests.unit.profile.test_detection import NOTHING_SAID


def detected(kind: str, root: Path) -> dict[str, Any]:
    found = collect(str(build(describe(kind), root)))
    return {"installed": found.installed, "facts": found.facts, "absent": found.absent}


def expected(kind: str, root: Path, **said: Any) -> dict[str, Any]:
    settled, warnings = settle({**NOTHING_SAID, "edition": "auto", **said, "detected": detected(kind, root)})
    assert warnings == []
    return profile(settled)


def ports(made: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {port["id"]: port for port in made["ports"]}


@pytest.mark.parametrize("kind", names())
def test_every_kind_of_node_has_a_profile_when_the_inventory_says_who_it_is(kind: str, tmp_path: Path) -> None:
    inventory = {"edition": "2025-08", "role": "control_plane", "datastore": "etcd", "features": ["kube-proxy"]}
    settled, _ = settle({**NOTHING_SAID, **inventory, "detected": detected(kind, tmp_path)})
    assert {key: profile(settled)[key] for key in inventory} == inventory


KINDS = {
    "control_plane_1.32_dqlite": ("2025-11", "control_plane", "k8s-dqlite", ["kube-proxy"]),
    "control_plane_1.34_etcd": ("2025-11", "control_plane", "etcd", ["kube-proxy"]),
    "control_plane_1.36_fresh": ("2026-06", "control_plane", "etcd", []),
    "control_plane_1.36_upgraded": ("2026-06", "control_plane", "etcd", ["kube-proxy"]),
    "worker": ("2025-11", "worker", "etcd", ["kube-proxy"]),
    "external_datastore": ("2025-11", "control_plane", "external", ["kube-proxy"]),
}


@pytest.mark.parametrize("kind", KINDS)
def test_the_node_says_who_it_is(kind: str, tmp_path: Path) -> None:
    made = expected(kind, tmp_path)
    assert (made["edition"], made["role"], made["datastore"], made["features"]) == KINDS[kind]
    assert ("kube-proxy-metrics" in ports(made)) == bool(made["features"])


def test_cluster_api_moves_two_ports(tmp_path: Path) -> None:
    made = ports(expected("capi", tmp_path))
    assert (made["k8sd"]["port"], made["etcd-peer"]["port"]) == (2380, 2381)
    assert [name for name, port in made.items() if port["configured"]] == ["etcd-peer", "k8sd"]


def test_under_stig_two_ports_are_expected_on_loopback(tmp_path: Path) -> None:
    made = ports(expected("stig", tmp_path))
    on_loopback = [name for name, port in made.items() if port["configured"] == ["scope"]]
    assert on_loopback == ["kube-controller-manager", "kube-scheduler"]


def test_a_strictly_confined_snap_has_its_socket_elsewhere(tmp_path: Path) -> None:
    (socket,) = expected("strict", tmp_path)["unix_sockets"]
    assert socket["path"] == "/var/snap/k8s/common/run/containerd/containerd.sock"


def test_without_ipv4_the_tunnel_need_not_be_there_before_1_35(tmp_path: Path) -> None:
    assert ports(expected("ipv6_only", tmp_path))["vxlan"]["presence"] == "optional"


def test_control_planes_that_a_node_knows_of_keep_etcd_from_being_cut(tmp_path: Path) -> None:
    made = expected("ipv6_only", tmp_path, edition="2025-08")
    with pytest.raises(InputError, match="the cluster has 2 control-plane nodes"):
        policy(made, control_planes=1)


def test_without_the_snap_the_inventory_decides(tmp_path: Path) -> None:
    made = expected("without_snap", tmp_path, edition="2025-11", role="worker", addresses=["192.0.2.12"])
    assert (made["role"], made["datastore"], made["addresses"]) == ("worker", "etcd", ["192.0.2.12"])
    with pytest.raises(InputError, match="Canonical Kubernetes is not installed on the node"):
        expected("without_snap", tmp_path / "again")
