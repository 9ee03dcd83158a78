# Copyright: (c) 2026, ck8s.ports contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Writes docs/checks.md from the table of cases, tests/unit/judgement/cases.yml. `make docs/checks.md` runs it.

The sentences on the page are those that the judgement gives for the case: it is asked while the page is made.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

CHECKOUT = Path(__file__).parents[1]
PAGE = CHECKOUT / "docs/checks.md"
sys.path[:0] = [str(CHECKOUT), str(CHECKOUT / "collections")]

from ansible_collections.ck8s.ports.plugins.plugin_utils._escape import markdown  # noqa: E402  (found by the path above)
from tests.unit.judgement.cases import TABLE, finding_of, given_of, usual_port  # noqa: E402

HEAD = """\
# The checks

<!-- Made by scripts/checks_page.py from tests/unit/judgement/cases.yml; `make docs/checks.md` makes it anew. -->

What `verify` judges, case by case: what was expected and seen, and what the finding says then. This page is made from
the table that the tests hold the judgement to. A socket is written with its address, its exposure and its holder
(`name@unit`; `@pod`: in a container; `unseen`: no process could be seen), a probe with its host, the address it came
from and what became of it.

A finding that fails, or that is unknown, fails the run when its severity is `node_verify_fail_on` (medium) or a worse
one. A warning fails nothing. `waived` is a finding that a waiver accepts until a day.
"""


def render() -> str:
    """The page."""
    parts = [HEAD]
    for check, about in TABLE["checks"].items():
        cases = [case for case in TABLE["cases"] if case["check"] == check]
        rows = [f"| {_given(case)} | {case['gives'].replace('_', ' ')} | {_said(case)} |" for case in cases]
        parts.append("\n".join([f"## {check}", "", about["about"].strip(), "", *TABLE_HEAD, *rows, ""]))
    return "\n".join(parts)


TABLE_HEAD = ["| given | finding | what it says |", "| --- | --- | --- |"]


def _given(case: dict[str, Any]) -> str:
    given = given_of(case)
    given.pop("says", None)
    words = []
    if "port" in given:
        port = usual_port(given.pop("port"))
        words.append(f"{port['port']}/{port['protocol']} {port['id']}, {port['scope']}")
    words += [_fact(name, value) for name, value in given.items()]
    return "; ".join(words)


def _fact(name: str, value: Any) -> str:
    """One thing that is given, such as: sockets `127.0.0.1 loopback etcd`."""
    if isinstance(value, dict):
        return f"{name.replace('_', ' ')}: {', '.join(_fact(key, each) for key, each in value.items())}"
    if isinstance(value, list):
        shown = ", ".join(_fact("", each) if isinstance(each, dict) else f"`{each}`" for each in value)
        return f"{name.replace('_', ' ')} {shown or 'none'}"
    return f"{name.replace('_', ' ')} `{value}`"


def _said(case: dict[str, Any]) -> str:
    outcome = finding_of(case).outcome
    return markdown(" ".join(sentence for sentence in (outcome.observed, outcome.why) if sentence))


if __name__ == "__main__":
    PAGE.write_text(render(), encoding="utf-8")
