# Copyright: (c) 2026, ck8s.ports contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a judgement is made of. Private to the collection."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

STATUSES = ("fail", "warn", "unknown", "waived", "pass", "not_applicable")
"""Worst first: of several findings about one thing the first of these is shown."""

SEVERITIES = ("critical", "high", "medium", "low")
"""How much it matters where the status is not C(pass), most first."""


@dataclass(frozen=True)
class Outcome:
    """What one check says: C(observed), C(why) and C(fix) are sentences for people; C(evidence) what was looked at."""

    status: str
    severity: str
    observed: str
    why: str = ""
    fix: str = ""
    evidence: tuple[str, ...] = ()


def passed(observed: str, evidence: Iterable[str] = ()) -> Outcome:
    """It is as expected."""
    return Outcome("pass", "low", observed, evidence=tuple(evidence))


def failed(severity: str, observed: str, why: str, fix: str, evidence: Iterable[str] = ()) -> Outcome:
    """It is not as expected."""
    return Outcome("fail", severity, observed, why, fix, tuple(evidence))


def warned(severity: str, observed: str, why: str, fix: str, evidence: Iterable[str] = ()) -> Outcome:
    """It is not as expected, and that alone does not fail a run."""
    return Outcome("warn", severity, observed, why, fix, tuple(evidence))


def unknown(severity: str, observed: str, why: str = "", *, fix: str, evidence: Iterable[str] = ()) -> Outcome:
    """It could not be looked at, or looking did not tell; C(fix) says how to know it the next time."""
    return Outcome("unknown", severity, observed, why, fix, tuple(evidence))


def not_applicable(observed: str, why: str = "", evidence: Iterable[str] = ()) -> Outcome:
    """There is nothing to compare."""
    return Outcome("not_applicable", "low", observed, why, evidence=tuple(evidence))


@dataclass(frozen=True)
class Finding:
    """One comparison of an expectation with observations.

    C(id) is the id of the port and the check, such as C(etcd-peer/bind); C(subject) what a person calls it, such as
    C(2380/tcp etcd-peer). C(documented) has edition and line (None where it is not known) of the document's row, None
    where it has none; C(waiver) who accepted it, why and until when, None where nobody did.
    """

    id: str
    host: str
    check: str
    subject: str
    expected: str
    outcome: Outcome
    documented: dict[str, Any] | None = None
    waiver: dict[str, Any] | None = None

    @property
    def status(self) -> str:
        return self.outcome.status

    @property
    def severity(self) -> str:
        return self.outcome.severity

    def to_dict(self) -> dict[str, Any]:
        """The finding as it stands in report.json."""
        outcome = self.outcome
        return {
            "id": self.id,
            "host": self.host,
            "check": self.check,
            "subject": self.subject,
            "status": outcome.status,
            "severity": outcome.severity,
            "expected": self.expected,
            "observed": outcome.observed,
            "why": outcome.why,
            "fix": outcome.fix,
            "evidence": list(outcome.evidence),
            "documented": self.documented,
            "waiver": self.waiver,
        }


def failing(findings: Iterable[Finding], fail_on: str) -> list[Finding]:
    """The findings that fail a run: failed, or not looked at, with severity C(fail_on) or a worse one; worst first."""
    limit = SEVERITIES.index(fail_on)
    counted = [f for f in findings if f.status in ("fail", "unknown") and SEVERITIES.index(f.severity) <= limit]
    return sorted(counted, key=lambda f: (SEVERITIES.index(f.severity), STATUSES.index(f.status)))
