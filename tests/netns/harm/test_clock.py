# Copyright: (c) 2026, ck8s.ports contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The wall clock jumps by ten years while a change waits, for the processes of the node: nothing comes of it.

Each process of the node is told another time by itself: a time namespace shifts the monotonic clock, and not this one.
"""

from __future__ import annotations

import json
import os
import sys
import time
from pathlib import Path

import pytest

from tests.netns.safety.conftest import REPOSITORY, RUN, Node, node, policy, wait_until

__all__ = ["node"]  # a fixture

TEN_YEARS = 315_360_000
JUMPS = {"forward": TEN_YEARS, "backward": -TEN_YEARS}
WANTED = json.dumps(policy(port=2379))
TIMEOUT = 15
"""Seconds; long enough for a busy machine to look in between."""


def step(node: Node, offset: int, name: str, argument: str) -> str:
    """Run one half of a change on the node, with its clock wrong by C(offset) seconds; return what it prints."""
    program = str(Path(__file__).with_name("one_change.py"))
    environment = {**os.environ, "PYTHONPATH": f"{REPOSITORY / 'collections'}"}
    done = node.network.node.run(sys.executable, program, str(offset), name, argument, WANTED, env=environment)
    return str(done.stdout).strip()


@pytest.mark.parametrize("jump", JUMPS.values(), ids=JUMPS)
def test_a_jump_before_the_timer_fires(node: Node, jump: int) -> None:
    """The record is of a time ten years away when a run looks at it."""
    started = time.monotonic()
    change = step(node, jump, "make", str(TIMEOUT))
    assert json.loads((RUN / "change/record.json").read_text())["at"][:4] != time.strftime("%Y", time.gmtime())
    assert node.rules() != ""
    wait_until(lambda: node.rules() == "", patience=TIMEOUT + 20)
    assert time.monotonic() - started >= TIMEOUT - 1, "the jump fired the timer"
    wait_until((RUN / "taken-back").is_dir, patience=10)
    assert step(node, 0, "confirm", change) == "taken_back"


@pytest.mark.parametrize("jump", JUMPS.values(), ids=JUMPS)
def test_a_jump_between_change_and_confirmation(node: Node, jump: int) -> None:
    change = step(node, 0, "make", "60")
    rules = node.rules()
    assert step(node, jump, "confirm", change) == "confirmed"
    assert node.rules() == rules != ""
    assert not RUN.exists()
