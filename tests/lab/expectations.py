# Copyright: (c) 2026, ck8s.ports contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Compares what the demo has seen with tests/lab/expected.yml. Pure functions: what is wrong comes out as sentences."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import yaml

EXPECTED = Path(__file__).with_name("expected.yml")

Knock = tuple[str, str, int]
"""From which host, to which address, to which port."""


def read_expected(path: Path = EXPECTED) -> dict[str, Any]:
    """Return the moments of expected.yml by name."""
    moments: dict[str, Any] = yaml.safe_load(path.read_text(encoding="utf-8"))
    return moments


def knocks_of(moment: Mapping[str, Any]) -> dict[Knock, str]:
    """Return what must become of each connection that is tried at this moment."""
    return {(source, address, port): outcome for source, address, port, outcome in moment["knocks"]}


def compare_knocks(expected: Mapping[Knock, str], seen: Mapping[Knock, str]) -> list[str]:
    """Return a sentence for each connection that went otherwise."""
    return [
        f"{source} to {address} port {port}: expected {outcome}, was {seen.get((source, address, port), 'not tried')}"
        for (source, address, port), outcome in expected.items()
        if seen.get((source, address, port)) != outcome
    ]


def compare_tables(expected: Iterable[str], seen: Mapping[str, list[str]]) -> list[str]:
    """Return a sentence for each node whose nftables tables are others."""
    wanted = list(expected)
    return [
        f"{node}: expected the tables {', '.join(wanted) or '(none)'}, there are {', '.join(tables) or '(none)'}"
        for node, tables in seen.items()
        if tables != wanted
    ]


def compare_report(expected: Mapping[str, Any], report: Mapping[str, Any]) -> list[str]:
    """Return a sentence for each finding of report.json that should be there and is not, or the reverse."""
    findings = report["findings"]
    wrong = []
    for check, status in expected.get("every", {}).items():
        judged = [finding for finding in findings if finding["check"] == check]
        wrong += [
            f"{_name(finding)}: expected {status}, was {finding['status']}: {finding['observed']}"
            for finding in judged
            if finding["status"] != status
        ]
        if not judged:
            wrong.append(f"the report has no finding of the check {check}")
    for status in ("fail", "unknown", "warn"):
        wanted = {f"{node}:{name}" for node, names in expected.get(status, {}).items() for name in names}
        seen = {_name(finding): finding for finding in findings if finding["status"] == status}
        wrong += [f"{name}: expected {status}, was not" for name in sorted(wanted - seen.keys())]
        wrong += [
            f"{name}: not expected to {status}: {seen[name]['observed']}" for name in sorted(seen.keys() - wanted)
        ]
    return wrong


def _name(finding: Mapping[str, Any]) -> str:
    return f"{finding['host']}:{finding['id']}"
