"""The formats for programs, read by the programs they are for. One that is missing is an error: `make formats`."""

from __future__ import annotations

import json
import subprocess
import xml.etree.ElementTree as ET
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from markdown_it import MarkdownIt

from ansible_collections.ck8s.ports.plugins.plugin_utils import _junit, _markdown, _prometheus, _sarif

SCHEMAS = Path(__file__).parent / "schemas"


def run(command: list[str], text: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command, input=text, capture_output=True, text=True, errors="backslashreplace", timeout=60, check=False
    )


def test_every_report_and_its_sarif_log_keep_to_their_schemas(report: dict[str, Any]) -> None:
    for text, path in (
        (json.dumps(report), SCHEMAS.parents[2] / "docs/report.schema.json"),
        (_sarif.render(report), SCHEMAS / "sarif-2.1.0.json"),
    ):
        schema = json.loads(path.read_text(encoding="utf-8"))
        jsonschema.validators.validator_for(schema)(schema).validate(json.loads(text))


def test_promtool_has_nothing_to_say(report: dict[str, Any]) -> None:
    checked = run(["promtool", "check", "metrics"], _prometheus.render(report))
    assert (checked.returncode, checked.stdout, checked.stderr) == (0, "", "")


def test_promtool_would_say_something() -> None:
    assert run(["promtool", "check", "metrics"], "ck8s_ports_findings{host=1} 1\n").returncode != 0


def test_junit_is_what_jenkins_reads(report: dict[str, Any], tmp_path: Path) -> None:
    file = tmp_path / "report.junit.xml"
    file.write_text(_junit.render(report), encoding="utf-8", errors="backslashreplace")
    checked = run(["xmllint", "--noout", "--schema", str(SCHEMAS / "junit-10.xsd"), str(file)], "")
    assert (checked.returncode, checked.stderr.strip()) == (0, f"{file} validates")
    assert len(ET.parse(file).findall("testsuite/testcase")) == len(report["findings"])


def test_xmllint_would_say_something() -> None:
    checked = run(
        ["xmllint", "--noout", "--schema", str(SCHEMAS / "junit-10.xsd"), "-"], "<testsuites><case/></testsuites>"
    )
    assert checked.returncode != 0


@pytest.mark.parametrize("html", [True, False], ids=["with raw HTML", "without"])
def test_markdown_has_no_markup_of_others(report: dict[str, Any], html: bool) -> None:
    page = MarkdownIt("commonmark", {"html": html}).enable("table").render(_markdown.render(report))
    tags = {tag.split()[0].strip("</>") for tag in page.split("<")[1:] for tag in [tag.split(">")[0]]}
    assert tags <= {"h1", "h2", "h3", "p", "strong", "table", "thead", "tbody", "tr", "th", "td", "ul", "li", "code"}
