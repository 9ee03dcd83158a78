# Copyright: (c) 2026, ck8s.ports contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What has changed between two reports. Private to the collection. Pure."""

from __future__ import annotations

from typing import Any

from ansible_collections.ck8s.ports.plugins.plugin_utils._findings import STATUSES
from ansible_collections.ck8s.ports.plugins.plugin_utils._report import SCHEMA

Data = dict[str, Any]


def fault(baseline: Any) -> str | None:
    """Why C(baseline) cannot be compared with; None where it can."""
    if not isinstance(baseline, dict) or "findings" not in baseline:
        return "it is no report.json"
    if baseline.get("schema") != SCHEMA:
        return f"its schema is {baseline.get('schema')}, this release writes {SCHEMA}"
    return None


def changes(baseline: Data, report: Data) -> list[Data]:
    """Each finding whose status or observation is another than in C(baseline), worst first.

    C(before) and C(after) have C(status) and C(observed); one of them is null where the finding was not there: a new
    listener has no before, one that is gone no after.
    """
    old, new = _by_name(baseline), _by_name(report)
    found = [
        {"finding": name, "before": _state(old.get(name)), "after": _state(new.get(name))}
        for name in dict.fromkeys([*new, *old])
    ]
    different = [change for change in found if change["before"] != change["after"]]
    return sorted(different, key=lambda change: STATUSES.index((change["after"] or change["before"])["status"]))


def sentence(change: Data) -> str:
    """node3:kubelet-healthz/bind: pass -> fail: Listens on [::]:10248."""
    before, after = (change[when]["status"] if change[when] else "absent" for when in ("before", "after"))
    return f"{change['finding']}: {before} -> {after}: {(change['after'] or change['before'])['observed']}"


def _by_name(report: Data) -> dict[str, Data]:
    return {f"{finding['host']}:{finding['id']}": finding for finding in report["findings"]}


def _state(finding: Data | None) -> Data | None:
    return None if finding is None else {"status": finding["status"], "observed": finding["observed"]}
