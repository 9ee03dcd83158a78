"""The judgement, case by case: cases.yml is the table."""

from __future__ import annotations

import ast
import json
import re
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.ck8s.ports.plugins.plugin_utils import _sarif
from ansible_collections.ck8s.ports.plugins.plugin_utils._findings import SEVERITIES
from ansible_collections.ck8s.ports.plugins.plugin_utils._firewall_policy import policy
from ansible_collections.ck8s.ports.plugins.plugin_utils._judgement import judge
from ansible_collections.ck8s.ports.plugins.plugin_utils._node import Node
from scripts import checks_page
from tests.unit.judgement.cases import COULD_NOT_LOOK, PROFILE, TABLE, finding_of, given_of

CHECKOUT = Path(__file__).parents[3]
CODE = CHECKOUT / "plugins/plugin_utils"
MAKES = {"passed": "pass", "failed": "fail", "warned": "warn", "unknown": "unknown", "not_applicable": "not_applicable"}
"""The functions that make an outcome, and its status."""


def described(case: dict[str, Any]) -> str:
    return f"{case['check']} {given_of(case)} gives {case['gives']}"


@pytest.mark.parametrize("case", TABLE["cases"], ids=described)
def test_case(case: dict[str, Any]) -> None:
    finding = finding_of(case)
    status, _, severity = case["gives"].partition(" ")
    assert finding.status == status
    assert not severity or finding.severity == severity
    assert finding.expected
    assert finding.outcome.observed
    assert case.get("says", "") in f"{finding.outcome.observed} {finding.outcome.why}"
    if status in ("fail", "warn"):
        assert severity in SEVERITIES
        assert finding.outcome.why
    if status in ("fail", "warn", "unknown"):
        assert finding.outcome.fix


def statuses_in(path: Path) -> set[str]:
    """The statuses that the code in a file can give, by the functions that it calls."""
    calls = (node for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))) if isinstance(node, ast.Call))
    return {MAKES[call.func.id] for call in calls if isinstance(call.func, ast.Name) and call.func.id in MAKES}


@pytest.mark.parametrize("check", TABLE["checks"])
def test_each_check_has_a_case_for_every_status_that_its_code_can_give(check: str) -> None:
    given = {case["gives"].partition(" ")[0] for case in TABLE["cases"] if case["check"] == check}
    about = TABLE["checks"][check]
    possible = {status for name in about["code"] for status in statuses_in(CODE / name)}
    assert given == (possible | set(about.get("also", []))) - set(about.get("never", []))


def test_the_table_has_every_check_that_there_is() -> None:
    schema = json.loads((CHECKOUT / "docs/report.schema.json").read_text(encoding="utf-8"))
    checks = schema["$defs"]["finding"]["properties"]["check"]["enum"]
    assert list(TABLE["checks"]) == checks
    assert list(_sarif.CHECKS) == checks


def test_every_file_of_a_check_is_in_the_table() -> None:
    named = {name for about in TABLE["checks"].values() for name in about["code"]}
    assert {path.name for path in CODE.glob("_check_*.py")} <= named


def test_the_page_of_the_checks_is_up_to_date() -> None:
    """make docs/checks.md writes it anew."""
    assert (CHECKOUT / "docs/checks.md").read_text(encoding="utf-8") == checks_page.render()


def test_the_page_has_all_cases() -> None:
    assert len(re.findall(r"^\| .* \|$", checks_page.render(), re.MULTILINE)) >= len(TABLE["cases"])


def test_what_could_not_be_looked_at_is_never_passed() -> None:
    """All observations fail: no finding says pass."""
    unix = {**TABLE["usual"]["containerd"], "documented": None}
    port = {
        **TABLE["usual"]["external"],
        **{"presence": "required", "binding": "host", "kernel": False, "units": [], "pods": []},
        **{"notes": [], "claims": {}, "documented": None},
    }
    profile = {**PROFILE, "ports": [port], "unix_sockets": [unix]}
    node = Node("node1", profile, policy(profile), COULD_NOT_LOOK, COULD_NOT_LOOK, {}, [])
    assert {finding.status for finding in judge(node)} == {"unknown"}
