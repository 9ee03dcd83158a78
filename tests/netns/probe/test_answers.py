# Copyright: (c) 2026, ck8s.ports contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every answer that a network can give to a connection attempt, given by a real one."""

from __future__ import annotations

import socket
from collections.abc import Iterator

import pytest

from ansible_collections.ck8s.ports.plugins.module_utils._probe import Outcome, Target, probe
from tests.netns.topology import Host, Network, family_of, listening

PORT = 6443
TIMEOUT = 0.3
PAST_SECOND_TRY = 1.5
"""Seconds. On one kernel an ICMPv6 error can be back while connect() is still at work; TCP then takes it for a passing
one and heeds only the answer to its second try, a second later."""

RULES = """
table inet firewall {
    chain input {
        type filter hook input priority filter; policy accept;
        tcp dport 1001 drop
        tcp dport 1002 reject with tcp reset
        tcp dport 1003 reject with icmpx type port-unreachable
        tcp dport 1004 reject with icmpx type admin-prohibited
        tcp dport 1005 reject with icmpx type host-unreachable
    }
}
"""


@pytest.fixture(autouse=True)
def rules(network: Network) -> Iterator[None]:
    network.node.run("nft", "-f", "-", input=RULES)
    yield
    network.node.run("nft", "flush", "ruleset")


def attempt(source: Host, address: str, port: int, timeout: float = TIMEOUT) -> Outcome:
    with source.entered():
        (outcome,) = probe([Target(address, port)], timeout)
    return outcome


@pytest.mark.parametrize("family", ["ipv4", "ipv6"])
@pytest.mark.parametrize(
    ("port", "status", "detail"),
    [
        (PORT, "open", ""),
        (1, "refused", "ECONNREFUSED (Connection refused)"),
        (1001, "silent", "no answer in 0.3 s"),
        (1002, "refused", "ECONNREFUSED (Connection refused)"),
        (1003, "refused", "ECONNREFUSED (Connection refused)"),
        (1004, "unreachable", {"ipv4": "EHOSTUNREACH", "ipv6": "EACCES"}),
        (1005, "unreachable", "EHOSTUNREACH"),
    ],
)
def test_answers(network: Network, family: str, port: int, status: str, detail: str | dict[str, str]) -> None:
    address = getattr(network.node, family)
    with listening(network.node, "tcp", address, PORT):
        outcome = attempt(network.peer, address, port, TIMEOUT if status == "silent" else PAST_SECOND_TRY)
    assert outcome.status == status
    assert outcome.detail.startswith(detail[family] if isinstance(detail, dict) else detail)


def test_a_network_without_a_route(network: Network) -> None:
    for address in ("203.0.113.1", "2001:db8::1"):
        outcome = attempt(network.peer, address, PORT)
        assert (outcome.status, outcome.detail[:11]) == ("unreachable", "ENETUNREACH")


def test_a_host_that_does_not_exist_is_unreachable_once_the_kernel_has_looked_for_it(network: Network) -> None:
    assert attempt(network.peer, "10.88.0.200", PORT).status == "silent"
    outcome = attempt(network.peer, "10.88.0.201", PORT, timeout=6)
    assert (outcome.status, outcome.detail[:12]) == ("unreachable", "EHOSTUNREACH")


def test_what_this_host_forbids_says_nothing_of_the_target(network: Network) -> None:
    network.peer.run("ip", "rule", "add", "to", "192.0.2.0/24", "prohibit")
    outcome = attempt(network.peer, "192.0.2.1", PORT)
    assert outcome.status == "error"
    assert outcome.detail == "EACCES (Permission denied): forbidden on this host, before anything was sent"


def test_a_link_local_address_needs_its_zone(network: Network) -> None:
    link_local = network.node.run("ip", "-6", "-o", "address", "show", "dev", "eth0", "scope", "link").stdout
    address = link_local.split("inet6 ")[1].split("/")[0]
    with network.node.entered():
        listener = socket.create_server(("::", PORT), family=socket.AF_INET6)
    with listener:
        for _ in range(20):  # the address is usable only after duplicate address detection, one second or so
            outcome = attempt(network.peer, f"{address}%eth0", PORT)
            if outcome.status == "open":
                break
        assert outcome.status == "open"
        assert attempt(network.peer, address, PORT).status == "error"
        outcome = attempt(network.peer, f"{address}%nosuch", PORT)
        assert outcome.status == "error"
        assert outcome.detail.startswith("not an address that can be used here")


@pytest.mark.parametrize("family", ["ipv4", "ipv6"])
def test_the_other_side_sees_an_orderly_end_and_not_a_byte(network: Network, family: str) -> None:
    address = getattr(network.node, family)
    with listening(network.node, "tcp", address, PORT) as listener:
        assert attempt(network.peer, address, PORT).status == "open"
        listener.settimeout(2)
        accepted, _ = listener.accept()
        with accepted:
            accepted.settimeout(2)
            assert accepted.recv(64) == b""  # the end, not a reset
        assert family_of(address) == listener.family
