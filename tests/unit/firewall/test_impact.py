# Copyright: (c) 2026, ck8s.ports contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whom a policy would refuse of those that are connected, and how it is said."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.ck8s.ports.plugins.module_utils._connections import Flow
from ansible_collections.ck8s.ports.plugins.module_utils._impact import TOLD, Refused, message, refused_peers
from ansible_collections.ck8s.ports.plugins.module_utils._policy import parse_policy

NODE = "192.0.2.11"
POLICY: dict[str, Any] = {
    "enforcement": "ports",
    "sets": {"nodes": ["192.0.2.0/28", "2001:db8:1::/64"]},
    "rules": [
        {"id": "etcd-client", "protocol": "tcp", "ports": [2379], "verdict": "accept", "sources": ["nodes"]},
        {"id": "etcd-client", "protocol": "tcp", "ports": [2379], "verdict": "drop"},
        {"id": "etcd-peer", "protocol": "tcp", "ports": [2380], "verdict": "drop"},
        {"id": "ssh", "protocol": "tcp", "ports": [22], "verdict": "drop"},
    ],
}


def flow(peer: str, port: int, state: str = "established", connections: int = 1, local: str = NODE) -> Flow:
    return Flow(peer, local, port, state, connections)


def refused(*flows: Flow, controller: tuple[str, int] | None = None) -> list[Refused]:
    return refused_peers(parse_policy(POLICY), flows, {NODE, "2001:db8:1::b"}, controller)


@pytest.mark.parametrize(
    ("peer", "port", "wanted"),
    [
        ("192.0.2.12", 2379, False),
        ("192.0.2.99", 2379, True),
        ("2001:db8:1::c", 2379, False),
        ("2001:db8:2::c", 2379, True),
        ("192.0.2.12", 2380, True),
        ("192.0.2.99", 6443, False),  # a port that the policy does not govern
        (NODE, 2380, False),  # the host itself, through its own address: that comes in on lo
        ("2001:db8:1::b", 2380, False),
        ("127.0.0.1", 2380, False),
        ("::1", 2380, False),
    ],
)
def test_who_would_be_refused(peer: str, port: int, wanted: bool) -> None:
    assert [(entry.peer, entry.port) for entry in refused(flow(peer, port))] == ([(peer, port)] if wanted else [])


def test_the_connections_of_a_peer_to_a_port_are_one_entry_in_its_liveliest_state() -> None:
    assert refused(
        flow("192.0.2.12", 2380, "time_wait", 3),
        flow("192.0.2.12", 2380, "established", 2),
        flow("192.0.2.12", 2380, "closing", local="203.0.113.1"),
    ) == [Refused("192.0.2.12", 2380, "etcd-peer", (), "etcd-peer", "established", 6)]


def test_the_controller_comes_first_then_by_port_and_address() -> None:
    found = refused(
        flow("2001:db8:2::c", 2379),
        flow("192.0.2.99", 2379),
        flow("192.0.2.100", 2379),
        flow("198.51.100.9", 22),
        flow("198.51.100.7", 22),
        flow("198.51.100.7", 2380),
        controller=("198.51.100.9", 22),
    )
    assert [(entry.peer, entry.port, entry.controller) for entry in found] == [
        ("198.51.100.9", 22, True),
        ("198.51.100.7", 22, False),
        ("192.0.2.99", 2379, False),
        ("192.0.2.100", 2379, False),
        ("2001:db8:2::c", 2379, False),
        ("198.51.100.7", 2380, False),
    ]


@pytest.mark.parametrize(
    ("in_force", "already"),
    [
        (None, False),
        ({**POLICY, "rules": []}, False),
        (POLICY, True),
        ({**POLICY, "mode": "audit"}, False),
        ({**POLICY, "sets": {"nodes": ["203.0.113.0/24"]}}, True),
    ],
    ids=["unknown", "open", "the same", "audit", "with other sources"],
)
def test_whom_the_rules_in_force_refuse_already_is_not_cut_off_by_the_change(in_force: Any, already: bool) -> None:
    before = None if in_force is None else parse_policy(in_force)
    flows = [flow("192.0.2.99", 2379), flow("192.0.2.100", 22)]
    stranger, controller = reversed(refused_peers(parse_policy(POLICY), flows, (), ("192.0.2.100", 22), before))
    assert (stranger.already, stranger.counts) == (already, not already)
    assert (controller.already, controller.counts) == (already, True)


def test_the_message_names_each_with_the_reason_of_its_service() -> None:
    entries = [
        Refused("198.51.100.9", 22, "ssh", ("sshd",), "ssh", "established", 1, controller=True),
        Refused("192.0.2.12", 2380, "etcd-peer", ("etcd",), "etcd-peer", "time_wait", 4),
    ]
    assert message(entries, {"etcd-peer": "Set this.", "kubelet": "Not asked for."}) == (
        "the policy would refuse the next connection of 2 peers that are connected, or were a moment ago: "
        "this run's own connection, 198.51.100.9 to 22/tcp (ssh, sshd; 1 connection, open) by the rule ssh; "
        "192.0.2.12 to 2380/tcp (etcd-peer, etcd; 4 connections, closed a moment ago) by the rule etcd-peer. "
        "etcd-peer: Set this."
    )


def test_a_flood_of_peers_is_not_a_flood_of_words() -> None:
    entries = refused(*(flow(f"198.51.{number // 250}.{number % 250}", 2380) for number in range(5000)))
    assert len(entries) == 5000
    said = message(entries, {})
    assert said.count(" to 2380/tcp") == TOLD
    assert said.endswith(f"; and {5000 - TOLD} more.")
