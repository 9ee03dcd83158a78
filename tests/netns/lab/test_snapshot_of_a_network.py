# Copyright: (c) 2026, ck8s.ports contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Snapshots of a real network: two of a quiet one are equal, and each kind of change is found."""

from __future__ import annotations

import subprocess

import pytest

from tests.lab.guard import refuse_machine_namespace
from tests.lab.snapshot import differences, take_snapshot

CHANGES = {
    "an interface": ("ip link add snap0 type bridge", "ip link delete snap0", "interface or address snap0"),
    "an address": ("ip address add 192.0.2.1/32 dev lo", "ip address delete 192.0.2.1/32 dev lo", "address lo"),
    "a route": ("ip route add 192.0.2.0/24 dev lo", "ip route delete 192.0.2.0/24", "IPv4 route"),
    "an IPv6 route": ("ip -6 route add 2001:db8::/64 dev lo", "ip -6 route delete 2001:db8::/64", "IPv6 route"),
    "a rule": ("ip rule add to 192.0.2.0/24 table 7", "ip rule delete table 7", "IPv4 rule"),
    "a firewall": ("nft add table inet snap", "nft delete table inet snap", "firewall"),
    "a sysctl": (
        "sysctl -qw net.ipv4.ip_forward=1",
        "sysctl -qw net.ipv4.ip_forward=0",
        "ipv4/ip_forward: was 0, is 1",
    ),
}


def run(command: str) -> None:
    refuse_machine_namespace()
    subprocess.run(command.split(), check=True)


def test_two_snapshots_of_a_quiet_network_are_equal() -> None:
    before = take_snapshot()
    assert {"interface", "IPv4", "IPv6", "firewall", "sysctl"} <= {name.split(" ")[0] for name in before}
    assert differences(before, take_snapshot()) == []


@pytest.mark.parametrize("kind", CHANGES)
def test_a_change_is_found_and_its_undoing_too(kind: str) -> None:
    change, undo, expected = CHANGES[kind]
    before = take_snapshot()
    run(change)
    try:
        found = differences(before, take_snapshot())
    finally:
        run(undo)
    assert any(expected in line for line in found), found
    assert differences(before, take_snapshot()) == []
