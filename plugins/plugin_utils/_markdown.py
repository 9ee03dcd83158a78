# Copyright: (c) 2026, ck8s.ports contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The report as a Markdown page. Private to the collection. Pure."""

from __future__ import annotations

from typing import Any

from ansible_collections.ck8s.ports.plugins.plugin_utils._compare import sentence
from ansible_collections.ck8s.ports.plugins.plugin_utils._escape import markdown, markdown_code
from ansible_collections.ck8s.ports.plugins.plugin_utils._findings import SEVERITIES, STATUSES
from ansible_collections.ck8s.ports.plugins.plugin_utils._grid import hosts, rows


def render(report: dict[str, Any]) -> str:
    """The page: the summary, the grid, then each finding that is neither passed nor without object, worst first."""
    failing = len(report["failing"])
    lines = [
        "# Ports of the cluster",
        "",
        f"{report['generated']}: {len(hosts(report))} nodes, {len(report['findings'])} findings, "
        f"**{failing} failing** ({report['fail_on']} and worse).",
        "",
        *_grid(report),
        "",
        *_changes(report["changes"]),
        "## Findings",
        "",
    ]
    notable = [finding for finding in report["findings"] if finding["status"] not in ("pass", "not_applicable")]
    notable.sort(key=lambda f: (f["status"] == "warn", SEVERITIES.index(f["severity"]), STATUSES.index(f["status"])))
    for finding in notable:
        lines += _finding(finding)
    if not notable:
        lines.append("None but what is as documented.")
    return "\n".join(lines).rstrip() + "\n"


def _changes(changes: list[dict[str, Any]] | None) -> list[str]:
    if changes is None:
        return []
    lines = [f"- {markdown(sentence(change))}" for change in changes] or ["Nothing."]
    return ["## Changed since the baseline", "", *lines, ""]


def _grid(report: dict[str, Any]) -> list[str]:
    columns = hosts(report)
    head = ["Port", "Scope", *columns]
    lines = [_row([markdown(text) for text in head]), _row(["---"] * len(head))]
    for row in rows(report):
        cells = [row.cells[host].text if host in row.cells else "" for host in columns]
        lines.append(_row([markdown(text) for text in (row.subject, row.scope, *cells)]))
    return lines


def _row(cells: list[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _finding(finding: dict[str, Any]) -> list[str]:
    documented = finding["documented"]
    line = f", line {documented['line']}" if documented and documented["line"] else ""
    source = f"edition {documented['edition']}{line}" if documented else "not in the document"
    facts = {
        "Expected": markdown(finding["expected"]),
        "Observed": markdown(finding["observed"]),
        "Why": markdown(finding["why"]),
        "Fix": markdown(finding["fix"]),
        "Document": source,
        "Waived": _waiver(finding["waiver"]),
    }
    title = f"{finding['host']}: {finding['subject']}, {finding['check']}"
    return [
        f"### {markdown(title)}",
        "",
        f"{finding['status']}, {finding['severity']} ({markdown_code(finding['id'])})",
        "",
        *(f"- {name}: {text}" for name, text in facts.items() if text),
        *(f"- Evidence: {markdown_code(line)}" for line in finding["evidence"]),
        "",
    ]


def _waiver(waiver: dict[str, Any] | None) -> str:
    return markdown(f"by {waiver['who']} until {waiver['expires']}: {waiver['reason']}") if waiver else ""
