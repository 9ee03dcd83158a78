# Copyright: (c) 2026, ck8s.ports contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The report as CSV (RFC 4180), one line for each finding. Private to the collection. Pure."""

from __future__ import annotations

import csv
import io
from typing import Any

from ansible_collections.ck8s.ports.plugins.plugin_utils._escape import spreadsheet

PLAIN = ("host", "subject", "check", "status", "severity", "expected", "observed", "why", "fix")
COLUMNS = (*PLAIN, "edition", "line", "evidence", "id")


def render(report: dict[str, Any]) -> str:
    """The lines, a header first. No cell can be taken for a formula by a spreadsheet."""
    stream = io.StringIO()
    writer = csv.writer(stream)
    writer.writerow(COLUMNS)
    for finding in report["findings"]:
        documented = finding["documented"] or {"edition": "", "line": ""}
        cells = [finding[name] for name in PLAIN]
        cells += [documented["edition"], str(documented["line"] or ""), "; ".join(finding["evidence"]), finding["id"]]
        writer.writerow([spreadsheet(cell) for cell in cells])
    return stream.getvalue()
