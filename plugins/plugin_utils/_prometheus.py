# Copyright: (c) 2026, ck8s.ports contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The report in the text format of Prometheus, for the textfile collector. Private to the collection. Pure."""

from __future__ import annotations

import datetime
from collections import Counter
from typing import Any


def render(report: dict[str, Any]) -> str:
    """Findings by node and status, the findings that fail the run, and when that was."""
    generated = datetime.datetime.fromisoformat(report["generated"]).timestamp()
    counts = Counter((finding["host"], finding["status"]) for finding in report["findings"])
    hosts = dict.fromkeys(finding["host"] for finding in report["findings"])
    by_name = {f"{finding['host']}:{finding['id']}": finding for finding in report["findings"]}
    failing = [by_name[name] for name in report["failing"]]
    lines = [
        "# HELP ck8s_ports_report_timestamp_seconds When the nodes were verified.",
        "# TYPE ck8s_ports_report_timestamp_seconds gauge",
        f"ck8s_ports_report_timestamp_seconds {generated:.0f}",
        "# HELP ck8s_ports_findings Findings by node and status.",
        "# TYPE ck8s_ports_findings gauge",
        *(
            f"ck8s_ports_findings{_labels(host=host, status=status)} {counts[host, status]}"
            for host in hosts
            for status in report["summary"]
        ),
        "# HELP ck8s_ports_finding_failing A finding that fails the verification.",
        "# TYPE ck8s_ports_finding_failing gauge",
        *(
            f"ck8s_ports_finding_failing"
            f"{_labels(host=f['host'], id=f['id'], check=f['check'], severity=f['severity'], status=f['status'])} 1"
            for f in failing
        ),
    ]
    return "\n".join(lines) + "\n"


def _labels(**labels: str) -> str:
    return "{" + ",".join(f'{name}="{_escape(value)}"' for name, value in labels.items()) + "}"


def _escape(value: str) -> str:
    # What cannot be written as UTF-8 (half of a surrogate pair) is no character that the format could hold.
    value = value.encode("utf-8", "backslashreplace").decode("utf-8")
    return value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
