# Copyright: (c) 2026, ck8s.ports contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What runs on the lab's hosts is what the document says, apart from the faults that are written in the inventory."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml

from ansible_collections.ck8s.ports.plugins.plugin_utils import _catalogue
from tests.lab.services import Service, read_services, services_of
from tests.lab.topology import Host, read_hosts

CATALOGUE = _catalogue.load("2025-08")

CONTROL_PLANE = Host("cp", "control_plane", ("192.0.2.1", "2001:db8::1"), "etcd", ("cilium-operator",))
WORKER = Host("w", "worker", ("192.0.2.2", "2001:db8::2"), "etcd")


def services(host: Host) -> dict[str, Service]:
    return {service.name: service for service in services_of(host, read_services())}


def sockets(host: Host) -> set[tuple[str, str, int]]:
    return {(s.protocol, s.address, s.port) for service in services(host).values() for s in service.listeners}


@pytest.mark.parametrize("datastore", ["etcd", "k8s-dqlite"])
def test_a_node_without_faults_has_each_documented_port_and_no_other(datastore: str) -> None:
    host = replace(CONTROL_PLANE, datastore=datastore)
    documented = {
        (entry["documented"]["protocol"], entry["documented"]["port"])
        for entry in CATALOGUE["ports"]
        if entry.get("when", {}).get("datastore") in (None, datastore)
    }
    assert {(protocol, port) for protocol, _, port in sockets(host)} == documented


@pytest.mark.parametrize("entry", CATALOGUE["ports"], ids=lambda entry: entry["id"])
def test_each_port_is_bound_and_held_as_documented(entry: dict[str, Any]) -> None:
    documented = entry["documented"]
    for host in (replace(CONTROL_PLANE, datastore=entry.get("when", {}).get("datastore", "etcd")), WORKER):
        if host.group not in entry["nodes"]:
            continue
        for service in services(host).values():
            for listener in service.listeners:
                if (listener.protocol, listener.port) != (documented["protocol"], documented["port"]):
                    continue
                # etcd's clients come to loopback as well: the one external port that is bound there too.
                loopback = listener.address in ("127.0.0.1", "::1") and entry["id"] != "etcd-client"
                assert loopback == (documented["scope"] == "localhost")
                owners = [owner for owner in entry["owners"] if host.group in owner.get("nodes", [host.group])]
                names = [name for owner in owners for name in owner.get("comm", [owner.get("device")])]
                assert service.comm in names


def test_the_containerd_socket_is_where_the_document_has_it() -> None:
    paths = {entry["documented"]["path"] for entry in CATALOGUE["unix_sockets"]}
    assert {service.socket for service in services(WORKER).values() if service.socket} == paths


def test_names_fit_into_what_the_kernel_keeps() -> None:
    assert all(len(service.comm) <= 15 for host in (CONTROL_PLANE, WORKER) for service in services(host).values())


def test_a_worker_runs_no_control_plane() -> None:
    ports = {port for _, _, port in sockets(WORKER)}
    assert not ports & {2379, 2380, 10257, 10259, 9963, 9234, 9891}
    assert services(WORKER)["k8s-apiserver-proxy"].comm == "k8s-apiserver-p"


def test_nothing_runs_on_an_outsider() -> None:
    assert services_of(Host("o", "outsiders", ("192.0.2.9",), "etcd"), read_services()) == []


def test_addresses_follow_their_names() -> None:
    assert {("tcp", "192.0.2.1", 2379), ("tcp", "127.0.0.1", 2379)} <= sockets(CONTROL_PLANE)
    assert {("tcp", "192.0.2.1", 4240), ("tcp", "2001:db8::1", 4240)} <= sockets(CONTROL_PLANE)
    assert {("tcp", "127.0.0.1", 9879), ("tcp", "::1", 9879)} <= sockets(CONTROL_PLANE)
    assert {("udp", "0.0.0.0", 8472), ("udp", "::", 8472)} <= sockets(CONTROL_PLANE)
    kubelet = services(CONTROL_PLANE)["kubelet"].listeners
    assert [(s.address, s.dual_stack) for s in kubelet if s.port == 10250] == [("::", True)]


def test_misbound_moves_the_port_and_keeps_what_it_speaks() -> None:
    fault = {"fault": "misbound", "service": "kubelet", "port": 10248, "at": ["every_interface"]}
    right = services(WORKER)["kubelet"].listeners
    wrong = services(replace(WORKER, faults=(fault,)))["kubelet"].listeners
    assert [s for s in wrong if s.port == 10250] == [s for s in right if s.port == 10250]
    (moved,), (was,) = [s for s in wrong if s.port == 10248], [s for s in right if s.port == 10248]
    assert moved == replace(was, address="::", dual_stack=True)


def test_missing_closes_one_port_only() -> None:
    fault = {"fault": "missing", "service": "kube-proxy", "port": 10256}
    assert sockets(WORKER) - sockets(replace(WORKER, faults=(fault,))) == {("tcp", "127.0.0.1", 10256)}


def test_undocumented_adds_a_service() -> None:
    fault = {"fault": "undocumented", "service": "debug", "port": 8088, "at": ["every_interface"], "speaks": "http"}
    assert sockets(replace(WORKER, faults=(fault,))) - sockets(WORKER) == {("tcp", "::", 8088)}


@pytest.mark.parametrize(
    ("host", "message"),
    [
        (replace(WORKER, extra_services=("kubelett",)), "kubelett"),
        (replace(WORKER, faults=({"fault": "missing", "service": "etcd", "port": 2379},)), "etcd.*2379"),
        (replace(WORKER, faults=({"fault": "missing", "service": "kubelet", "port": 1},)), "kubelet.*1"),
        (
            replace(WORKER, faults=({"fault": "undocumented", "service": "kubelet", "port": 1, "at": ["node"]},)),
            "kubelet",
        ),
    ],
    ids=["extra service", "service of another role", "port of no service", "known service"],
)
def test_what_does_not_exist_is_an_error_and_not_a_lab_without_it(host: Host, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        services(host)


def test_the_labs_inventory() -> None:
    hosts = {host.name: host for host in read_hosts()}
    assert {name: host.group for name, host in hosts.items()} == {
        "node1": "control_plane",
        "node2": "worker",
        "node3": "worker",
        "outsider1": "outsiders",
    }
    assert {fault["fault"] for fault in hosts["node3"].faults} == {"misbound", "missing", "undocumented"}
    assert not any(hosts[name].faults for name in ("node1", "node2", "outsider1"))
    assert not any(host.faults for host in read_hosts(with_faults=False))


def test_a_host_without_addresses_is_named(tmp_path: Path) -> None:
    inventory = tmp_path / "hosts.yml"
    inventory.write_text(yaml.safe_dump({"all": {"children": {"worker": {"hosts": {"lonely": {}}}}}}))
    with pytest.raises(ValueError, match=r"lonely.*node_profile_addresses"):
        read_hosts(inventory)


def test_members_of_an_etcd_cluster_talk_on_the_nodes_addresses() -> None:
    """Alone, etcd's peers are where edition 2025-08 has them."""
    member = replace(CONTROL_PLANE, etcd_members=(("cp", "192.0.2.1"),))
    assert ("tcp", "127.0.0.1", 2380) in sockets(CONTROL_PLANE)
    assert {address for _, address, port in sockets(member) if port == 2380} == {"192.0.2.1"}


def test_a_node_whose_etcd_joins_later_has_none_yet() -> None:
    assert not {2379, 2380} & {port for _, _, port in sockets(replace(CONTROL_PLANE, runs_etcd=False))}


def test_the_inventory_says_who_is_a_member() -> None:
    hosts = {host.name: host for host in read_hosts(Path("tests/lab/inventories/ha_etcd.yml"))}
    members = (("node1", "10.77.0.11"), ("node2", "10.77.0.12"), ("node3", "10.77.0.13"))
    assert {host.etcd_members for host in hosts.values() if host.group == "control_plane"} == {members}
    assert [name for name, host in hosts.items() if not host.runs_etcd] == ["node4"]
    assert hosts["node5"].etcd_members == ()
