# Copyright: (c) 2026, ck8s.ports contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What port_policy does when its policy would refuse those that are connected: before it changes anything."""

from __future__ import annotations

import contextlib
import re
import socket
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.netns.firewall.conftest import Firewall
from tests.netns.firewall.test_port_policy_module import Task
from tests.netns.safety.conftest import RUN, Node, policy, ssh_node
from tests.netns.topology import Network, listening

__all__ = ["ssh_node"]

CLOSED = policy(port=2380)
ITSELF = Path("/proc/self/comm").read_text(encoding="ascii").strip()
"""The name of the process that listens: this one, which may be pytest or coverage."""
WITHOUT_SOCK_DIAG = (sys.executable, "-I", "-S", str(Path(__file__).parents[1] / "sockets/without_sock_diag.py"))
EXPLANATIONS = {"closed": "The page is wrong here. Set this or that.", "ssh": "Not asked for."}


@pytest.fixture
def task(network: Network, tmp_path: Path) -> Task:
    return Task(network.node, tmp_path)


@pytest.fixture
def firewall(network: Network) -> Firewall:
    return Firewall(network.node)


@pytest.fixture
def peers(network: Network) -> Iterator[None]:
    """A peer of each family, connected to a port that the policy closes, and the node itself by its own address."""
    with contextlib.ExitStack() as stack:
        for address in network.node.addresses:
            stack.enter_context(listening(network.node, "tcp", address, 2380))
        for address, source in (
            (network.node.ipv4, network.peer),
            (network.node.ipv4, network.node),
            (network.node.ipv6, network.outsider),
        ):
            with source.entered():
                stack.enter_context(socket.create_connection((address, 2380), timeout=2))
        yield


def ruleset(firewall: Firewall) -> str:
    return firewall.nft("list", "ruleset")


@pytest.mark.parametrize("options", [(), ("--check",)], ids=["do", "check"])
def test_by_default_nothing_changes_and_each_is_named(
    peers: None, network: Network, task: Task, firewall: Firewall, options: tuple[str, ...]
) -> None:
    result = task.run({"policy": CLOSED, "explanations": EXPLANATIONS}, *options)
    assert (result["failed"], result["changed"]) == (True, False)
    assert ruleset(firewall) == ""
    assert not RUN.exists()
    common = {
        "port": 2380,
        "protocol": "tcp",
        "service": "closed",
        "processes": [ITSELF],
        "rule": "closed",
        "state": "established",
        "connections": 1,
        "controller": False,
        "already": False,
        "why": EXPLANATIONS["closed"],
    }
    assert result["impact"] == [
        {"peer": network.peer.ipv4, **common},
        {"peer": network.outsider.ipv6, **common},
    ]
    assert (result["impact_count"], result["controller"]) == (2, None)
    assert re.fullmatch(
        r"the policy would refuse the next connection of 2 peers that are connected, or were a moment ago: "
        rf"{network.peer.ipv4} to 2380/tcp \(closed, {ITSELF}; 1 connection, open\) by the rule closed; "
        rf"{network.outsider.ipv6} to .* by the rule closed\. closed: The page is wrong here\. Set this or that\. "
        r"Nothing was changed\. Let them in, or, .* run again with on_impact: warn .*",
        result["msg"],
    )


@pytest.mark.parametrize(("on_impact", "warns"), [("warn", True), ("ignore", False)])
def test_whoever_wants_it_all_the_same_gets_it(
    peers: None, task: Task, firewall: Firewall, on_impact: str, warns: bool
) -> None:
    for options, there in ((("--check",), False), ((), True)):
        result = task.run({"policy": CLOSED, "on_impact": on_impact}, *options)
        assert (result["failed"], result["changed"], len(result["impact"])) == (False, True, 2)
        assert ("would refuse the next connection of 2 peers" in result["shown"]) == warns
        assert ("ck8s_ports" in ruleset(firewall)) == there


def test_whom_the_rules_refuse_already_holds_no_other_change_up(peers: None, task: Task) -> None:
    task.run({"policy": CLOSED, "on_impact": "ignore"})
    unchanged = task.run({"policy": CLOSED})
    assert (unchanged["failed"], unchanged["changed"], len(unchanged["impact"])) == (False, False, 2)
    # Their connections go on, and another change, which makes no difference to them, is not held up by them.
    other = {**CLOSED, "sets": {"admins": ["10.88.0.0/25"]}}
    changed = task.run({"policy": other})
    assert (changed["failed"], changed["changed"]) == (False, True)
    assert [entry["already"] for entry in changed["impact"]] == [True, True]
    removed = task.run({"state": "absent"})
    assert (removed["failed"], removed["changed"], removed["impact"]) == (False, True, [])


def test_a_policy_that_refuses_nobody(peers: None, task: Task) -> None:
    open_to_all = [{**rule, "verdict": "accept"} for rule in CLOSED["rules"]]
    result = task.run({"policy": {**CLOSED, "rules": open_to_all}})
    assert (result["failed"], result["changed"], result["impact"]) == (False, True, [])


def test_where_connections_cannot_be_seen_nobody_is_cut_off_unawares(task: Task, firewall: Firewall) -> None:
    refused = task.run({"policy": CLOSED}, under=WITHOUT_SOCK_DIAG)
    assert refused["failed"]
    assert "connections cannot be seen" in refused["msg"]
    assert "node_firewall_on_impact" in refused["msg"]
    assert "(nothing was changed)" in refused["msg"]
    assert ruleset(firewall) == ""
    done = task.run({"policy": CLOSED, "on_impact": "warn"}, under=WITHOUT_SOCK_DIAG)
    assert (done["failed"], done["changed"], done["impact"]) == (False, True, [])
    assert "connections cannot be seen" in done["shown"]


def test_over_ssh_the_controller_is_known_and_let_in(ssh_node: Node, network: Network) -> None:
    ssh_node.on_impact = "fail"
    for rules, verdict, rule in ((CLOSED["rules"], "accept", "ssh"), (CLOSED["rules"][2:], "none", None)):
        done = ssh_node.run({**CLOSED, "rules": rules})
        assert (done["failed"], done["changed"]) == (False, True), done
        assert done["controller"] == {"peer": network.peer.ipv4, "port": 22, "verdict": verdict, "rule": rule}
        assert done["impact"] == []


@pytest.mark.parametrize("on_impact", ["fail", "warn"])
def test_what_would_cut_the_controller_is_not_done(ssh_node: Node, network: Network, on_impact: str) -> None:
    ssh_node.on_impact = on_impact
    for options in (["--check"], []):
        refused: dict[str, Any] = ssh_node.run(policy(ssh_from="192.0.2.1/32"), *options)
        assert (refused["failed"], refused["changed"]) == (True, False)
        assert f"this run's own connection, {network.peer.ipv4} to 22/tcp (ssh, sshd; " in refused["msg"]
        assert "Let the controller in" in refused["msg"]
        assert refused["controller"]["verdict"] == "drop"
        assert [entry["controller"] for entry in refused["impact"]] == [True]
    assert ssh_node.rules() == ""
    assert not RUN.exists()
