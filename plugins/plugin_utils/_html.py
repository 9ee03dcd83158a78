# Copyright: (c) 2026, ck8s.ports contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The report as one HTML page that needs nothing else: no network, no server. Private to the collection. Pure.

The page is _page.html with the report in it as data. Its script writes text, never markup, and its content security
policy allows that one script and that one style sheet, by their digests, and nothing from anywhere.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
from pathlib import Path
from typing import Any

from ansible_collections.ck8s.ports.plugins.plugin_utils._compare import sentence

TEMPLATE = Path(__file__).parent / "_page.html"
FIELDS = ("host", "subject", "check", "status", "severity", "expected", "observed", "why", "fix", "id")


def render(report: dict[str, Any]) -> str:
    """The page. Every text stands in it once, so that hundreds of nodes fit."""
    page = TEMPLATE.read_text(encoding="utf-8")
    style, script = (_between(page, tag) for tag in ("style", "script"))
    policy = f"default-src 'none'; style-src '{_digest(style)}'; script-src '{_digest(script)}'"
    # In JSON a "<" can be written so that no browser takes it for the beginning of a tag.
    data = json.dumps(_compact(report), separators=(",", ":")).replace("<", "\\u003c")
    return page.replace("@POLICY@", policy).replace("@DATA@", data)


def _compact(report: dict[str, Any]) -> dict[str, Any]:
    """The report with each text in C(texts), and the findings as numbers of texts in the order of C(FIELDS).

    C(f) is the place of a finding among those that fail the run, worst first, 0 where it does not.
    """
    numbers: dict[str, int] = {}

    def number(text: str) -> int:
        return numbers.setdefault(text, len(numbers))

    failing = {name: place for place, name in enumerate(report["failing"], start=1)}
    findings = [
        {
            "t": [number(finding[name]) for name in FIELDS],
            "e": [number(line) for line in finding["evidence"]],
            "d": number(_document(finding)),
            "w": number(_waiver(finding)),
            "f": failing.get(f"{finding['host']}:{finding['id']}", 0),
        }
        for finding in report["findings"]
    ]
    ports = [
        [f"{port['port']}/{port['protocol']} {port['id']}", port["scope"], port["port"]]
        for port in {
            (port["scope"], port["port"], port["protocol"]): port for node in report["nodes"] for port in node["ports"]
        }.values()
    ]
    return {
        "generated": report["generated"],
        "failOn": report["fail_on"],
        "summary": report["summary"],
        "nodes": {node["name"]: f"{node['role'].replace('_', ' ')}, {node['edition']}" for node in report["nodes"]},
        "ports": sorted(ports, key=lambda port: (port[1], port[2])),
        "changes": None if report["changes"] is None else [sentence(change) for change in report["changes"]],
        "fields": FIELDS,
        "findings": findings,
        "texts": list(numbers),
    }


def _document(finding: dict[str, Any]) -> str:
    documented = finding["documented"]
    if not documented:
        return "not in the document"
    line = f", line {documented['line']}" if documented.get("line") else ""
    return f"edition {documented['edition']}{line}"


def _waiver(finding: dict[str, Any]) -> str:
    waiver = finding["waiver"]
    return f"by {waiver['who']} until {waiver['expires']}: {waiver['reason']}" if waiver else ""


def _between(page: str, tag: str) -> str:
    match = re.search(rf"<{tag}>(.*?)</{tag}>", page, re.DOTALL)
    if match is None:
        raise ValueError(f"{TEMPLATE}: no <{tag}>")
    return match.group(1)


def _digest(text: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
