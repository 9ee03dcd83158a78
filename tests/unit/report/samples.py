"""Reports with one of everything, made by the code that makes the real ones."""

from __future__ import annotations

from typing import Any

from ansible_collections.ck8s.ports.plugins.plugin_utils import _report
from ansible_collections.ck8s.ports.plugins.plugin_utils._firewall_policy import policy
from ansible_collections.ck8s.ports.plugins.plugin_utils._judgement import judge, unreached
from ansible_collections.ck8s.ports.plugins.plugin_utils._node import Node
from ansible_collections.ck8s.ports.plugins.plugin_utils._profile import profile

HOSTILE = "evil\x1b[2J\r\n| <script>alert(1)</script> `x` \u202e"

SYSCTLS = {"route_localnet": {"all": False, "eth0": False, "lo": False}}

NASTY = (
    "<script>alert(1)</script>",
    "</script><img src=x onerror=alert(1)>",
    "<!--",
    "]]>&amp;",
    "\x1b]0;title\x07\x1b[2J",
    "a\r\nb\x0b\x00\u2028",
    "\u202egnp.exe\ufeff",
    "=cmd|' /C calc'!A0",
    "{{ 7 * 7 }}{% raw %}",
    '"}} 1\nck8s_ports_evil{x="\\',
    "[a](javascript:alert(1))|`x`",
    "half \ud800 of a pair",
    "'; alert(1); '",
)
"""Names that some format or program would obey."""


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
        sysctls=SYSCTLS,
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


def small() -> dict[str, Any]:
    """Three nodes: one as documented, one with everything wrong, one that was not reached."""
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


def hostile() -> dict[str, Any]:
    """A report in which hosts, processes and all that was observed of them have the names of NASTY."""
    report = small()
    bare = next(finding for finding in report["findings"] if finding["id"] == "tcp-31337/undocumented")
    for number, nasty in enumerate(NASTY):
        text = f"{number} {nasty}"
        finding = {
            **bare,
            "id": f"tcp-{40000 + number}/undocumented",
            "host": nasty,
            "subject": text,
            "evidence": [text],
        }
        finding.update(observed=text, why=text, fix=text, expected=text)
        report["findings"].append(finding)
        report["failing"].append(f"{nasty}:{finding['id']}")
        report["nodes"].append({**report["nodes"][0], "name": nasty})
        report["summary"]["fail"] += 1
    accepted = {**bare, "id": "tcp-50000/undocumented", "status": "waived", "observed": NASTY[0]}
    accepted["waiver"] = {"id": "w", "reason": NASTY[0], "who": NASTY[1], "expires": "2026-12-31"}
    report["findings"].append(accepted)
    report["summary"]["waived"] += 1
    state = {"status": "fail", "expected": NASTY[0], "observed": NASTY[1]}
    report["changes"] = [{"finding": f"{NASTY[0]}:x/bind", "before": None, "after": state}]
    return report


def large(nodes: int) -> dict[str, Any]:
    """As many nodes as said, with every documented port; each tenth has a fault of its own."""
    made = profile(
        {
            "edition": "2025-08",
            "role": "control_plane",
            "datastore": "etcd",
            "features": ["kube-proxy"],
            "addresses": ["10.0.0.1"],
        }
    )
    companion = worker("any", []).unix_sockets
    rules = policy(made)
    seen = []
    for number in range(1, nodes + 1):
        sockets = [
            _as_documented(port, "nc" if not number % 10 and port["id"] == "kubelet" else None)
            for port in made["ports"]
            if number % 7 or port["id"] != "kube-scheduler"
        ]
        if not number % 25:
            sockets.append(listener(8088, "debug-server", "wildcard", "0.0.0.0"))
        firewall = {"live": {"present": True, "rules": []}, "wanted": {"rules": []}, "changed": False, "difference": []}
        node = Node(f"node{number:03}", made, rules, {"sockets": sockets}, firewall, companion, sysctls=SYSCTLS)
        node.probes.extend(_probe(port, f"node{number % nodes + 1:03}") for port in made["ports"])
        node.answers.extend(_answer(port) for port in made["ports"])
        seen.append(node)
    findings = [finding for node in seen for finding in judge(node)]
    return _report.build(seen, findings, [node.name for node in seen], "medium", "2026-01-02T03:04:05+00:00")


def _as_documented(port: dict[str, Any], name: str | None) -> dict[str, Any]:
    """A socket where the document has it, held by whom it has, or by C(name)."""
    local = port["scope"] == "localhost"
    exposure, address = ("loopback", "127.0.0.1") if local else ("wildcard", "0.0.0.0")
    if port["kernel"]:
        return {**listener(port["port"], "", exposure, address), "protocol": "udp", "kernel": True, "processes": []}
    return listener(port["port"], name or port["comm"][0], exposure, address)


def _probe(port: dict[str, Any], prober: str) -> dict[str, Any]:
    """What a neighbour gets where all is well."""
    return {
        "prober": prober,
        "id": port["id"],
        "host": "10.0.0.1",
        "port": port["port"],
        "source": "10.0.0.2",
        "status": "open" if port["scope"] == "external" else "refused",
        "detail": "",
        "tracked": None,
    }


def _answer(port: dict[str, Any]) -> dict[str, Any]:
    """What a client without credentials gets where all is well."""
    tls, anonymous = port["claims"].get("tls", False), port["claims"].get("anonymous", {})
    return {
        "label": port["id"],
        "host": "127.0.0.1",
        "port": port["port"],
        "path": anonymous.get("path", "/"),
        "outcome": "answered" if "status" in anonymous else "refused",
        "detail": "",
        "tls": tls,
        "version": "TLSv1.3" if tls else None,
        "status": anonymous.get("status", [None])[0],
        "certificate": None,
    }
