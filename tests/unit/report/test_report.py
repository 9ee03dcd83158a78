"""The report and its formats: golden files for the eye, the schema for programs, hostile names for both.

To write the golden files anew on purpose: REWRITE_GOLDEN=1 pytest tests/unit/report
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.ck8s.ports.plugins.plugin_utils import _markdown, _report, _terminal
from ansible_collections.ck8s.ports.plugins.plugin_utils._catalogue import check_data
from ansible_collections.ck8s.ports.plugins.plugin_utils._escape import markdown, markdown_code, printable
from tests.unit.report import samples

HERE = Path(__file__).parent
SCHEMA = json.loads((HERE.parents[2] / "docs/report.schema.json").read_text(encoding="utf-8"))


def uncoloured(text: str, colour: str) -> str:
    return text


def coloured(text: str, colour: str) -> str:
    return f"<{colour}>{text}</>"


def golden(name: str, text: str) -> None:
    path = HERE / "golden" / name
    if os.environ.get("REWRITE_GOLDEN"):
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, encoding="utf-8")
    assert text == path.read_text(encoding="utf-8")


def test_the_report_keeps_to_its_schema(report: dict[str, Any]) -> None:
    assert check_data(json.loads(json.dumps(report)), SCHEMA) == []


@pytest.mark.parametrize("made", [samples.hostile, lambda: samples.large(20)], ids=["hostile", "large"])
def test_every_other_report_does_so_too(made: Callable[[], dict[str, Any]]) -> None:
    assert check_data(json.loads(json.dumps(made())), SCHEMA) == []


def test_the_schema_finds_what_does_not_belong(report: dict[str, Any]) -> None:
    report["findings"][0]["status"] = "fine"
    assert len(check_data(report, SCHEMA)) == 1


def test_the_terminal_shows(report: dict[str, Any]) -> None:
    golden("terminal.txt", _terminal.render(report, 120, uncoloured) + "\n")


def test_a_narrow_terminal_gets_a_table_for_some_nodes_at_a_time(report: dict[str, Any]) -> None:
    text = _terminal.render(report, 80, uncoloured)
    golden("terminal-narrow.txt", text + "\n")
    assert max(len(line) for line in text.split("\n\n")[0].splitlines()) <= 80


def test_colours_are_those_of_the_status(report: dict[str, Any]) -> None:
    text = _terminal.render(report, 200, coloured)
    assert "<red>FAIL bind" in text
    assert "<green>ok" in text
    assert "<yellow>warn firewall" in text
    assert "<purple>? observed" in text


def test_only_so_many_findings_are_spelled_out(report: dict[str, Any]) -> None:
    text = _terminal.render(report, 120, uncoloured, most=1)
    different = len(report["failing"]) - 1  # two of them are alike, on node1 and on node2
    assert text.endswith(f"and {different - 1} more in the report")


def test_the_page_shows(report: dict[str, Any]) -> None:
    golden("report.md", _markdown.render(report))


def test_what_fails_is_told_by_host(report: dict[str, Any]) -> None:
    sentences = _report.failing_by_host(report)
    assert list(sentences) == ["node2", "node3", "node1"]
    assert sentences["node3"] == ["node, observed (high): Unreachable: No route to host."]
    assert sentences["node2"][0] == "10250/tcp kubelet, owner (high): Held by nc (pid 7): /usr/bin/nc."


def test_nothing_hostile_gets_through(report: dict[str, Any]) -> None:
    terminal, page = _terminal.render(report, 120, uncoloured), _markdown.render(report)
    for text in (terminal, page):
        assert "\x1b" not in text
        assert "\r" not in text
        assert "\u202e" not in text
    outside_of_code = re.sub(r"(`+).*?\1", "", page)
    assert "<script>" not in outside_of_code


def test_escapes() -> None:
    assert printable("a\x1b[31mb\n\t\u202e\ud800é") == "a\\x1b[31mb\\n\\t\\u202e\\ud800é"
    assert markdown("a|b*c`<i>&") == "a\\|b\\*c\\`&lt;i&gt;&amp;"
    assert markdown_code("plain") == "`plain`"
    assert markdown_code("two `` ticks") == "``` two `` ticks ```"
