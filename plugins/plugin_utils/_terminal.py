# Copyright: (c) 2026, ck8s.ports contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The report on a terminal. Private to the collection. Pure: colours come from the function that is given."""

from __future__ import annotations

import textwrap
from collections.abc import Callable
from typing import Any

from ansible_collections.ck8s.ports.plugins.plugin_utils._compare import sentence
from ansible_collections.ck8s.ports.plugins.plugin_utils._escape import printable
from ansible_collections.ck8s.ports.plugins.plugin_utils._grid import Cell, Row, hosts, rows
from ansible_collections.ck8s.ports.plugins.plugin_utils._report import worst_first
from ansible_collections.ck8s.ports.plugins.plugin_utils._wording import join

Paint = Callable[[str, str], str]

COLOURS = {"fail": "red", "warn": "yellow", "unknown": "purple", "waived": "cyan", "pass": "green"}
GAP = "  "
INDENT = "    "
LONGEST_SUBJECT = 40
WAIVERS = "waivers"
"""The column of the findings about the waivers themselves, which is no node."""


def render(report: dict[str, Any], width: int, paint: Paint, most: int = 10) -> str:
    """The table, nodes across and ports down; what has changed; last the C(most) worst findings with their fix.

    Findings that read the same are one there.

    C(width) is the terminal's, in columns: more nodes than fit stand in further tables below. C(paint) takes a text
    and a colour's name and gives the text in that colour, or as it is.
    """
    lines = rows(report)
    parts = [_table(lines, columns, paint) for columns in _chunks(lines, hosts(report), width)]
    parts.append(_legend(report, paint))
    if report["changes"] is not None:
        parts.append(_changes(report["changes"], width, most))
    findings = _alike(worst_first(report))
    if findings:
        parts.append("\n".join(_finding(finding, width, paint) for finding in findings[:most]))
    if len(findings) > most:
        parts.append(f"and {len(findings) - most} more in the report")
    return "\n\n".join(parts)


def _changes(changes: list[dict[str, Any]], width: int, most: int) -> str:
    """What is not as in the baseline: how much, and the C(most) worst of it."""
    lines = [f"Since the baseline: {len(changes)} findings have changed."]
    lines += [_wrapped(sentence(change), width) for change in changes[:most]]
    if len(changes) > most:
        lines.append(f"    and {len(changes) - most} more in the report")
    return "\n".join(lines)


def _chunks(lines: list[Row], names: list[str], width: int) -> list[list[str]]:
    """The hosts of these names, cut into as many tables as the width needs."""
    free = width - _subject_width(lines) - len(GAP) - len("localhost")
    chunks: list[list[str]] = [[]]
    left = free
    for host in names:
        needed = len(GAP) + _host_width(lines, host)
        if chunks[-1] and needed > left:
            chunks.append([])
            left = free
        chunks[-1].append(host)
        left -= needed
    return chunks


def _table(lines: list[Row], columns: list[str], paint: Paint) -> str:
    subject_width = _subject_width(lines)
    widths = {host: _host_width(lines, host) for host in columns}
    head = [_pad("PORT", subject_width), _pad("SCOPE", 9), *(_pad(printable(h), widths[h]) for h in columns)]
    text = [GAP.join(head).rstrip()]
    for row in lines:
        if not any(host in row.cells for host in columns):
            continue
        cells = [_paint(row.cells.get(host), widths[host], paint) for host in columns]
        text.append(GAP.join([_pad(_subject(row.subject), subject_width), _pad(row.scope, 9), *cells]).rstrip())
    return "\n".join(text)


def _legend(report: dict[str, Any], paint: Paint) -> str:
    counts = ", ".join(f"{count} {status.replace('_', ' ')}" for status, count in report["summary"].items() if count)
    failing = len(report["failing"])
    verdict = paint(f"{failing} failing", "red") if failing else paint("nothing fails", "green")
    nodes = sum(host != WAIVERS for host in hosts(report))
    total = f"{nodes} node{'s' if nodes != 1 else ''}, {len(report['findings'])} findings: {counts}"
    key = "ok as documented, - not on this node, ? not known, warn and FAIL with the party that is wrong"
    return f"{key}\n{total}; {verdict} ({report['fail_on']} and worse)"


def _alike(findings: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Findings that read the same, as one: C(host) and C(subject) name all that it is about."""
    return _merged(_merged(findings, "host"), "subject")


def _merged(findings: list[dict[str, Any]], field: str) -> list[dict[str, Any]]:
    """Findings that differ in nothing that is shown but C(field), as one with all values of it."""
    shown = {"host", "subject", "check", "status", "severity", "observed", "why", "fix"} - {field}
    groups: dict[tuple[str, ...], list[dict[str, Any]]] = {}
    for finding in findings:
        groups.setdefault(tuple(finding[name] for name in sorted(shown)), []).append(finding)
    return [{**group[0], field: join(finding[field] for finding in group)} for group in groups.values()]


def _finding(finding: dict[str, Any], width: int, paint: Paint) -> str:
    status = f"{finding['status'].upper()} {finding['severity']}"
    text = f"{status}  {finding['host']}  {finding['subject']}  {finding['check']}: {finding['observed']}"
    head = _wrapped(text, width, "").removeprefix(status)
    lines = [_wrapped(finding["why"], width), _wrapped(finding["fix"], width)]
    return "\n".join([f"{paint(status, COLOURS[finding['status']])}{head}", *filter(None, lines)])


def _wrapped(text: str, width: int, first: str = INDENT) -> str:
    """A text of others in lines no longer than the terminal's, all but the first one indented."""
    wrapper = textwrap.TextWrapper(
        width, initial_indent=first, subsequent_indent=INDENT, break_on_hyphens=False, drop_whitespace=True
    )
    return "\n".join(wrapper.wrap(printable(text)))


def _subject(subject: str) -> str:
    """With the port numbers in line: the longest, 65535/tcp, has nine characters."""
    number, _unused, rest = printable(subject).partition(" ")
    text = f"{number:>9} {rest}" if rest else number
    return text if len(text) <= LONGEST_SUBJECT else f"{text[: LONGEST_SUBJECT - 1]}…"


def _subject_width(lines: list[Row]) -> int:
    return max((len(_subject(row.subject)) for row in lines), default=0)


def _host_width(lines: list[Row], host: str) -> int:
    return max([len(printable(host)), *(len(row.cells[host].text) for row in lines if host in row.cells)])


def _paint(cell: Cell | None, width: int, paint: Paint) -> str:
    if cell is None:
        return " " * width
    colour = COLOURS.get(cell.status)
    padded = _pad(cell.text, width)
    return paint(padded, colour) if colour else padded


def _pad(text: str, width: int) -> str:
    return text.ljust(width)
