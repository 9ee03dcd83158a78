# Copyright: (c) 2026, ck8s.ports contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Chains of others that refuse what our table accepts are named; those that do not are not."""

from __future__ import annotations

from typing import Any

import pytest

from tests.netns.topology import Network, listening, tcp_fate

OPEN = {
    "enforcement": "ports",
    "rules": [{"id": "kube-apiserver", "protocol": "tcp", "ports": [6443], "verdict": "accept"}],
}
CLOSED = {"enforcement": "ports", "rules": [{"id": "gops", "protocol": "tcp", "ports": [9890], "verdict": "drop"}]}

REFUSING = {
    "a policy": (
        "inet filter",
        "table inet filter { chain input { type filter hook input priority 0; policy drop; }; }",
    ),
    "a last rule that rejects": (
        "inet firewalld",
        "table inet firewalld { chain filter_INPUT { type filter hook input priority 10; policy accept; "
        "tcp dport 22 accept; reject with icmpx admin-prohibited; }; }",
    ),
    "a last rule that drops, with counter and comment": (
        "ip mine",
        'table ip mine { chain in { type filter hook input priority -300; counter drop comment "the \'rest"; }; }',
    ),
}
HARMLESS = """
table inet filter {
    chain input { type filter hook input priority 0; policy accept; tcp dport 22 drop; ip saddr 192.0.2.1 drop; }
    chain forward { type filter hook forward priority 0; policy drop; }
    chain output { type filter hook output priority 0; policy drop; accept; }
    chain other { drop; }
}
table ip nat { chain input { type nat hook input priority 100; policy accept; }; }
"""


@pytest.mark.parametrize(("table", "ruleset"), REFUSING.values(), ids=list(REFUSING))
def test_a_chain_that_refuses_the_rest_is_named_and_does_refuse(
    network: Network, firewall: Any, table: str, ruleset: str
) -> None:
    firewall.host.run("nft", "-f", "-", input=ruleset)
    (warning,) = firewall.apply(OPEN).warnings
    assert f"of the table {table} refuses what it does not accept itself" in warning
    assert "backend: auto" in warning
    with listening(network.node, "tcp", "0.0.0.0", 6443):
        assert tcp_fate(network.peer, network.node.ipv4, 6443) in ("silent", "unreachable")


def test_chains_that_refuse_something_or_elsewhere_are_not(network: Network, firewall: Any) -> None:
    firewall.host.run("nft", "-f", "-", input=HARMLESS)
    assert firewall.apply(OPEN).warnings == ()
    with listening(network.node, "tcp", "0.0.0.0", 6443):
        assert tcp_fate(network.peer, network.node.ipv4, 6443) == "open"


def test_a_policy_that_opens_nothing_needs_no_warning(firewall: Any) -> None:
    firewall.host.run("nft", "-f", "-", input=REFUSING["a policy"][1])
    assert firewall.plan(CLOSED).warnings == ()
    assert firewall.plan(None).warnings == ()
