"""What has changed between two reports."""

from __future__ import annotations

import copy
import json
from typing import Any

from ansible_collections.ck8s.ports.plugins.plugin_utils import _compare, _markdown, _terminal
from ansible_collections.ck8s.ports.plugins.plugin_utils._catalogue import check_data
from tests.unit.report.test_report import SCHEMA, uncoloured


def test_two_equal_reports_have_no_changes(report: dict[str, Any]) -> None:
    assert _compare.changes(report, copy.deepcopy(report)) == []


def test_a_new_listener_a_gone_one_and_another_status_are_told(report: dict[str, Any]) -> None:
    baseline = copy.deepcopy(report)
    gone = next(f for f in report["findings"] if f["id"] == "tcp-31337/undocumented")
    report["findings"].remove(gone)
    new = {**gone, "id": "tcp-9999/undocumented", "observed": "nc (pid 9) on 0.0.0.0:9999."}
    report["findings"].append(new)
    report["failing"].remove("node2:tcp-31337/undocumented")
    bind = next(f for f in report["findings"] if f["id"] == "kubelet-healthz/bind" and f["host"] == "node1")
    bind.update(status="fail", observed="Listens on 0.0.0.0:10248.")

    changes = {change["finding"]: change for change in _compare.changes(baseline, report)}
    assert set(changes) == {
        "node2:tcp-31337/undocumented",
        "node2:tcp-9999/undocumented",
        "node1:kubelet-healthz/bind",
    }
    assert changes["node2:tcp-9999/undocumented"]["before"] is None
    assert changes["node2:tcp-31337/undocumented"]["after"] is None
    sentence = _compare.sentence(changes["node1:kubelet-healthz/bind"])
    assert sentence == (
        "node1:kubelet-healthz/bind: pass -> fail: Listens on 0.0.0.0:10248. Before: Listens on 127.0.0.1:10248."
    )

    report["changes"] = list(changes.values())
    assert check_data(json.loads(json.dumps(report)), SCHEMA) == []
    assert sentence in _terminal.render(report, 200, uncoloured)
    assert "## Changed since the baseline" in _markdown.render(report)


def changed(report: dict[str, Any], name: str, **after: Any) -> list[str]:
    """What is said when one finding has changed."""
    baseline = copy.deepcopy(report)
    next(f for f in report["findings"] if f"{f['host']}:{f['id']}" == name).update(after)
    return [_compare.sentence(change) for change in _compare.changes(baseline, report)]


def test_a_rule_that_is_gone_is_told(report: dict[str, Any]) -> None:
    was = "In force: accept tcp 2379 from etcd-client, drop tcp 2379."
    report["findings"].append({**report["findings"][0], "id": "x/firewall", "expected": was, "observed": "In force."})
    told = changed(report, "node1:x/firewall", status="fail", observed="The kernel holds no rule for it.")
    assert told == ["node1:x/firewall: pass -> fail: The kernel holds no rule for it. Before: In force."]


def test_a_rule_that_opens_more_than_before_is_told_though_it_is_in_force(report: dict[str, Any]) -> None:
    was, now = "In force: accept tcp 2379 from etcd-client, drop tcp 2379.", "In force: accept tcp 2379."
    report["findings"].append({**report["findings"][0], "id": "x/firewall", "expected": was, "observed": "In force."})
    told = changed(report, "node1:x/firewall", expected=now)
    assert told == [f"node1:x/firewall: still pass: expected was: {was} Now: {now}"]


def test_a_port_that_is_now_exposed_is_told_though_the_page_allows_it(report: dict[str, Any]) -> None:
    told = changed(report, "node1:kubelet/bind", observed="Listens on 10.0.0.1:10250.")
    assert told == ["node1:kubelet/bind: still pass: Listens on 10.0.0.1:10250. Before: Listens on 0.0.0.0:10250."]


def test_a_service_that_was_started_anew_is_no_change(report: dict[str, Any]) -> None:
    assert changed(report, "node1:kubelet/owner", observed="Held by kubelet (pid 4711).") == []


def test_the_first_undocumented_listener_is_one_change(report: dict[str, Any]) -> None:
    baseline = copy.deepcopy(report)
    summary = next(f for f in report["findings"] if f["host"] == "node1" and f["id"] == "listeners/undocumented")
    new = {**summary, "id": "tcp-8088/undocumented", "status": "fail", "observed": "nc (pid 9) on 0.0.0.0:8088."}
    report["findings"][report["findings"].index(summary)] = new
    told = [_compare.sentence(change) for change in _compare.changes(baseline, report)]
    assert told == ["node1:tcp-8088/undocumented: new, fail: nc (pid 9) on 0.0.0.0:8088."]


def test_only_a_report_of_this_release_can_be_a_baseline(report: dict[str, Any]) -> None:
    assert _compare.fault(report) is None
    assert _compare.fault([]) == "it is no report.json"
    assert _compare.fault({**report, "schema": 99}) == "its schema is 99, this release writes 1"
