# Copyright: (c) 2026, ck8s.ports contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The lab, as documented, and the playbooks on it as a user runs them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.lab import lab
from tests.lab.topology import INVENTORY, read_hosts

CHECKOUT = Path(__file__).parents[3]
PATIENCE = 120
"""Seconds that one run of a playbook may take; it takes five."""


@dataclass(frozen=True)
class Run:
    """How a playbook ended, and what it wrote."""

    status: int
    output: str
    reports: Path

    def changed(self) -> dict[str, int]:
        """How many tasks changed something, by host, as the recap says."""
        recap = self.output.split("PLAY RECAP")[1]
        lines = [line.split() for line in recap.splitlines() if " changed=" in line]
        return {words[0]: int(words[3].removeprefix("changed=")) for words in lines if words[0].startswith("node")}

    def report(self) -> dict[str, Any]:
        """report.json."""
        loaded: dict[str, Any] = json.loads((self.reports / "report.json").read_text(encoding="utf-8"))
        return loaded

    def statuses(self) -> dict[str, str]:
        """The status of each finding, by HOST:ID."""
        return {f"{finding['host']}:{finding['id']}": finding["status"] for finding in self.report()["findings"]}


class Cluster:
    """The hosts of the lab and what can be done with them."""

    def __init__(self, reports: Path, inventory: Path = INVENTORY) -> None:
        self.reports = reports
        self.inventory = inventory
        self.hosts = read_hosts(inventory)
        self.nodes = [host.name for host in self.hosts if host.in_cluster]

    def play(self, name: str, *options: str, **variables: Any) -> Run:
        """Run the playbook ck8s.ports.C(name) on the lab."""
        given = {"node_verify_report_dir": str(self.reports), **variables}
        command = [
            str(Path(sys.executable).with_name("ansible-playbook")),
            f"ck8s.ports.{name}",
            *([] if self.inventory == INVENTORY else [f"--inventory={self.inventory}"]),
            f"--extra-vars={json.dumps(given)}",
            *options,
        ]
        environment = {**os.environ, "ANSIBLE_CONFIG": str(INVENTORY.parent.parent / "ansible.cfg"), "COLUMNS": "200"}
        completed = subprocess.run(
            command, cwd=CHECKOUT, env=environment, capture_output=True, text=True, timeout=PATIENCE, check=False
        )
        return Run(completed.returncode, completed.stdout + completed.stderr, self.reports)

    def enter(self, host: str, *command: str, **options: Any) -> str:
        """What C(command), run on C(host), prints."""
        (running,) = [each for each in lab.find(self.hosts) if each.host.name == host]
        command_line = running.enter(*command)
        return str(subprocess.check_output(command_line, text=True, timeout=30, **options))

    def tables(self) -> dict[str, str]:
        """All rules of each node."""
        return {node: self.enter(node, "nft", "--stateless", "list", "ruleset") for node in self.nodes}


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    hosts = read_hosts(with_faults=False)
    lab.up(hosts, tmp_path_factory.mktemp("lab"))
    yield
    lab.down()


@pytest.fixture
def cluster(built: None, tmp_path: Path) -> Iterator[Cluster]:
    """The lab without any rule on its nodes, before and after."""
    made = Cluster(tmp_path)
    assert set(made.tables().values()) == {""}
    yield made
    for node in made.nodes:
        made.enter(node, "nft", "flush", "ruleset")
