# Copyright: (c) 2026, ck8s.ports contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Waivers: findings that are accepted on purpose, with a reason and an end. Private to the collection. Pure.

A waiver that holds makes a finding that failed, warns or is not known C(waived). One that has expired waives nothing
and is a finding itself, which fails; so is one that matches nothing, which warns: nobody needs it any more.
"""

from __future__ import annotations

import datetime
import fnmatch
import json
from dataclasses import replace
from typing import Any

from ansible_collections.ck8s.ports.plugins.plugin_utils import _catalogue, _expressions
from ansible_collections.ck8s.ports.plugins.plugin_utils._errors import InputError
from ansible_collections.ck8s.ports.plugins.plugin_utils._findings import Finding, failed, passed, warned

Data = dict[str, Any]

WAIVABLE = ("fail", "warn", "unknown")
PLACE = "waivers"
"""The host under which findings about the waivers themselves stand."""

SAMPLE: Data = {
    **Finding("etcd-peer/bind", "node1", "bind", "2380/tcp etcd-peer", "A.", passed("B.")).to_dict(),
    "evidence": ["E"],
    "documented": {"edition": "2025-08", "line": 32},
    "waiver": {"id": "a", "reason": "b", "who": "c", "expires": "2026-01-01"},
}
"""A finding as it stands in report.json, with every field set: what an expression is tried on."""


def check(data: Any, origin: str) -> list[Data]:
    """The waivers of a parsed file. Raises InputError that names C(origin), the waiver, the field and what is right."""
    schema = json.loads((_catalogue.FOLDER / "waivers.schema.json").read_text(encoding="utf-8"))
    faults = _catalogue.check_data(data, schema, origin)
    if not faults:
        faults = [fault for waiver in data["waivers"] for fault in _check_values(waiver, origin)]
        ids = [waiver["id"] for waiver in data["waivers"]]
        faults += [
            f"{origin}: waivers: entry '{name}': id: it is there twice; expected a new one"
            for name in sorted({name for name in ids if ids.count(name) > 1})
        ]
    if faults:
        raise InputError(faults)
    waivers: list[Data] = data["waivers"]
    return waivers


def apply(findings: list[Finding], waivers: list[Data], today: datetime.date) -> list[Finding]:
    """C(findings) with those waived that a waiver accepts on the day C(today), and the findings about the waivers."""
    matches = {
        waiver["id"]: [f for f in findings if f.status in WAIVABLE and _matches(waiver, f)] for waiver in waivers
    }
    waived_by = {
        (finding.host, finding.id): waiver
        for waiver in waivers
        if not _has_expired(waiver, today)
        for finding in matches[waiver["id"]]
    }
    judged = [_waive(finding, waived_by.get((finding.host, finding.id))) for finding in findings]
    about = [_about(waiver, matches[waiver["id"]], today) for waiver in waivers]
    return judged + [finding for finding in about if finding]


def _waive(finding: Finding, waiver: Data | None) -> Finding:
    if waiver is None:
        return finding
    kept = {name: waiver[name] for name in ("id", "reason", "who", "expires")}
    return replace(finding, outcome=replace(finding.outcome, status="waived"), waiver=kept)


def _about(waiver: Data, matched: list[Finding], today: datetime.date) -> Finding | None:
    """The finding about a waiver that has expired or matches nothing; None for one that does its work."""
    if _has_expired(waiver, today):
        names = ", ".join(f"{finding.host}:{finding.id}" for finding in matched) or "nothing any more"
        observed = f"It expired on {waiver['expires']}; it was for {names}."
        why = f"{waiver['who']} accepted this until then: {waiver['reason']}"
        outcome = failed("high", observed, why, "Mend what it was for and remove it, or have it accepted anew.")
    elif not matched:
        why = "No finding that fails, warns or is not known is what it says."
        outcome = warned("low", "It matches nothing.", why, "Remove it, or correct its finding and hosts.")
    else:
        return None
    return Finding(
        id=f"{waiver['id']}/waiver",
        host=PLACE,
        check="waiver",
        subject=f"waiver {waiver['id']}",
        expected="Holds, and is needed.",
        outcome=outcome,
    )


def _matches(waiver: Data, finding: Finding) -> bool:
    return (
        fnmatch.fnmatchcase(finding.id, waiver["finding"])
        and any(fnmatch.fnmatchcase(finding.host, pattern) for pattern in waiver["hosts"])
        and ("where" not in waiver or _expressions.holds(waiver["where"], finding.to_dict()))
    )


def _has_expired(waiver: Data, today: datetime.date) -> bool:
    return datetime.date.fromisoformat(waiver["expires"]) < today


def _check_values(waiver: Data, origin: str) -> list[str]:
    place = f"{origin}: waivers: entry '{waiver['id']}'"
    faults = []
    try:
        datetime.date.fromisoformat(waiver["expires"])
    except ValueError:
        faults.append(f"{place}: expires: '{waiver['expires']}' is no date; expected one such as \"2027-03-31\"")
    wrong = _expressions.fault(waiver["where"], SAMPLE) if "where" in waiver else None
    if wrong:
        faults.append(
            f"{place}: where: '{waiver['where']}' is not right ({wrong}); expected a JMESPath expression over a "
            "finding, such as \"severity == 'low'\""
        )
    return faults
