# Copyright: (c) 2026, ck8s.ports contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The report as a grid: nodes across, ports down. What the terminal's table and the Markdown page both show.

Private to the collection. Pure functions over the report.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ansible_collections.ck8s.ports.plugins.plugin_utils._findings import STATUSES

LABELS = {"fail": "FAIL", "warn": "warn", "unknown": "?", "waived": "waived", "pass": "ok", "not_applicable": "-"}


@dataclass(frozen=True)
class Cell:
    """What a node shows for a port: the worst C(status) of its findings, and C(text): the label and the checks."""

    status: str
    text: str


@dataclass(frozen=True)
class Row:
    """One port, socket or other subject, with a cell for each node that has it."""

    subject: str
    scope: str
    cells: dict[str, Cell]


def rows(report: dict[str, Any]) -> list[Row]:
    """The rows: external ports by number, then localhost ones, then all else, in the order of the findings."""
    scopes = {
        f"{port['port']}/{port['protocol']} {port['id']}": (port["scope"], port["port"])
        for node in reversed(report["nodes"])
        for port in node["ports"]
    }
    by_subject: dict[str, dict[str, list[dict[str, Any]]]] = {}
    for finding in report["findings"]:
        by_subject.setdefault(finding["subject"], {}).setdefault(finding["host"], []).append(finding)
    last = ("~", 0)  # behind every scope
    ordered = sorted(by_subject, key=lambda subject: scopes.get(subject, last))
    return [
        Row(
            subject=subject,
            scope=scopes.get(subject, ("", 0))[0],
            cells={host: _cell(findings) for host, findings in by_subject[subject].items()},
        )
        for subject in ordered
    ]


def hosts(report: dict[str, Any]) -> list[str]:
    """The columns: every host with findings, in their order."""
    return list(dict.fromkeys(finding["host"] for finding in report["findings"]))


def _cell(findings: list[dict[str, Any]]) -> Cell:
    status = min((finding["status"] for finding in findings), key=STATUSES.index)
    if status in ("pass", "not_applicable"):
        # Nothing is wrong; whether the port is in use at all is what bind says.
        status = next((finding["status"] for finding in findings if finding["check"] == "bind"), status)
        return Cell(status, LABELS[status])
    checks = [finding["check"] for finding in findings if finding["status"] == status]
    return Cell(status, f"{LABELS[status]} {' '.join(checks)}")
