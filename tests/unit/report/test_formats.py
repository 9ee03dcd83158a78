"""Each format for programs, read back with a reader that is not ours."""

from __future__ import annotations

import csv
import io
import json
import re
import xml.etree.ElementTree as ET
from pathlib import Path
from typing import Any

import jsonschema
from prometheus_client.parser import text_string_to_metric_families

from ansible_collections.ck8s.ports.plugins.plugin_utils import _catalogue, _csv, _html, _junit, _prometheus, _sarif
from ansible_collections.ck8s.ports.plugins.plugin_utils._escape import spreadsheet
from tests.unit.report import samples

SARIF_SCHEMA = Path(__file__).parents[2] / "formats/schemas/sarif-2.1.0.json"


def test_junit_has_a_suite_for_each_node_and_a_case_for_each_finding(report: dict[str, Any]) -> None:
    root = ET.fromstring(_junit.render(report))
    assert [suite.get("name") for suite in root] == ["node1", "node2", "node3"]
    assert sum(int(suite.get("tests", "")) for suite in root) == len(report["findings"])
    failures = [case.get("name") for case in root.iter("testcase") if case.find("failure") is not None]
    errors = [case.get("name") for case in root.iter("testcase") if case.find("error") is not None]
    assert len(failures) + len(errors) == len(report["failing"])
    assert errors == ["node observed"]
    for suite in root:
        for attribute, tag in (("failures", "failure"), ("errors", "error"), ("skipped", "skipped")):
            assert suite.get(attribute) == str(len(list(suite.iter(tag))))


def test_sarif_has_a_result_for_all_that_is_not_as_it_should_be(report: dict[str, Any]) -> None:
    log = json.loads(_sarif.render(report))
    assert log["version"] == "2.1.0"
    (run,) = log["runs"]
    notable = [finding for finding in report["findings"] if finding["status"] in ("fail", "warn", "unknown")]
    assert len(run["results"]) == len(notable)
    rules = {rule["id"] for rule in run["tool"]["driver"]["rules"]}
    assert {result["ruleId"] for result in run["results"]} <= rules
    owner = next(result for result in run["results"] if result["ruleId"] == "owner" and result["level"] == "error")
    assert owner["locations"][0]["physicalLocation"] == {
        "artifactLocation": {"uri": "services-and-ports.md"},
        "region": {"startLine": 24},
    }
    assert owner["locations"][0]["logicalLocations"][0]["fullyQualifiedName"] == "node2:kubelet/owner"
    fingerprints = [result["partialFingerprints"]["finding/v1"] for result in run["results"]]
    assert len(set(fingerprints)) == len(fingerprints)


def test_what_is_waived_is_a_suppressed_result() -> None:
    (run,) = json.loads(_sarif.render(samples.hostile()))["runs"]
    (suppressed,) = [result for result in run["results"] if "suppressions" in result]
    assert suppressed["suppressions"][0]["justification"].endswith(", until 2026-12-31)")


def test_a_page_without_lines_is_shown_at_its_row_in_the_catalogue(report: dict[str, Any]) -> None:
    finding = next(f for f in report["findings"] if f["id"] == "kubelet-healthz/bind" and f["status"] == "fail")
    finding["documented"] = {"edition": "2025-11", "line": None}
    (run,) = json.loads(_sarif.render(report))["runs"]
    places = [result["locations"][0].get("physicalLocation", {}) for result in run["results"]]
    (place,) = [p for p in places if p.get("artifactLocation") == {"uri": "plugins/catalogues/2025-11.yml"}]
    text = (_catalogue.FOLDER / "2025-11.yml").read_text(encoding="utf-8")
    assert text.splitlines()[place["region"]["startLine"] - 1].startswith("  - {id: kubelet-healthz, port: 10248,")


def test_every_sarif_log_is_valid(report: dict[str, Any]) -> None:
    """Against the schema of OASIS."""
    schema = json.loads(SARIF_SCHEMA.read_text(encoding="utf-8"))
    validator = jsonschema.validators.validator_for(schema)(schema)
    for each in (report, samples.hostile(), samples.large(20)):
        assert [error.message for error in validator.iter_errors(json.loads(_sarif.render(each)))] == []
    broken = json.loads(_sarif.render(report))
    broken["runs"][0]["results"][0]["level"] = "fatal"
    assert list(validator.iter_errors(broken))


def test_prometheus_reads_what_is_written(report: dict[str, Any]) -> None:
    families = {family.name: family for family in text_string_to_metric_families(_prometheus.render(report))}
    assert families["ck8s_ports_report_timestamp_seconds"].samples[0].value == 1767323045
    failing = families["ck8s_ports_finding_failing"].samples
    assert [f"{sample.labels['host']}:{sample.labels['id']}" for sample in failing] == report["failing"]
    counted = families["ck8s_ports_findings"].samples
    assert sum(sample.value for sample in counted) == len(report["findings"])


def test_prometheus_keeps_hostile_labels_apart(report: dict[str, Any]) -> None:
    report["findings"][0]["host"] = 'a"} 1\nevil{x="\\'
    families = text_string_to_metric_families(_prometheus.render(report))
    hosts = {sample.labels.get("host") for family in families for sample in family.samples}
    assert 'a"} 1\nevil{x="\\' in hosts
    assert not any(family.name == "evil" for family in text_string_to_metric_families(_prometheus.render(report)))


def test_csv_has_a_line_for_each_finding(report: dict[str, Any]) -> None:
    rows = list(csv.DictReader(io.StringIO(_csv.render(report), newline="")))
    assert [(row["host"], row["id"]) for row in rows] == [(f["host"], f["id"]) for f in report["findings"]]
    assert {row["line"] for row in rows if row["id"] == "kubelet/bind"} == {"24"}


def test_no_cell_is_a_formula() -> None:
    assert [spreadsheet(text) for text in ("=1+1", "+1", "-1", "@x", "a=b", "")] == [
        "'=1+1",
        "'+1",
        "'-1",
        "'@x",
        "a=b",
        "",
    ]


def data_of(page: str) -> dict[str, Any]:
    match = re.search(r'<script type="application/json" id="data">(.*?)</script>', page, re.DOTALL)
    assert match
    loaded: dict[str, Any] = json.loads(match.group(1))
    return loaded


def test_the_page_has_every_finding_in_it(report: dict[str, Any]) -> None:
    data = data_of(_html.render(report))
    read = [
        {field: data["texts"][number] for field, number in zip(data["fields"], packed["t"], strict=True)}
        for packed in data["findings"]
    ]
    assert read == [{field: finding[field] for field in data["fields"]} for finding in report["findings"]]
    evidence = [[data["texts"][number] for number in packed["e"]] for packed in data["findings"]]
    assert evidence == [finding["evidence"] for finding in report["findings"]]
    failing = sorted((packed["f"], n) for n, packed in enumerate(data["findings"]) if packed["f"])
    assert [f"{read[n]['host']}:{read[n]['id']}" for _, n in failing] == report["failing"]


def test_nothing_in_the_report_becomes_markup(report: dict[str, Any]) -> None:
    report["findings"][0]["observed"] = "</script><script>alert(1)</script><!--"
    page = _html.render(report)
    assert page.count("<script") == 2
    assert "<!--" not in page.replace("<!DOCTYPE", "")
    assert data_of(page)["texts"].count("</script><script>alert(1)</script><!--") == 1


def test_the_page_may_load_nothing_and_run_only_its_own_script(report: dict[str, Any]) -> None:
    page = _html.render(report)
    policy = re.search(r'http-equiv="Content-Security-Policy" content="([^"]*)"', page)
    assert policy
    assert re.fullmatch(
        r"default-src 'none'; style-src 'sha256-[A-Za-z0-9+/=]{44}'; script-src 'sha256-[A-Za-z0-9+/=]{44}'",
        policy.group(1),
    )
    assert "innerHTML" not in page
    assert not re.search(r"(src|href)=", page)
