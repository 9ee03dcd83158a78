"""Who a node is decides what is expected of it; what cannot be used is named with variable, value and remedy."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.ck8s.ports.plugins.plugin_utils._errors import InputError
from ansible_collections.ck8s.ports.plugins.plugin_utils._profile import profile

CONTROL_PLANE = {
    "edition": "2025-08",
    "role": "control_plane",
    "datastore": "etcd",
    "features": ["kube-proxy"],
    "addresses": ["192.0.2.11", "2001:DB8::11"],
}
WORKER = {**CONTROL_PLANE, "role": "worker"}


def ids(inputs: dict[str, Any]) -> list[str]:
    return [port["id"] for port in profile(inputs)["ports"]]


def port(inputs: dict[str, Any], port_id: str) -> dict[str, Any]:
    return next(port for port in profile(inputs)["ports"] if port["id"] == port_id)


def faults(inputs: dict[str, Any]) -> list[str]:
    with pytest.raises(InputError) as error:
        profile(inputs)
    return error.value.faults


def test_a_control_plane_with_etcd_has_all_but_k8s_dqlite() -> None:
    assert len(ids(CONTROL_PLANE)) == 18
    assert "k8s-dqlite" not in ids(CONTROL_PLANE)


def test_the_datastore_decides_between_etcd_and_k8s_dqlite() -> None:
    names = ids({**CONTROL_PLANE, "datastore": "k8s-dqlite"})
    assert "k8s-dqlite" in names
    assert not {"etcd-client", "etcd-peer"} & set(names)
    assert not {"etcd-client", "etcd-peer", "k8s-dqlite"} & set(ids({**CONTROL_PLANE, "datastore": "external"}))


def test_a_worker_has_no_part_of_the_control_plane() -> None:
    missing = {"etcd-client", "etcd-peer", "kube-controller-manager", "kube-scheduler"}
    assert set(ids(CONTROL_PLANE)) - set(ids(WORKER)) == missing


def test_on_a_worker_6443_is_the_proxy() -> None:
    assert port(CONTROL_PLANE, "kube-apiserver")["comm"] == ["kube-apiserver"]
    assert port(WORKER, "kube-apiserver")["comm"] == ["k8s-apiserver-p"]


def test_without_kube_proxy_its_ports_are_not_expected() -> None:
    assert [name for name in ids({**WORKER, "features": []}) if name.startswith("kube-proxy")] == []


def test_no_process_is_expected_to_hold_the_vxlan_port() -> None:
    assert (port(WORKER, "vxlan")["kernel"], port(WORKER, "vxlan")["comm"]) == (True, [])


def test_an_override_changes_what_it_names_and_says_so() -> None:
    changed = port({**CONTROL_PLANE, "overrides": {"etcd-peer": {"port": 2381, "scope": "external"}}}, "etcd-peer")
    assert (changed["port"], changed["scope"], changed["overridden"]) == (2381, "external", ["port", "scope"])
    assert changed["documented"] == {"edition": "2025-08", "line": 32}


def test_an_override_can_take_a_port_away_or_bring_one_to_a_node() -> None:
    assert "kubelet" not in ids({**WORKER, "overrides": {"kubelet": {"presence": "absent"}}})
    assert "k8s-dqlite" in ids({**CONTROL_PLANE, "overrides": {"k8s-dqlite": {"presence": "required"}}})


def test_an_extra_port_stands_behind_the_documented_ones() -> None:
    inputs = {**WORKER, "extra_ports": [{"id": "node-exporter", "port": 9100, "scope": "external"}]}
    extra = profile(inputs)["ports"][-1]
    assert (extra["id"], extra["port"], extra["protocol"], extra["documented"]) == ("node-exporter", 9100, "tcp", None)


@pytest.mark.parametrize(
    ("edition", "port_id", "binding"),
    [
        ("2025-08", "k8sd", "host"),
        ("2025-08", "kubelet", "host"),
        ("2025-08", "etcd-peer", "loopback"),
        ("2025-11", "k8sd", "node"),
        ("2025-11", "kubelet", "any"),
        ("2025-11", "etcd-peer", "node"),
        ("2026-06", "kubelet-healthz", "loopback"),
    ],
)
def test_the_edition_says_where_a_port_is_bound(edition: str, port_id: str, binding: str) -> None:
    assert port({**CONTROL_PLANE, "edition": edition}, port_id)["binding"] == binding


def test_a_scope_of_ones_own_leaves_nothing_of_the_pages_binding() -> None:
    inputs = {**CONTROL_PLANE, "edition": "2025-11"}
    assert port({**inputs, "overrides": {"kubelet": {"scope": "localhost"}}}, "kubelet")["binding"] == "loopback"
    assert port({**inputs, "overrides": {"kubelet-healthz": {"scope": "external"}}}, "kubelet-healthz")["binding"] == (
        "host"
    )
    assert port({**inputs, "overrides": {"kubelet": {"scope": "external"}}}, "kubelet")["binding"] == "any"


@pytest.mark.parametrize("edition", ["2025-08", "2025-11", "2026-06"])
def test_where_the_page_is_wrong_about_roles_the_software_decides(edition: str) -> None:
    """The later pages have VXLAN and the operator on control planes only."""
    assert port({**WORKER, "edition": edition}, "vxlan")["presence"] == "required"
    assert port({**WORKER, "edition": edition}, "cilium-operator-metrics")["presence"] == "one_node"


def test_ports_that_are_configured_elsewhere_are_expected_there() -> None:
    """Cluster API's k8sd takes etcd's peer port, and etcd the one behind it."""
    inputs = {**CONTROL_PLANE, "detected": {"ports": {"k8sd": 2380, "etcd-peer": 2381, "kubelet": 10250}}}
    assert (port(inputs, "k8sd")["port"], port(inputs, "etcd-peer")["port"]) == (2380, 2381)
    assert (port(inputs, "k8sd")["configured"], port(inputs, "kubelet")["configured"]) == (["port"], [])
    overridden = port({**inputs, "overrides": {"k8sd": {"port": 6401}}}, "k8sd")
    assert (overridden["port"], overridden["configured"]) == (6401, [])


def test_the_scheduler_is_expected_on_loopback_where_it_is_configured_so() -> None:
    stig = {**CONTROL_PLANE, "detected": {"bind_addresses": {"kube-scheduler": ["127.0.0.1"]}}}
    assert (port(stig, "kube-scheduler")["scope"], port(stig, "kube-scheduler")["binding"]) == ("localhost", "loopback")
    assert port(stig, "kube-controller-manager")["scope"] == "external"
    wide = {**CONTROL_PLANE, "detected": {"bind_addresses": {"kube-scheduler": ["127.0.0.1", "10.0.0.1"]}}}
    assert port(wide, "kube-scheduler")["scope"] == "external"


def test_a_configuration_that_moves_another_port_to_loopback_or_opens_one_is_not_expected() -> None:
    detected = {"bind_addresses": {"kubelet": ["127.0.0.1"], "kubelet-healthz": ["0.0.0.0"]}}
    inputs = {**CONTROL_PLANE, "detected": detected}
    assert (port(inputs, "kubelet")["scope"], port(inputs, "kubelet-healthz")["scope"]) == ("external", "localhost")


IPV6_ONLY = {**WORKER, "addresses": ["2001:db8::12"]}


@pytest.mark.parametrize(
    ("changed", "presence"),
    [
        ({}, "optional"),
        ({"release": "1.34"}, "optional"),
        ({"release": "1.35"}, "required"),
        ({"addresses": ["2001:db8::12", "192.0.2.12"], "release": "1.34"}, "required"),
        ({"detected": {"pod_cidrs": ["10.1.0.0/16", "fd01::/108"]}, "release": "1.34"}, "required"),
        ({"addresses": ["192.0.2.12"], "detected": {"pod_cidrs": ["fd01::/108"]}, "release": "1.34"}, "optional"),
        ({"addresses": []}, "required"),
    ],
)
def test_clusters_without_ipv4_have_no_tunnel_before_1_35(changed: dict[str, Any], presence: str) -> None:
    assert port({**IPV6_ONLY, **changed}, "vxlan")["presence"] == presence


def test_the_socket_of_containerd_is_where_the_node_has_it() -> None:
    strict = "/var/snap/k8s/common/run/containerd/containerd.sock"
    moved = profile({**WORKER, "detected": {"containerd_socket": strict}})
    assert [entry["path"] for entry in moved["unix_sockets"]] == [strict]


def test_addresses_get_their_canonical_notation() -> None:
    assert profile(CONTROL_PLANE)["addresses"] == ["192.0.2.11", "2001:db8::11"]


FAULTS: dict[str, tuple[dict[str, Any], str]] = {
    "edition": (
        {"edition": "2024-01"},
        "node_profile_edition: '2024-01' is not known; give one of 2025-08, 2025-11, 2026-06, or auto",
    ),
    "role": (
        {"role": "master"},
        "node_profile_role: 'master' is not known; give one of control_plane, worker, or put the host in the group "
        "control_plane or worker",
    ),
    "datastore": (
        {"datastore": "mysql"},
        "node_profile_datastore: 'mysql' is not known; give one of etcd, k8s-dqlite, external, or auto",
    ),
    "release": (
        {"release": "v1.34.2"},
        "node_profile_release: 'v1.34.2' is not a release; give one such as \"1.34\", quoted",
    ),
    "feature": (
        {"features": ["kubeproxy"]},
        "node_profile_features: 'kubeproxy' is not known; give a list of kube-proxy",
    ),
    "address": (
        {"addresses": ["node1.example"]},
        "node_profile_addresses: 'node1.example' is not an IP address; give the node's own addresses, such as "
        "10.0.0.11",
    ),
    "override of nothing": (
        {"overrides": {"etcd": {"scope": "external"}}},
        "node_profile_overrides: 'etcd' is no port of edition 2025-08; known are etcd-client, hubble, "
        "cilium-health, k8sd, "
        "kube-apiserver, vxlan, k8s-dqlite, cilium-operator-metrics, kubelet, kube-controller-manager, kube-scheduler, "
        "etcd-peer, cilium-operator-api, cilium-agent-health, cilium-agent-gops, cilium-operator-gops, "
        "kubelet-healthz, "
        "kube-proxy-metrics, kube-proxy-healthz",
    ),
    "override with a bad scope": (
        {"overrides": {"kubelet": {"scope": "public"}}},
        "node_profile_overrides: entry 'kubelet': scope: 'public' is not right ('public' is not one of ['external', "
        "'localhost']); expected external or localhost",
    ),
    "extra port 0": (
        {"extra_ports": [{"id": "mine", "port": 0, "scope": "external"}]},
        "node_profile_extra_ports: entry 'mine': port: 0 is not right (0 is less than the minimum of 1); "
        "expected a port "
        "number from 1 to 65535",
    ),
    "extra port 70000": (
        {"extra_ports": [{"id": "mine", "port": 70000, "scope": "external"}]},
        "node_profile_extra_ports: entry 'mine': port: 70000 is not right (70000 is greater than the maximum "
        "of 65535); "
        "expected a port number from 1 to 65535",
    ),
    "extra port true": (
        {"extra_ports": [{"id": "mine", "port": True, "scope": "external"}]},
        "node_profile_extra_ports: entry 'mine': port: True is not right (True is not of type 'integer'); "
        "expected a port "
        "number from 1 to 65535",
    ),
    "extra id that is more than a name": (
        {"extra_ports": [{"id": 'x" drop', "port": 1, "scope": "external"}]},
        "node_profile_extra_ports: entry 'x\" drop': id: 'x\" drop' is not right ('x\" drop' does not match "
        "'^[a-z][a-z0-9-]{0,39}$'); expected lower-case letters, digits and hyphens, at most 40, starting with "
        "a letter",
    ),
    "one port for two": (
        {"extra_ports": [{"id": "mine", "port": 10250, "scope": "external"}]},
        "node_profile_overrides or node_profile_extra_ports: 10250/tcp is given to both 'kubelet' and 'mine'; "
        "give one of "
        "them another port",
    ),
    "a name that is taken": (
        {"extra_ports": [{"id": "kubelet", "port": 1, "scope": "external"}]},
        "node_profile_extra_ports: entry 'kubelet': id: the name is taken; give another one",
    ),
    "not a list": (
        {"extra_ports": 7},
        "node_profile_extra_ports: 7 is not right (7 is not of type 'array'); expected a list of ports",
    ),
}


@pytest.mark.parametrize("name", FAULTS)
def test_bad_input_is_named(name: str) -> None:
    wrong, message = FAULTS[name]
    assert faults({**WORKER, **wrong}) == [message]


def test_all_faults_are_told_at_once() -> None:
    assert len(faults({**WORKER, "edition": "x", "role": "y", "datastore": "z", "addresses": ["a", "b"]})) == 5
