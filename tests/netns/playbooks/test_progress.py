# Copyright: (c) 2026, ck8s.ports contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The callback ck8s.ports.progress at work: on a terminal its last line, elsewhere nothing."""

from __future__ import annotations

import os
import re
import sys
from pathlib import Path

import pyte

from tests.netns.playbooks.conftest import CHECKOUT, Cluster
from tests.netns.playbooks.terminal import COLUMNS, ROWS, at_a_terminal

VERIFY = [str(Path(sys.executable).with_name("ansible-playbook")), "ck8s.ports.verify"]


def test_on_a_terminal_the_last_line_tells_how_far_a_task_is_and_then_is_gone(cluster: Cluster, tmp_path: Path) -> None:
    environment = {**os.environ, "ANSIBLE_CONFIG": "tests/lab/ansible.cfg"}
    command = [*VERIFY, f"--extra-vars=node_verify_report_dir={tmp_path}"]
    shown = at_a_terminal(command, CHECKOUT, environment).decode()

    screen = pyte.Screen(COLUMNS, ROWS)
    terminal, last_lines = pyte.Stream(screen), set()
    # Each write of the line ends by restoring the cursor.
    for part in re.split(r"(?<=\x1b8)", shown):
        terminal.feed(part)
        last_lines.add(screen.display[-1].rstrip())
    # Three nodes and an outsider, of whom the last one to answer completes the count.
    probing = [line for line in last_lines if line.startswith("Try the ports of others: ")]
    total = int(re.search(r"(\d+) probes of 3 nodes", shown).group(1))  # type: ignore[union-attr]
    assert f"Try the ports of others: 4 of 4 hosts, {total} of {total} probes" in probing
    assert f"Try the ports of others: 0 of 4 hosts, 0 of {total} probes" in probing
    assert any(line.startswith("See what listens") and line.endswith(": 1 of 4 hosts") for line in last_lines)

    assert screen.display[-1].strip() == ""
    assert screen.margins is None, "the whole terminal scrolls again"
    assert "outsider1" in "".join(screen.display), "the recap stands above"


def test_elsewhere_nothing_is_different(cluster: Cluster) -> None:
    with_it = cluster.play("verify")
    assert "PLAY RECAP" in with_it.output
    assert "\x1b" not in with_it.output and " of 4 hosts" not in with_it.output
