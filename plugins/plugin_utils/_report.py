# Copyright: (c) 2026, ck8s.ports contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The report of a run as data: what report.json holds, and what every other format is made from.

Private to the collection; the contract is docs/report.schema.json. Pure: the time is given.
"""

from __future__ import annotations

from collections import Counter
from typing import Any

from ansible_collections.ck8s.ports.plugins.plugin_utils._escape import printable
from ansible_collections.ck8s.ports.plugins.plugin_utils._findings import STATUSES, Finding, failing
from ansible_collections.ck8s.ports.plugins.plugin_utils._node import Node

SCHEMA = 1


def build(
    nodes: list[Node], findings: list[Finding], probers: list[str], fail_on: str, generated: str
) -> dict[str, Any]:
    """The report. C(generated) is the time in ISO 8601; C(fail_on) the severity from which on a finding fails the run.

    C(failing) has the ids of the findings that fail the run, worst first, as HOST:ID. C(changes) is None: there is
    nothing yet that it was compared with.
    """
    counts = Counter(finding.status for finding in findings)
    return {
        "schema": SCHEMA,
        "generated": generated,
        "fail_on": fail_on,
        "summary": {status: counts[status] for status in STATUSES},
        "failing": [f"{finding.host}:{finding.id}" for finding in failing(findings, fail_on)],
        "nodes": [_node(node) for node in nodes],
        "probers": probers,
        "changes": None,
        "findings": [finding.to_dict() for finding in findings],
    }


def worst_first(report: dict[str, Any]) -> list[dict[str, Any]]:
    """The findings that fail the run, in the order of C(failing)."""
    by_name = {f"{finding['host']}:{finding['id']}": finding for finding in report["findings"]}
    return [by_name[name] for name in report["failing"]]


def failing_by_host(report: dict[str, Any]) -> dict[str, list[str]]:
    """What fails the run, by host, as sentences; worst first."""
    sentences: dict[str, list[str]] = {}
    for finding in worst_first(report):
        sentence = f"{finding['subject']}, {finding['check']} ({finding['severity']}): {finding['observed']}"
        sentences.setdefault(finding["host"], []).append(printable(sentence))
    return sentences


def _node(node: Node) -> dict[str, Any]:
    ports = [
        {key: port[key] for key in ("id", "port", "protocol", "scope", "service")} for port in node.profile["ports"]
    ]
    kept = {key: node.profile[key] for key in ("edition", "role", "datastore", "features", "addresses")}
    return {"name": node.name, **kept, "ports": ports}
