# Copyright: (c) 2026, ck8s.ports contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Ports and addresses that a node's services are told to listen on. Private to the collection.

Only what is written somewhere: a service that is not told listens where its defaults and the document say.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from ansible_collections.ck8s.ports.plugins.module_utils import _snap_addresses, _snap_facts, _snap_yaml
from ansible_collections.ck8s.ports.plugins.module_utils._snap_facts import CONTROL_PLANE, NONE, WORKER
from ansible_collections.ck8s.ports.plugins.module_utils._snap_files import Missing, Unreadable
from ansible_collections.ck8s.ports.plugins.module_utils._snap_node import COMMON, Fact, Node

_PORT, _ADDRESS, _ENDPOINT, _URLS = "port", "address", "endpoint", "urls"

# (id in the catalogue, service, flag, what its value is)
_SETTINGS = (
    ("kube-apiserver", "kube-apiserver", "secure-port", _PORT),
    ("kube-apiserver", "kube-apiserver", "bind-address", _ADDRESS),
    ("kube-apiserver", "k8s-apiserver-proxy", "listen", _ENDPOINT),
    ("etcd-client", "etcd", "listen-client-urls", _URLS),
    ("etcd-peer", "etcd", "listen-peer-urls", _URLS),
    ("kubelet", "kubelet", "port", _PORT),
    ("kubelet", "kubelet", "address", _ADDRESS),
    ("kubelet-healthz", "kubelet", "healthz-port", _PORT),
    ("kubelet-healthz", "kubelet", "healthz-bind-address", _ADDRESS),
    ("kube-controller-manager", "kube-controller-manager", "secure-port", _PORT),
    ("kube-controller-manager", "kube-controller-manager", "bind-address", _ADDRESS),
    ("kube-scheduler", "kube-scheduler", "secure-port", _PORT),
    ("kube-scheduler", "kube-scheduler", "bind-address", _ADDRESS),
    ("kube-proxy-metrics", "kube-proxy", "metrics-bind-address", _ENDPOINT),
    ("kube-proxy-healthz", "kube-proxy", "healthz-bind-address", _ENDPOINT),
)
_ELSEWHERE = {
    CONTROL_PLANE: ("k8s-apiserver-proxy",),
    WORKER: ("kube-apiserver", "etcd", "kube-controller-manager", "kube-scheduler"),
}
_DQLITE = COMMON + "/var/lib/k8s-dqlite"


class Settings:
    """What was found. problems: what is written and cannot be used, each with the place and the reason."""

    def __init__(self, node: Node) -> None:
        self.problems: list[str] = []
        self._ports: dict[str, tuple[int, str]] = {}
        self._binds: dict[str, tuple[list[str], str]] = {}
        try:
            role = _snap_facts.role(node).value
        except Unreadable:
            role = None
        if role == NONE:
            self._nothing = "the node is in no cluster"
            return
        self._nothing = "nothing is configured in the arguments of the services"
        for port_id, service, flag, form in _SETTINGS:
            if service not in _ELSEWHERE.get(str(role), ()):
                self._attempt(self._flag, node, port_id, service, flag, form)
        self._attempt(self._k8sd, node)
        self._attempt(self._dqlite, node)

    def ports(self) -> Fact:
        """{id: port}. Raises Unreadable when there is none."""
        return self._fact(self._ports)

    def bind_addresses(self) -> Fact:
        """{id: [address]}. Raises Unreadable when there is none."""
        return self._fact(self._binds)

    def _fact(self, found: Mapping[str, tuple[object, str]]) -> Fact:
        if not found:
            raise Unreadable("; ".join([self._nothing, *self.problems]))
        by_source: dict[str, list[str]] = {}
        for port_id in sorted(found):
            by_source.setdefault(found[port_id][1], []).append(port_id)
        source = "; ".join(f"{', '.join(ids)}: {place}" for place, ids in sorted(by_source.items()))
        return Fact({port_id: found[port_id][0] for port_id in sorted(found)}, source)

    def _attempt(self, read: Callable[..., None], *arguments: object) -> None:
        try:
            read(*arguments)
        except Missing:  # the service is not on this node
            pass
        except Unreadable as exc:
            if str(exc) not in self.problems:
                self.problems.append(str(exc))

    def _flag(self, node: Node, port_id: str, name: str, flag: str, form: str) -> None:
        service = node.service(name)
        text = service.get(flag)
        if text is None:
            return
        try:
            if form == _PORT:
                self._put(port_id, _snap_addresses.port(text), [], service.source)
            elif form == _ADDRESS:
                self._put(port_id, None, [_snap_addresses.address(text)], service.source)
            elif form == _ENDPOINT:
                host, number = _snap_addresses.endpoint(text)
                self._put(port_id, number, [host] if host else [], service.source)
            else:
                pairs = _snap_addresses.urls(text)
                numbers = {number for _host, number in pairs}
                if len(numbers) != 1:
                    raise Unreadable(f"{text!r} has several ports")
                self._put(port_id, numbers.pop(), [host for host, _number in pairs], service.source)
        except Unreadable as exc:
            raise Unreadable(f"{service.source}: --{flag}: {exc}") from None

    def _k8sd(self, node: Node) -> None:
        host, number = _snap_facts.daemon_endpoint(node)
        self._put("k8sd", number, [host], f"file {_snap_facts.DAEMON}")

    def _dqlite(self, node: Node) -> None:
        """The port of k8s-dqlite is in no argument: it is part of the address of this member (setup/k8s_dqlite.go)."""
        try:
            if _snap_facts.datastore(node).value != "k8s-dqlite":
                return
        except Unreadable:  # told by the fact itself
            return
        path = f"{_DQLITE}/info.yaml"
        if not node.tree.exists(path):
            path = f"{_DQLITE}/init.yaml"
        text = _snap_yaml.flat(node.tree.read(path), path).get("Address")
        try:
            host, number = _snap_addresses.endpoint(text)
        except Unreadable as exc:
            raise Unreadable(f"{path}: {exc}") from None
        self._put("k8s-dqlite", number, [host] if host else [], f"file {path}")

    def _put(self, port_id: str, number: int | None, hosts: list[str], source: str) -> None:
        if number is not None:
            self._ports[port_id] = (number, source)
        if hosts:
            self._binds[port_id] = (list(dict.fromkeys(hosts)), source)
