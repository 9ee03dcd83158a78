"""A report with one of everything, made by the code that makes the real ones."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.ck8s.ports.plugins.plugin_utils import _report
from ansible_collections.ck8s.ports.plugins.plugin_utils._firewall_policy import policy
from ansible_collections.ck8s.ports.plugins.plugin_utils._judgement import judge, unreached
from ansible_collections.ck8s.ports.plugins.plugin_utils._node import Node
from ansible_collections.ck8s.ports.plugins.plugin_utils._profile import profile

HOSTILE = "evil\x1b[2J\r\n| <script>alert(1)</script> `x` \u202e"


def listener(port: int, name: str, exposure: str, address: str) -> dict[str, Any]:
    return {
        "protocol": "tcp",
        "port": port,
        "family": "ipv4",
        "address": address,
        "exposure": exposure,
        "kernel": False,
        "processes": [{"pid": 7, "name": name, "cmdline": [f"/usr/bin/{name}"]}],
    }


def worker(name: str, sockets: list[dict[str, Any]]) -> Node:
    """A worker of which three ports are of interest, without a firewall, and whose containerd is as it should be."""
    absent = {"presence": "absent"}
    kept = ("kubelet", "kubelet-healthz", "kube-proxy-healthz")
    all_ports = profile({"edition": "2025-08", "role": "worker", "datastore": "etcd", "features": ["kube-proxy"]})[
        "ports"
    ]
    made = profile(
        {
            "edition": "2025-08",
            "role": "worker",
            "datastore": "etcd",
            "features": ["kube-proxy"],
            "addresses": ["10.0.0.1"],
            "overrides": {port["id"]: absent for port in all_ports if port["id"] not in kept},
        }
    )
    return Node(
        name=name,
        profile=made,
        policy=policy(made),
        sockets={"sockets": sockets},
        firewall={"live": {"present": False, "rules": []}, "wanted": {"rules": []}, "changed": True, "difference": []},
        sysctls={"route_localnet": {"all": False, "eth0": False, "lo": False}},
        unix_sockets={
            "/run/containerd/containerd.sock": {
                "exists": True,
                "type": "socket",
                "owner": "root",
                "group": "root",
                "mode": "0660",
                "listeners": [
                    {
                        "type": "stream",
                        "path": "/run/containerd/containerd.sock",
                        "path_status": "same",
                        "kernel": False,
                        "processes": [{"pid": 9, "name": "containerd", "cmdline": ["/usr/bin/containerd"]}],
                    }
                ],
            }
        },
    )


@pytest.fixture
def report() -> dict[str, Any]:
    good = worker(
        "node1",
        [listener(10250, "kubelet", "wildcard", "0.0.0.0"), listener(10248, "kubelet", "loopback", "127.0.0.1")],
    )
    bad = worker(
        "node2", [listener(10250, "nc", "wildcard", "0.0.0.0"), listener(10248, "kubelet", "wildcard", "0.0.0.0")]
    )
    bad.sockets["sockets"].append(listener(31337, HOSTILE, "wildcard", "0.0.0.0"))
    findings = [*judge(good), *judge(bad), unreached("node3", "Unreachable: No route to host.")]
    return _report.build([good, bad], findings, ["node1", "node2"], "medium", "2026-01-02T03:04:05+00:00")
