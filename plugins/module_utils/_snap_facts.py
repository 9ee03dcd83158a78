# Copyright: (c) 2026, ck8s.ports contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The facts of a node, each from the first of its places that has it. Private to the collection.

Every function takes the node and returns a Fact, or raises Unreadable with the reason why it is not known. Sources: the
code of k8s-snap and k8sd, releases 1.32 to 1.36, named at each.
"""

from __future__ import annotations

import contextlib
import json
import re
from typing import Any

from ansible_collections.ck8s.ports.plugins.module_utils import _snap_addresses, _snap_yaml
from ansible_collections.ck8s.ports.plugins.module_utils._snap_files import Missing, Unreadable
from ansible_collections.ck8s.ports.plugins.module_utils._snap_node import ARGS, COMMON, Fact, Node
from ansible_collections.ck8s.ports.plugins.module_utils._snap_units import is_enabled, unit_of

CONTROL_PLANE = "control_plane"
WORKER = "worker"
NONE = "none"

STATE = COMMON + "/var/lib/k8sd/state"
DAEMON = STATE + "/daemon.yaml"
_TRUSTSTORE = STATE + "/truststore"
_MEMBERS = STATE + "/database/cluster.yaml"
_PROXY_ENDPOINTS = ARGS + "/conf.d/k8s-apiserver-proxy.json"
_WORKER_LOCK = COMMON + "/lock/worker"
_ADMIN = "/etc/kubernetes/admin.conf"
_DQLITE_SOCKET = f"unix://{COMMON}/var/lib/k8s-dqlite/k8s-dqlite.sock"
_RELEASE = re.compile(r"v?([0-9]+\.[0-9]+)(?:[.+-].*)?$")


def role(node: Node) -> Fact:
    """control_plane, worker, or none on a node that is in no cluster (snap/util/node.go of k8s-snap)."""
    for service, other, result in (
        ("k8s-apiserver-proxy", "kube-apiserver", WORKER),
        ("kube-apiserver", "k8s-apiserver-proxy", CONTROL_PLANE),
    ):
        if service in node.processes and other not in node.processes:
            process = node.processes[service]
            return Fact(result, f"process {process.pid} ({process.name})")
    if node.tree.exists(_WORKER_LOCK):
        return Fact(WORKER, f"file {_WORKER_LOCK}")
    path = f"{ARGS}/kube-apiserver"
    if node.tree.exists(path):
        return Fact(CONTROL_PLANE, f"file {path}")
    if node.tree.exists(_ADMIN):
        # `k8s remove-node` deletes args/ and leaves this file (app/hooks_remove.go of k8s-snap).
        raise Unreadable(f"{_ADMIN} is there and {path} is not: the node seems to have been removed from its cluster")
    return Fact(NONE, f"no file {_WORKER_LOCK}, {path}, {_ADMIN}")


def datastore(node: Node) -> Fact:
    """etcd, k8s-dqlite or external, by where the API server is told to look (types/cluster_config_datastore.go)."""
    if _is_worker(node):
        raise Unreadable("a worker does not know the datastore: only the control plane connects to it")
    service = node.service("kube-apiserver")
    servers = service.require("etcd-servers")
    if servers == _DQLITE_SOCKET:
        return Fact("k8s-dqlite", service.source)
    try:
        local = all(_snap_addresses.is_loopback(host) for host, _port in _snap_addresses.urls(servers))
    except Unreadable:  # by name, which is never k8sd's doing
        local = False
    if local:
        # etcd's directories are on every node: only that it has arguments tells.
        path = f"{ARGS}/etcd"
        process = node.processes.get("etcd")
        if process or node.tree.exists(path):
            return Fact("etcd", f"{service.source}, {f'process {process.pid} (etcd)' if process else f'file {path}'}")
    return Fact("external", service.source)


def kube_proxy(node: Node) -> Fact:
    """Whether kube-proxy runs, or is to: k8sd starts its unit enabled and stops it disabled (snap/snap.go).

    Not by its arguments, which are there also where Cilium replaces it, and not by the release.
    """
    source = f"unit {unit_of('kube-proxy')}"
    if node.units is not None:
        unit = node.units["kube-proxy"]
        return Fact(unit.active or unit.enabled, source)
    if "kube-proxy" in node.processes:
        process = node.processes["kube-proxy"]
        return Fact(True, f"process {process.pid} ({process.name})")
    enabled, path = is_enabled(node.tree, "kube-proxy")
    if node.live and not enabled:
        raise Unreadable(f"{node.units_unknown}; it is not enabled, and may be active all the same")
    return Fact(enabled, f"file {path}")


def pod_cidrs(node: Node) -> Fact:
    """The networks of pods: kube-proxy's arguments have them on every node, whether it runs or not."""
    service = node.service("kube-proxy")
    return Fact(_networks(service.require("cluster-cidr"), service.source), service.source)


def service_cidrs(node: Node) -> Fact:
    """The networks of services, which only the control plane is told."""
    if _is_worker(node):
        raise Unreadable("a worker does not know the networks of services: only the API server is told")
    service = node.service("kube-apiserver")
    return Fact(_networks(service.require("service-cluster-ip-range"), service.source), service.source)


def addresses(node: Node) -> Fact:
    """The node's own addresses: the kubelet's, which has both families, else the API server's, else k8sd's."""
    reasons = []
    for name, flag in (("kubelet", "node-ip"), ("kube-apiserver", "advertise-address")):
        try:
            service = node.service(name)
            text = service.get(flag)
            found = [_snap_addresses.address(part.strip()) for part in text.split(",")] if text else []
        except Missing:
            continue
        except Unreadable as exc:
            reasons.append(str(exc))
            continue
        # 0.0.0.0 and :: only tell the kubelet which family to look for.
        if found and not any(map(_snap_addresses.is_unspecified, found)):
            return Fact(found, service.source)
    try:
        host, _port = daemon_endpoint(node)
    except Unreadable as exc:
        raise Unreadable("; ".join([*reasons, str(exc)])) from None
    return Fact([host], f"file {DAEMON}")


def control_plane_addresses(node: Node) -> Fact:
    """The addresses of the control-plane nodes: of k8sd's members there, of the API servers on a worker."""
    kind = role(node).value
    if kind == NONE:
        raise Unreadable("the node is in no cluster")
    if kind == WORKER:
        return _proxy_endpoints(node)
    try:
        names = [name for name in node.tree.names(_TRUSTSTORE) if name.endswith(".yaml")]
    except Missing:
        names = []
    if names:
        paths = [f"{_TRUSTSTORE}/{name}" for name in names]
        members = [_snap_yaml.flat(node.tree.read(path), path).get("address") for path in paths]
        return Fact(_hosts(members, _TRUSTSTORE), f"directory {_TRUSTSTORE}")
    members = [entry.get("Address") for entry in _snap_yaml.entries(node.tree.read(_MEMBERS), _MEMBERS)]
    return Fact(_hosts(members, _MEMBERS), f"file {_MEMBERS}")


def containerd_socket(node: Node) -> Fact:
    """The path of containerd's socket: its own argument, else the place that k8sd noted (setup/containerd.go)."""
    reasons = []
    try:
        service = node.service("containerd")
        path = service.get("address")
        if path:
            return Fact(_absolute(path, service.source), service.source)
    except Unreadable as exc:
        reasons.append(str(exc))
    for lock, below in ((".containerd-base-dir", "run/containerd/"), ("containerd-socket-path", "")):
        place = f"{COMMON}/lock/{lock}"
        try:
            directory = _absolute(node.tree.read(place).strip(), place)
            return Fact(f"{directory.rstrip('/')}/{below}containerd.sock", f"file {place}")
        except Unreadable as exc:
            reasons.append(str(exc))
    raise Unreadable("; ".join(reasons))


def version(node: Node) -> Fact:
    """The version of the snap, else that of the Kubernetes in it."""
    path = f"{node.current}/meta/snap.yaml"
    bill = f"{node.current}/bom.json"
    try:
        return Fact(_snap_yaml.flat(node.tree.read(path), path).get("version"), f"file {path}")
    except Unreadable as exc:
        reason = str(exc)
    try:
        found = _json(node, bill)["components"]["kubernetes"]["version"]
    except (Unreadable, KeyError, TypeError) as exc:
        raise Unreadable(
            f"{reason}; {exc if isinstance(exc, Unreadable) else bill + ' has no version of kubernetes'}"
        ) from None
    if not isinstance(found, str):
        raise Unreadable(f"{reason}; the version of kubernetes in {bill} is not a text")
    return Fact(found, f"file {bill}")


def release(node: Node) -> Fact:
    """The first two numbers of the version."""
    known = version(node)
    match = _RELEASE.match(str(known.value))
    if not match:
        raise Unreadable(f"{known.source}: {known.value!r} is not a version of Kubernetes")
    return Fact(match.group(1), known.source)


def revision(node: Node) -> Fact:
    """The revision of the snap; x1, x2 for one that was installed from a file."""
    found = node.tree.link(node.current)
    if not re.fullmatch(r"x?[0-9]+", found):
        raise Unreadable(f"{node.current} leads to {found!r}, not to a revision")
    return Fact(found, f"link {node.current}")


def confinement(node: Node) -> Fact:
    """classic or strict."""
    path = f"{node.current}/meta/snap.yaml"
    found = _snap_yaml.flat(node.tree.read(path), path).get("confinement")
    if found not in ("classic", "strict"):
        raise Unreadable(f"the confinement in {path} is {found!r}, neither classic nor strict")
    return Fact(found, f"file {path}")


def daemon_endpoint(node: Node) -> tuple[str, int]:
    """The address and port of k8sd on this node (rest/types/config.go of microcluster). Raises Unreadable."""
    text = _snap_yaml.flat(node.tree.read(DAEMON), DAEMON).get("address")
    try:
        host, number = _snap_addresses.endpoint(text)
    except Unreadable as exc:
        raise Unreadable(f"{DAEMON}: {exc}") from None
    if host is None or number is None:
        raise Unreadable(f"{DAEMON}: {text!r} is not an address with a port")
    return host, number


def _is_worker(node: Node) -> bool:
    try:
        return role(node).value == WORKER
    except Unreadable:
        return False


def _networks(text: str, source: str) -> list[str]:
    try:
        return _snap_addresses.networks(text)
    except Unreadable as exc:
        raise Unreadable(f"{source}: {exc}") from None


def _proxy_endpoints(node: Node) -> Fact:
    """What the proxy of a worker connects to; k8sd writes it anew when members come or go (pkg/proxy/config.go)."""
    path = _PROXY_ENDPOINTS
    with contextlib.suppress(Missing):
        path = node.service("k8s-apiserver-proxy").get("endpoints") or path
    content = _json(node, path)
    found = content.get("endpoints") if isinstance(content, dict) else None
    if not isinstance(found, list) or not found or not all(isinstance(one, str) for one in found):
        raise Unreadable(f"{path} has no list of endpoints")
    return Fact(_hosts(found, path), f"file {path}")


def _hosts(endpoints: list[str], place: str) -> list[str]:
    found = set()
    for one in endpoints:
        try:
            host, _port = _snap_addresses.endpoint(one)
        except Unreadable as exc:
            raise Unreadable(f"{place}: {exc}") from None
        if host is None:
            raise Unreadable(f"{place}: {one!r} has no address")
        found.add(host)
    if not found:
        raise Unreadable(f"{place} has no members")
    return _snap_addresses.in_order(found)


def _absolute(path: str, place: str) -> str:
    if not path.startswith("/") or "\n" in path:
        raise Unreadable(f"{place}: {path!r} is not an absolute path")
    return path


def _json(node: Node, path: str) -> Any:
    """Whatever is written there: its shape is the caller's to check."""
    try:
        return json.loads(node.tree.read(path))
    except (ValueError, RecursionError):
        raise Unreadable(f"{path} is not JSON") from None
