# Copyright: (c) 2026, ck8s.ports contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a judgement is made of. Private to the collection."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from typing import Any

STATUSES = ("fail", "warn", "unknown", "waived", "pass", "not_applicable")
"""Worst first: of several findings about one thing the first of these is shown."""

SEVERITIES = ("critical", "high", "medium", "low")
"""How much it matters where the status is not C(pass), most first."""


@dataclass(frozen=True)
class Finding:
    """One comparison of an expectation with observations.

    C(id) is the id of the port and the check, such as C(etcd-peer/bind). C(subject) is what a person calls it, such as
    C(2380/tcp etcd-peer). C(expected), C(observed), C(why) and C(fix) are sentences for people; C(evidence) are the
    sockets, rules and probes that were looked at, as text. C(documented) has edition and line of the document's row,
    None where the document has none.
    """

    id: str
    host: str
    check: str
    status: str
    severity: str
    subject: str
    expected: str
    observed: str
    why: str = ""
    fix: str = ""
    evidence: list[str] = field(default_factory=list)
    documented: dict[str, Any] | None = None
    waiver: dict[str, Any] | None = None

    def to_dict(self) -> dict[str, Any]:
        """The finding as it stands in report.json."""
        return asdict(self)


def rank(finding: Finding) -> tuple[int, int]:
    """Sorts findings worst first: by status, then by severity."""
    return STATUSES.index(finding.status), SEVERITIES.index(finding.severity)


def worst(findings: Iterable[Finding]) -> Finding | None:
    """The worst of C(findings), None if there are none."""
    return min(findings, key=rank, default=None)


def failing(findings: Iterable[Finding], fail_on: str) -> list[Finding]:
    """The findings that fail a run: failed, or not looked at, with severity C(fail_on) or a worse one; worst first."""
    limit = SEVERITIES.index(fail_on)
    counted = [f for f in findings if f.status in ("fail", "unknown") and SEVERITIES.index(f.severity) <= limit]
    return sorted(counted, key=rank)
