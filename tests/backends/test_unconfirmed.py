# Copyright: (c) 2026, ck8s.ports contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A change by port_policy itself, with the controller: confirmed, not confirmed, and a power cut before that."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
from pathlib import Path
from typing import Any

import pytest

from tests.backends.common import FIRST, SECOND, rules_of_all
from tests.backends.firewalls import Firewalld, Ufw
from tests.netns.safety import conftest as safety
from tests.netns.safety.conftest import RUN, Node, wait_until, waiting_processes

AnyFirewall = Ufw | Firewalld


@pytest.fixture(params=["ufw", "firewalld"])
def firewall(request: pytest.FixtureRequest) -> Any:
    """Yield each of the firewalls in turn."""
    return request.getfixturevalue(request.param)


@pytest.fixture
def node(firewall: AnyFirewall, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Node:
    """Yield a controller on the node itself: whether the node can be reached is not what is tried here."""
    monkeypatch.setattr(safety, "PATIENCE", 200)
    monkeypatch.setattr(safety, "TIMEOUT", 20)
    return Node(firewall.network, tmp_path)


def end_the_waiting() -> None:
    """What a power cut ends and forgets, beside the rules."""
    for process in waiting_processes():
        with contextlib.suppress(ProcessLookupError):
            os.kill(int(process), signal.SIGKILL)
    shutil.rmtree(RUN)


def test_confirmed_removed_and_each_said_once(firewall: AnyFirewall, node: Node) -> None:
    rules, files = rules_of_all(firewall.node), firewall.files()
    done = node.run(FIRST)
    assert (done["failed"], done["changed"], done["persistent"]) == (False, True, True), done["shown"]
    assert done["backend"] in type(firewall).__name__.lower()
    assert firewall.files() != files and not RUN.exists()
    assert [node.run(FIRST, *options)["changed"] for options in ((), ("--check",))] == [False, False]
    firewall.power_cut()
    assert node.run(FIRST, "--check")["changed"] is False
    removed = node.run(None)
    assert (removed["failed"], removed["changed"]) == (False, True)
    assert firewall.files() == files
    assert node.run(None)["changed"] is False
    assert "ck8s" not in rules_of_all(firewall.node) and rules


def test_killed_controller(firewall: AnyFirewall, node: Node) -> None:
    assert not node.run(FIRST)["failed"]
    rules, files = node.rules(), firewall.files()
    node.kill_between_change_and_confirmation(SECOND)
    assert firewall.files() == files, "nothing of an unconfirmed change is permanent"
    wait_until(lambda: not (RUN / "change").exists(), patience=120)
    assert (node.rules(), firewall.files()) == (rules, files)
    told = node.run(FIRST)
    assert (told["changed"], told["taken_back"]["reason"]) == (False, "not_confirmed")


def test_power_cut_before_the_confirmation(firewall: AnyFirewall, node: Node) -> None:
    assert not node.run(FIRST)["failed"]
    node.kill_between_change_and_confirmation(SECOND)
    end_the_waiting()
    firewall.power_cut()
    assert node.run(FIRST, "--check")["changed"] is False
