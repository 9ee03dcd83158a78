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
    assert sentence == "node1:kubelet-healthz/bind: pass -> fail: Listens on 0.0.0.0:10248."

    report["changes"] = list(changes.values())
    assert check_data(json.loads(json.dumps(report)), SCHEMA) == []
    assert sentence in _terminal.render(report, 120, uncoloured)
    assert "## Changed since the baseline" in _markdown.render(report)


def test_only_a_report_of_this_release_can_be_a_baseline(report: dict[str, Any]) -> None:
    assert _compare.fault(report) is None
    assert _compare.fault([]) == "it is no report.json"
    assert _compare.fault({**report, "schema": 99}) == "its schema is 99, this release writes 1"
