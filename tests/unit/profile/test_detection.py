"""The inventory wins over what the node shows; a contradiction is told with both sources."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.ck8s.ports.plugins.plugin_utils._detection import settle
from ansible_collections.ck8s.ports.plugins.plugin_utils._errors import InputError
from ansible_collections.ck8s.ports.plugins.plugin_utils._profile import profile

NOTHING_SAID = {
    "edition": "2025-08",
    "release": "",
    "role": "",
    "datastore": "auto",
    "features": ["auto"],
    "addresses": [],
    "default_addresses": ["192.0.2.99"],
    "overrides": {},
    "extra_ports": [],
    "detected": {},
}
ARGS = "/var/snap/k8s/common/args/kube-apiserver"


def node(**values: Any) -> dict[str, Any]:
    return {"installed": True, "facts": {name: {"value": value, "source": ARGS} for name, value in values.items()}}


def settled(**changed: Any) -> dict[str, Any]:
    return settle({**NOTHING_SAID, **changed})[0]


def warnings(**changed: Any) -> list[str]:
    return settle({**NOTHING_SAID, **changed})[1]


def test_without_detection_the_rest_is_as_it_was_without_it() -> None:
    made = settled(role="worker")
    assert (made["role"], made["datastore"], made["features"]) == ("worker", "etcd", ["kube-proxy"])
    assert (made["addresses"], made["detected"]) == (["192.0.2.99"], {})
    assert profile(made)["addresses"] == ["192.0.2.99"]


def test_what_the_inventory_does_not_say_the_node_does() -> None:
    shown = node(role="worker", datastore="k8s-dqlite", kube_proxy=False, addresses=["192.0.2.12"], release="1.34")
    made = settled(detected=shown)
    assert (made["role"], made["datastore"], made["features"]) == ("worker", "k8s-dqlite", [])
    assert (made["addresses"], made["release"]) == (["192.0.2.12"], "1.34")
    assert warnings(detected=shown) == []


def test_a_node_that_is_in_no_cluster_has_no_role() -> None:
    assert settled(role="worker", detected=node(role="none"))["role"] == "worker"
    assert warnings(role="worker", detected=node(role="none")) == []


CONTRADICTIONS: dict[str, tuple[dict[str, Any], dict[str, Any], str]] = {
    "role": (
        {"role": "worker"},
        node(role="control_plane"),
        "node_profile_role: the inventory says worker, the node says control_plane",
    ),
    "datastore": (
        {"datastore": "etcd"},
        node(datastore="external"),
        "node_profile_datastore: the inventory says etcd, the node says external",
    ),
    "features": (
        {"features": ["kube-proxy"]},
        node(kube_proxy=False),
        "node_profile_features: the inventory says kube-proxy, the node says no kube-proxy",
    ),
    "no features": (
        {"features": []},
        node(kube_proxy=True),
        "node_profile_features: the inventory says none, the node says kube-proxy",
    ),
    "addresses": (
        {"addresses": ["192.0.2.1"]},
        node(addresses=["192.0.2.2", "2001:db8::2"]),
        "node_profile_addresses: the inventory says 192.0.2.1, the node says 192.0.2.2, 2001:db8::2",
    ),
    "release": (
        {"release": "1.36"},
        node(release="1.34"),
        "node_profile_release: the inventory says 1.36, the node says 1.34",
    ),
    "port": (
        {"overrides": {"k8sd": {"port": 6401}}},
        node(ports={"k8sd": 2380}),
        "node_profile_overrides: k8sd: port: the inventory says 6401, the node says 2380",
    ),
}


@pytest.mark.parametrize("name", CONTRADICTIONS)
def test_the_inventory_wins_and_the_contradiction_names_both_sources(name: str) -> None:
    said, shown, message = CONTRADICTIONS[name]
    assert warnings(**said, detected=shown) == [
        f"{message} ({ARGS}); the inventory counts. Correct it there if the node is right"
    ]
    made = settled(**said, detected=shown)
    assert {key: made[key] for key in said} == said


@pytest.mark.parametrize(
    ("said", "shown"),
    [
        ({"role": "worker"}, node(role="worker")),
        ({"addresses": ["2001:DB8::2"]}, node(addresses=["192.0.2.2", "2001:db8::2"])),
        ({"features": ["kube-proxy"]}, node(kube_proxy=True)),
        ({"overrides": {"k8sd": {"port": 2380}, "kubelet": {"scope": "localhost"}}}, node(ports={"k8sd": 2380})),
    ],
)
def test_agreement_is_silent(said: dict[str, Any], shown: dict[str, Any]) -> None:
    assert warnings(**said, detected=shown) == []


@pytest.mark.parametrize(
    ("release", "edition"), [("1.32", "2025-11"), ("1.35", "2025-11"), ("1.36", "2026-06"), ("1.37", "2026-06")]
)
def test_auto_takes_the_edition_of_the_release(release: str, edition: str) -> None:
    assert settled(edition="auto", detected=node(release=release))["edition"] == edition
    assert settled(edition="auto", release=release)["edition"] == edition


WAY_OUT = "set node_profile_release to it, such as 1.34, or node_profile_edition to one of 2025-08, 2025-11, 2026-06"


@pytest.mark.parametrize(
    ("detected", "reason"),
    [
        ({}, "node_profile_detect is off"),
        ({"installed": False, "facts": {}, "absent": {}}, "Canonical Kubernetes is not installed on the node"),
        (
            {"installed": True, "facts": {}, "absent": {"release": "snap.yaml: permission denied."}},
            "snap.yaml: permission denied",
        ),
    ],
)
def test_auto_without_a_release_is_an_error_with_the_way_out(detected: dict[str, Any], reason: str) -> None:
    with pytest.raises(InputError) as error:
        settled(edition="auto", detected=detected)
    assert error.value.faults == [f"node_profile_edition: auto: the installed release is unknown ({reason}); {WAY_OUT}"]


def test_auto_with_a_release_before_the_first_edition_is_an_error_with_the_way_out() -> None:
    with pytest.raises(InputError) as error:
        settled(edition="auto", release="1.31")
    (fault,) = error.value.faults
    assert fault.startswith("node_profile_edition: auto: release: no edition belongs to '1.31'")
    assert fault.endswith("set it to one of 2025-08, 2025-11, 2026-06")


@pytest.mark.parametrize(
    ("name", "value", "otherwise"),
    [
        ("role", "master", ", or set node_profile_role"),
        ("kube_proxy", "no", ", or set node_profile_features"),
        ("addresses", ["node1"], ", or set node_profile_addresses"),
        ("ports", {"k8sd": 0}, ", or set node_profile_overrides"),
        ("ports", {"k8sd": True}, ", or set node_profile_overrides"),
        ("bind_addresses", {"kube-scheduler": "127.0.0.1"}, ", or set node_profile_overrides"),
        ("pod_cidrs", ["10.1.0.0/99"], ", or set node_firewall_pod_cidrs"),
        ("containerd_socket", "run/x", ""),
        ("release", "1.34; drop", ", or set node_profile_release"),
    ],
)
def test_a_fact_that_cannot_be_right_does_not_count_and_is_told(name: str, value: Any, otherwise: str) -> None:
    made, told = settle({**NOTHING_SAID, "role": "worker", "detected": node(**{name: value})})
    assert made["detected"] == {}
    way_out = f"Correct it on the node{otherwise}"
    assert told == [f"node_facts: {name}: {value!r} ({ARGS}) cannot be right; it does not count. {way_out}"]
    assert profile(made)["role"] == "worker"
