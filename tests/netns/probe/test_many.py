# Copyright: (c) 2026, ck8s.ports contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Many targets: the time they take together, their order, and few file descriptors."""

from __future__ import annotations

import os
import resource
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from ansible_collections.ck8s.ports.plugins.module_utils._probe import Target, probe
from tests.netns.topology import Network, listening

RULES = """
table inet firewall {
    chain input { type filter hook input priority 0; meta l4proto { tcp, udp } th dport 10000-19999 drop; }
}
"""


@pytest.fixture(autouse=True)
def rules(network: Network) -> Iterator[None]:
    network.node.run("nft", "-f", "-", input=RULES)
    yield
    network.node.run("nft", "flush", "ruleset")


def test_a_thousand_silent_targets_take_one_timeout_and_less_than_a_second(network: Network) -> None:
    targets = [Target(network.node.addresses[i % 2], 10000 + i) for i in range(1000)]
    started = time.monotonic()
    with network.peer.entered():
        outcomes = probe(targets, timeout=1.0)
    elapsed = time.monotonic() - started

    assert {outcome.status for outcome in outcomes} == {"silent"}
    assert 1.0 <= elapsed < 2.0
    assert all(1.0 <= outcome.elapsed < 1.5 for outcome in outcomes)


def test_a_thousand_silent_targets_of_both_protocols_do_so_too(network: Network) -> None:
    protocols = ("tcp", "udp")
    targets = [Target(network.node.addresses[i // 2 % 2], 10000 + i, protocols[i % 2]) for i in range(1000)]
    started = time.monotonic()
    with network.peer.entered():
        outcomes = probe(targets, timeout=1.0, reset_wait=0.2)
    elapsed = time.monotonic() - started

    assert [outcome.status for outcome in outcomes] == ["silent", "unknown"] * 500
    assert 1.0 <= elapsed < 2.0


def test_open_ones_are_watched_at_the_same_time(network: Network) -> None:
    started = time.monotonic()
    with listening(network.node, "tcp", network.node.ipv4, 6443), network.peer.entered():
        outcomes = probe([Target(network.node.ipv4, 6443)] * 200, timeout=5.0, reset_wait=0.3)
    assert {outcome.status for outcome in outcomes} == {"open"}
    assert all(outcome.elapsed < 0.3 for outcome in outcomes)  # the time of the handshake, not of the watch
    assert 0.3 <= time.monotonic() - started < 1.0


def test_answers_keep_the_order_of_the_targets(network: Network) -> None:
    kinds = {"open": 6443, "refused": 1, "silent": 10000}
    expected = [status for _ in range(100) for status in kinds]
    with listening(network.node, "tcp", network.node.ipv4, 6443), network.peer.entered():
        outcomes = probe([Target(network.node.ipv4, kinds[status]) for status in expected], timeout=0.3)
    assert [outcome.status for outcome in outcomes] == expected
    assert all(outcome.elapsed < 0.2 for outcome in outcomes if outcome.status != "silent")


def test_the_soft_limit_on_open_files_is_raised(network: Network) -> None:
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    targets = [Target(network.node.ipv4, 10000 + i) for i in range(500)]
    started = time.monotonic()
    resource.setrlimit(resource.RLIMIT_NOFILE, (100, before[1]))
    try:
        with network.peer.entered():
            outcomes = probe(targets, timeout=0.5)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, before)
    assert {outcome.status for outcome in outcomes} == {"silent"}
    assert time.monotonic() - started < 1.0


@pytest.mark.parametrize("held", [0, 40], ids=["as computed", "fewer than computed"])
def test_with_few_files_the_attempts_take_turns(network: Network, held: int) -> None:
    """In a process of its own, because a lowered hard limit cannot be raised again."""
    script = (
        "import os, resource, sys\n"
        "from ansible_collections.ck8s.ports.plugins.module_utils._probe import Target, probe\n"
        "held = [os.dup(0) for _ in range(int(sys.argv[2]))]\n"
        "resource.setrlimit(resource.RLIMIT_NOFILE, (52, 52))\n"
        "targets = [Target(sys.argv[1], 10000 + i) for i in range(60)]\n"
        "print(*(outcome.status for outcome in probe(targets, timeout=0.2)))\n"
    )
    started = time.monotonic()
    output = network.peer.run(
        *(sys.executable, "-c", script, network.node.ipv4, str(held)),
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[3] / "collections")},
    ).stdout
    assert output.split() == ["silent"] * 60
    assert 3 * 0.2 <= time.monotonic() - started < 5


def test_no_targets_no_results() -> None:
    assert probe([], timeout=1.0) == []


def test_no_file_stays_open(network: Network) -> None:
    def descriptors() -> list[str]:
        return sorted(entry.name for entry in Path("/proc/self/fd").iterdir())

    before = descriptors()
    with network.peer.entered():
        probe([Target(network.node.ipv4, port) for port in (1, 10000, 6443)] * 10, timeout=0.1)
    assert descriptors() == before
