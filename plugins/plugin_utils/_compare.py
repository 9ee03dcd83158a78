# Copyright: (c) 2026, ck8s.ports contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What has changed between two reports. Private to the collection. Pure."""

from __future__ import annotations

import re
from typing import Any

from ansible_collections.ck8s.ports.plugins.plugin_utils._findings import STATUSES
from ansible_collections.ck8s.ports.plugins.plugin_utils._report import SCHEMA

Data = dict[str, Any]

_PID = re.compile(r"\bpid [0-9]+")


def fault(baseline: Any) -> str | None:
    """Why C(baseline) cannot be compared with; None where it can."""
    if not isinstance(baseline, dict) or "findings" not in baseline:
        return "it is no report.json"
    if baseline.get("schema") != SCHEMA:
        return f"its schema is {baseline.get('schema')}, this release writes {SCHEMA}"
    return None


def changes(baseline: Data, report: Data) -> list[Data]:
    """Each finding whose status, expectation or observation is another than in C(baseline), worst first.

    C(before) and C(after) have C(status), C(expected) and C(observed); one of them is null where the finding was not
    there: a new listener has no before, one that is gone no after. Another process number alone is no change, nor is
    another port of a companion, which is a random one for some.
    """
    old, new = _by_name(baseline), _by_name(report)
    found = [
        {"finding": name, "before": _state(old.get(name)), "after": _state(new.get(name))}
        for name in dict.fromkeys([*new, *old])
    ]
    different = [change for change in found if _is_change(change)]
    return sorted(different, key=lambda change: STATUSES.index((change["after"] or change["before"])["status"]))


def sentence(change: Data) -> str:
    """node3:kubelet-healthz/bind: pass -> fail: Listens on [::]:10248."""
    before, after = change["before"], change["after"]
    if before is None or after is None:
        words = f"new, {after['status']}" if after else f"gone, was {before['status']}"
        return f"{change['finding']}: {words}: {(after or before)['observed']}"
    if before["expected"] != after["expected"]:
        return (
            f"{change['finding']}: {_turn(before, after)}: expected was: {before['expected']} Now: {after['expected']}"
        )
    return f"{change['finding']}: {_turn(before, after)}: {after['observed']} Before: {before['observed']}"


def _turn(before: Data, after: Data) -> str:
    same = before["status"] == after["status"]
    return f"still {after['status']}" if same else f"{before['status']} -> {after['status']}"


def _is_change(change: Data) -> bool:
    before, after = change["before"], change["after"]
    if before is None or after is None:
        # That there is nothing undocumented is said by one finding, which goes when the first such listener comes.
        return not change["finding"].endswith(":listeners/undocumented")
    if change["finding"].endswith("/companion"):
        return bool(before["status"] != after["status"])
    return bool({**before, "observed": _lasting(before)} != {**after, "observed": _lasting(after)})


def _lasting(state: Data) -> str:
    """What was observed, without what is another with each start of a process."""
    return _PID.sub("pid", state["observed"])


def _by_name(report: Data) -> dict[str, Data]:
    return {f"{finding['host']}:{finding['id']}": finding for finding in report["findings"]}


def _state(finding: Data | None) -> Data | None:
    return None if finding is None else {name: finding[name] for name in ("status", "expected", "observed")}
