# Copyright: (c) 2026, ck8s.ports contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Processes that should not be there: one whose names a format, the terminal or Ansible itself would obey, and one that
has taken the place of containerd's socket.
"""

from __future__ import annotations

import contextlib
import csv
import json
import os
import re
import subprocess
import sys
import xml.etree.ElementTree as ET
from collections.abc import Iterator

import jsonschema
import pytest
from prometheus_client.parser import text_string_to_metric_families

from tests.lab import lab
from tests.netns.playbooks.conftest import CHECKOUT, Cluster

COMM = "{{7*7}}<b>\x1b[2J"
ARGUMENT = "=cmd|{{ lookup('pipe', 'id') }}]]></script><script>alert(1)</script>\x1b]0;x\x07 `id` $(id)"
FORMATS = ["json", "markdown", "html", "junit", "sarif", "prometheus", "csv"]
RUN = "import os; exec(os.environ['CODE'])"  # short, so that a report shows what comes after it
LISTEN = """
import ctypes, socket, sys
ctypes.CDLL(None).prctl(15, sys.argv[2].encode(), 0, 0, 0)
if len(sys.argv) > 3:
    server = socket.socket(socket.AF_UNIX)
    server.bind(sys.argv[3])
    server.listen()
else:
    server = socket.create_server(("", 31337))
print("listening", flush=True)
sys.stdin.read()
"""


SOCKET = "/run/containerd/containerd.sock"


@contextlib.contextmanager
def running(cluster: Cluster, *arguments: str) -> Iterator[None]:
    """LISTEN on node2 with these arguments."""
    (node,) = [each for each in lab.find(cluster.hosts) if each.host.name == "node2"]
    command = node.enter(sys.executable, "-I", "-S", "-c", RUN, *arguments)
    environment = {**os.environ, "CODE": LISTEN}
    with subprocess.Popen(
        command, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout
        assert process.stdout.readline() == "listening\n"
        yield
        process.communicate()


@pytest.fixture
def strangers(cluster: Cluster) -> Iterator[None]:
    cluster.enter("node2", "mv", SOCKET, f"{SOCKET}.old")
    try:
        with running(cluster, ARGUMENT, COMM), running(cluster, "-", "stranger", SOCKET):
            cluster.enter("node2", "chmod", "0660", SOCKET)
            yield
    finally:
        cluster.enter("node2", "mv", "-f", f"{SOCKET}.old", SOCKET)


@pytest.mark.usefixtures("strangers")
def test_strangers_are_found_and_their_names_are_names_everywhere(cluster: Cluster) -> None:
    run = cluster.play("verify", node_verify_formats=FORMATS)
    assert run.status == 2, run.output
    findings = {f["id"]: f for f in run.report()["findings"] if f["host"] == "node2"}
    taken = findings["containerd/unix_socket"]
    assert (taken["status"], taken["severity"]) == ("fail", "high")
    assert taken["why"] == "Another process listens there: it gets what is meant for the service."
    assert "Held by stranger (pid " in taken["observed"]
    assert any("(its file was replaced) containerd" in line for line in taken["evidence"]), taken["evidence"]
    finding = findings["tcp-31337/undocumented"]
    assert finding["observed"].startswith(f"{COMM} (pid ")
    assert "=cmd|" in finding["evidence"][0]

    assert "\x1b" not in run.output
    assert "{{7*7}}<b>\\x1b[2J" in run.output
    assert "49<b>" not in run.output
    assert not re.search(r"uid=\d", run.output)
    assert run.output.index("Fail the nodes") < run.output.index("31337/tcp") < run.output.index("PLAY RECAP")

    texts = {path.name: path.read_text(encoding="utf-8") for path in run.reports.iterdir()}
    assert len(texts) == len(FORMATS)
    for name, text in texts.items():
        assert "uid=" not in text, name
        assert "\x1b" not in text.replace("\\u001b", ""), name
    schema = json.loads((CHECKOUT / "docs/report.schema.json").read_text(encoding="utf-8"))
    jsonschema.validate(json.loads(texts["report.json"]), schema)
    sarif = json.loads((CHECKOUT / "tests/formats/schemas/sarif-2.1.0.json").read_text(encoding="utf-8"))
    jsonschema.validate(json.loads(texts["report.sarif"]), sarif)
    assert len(ET.fromstring(texts["report.junit.xml"]).findall("testsuite/testcase")) == len(run.report()["findings"])
    assert {family.name for family in text_string_to_metric_families(texts["report.prom"])} == {
        "ck8s_ports_report_timestamp_seconds",
        "ck8s_ports_findings",
        "ck8s_ports_finding_failing",
    }
    cells = [cell for row in csv.reader(texts["report.csv"].splitlines()) for cell in row]
    assert not [cell for cell in cells if cell.startswith(("=", "+", "-", "@"))]
    assert texts["report.html"].count("<script") == 2
