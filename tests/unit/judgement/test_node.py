"""What is judged of a node as a whole: undocumented listeners, the unix socket, the table, what was registered."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.ck8s.ports.plugins.plugin_utils import (
    _catalogue,
    _check_firewall,
    _observations,
)
from ansible_collections.ck8s.ports.plugins.plugin_utils._findings import Finding, failing
from ansible_collections.ck8s.ports.plugins.plugin_utils._judgement import judge, judge_together
from ansible_collections.ck8s.ports.plugins.plugin_utils._node import Node

PROFILE: dict[str, Any] = {"edition": "2025-08", "role": "worker", "ports": [], "unix_sockets": []}
POLICY: dict[str, Any] = {"enforcement": "ports", "rules": []}
NO_FIREWALL: dict[str, Any] = {"error": "Not looked at."}
SSHD = {"port": 22, "protocol": "tcp", "process": "sshd"}


def listener(port: int, *names: str, exposure: str = "wildcard", protocol: str = "tcp") -> dict[str, Any]:
    return {
        "protocol": protocol,
        "port": port,
        "family": "ipv4",
        "address": "0.0.0.0",
        "exposure": exposure,
        "kernel": False,
        "processes": [{"pid": 7 + n, "name": name, "cmdline": [name]} for n, name in enumerate(names)],
    }


def undocumented(sockets: list[dict[str, Any]], allow: list[dict[str, Any]]) -> list[Finding]:
    node = Node("node1", PROFILE, POLICY, {"sockets": sockets}, NO_FIREWALL, {}, allow=allow)
    return [finding for finding in judge(node) if finding.check == "undocumented"]


def test_an_undocumented_listener_is_found_with_its_process() -> None:
    (finding,) = undocumented([listener(8088, "debug-server")], [SSHD])
    assert (finding.id, finding.status, finding.subject) == ("tcp-8088/undocumented", "fail", "8088/tcp debug-server")
    assert finding.outcome.observed == "debug-server (pid 7): debug-server on 0.0.0.0:8088."


def test_two_sockets_of_a_port_are_one_finding() -> None:
    assert len(undocumented([listener(8088, "a"), listener(8088, "b")], [])) == 1


@pytest.mark.parametrize("exposure", ["loopback"])
def test_a_listener_that_nobody_else_reaches_is_no_finding(exposure: str) -> None:
    (finding,) = undocumented([listener(8088, "a", exposure=exposure)], [])
    assert finding.status == "pass"


@pytest.mark.parametrize("exposure", ["wildcard", "address", "link_local"])
def test_every_other_exposure_is(exposure: str) -> None:
    (finding,) = undocumented([listener(8088, "a", exposure=exposure)], [])
    assert finding.status == "fail"


def test_an_allowed_listener_is_right_in_all_that_the_entry_names() -> None:
    assert undocumented([listener(22, "sshd")], [SSHD])[0].status == "pass"
    assert undocumented([listener(2222, "sshd")], [SSHD])[0].status == "fail"
    assert undocumented([listener(22, "nc")], [SSHD])[0].status == "fail"
    assert undocumented([listener(22, "sshd", "nc")], [SSHD])[0].status == "fail"
    assert undocumented([listener(22, "sshd", protocol="udp")], [SSHD])[0].status == "fail"
    assert undocumented([listener(22)], [SSHD])[0].status == "fail"


def test_an_empty_entry_allows_nothing() -> None:
    assert undocumented([listener(22, "sshd")], [{}])[0].status == "fail"


def test_a_table_that_differs_is_shown_line_by_line() -> None:
    observed = {"live": {"present": True}, "changed": True, "difference": ["only on the node: x"]}
    outcome = _check_firewall.table(observed)
    assert (outcome.status, outcome.evidence) == ("fail", ("only on the node: x",))


def test_a_firewall_in_audit_mode_is_no_firewall_and_shows_who_would_have_been_refused() -> None:
    noted = [
        {"source": f"192.0.2.{number}", "protocol": "tcp", "port": 2380, "packets": 7, "expires": 60}
        for number in range(25)
    ]
    live = {"present": True, "mode": "audit", "rules": [], "learned": noted, "learned_all": False}
    outcome = _check_firewall.table({"live": live, "changed": False, "difference": []})
    assert (outcome.status, outcome.severity) == ("warn", "medium")
    assert outcome.observed == (
        "The table is the one of the policy, in audit mode; 25 would have been refused. There was no room to note all "
        "of them."
    )
    assert outcome.evidence[0] == "would have been refused: 192.0.2.0 to 2380/tcp, 7 packets"
    assert outcome.evidence[-1] == "and 5 more"
    assert "node_firewall_mode: enforce" in outcome.fix


def registered(**more: Any) -> dict[str, Any]:
    return {
        "node_profile_result": {"profile": PROFILE},
        "node_firewall_policy": {"policy": POLICY},
        "__node_verify_evidence": evidence(**more),
    }


def evidence(**parts: Any) -> dict[str, Any]:
    return {
        "sockets": {"sockets": [], "complete": True},
        "firewall": {"error": "nft was not found"},
        "unix_sockets": {},
        "sysctls": {"route_localnet": {}},
        "claims": {"results": []},
        **parts,
    }


def test_a_node_that_was_looked_at_has_no_reason() -> None:
    assert _observations.reason_unreached(registered()) is None


def test_an_unreachable_node_gives_the_reason() -> None:
    facts = {**registered(), "__node_verify_evidence": {"unreachable": True, "msg": "No route to host"}}
    assert _observations.reason_unreached(facts) == "Unreachable: No route to host."


def test_a_node_that_failed_before_gives_a_reason() -> None:
    assert _observations.reason_unreached({}) == "It failed or was unreachable before it could be looked at."


def test_a_part_that_could_not_be_looked_at_costs_no_other() -> None:
    node = _observations.node("node1", registered(), [], [])
    assert node.firewall == {"error": "Could not be looked at: nft was not found"}
    assert "error" not in node.sockets


def test_a_task_that_failed_has_observed_nothing() -> None:
    profile = {**PROFILE, "unix_sockets": [{"path": "/run/s.sock"}]}
    failed = {"__node_verify_evidence": {"msg": "No space left on device"}, "node_profile_result": {"profile": profile}}
    node = _observations.node("node1", {**registered(), **failed}, [], [])
    reason = {"error": "Could not be looked at: No space left on device"}
    assert node.sockets == node.firewall == node.sysctls == node.unix_sockets["/run/s.sock"] == reason
    assert node.answers == []


def test_a_difference_between_kernel_and_policy_is_seen_whatever_the_task_says_of_itself() -> None:
    rule = 'tcp dport 10248 counter drop comment "kubelet-healthz"'
    result = {
        "changed": False,
        "live": {"present": True, "rules": []},
        "diff": {"before": "table inet ck8s_ports {\n}\n", "after": f"table inet ck8s_ports {{\n\t\t{rule}\n}}\n"},
    }
    node = _observations.node("node1", registered(firewall=result), [], [])
    assert node.firewall["changed"]
    assert node.firewall["wanted"] == {"rules": [{"id": "kubelet-healthz", "text": rule}]}
    assert node.firewall["difference"] == [f"only in the policy: {rule}"]


def test_probes_are_handed_to_the_node_that_was_tried() -> None:
    result = {"label": "node2 kubelet", "host": "10.0.0.2", "port": 10250, "status": "open"}
    probes = _observations.probes_by_node({"node1": {"__node_verify_probes": {"results": [result]}}})
    assert [(probe["prober"], probe["id"]) for probe in probes["node2"]] == [("node1", "kubelet")]


def test_only_failures_and_what_was_not_seen_fail_a_run_and_only_from_the_severity_on() -> None:
    findings = undocumented([listener(8088, "a")], []) + undocumented([], [])
    assert [finding.id for finding in failing(findings, "medium")] == ["tcp-8088/undocumented"]
    assert failing(findings, "high") == []


METRICS = {"id": "cilium-operator-metrics", "port": 9963, "protocol": "tcp", "service": "cilium-operator"}


def with_operator(name: str, *sockets: dict[str, Any], presence: str = "one_node") -> Node:
    port = {**METRICS, "presence": presence, "documented": {"edition": "2025-08", "line": 23}}
    return Node(name, {**PROFILE, "ports": [port]}, POLICY, {"sockets": list(sockets)}, NO_FIREWALL, {})


def test_a_single_replica_may_listen_on_any_one_node() -> None:
    operator = listener(9963, "cilium-operator")
    assert judge_together([with_operator("node1"), with_operator("node2", operator)]) == []
    assert judge_together([with_operator("node1"), with_operator("node2")]) == []


def test_a_single_replica_on_two_nodes_is_a_finding_on_both() -> None:
    operator = listener(9963, "cilium-operator")
    nodes = [with_operator("node1", operator), with_operator("node2", operator), with_operator("node3")]
    findings = judge_together(nodes)
    assert [(finding.host, finding.id, finding.status) for finding in findings] == [
        ("node1", "cilium-operator-metrics/replicas", "fail"),
        ("node2", "cilium-operator-metrics/replicas", "fail"),
    ]
    assert findings[0].outcome.observed == "Listens on node1, node2."
    assert judge_together([with_operator(node.name, operator, presence="optional") for node in nodes]) == []


def with_companions(*sockets: dict[str, Any]) -> list[tuple[str, str, str, str]]:
    known = _catalogue.companions()
    node = Node("node1", PROFILE, POLICY, {"sockets": list(sockets)}, NO_FIREWALL, {}, companions=known)
    findings = [finding for finding in judge(node) if finding.check in ("companion", "undocumented")]
    return [(finding.id, finding.status, finding.severity, finding.subject) for finding in findings]


NONE_BESIDES = ("listeners/undocumented", "pass", "low", "listeners")


@pytest.mark.parametrize(
    ("socket", "name", "subject"),
    [
        (listener(9964, "cilium-envoy"), "cilium-envoy-metrics-tcp", "9964/tcp cilium-envoy-metrics"),
        (listener(7946, "speaker"), "metallb-memberlist-tcp", "7946/tcp metallb-memberlist"),
        (listener(7946, "speaker", protocol="udp"), "metallb-memberlist-udp", "7946/udp metallb-memberlist"),
        (listener(7472, "speaker"), "metallb-metrics-tcp", "7472/tcp metallb-metrics"),
        (listener(9120, "speaker"), "metallb-metrics-https-tcp", "9120/tcp metallb-metrics-https"),
        (listener(17472, "speaker", exposure="loopback"), "metallb-health-tcp", "17472/tcp metallb-health"),
        (listener(35215, "containerd", exposure="loopback"), "containerd-streaming-tcp", "tcp containerd-streaming"),
        (listener(40001, "cilium-agent", exposure="loopback"), "cilium-dns-proxy-tcp", "tcp cilium-dns-proxy"),
        (listener(30123, "kube-proxy"), "health-check-node-port-tcp", "tcp health-check-node-port"),
    ],
)
def test_a_companion_is_explained_and_no_fault(socket: dict[str, Any], name: str, subject: str) -> None:
    assert with_companions(socket) == [NONE_BESIDES, (f"{name}/companion", "not_applicable", "low", subject)]


@pytest.mark.parametrize(
    "socket",
    [
        listener(9964, "nc"),
        listener(9964),
        listener(9964, "cilium-envoy", "nc"),
        listener(9964, "cilium-envoy", protocol="udp"),
        listener(17472, "speaker"),
        listener(35215, "containerd"),
        listener(29999, "kube-proxy"),
        listener(30123, "nginx"),
    ],
)
def test_what_only_resembles_a_companion_is_undocumented(socket: dict[str, Any]) -> None:
    ((name, status, _, _),) = with_companions(socket)
    assert (name, status) == (f"{socket['protocol']}-{socket['port']}/undocumented", "fail")


def test_without_the_companions_they_are_undocumented() -> None:
    assert undocumented([listener(9964, "cilium-envoy")], [])[0].status == "fail"


def test_random_ports_of_one_companion_are_one_finding() -> None:
    sockets = [listener(port, "containerd", exposure="loopback") for port in (35215, 41000)]
    assert len(with_companions(*sockets)) == 2
