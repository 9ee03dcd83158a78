# Copyright: (c) 2026, ck8s.ports contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the nodes have told of themselves, in the report and in their rules."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

REPORT = Path(__file__).parents[3] / "build/full-nodes/report/report.json"
NODES = ("node1", "node2")

Host = Any
"""testinfra's host, which has no types."""

testinfra_hosts = ["ansible://node1?force_ansible=True", "ansible://node2?force_ansible=True"]


def test_the_edition_is_that_of_the_release_and_nothing_fails() -> None:
    report = json.loads(REPORT.read_text(encoding="utf-8"))
    assert {node["name"]: node["edition"] for node in report["nodes"]} == dict.fromkeys(NODES, "2025-11")
    assert report["failing"] == []


def test_the_network_of_the_pods_is_in_the_rules(host: Host) -> None:
    command = host.run("PATH=$PATH:/usr/sbin nft list table inet ck8s_ports")
    assert command.rc == 0, command.stderr
    assert "10.1.0.0/16" in command.stdout
    assert 'iifname "lxc*" ip saddr @from_pods_v4_' in command.stdout
    assert 'drop comment "default-deny"' in command.stdout
