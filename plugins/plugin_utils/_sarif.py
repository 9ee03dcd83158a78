# Copyright: (c) 2026, ck8s.ports contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The report as SARIF 2.1.0, as code scanning services take it. Private to the collection. Pure.

A check is a rule; what failed, warns or is not known is a result, at the row of the document that it is about: the
line of the page where we have that, else the line of the catalogue's file in which the row stands. What a waiver
accepts is a suppressed result.
"""

from __future__ import annotations

import hashlib
import json
from typing import Any

from ansible_collections.ck8s.ports.plugins.plugin_utils import _catalogue
from ansible_collections.ck8s.ports.plugins.plugin_utils._escape import printable

SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
DOCUMENT = "services-and-ports.md"
CATALOGUE = "plugins/catalogues/{}.yml"
CHECKS = {
    "bind": "A port listens where the document says",
    "owner": "The documented process holds the port",
    "firewall": "The firewall holds the policy",
    "reach": "Whom the policy lets in can connect, nobody else",
    "claim": "A client without credentials gets what the document says",
    "sysctl": "Localhost is closed to the wire",
    "unix_socket": "The unix socket is closed to others",
    "undocumented": "Nothing undocumented listens for others",
    "companion": "A listener besides the documented ones is a known one",
    "replicas": "A service with one replica listens on one node",
    "observed": "The node can be looked at",
    "waiver": "A waiver holds and is needed",
}
LEVELS = {"fail": "error", "warn": "warning", "unknown": "note", "waived": "error"}


def render(report: dict[str, Any]) -> str:
    """The log with one run."""
    rules = sorted({finding["check"] for finding in report["findings"]})
    run = {
        "tool": {
            "driver": {
                "name": "ck8s.ports",
                "rules": [{"id": rule, "shortDescription": {"text": CHECKS.get(rule, rule)}} for rule in rules],
            }
        },
        "invocations": [{"executionSuccessful": True, "endTimeUtc": report["generated"].replace("+00:00", "Z")}],
        "results": [_result(finding) for finding in report["findings"] if finding["status"] in LEVELS],
    }
    return json.dumps({"$schema": SCHEMA, "version": "2.1.0", "runs": [run]}, indent=2) + "\n"


def _result(finding: dict[str, Any]) -> dict[str, Any]:
    name = f"{finding['host']}:{finding['id']}"
    sentences = [f"{finding['host']}: {finding['subject']}: {finding['observed']}", finding["why"], finding["fix"]]
    location: dict[str, Any] = {
        "logicalLocations": [{"name": printable(finding["host"]), "fullyQualifiedName": printable(name)}]
    }
    place = _place(finding)
    if place:
        location["physicalLocation"] = place
    suppressed = {"suppressions": [_suppression(finding["waiver"])]} if finding["waiver"] else {}
    return {
        "ruleId": finding["check"],
        "level": LEVELS[finding["status"]],
        "message": {"text": printable(" ".join(sentence for sentence in sentences if sentence))},
        "locations": [location],
        **suppressed,
        # By this a service knows a result again in the next run.
        "partialFingerprints": {"finding/v1": hashlib.sha256(name.encode("utf-8", "surrogatepass")).hexdigest()},
        "properties": {"severity": finding["severity"], "status": finding["status"]},
    }


def _place(finding: dict[str, Any]) -> dict[str, Any] | None:
    """The row of the document that a finding is about; None where it is about none."""
    documented = finding["documented"]
    if not documented:
        return None
    if documented["line"]:
        return {"artifactLocation": {"uri": DOCUMENT}, "region": {"startLine": documented["line"]}}
    line = _catalogue.line_of(documented["edition"], finding["id"].partition("/")[0])
    region = {"region": {"startLine": line}} if line else {}
    return {"artifactLocation": {"uri": CATALOGUE.format(documented["edition"])}, **region}


def _suppression(waiver: dict[str, Any]) -> dict[str, Any]:
    reason = f"{waiver['reason']} ({waiver['who']}, until {waiver['expires']})"
    return {"kind": "external", "status": "accepted", "justification": printable(reason)}
