"""Who tries which ports around a change, and when what they found lets no node be confirmed."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.ck8s.ports.plugins.plugin_utils import _gate
from ansible_collections.ck8s.ports.plugins.plugin_utils._firewall_policy import explanations, policy
from ansible_collections.ck8s.ports.plugins.plugin_utils._profile import profile
from tests.unit.profile.test_profile import CONTROL_PLANE, WORKER

CONTROL_PLANES = ["cp1", "cp2", "cp3"]
WORKERS = ["w1", "w2", "w3", "w4"]


def tried_by(
    name: str, inputs: dict[str, Any] = CONTROL_PLANE, count: int = 2, **nodes: list[str]
) -> dict[str, set[str]]:
    """The probers' names by the id of the port that they try."""
    planes, workers = nodes.get("control_planes", CONTROL_PLANES), nodes.get("workers", WORKERS)
    found: dict[str, set[str]] = {}
    for entry in _gate.plan(name, profile(inputs), planes, workers, count):
        for target in entry["targets"]:
            found.setdefault(target["label"], set()).add(entry["prober"])
    return found


def test_a_port_is_tried_by_those_that_need_it() -> None:
    tried = tried_by("cp3")
    assert tried["etcd-client"] == tried["etcd-peer"] == {"cp1", "cp2"}
    assert tried["kubelet"] == tried["kube-apiserver"] == {"w1", "w2"}
    assert tried_by("w4", WORKER)["kubelet"] == {"cp1", "cp2"}


def test_what_no_node_needs_is_tried_by_none() -> None:
    tried = tried_by("cp1")
    assert not {"hubble", "cilium-operator-metrics", "kubelet-healthz", "kube-proxy-metrics", "vxlan"} & set(tried)


def test_a_port_that_nodes_need_is_tried_though_a_page_has_it_as_localhost() -> None:
    (peer,) = [port for port in profile(CONTROL_PLANE)["ports"] if port["id"] == "etcd-peer"]
    assert peer["scope"] == "localhost"
    assert tried_by("cp1")["etcd-peer"] == {"cp2", "cp3"}


def test_every_address_is_tried() -> None:
    (first, *_) = _gate.plan("cp1", profile(CONTROL_PLANE), CONTROL_PLANES, WORKERS, 1)
    assert {target["host"] for target in first["targets"]} == {"192.0.2.11", "2001:db8::11"}


@pytest.mark.parametrize("size", [3, 61, 1000])
def test_the_number_of_probers_does_not_grow_with_the_cluster(size: int) -> None:
    workers = [f"w{number}" for number in range(size)]
    assert len(_gate.plan("cp2", profile(CONTROL_PLANE), CONTROL_PLANES, workers, 2)) <= 4


def test_a_cluster_of_one_has_nobody_who_could_lose_anything() -> None:
    assert tried_by("cp1", control_planes=["cp1"], workers=[]) == {}


def tried(prober: str, status: str, *, source: str = "192.0.2.12", port: int = 2380) -> dict[str, Any]:
    detail = "" if status == "open" else "no answer in 2 s"
    result = {"host": "192.0.2.11", "port": port, "protocol": "tcp", "label": "etcd-peer", "status": status}
    return {"prober": prober, "results": [{**result, "detail": detail, "source": source}]}


SOURCES = {"etcd-peer": ["192.0.2.13/32"]}
OPENED = profile({**CONTROL_PLANE, "edition": "2025-11"})
POLICY = policy(OPENED, SOURCES, 3)


@pytest.mark.parametrize(
    ("before", "after", "lost"),
    [
        ("open", "open", False),
        ("open", "reset", False),
        ("reset", "silent", True),
        ("open", "silent", True),
        ("open", "refused", True),
        ("open", "unreachable", True),
        ("open", "error", True),
        ("silent", "silent", False),
        ("refused", "silent", False),
        ("refused", "open", False),
    ],
)
def test_a_loss_is_what_was_open_before_and_is_not_afterwards(before: str, after: str, lost: bool) -> None:
    assert bool(_gate.losses("cp1", POLICY, [tried("cp2", before)], [tried("cp2", after)])) is lost


def test_a_loss_names_both_ends_and_the_rule() -> None:
    (said,) = _gate.losses("cp1", POLICY, [tried("cp2", "open")], [tried("cp2", "silent")])
    assert said == (
        "cp2 -> cp1 192.0.2.11:2380/tcp etcd-peer: open before, silent after (no answer in 2 s); rule etcd-peer of "
        "cp1: drop, for source 192.0.2.12"
    )


def test_a_port_that_the_policy_closes_comes_with_the_way_out_once() -> None:
    before, after = [tried("cp2", "open"), tried("cp4", "open")], [tried("cp2", "silent"), tried("cp4", "silent")]
    said = _gate.losses("cp1", POLICY, before, after, explanations(OPENED, POLICY))
    assert said[2:] == [
        "etcd-peer: Only its sources may connect. To let others in, add them to node_firewall_sources: "
        "{etcd-peer: [...]}"
    ]
    let_in = [tried("cp3", status, source="192.0.2.13") for status in ("open", "silent")]
    assert len(_gate.losses("cp1", POLICY, let_in[:1], let_in[1:], explanations(OPENED, POLICY))) == 1


def test_a_loss_that_no_rule_explains_says_so() -> None:
    before, after = tried("cp3", "open", source="192.0.2.13"), tried("cp3", "silent", source="192.0.2.13")
    (said,) = _gate.losses("cp1", POLICY, [before], [after])
    assert "rule etcd-peer of cp1: accept, for source 192.0.2.13; look for another firewall" in said
    (said,) = _gate.losses("cp1", POLICY, [tried("cp2", "open", port=7)], [tried("cp2", "refused", port=7)])
    assert "no rule of cp1 is about it" in said


def test_a_prober_that_has_gone_is_a_loss_of_what_was_open_to_it() -> None:
    gone = {"prober": "cp2", "problem": "Failed to connect to the host via ssh"}
    (said,) = _gate.losses("cp1", POLICY, [tried("cp2", "open")], [gone])
    assert "open before, not known after (Failed to connect to the host via ssh)" in said
    assert _gate.losses("cp1", POLICY, [tried("cp2", "silent")], [gone]) == []
    assert _gate.losses("cp1", POLICY, [gone], [tried("cp2", "silent")]) == []


def test_one_prober_that_answers_is_enough_and_none_is_not() -> None:
    gone = {"prober": "cp3", "problem": "timed out"}
    assert _gate.unasked([tried("cp2", "silent"), gone]) == []
    assert _gate.unasked([gone]) == ["cp3 (timed out)"]
    assert _gate.unasked([]) == []


def test_open_ports_are_counted() -> None:
    assert _gate.count_open([tried("cp2", "open"), tried("cp3", "silent"), {"prober": "w1", "problem": "?"}]) == 1


@pytest.mark.parametrize(
    ("took", "probers", "hosts", "seconds"),
    [
        (0.4, 2, 1, 10),
        (6.0, 4, 15, 41),
        (6.0, 4, 16, 49),
    ],
)
def test_the_timer_must_cover_the_probes(took: float, probers: int, hosts: int, seconds: int) -> None:
    assert _gate.seconds_needed(took, probers, hosts, forks=5, timeout=2.0) == seconds
