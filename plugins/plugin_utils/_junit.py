# Copyright: (c) 2026, ck8s.ports contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The report as JUnit XML, as CI systems show it. Private to the collection. Pure.

A node is a test suite, a finding a test case. A finding that fails the run is a failure, or an error where it could
not be looked at; what has no object is skipped; all else has passed, with what was observed as its output.
"""

from __future__ import annotations

import xml.etree.ElementTree as ET
from typing import Any

from ansible_collections.ck8s.ports.plugins.plugin_utils._escape import printable

SKIPPED = ("not_applicable", "waived")


def render(report: dict[str, Any]) -> str:
    """The document; its root is C(testsuites)."""
    root = ET.Element("testsuites", name="ck8s.ports")
    failing = set(report["failing"])
    by_host: dict[str, list[dict[str, Any]]] = {}
    for finding in report["findings"]:
        by_host.setdefault(finding["host"], []).append(finding)
    for host, findings in by_host.items():
        suite = ET.SubElement(root, "testsuite", name=printable(host), timestamp=report["generated"])
        for finding in findings:
            _case(suite, finding, f"{host}:{finding['id']}" in failing)
        for attribute, tag in (("failures", "failure"), ("errors", "error"), ("skipped", "skipped")):
            suite.set(attribute, str(len(suite.findall(f"testcase/{tag}"))))
        suite.set("tests", str(len(findings)))
    ET.indent(root)
    return ET.tostring(root, encoding="unicode", xml_declaration=True) + "\n"


def _case(suite: ET.Element, finding: dict[str, Any], fails: bool) -> None:
    name = printable(f"{finding['subject']} {finding['check']}")
    case = ET.SubElement(suite, "testcase", classname=printable(finding["host"]), name=name)
    observed = printable(finding["observed"])
    lines = [f"Expected: {finding['expected']}", f"Observed: {finding['observed']}", finding["why"], finding["fix"]]
    text = "\n".join(printable(line) for line in [*lines, *finding["evidence"]] if line)
    if fails:
        tag = "error" if finding["status"] == "unknown" else "failure"
        ET.SubElement(case, tag, message=observed, type=finding["severity"]).text = text
    elif finding["status"] in SKIPPED:
        ET.SubElement(case, "skipped", message=observed)
    else:
        ET.SubElement(case, "system-out").text = f"{finding['status']}\n{text}"
