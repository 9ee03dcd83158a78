# Copyright: (c) 2026, ck8s.ports contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A cluster of 500 nodes: judging and reporting it grows with the number of nodes, and not with its square."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import Any

from ansible_collections.ck8s.ports.plugins.plugin_utils import _html, _markdown, _report, _terminal
from ansible_collections.ck8s.ports.plugins.plugin_utils._judgement import judge, judge_together
from tests.unit.report.samples import listener, worker

FEW, MANY = 100, 500
TIMES = MANY // FEW
SLACK = 3
"""For what else the machine does. A square would take five times as long for each node."""


def reported(count: int) -> tuple[float, dict[str, Any]]:
    """Seconds on the processor until the reports of that many nodes are made, and the report."""
    first = worker("node", [listener(10250, "kubelet", "wildcard", "0.0.0.0")])
    nodes = [replace(first, name=f"node{number}") for number in range(count)]
    began = time.process_time()
    findings = [finding for node in nodes for finding in judge(node)] + judge_together(nodes)
    report = _report.build(nodes, findings, [node.name for node in nodes], "medium", "2026-01-01T00:00:00+00:00")
    for render in (_html.render, _markdown.render):
        assert "node0" in render(report)
    assert _terminal.render(report, 100, lambda text, _color: text)
    assert len(_report.failing_by_host(report)) == count
    return time.process_time() - began, report


def test_time_grows_with_the_number_of_nodes() -> None:
    reported(FEW)  # loads what is loaded once
    few, _ = reported(FEW)
    many, _ = reported(MANY)
    assert many < few * TIMES * SLACK


def test_the_page_stays_one_that_a_browser_opens() -> None:
    sizes = [len(_html.render(reported(count)[1])) for count in (FEW, MANY)]
    assert sizes[1] < sizes[0] * TIMES
    assert sizes[1] < 4_000_000
