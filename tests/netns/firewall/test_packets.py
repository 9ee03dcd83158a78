# Copyright: (c) 2026, ck8s.ports contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What becomes of real packets: from the node itself, from its peer and from an outsider, over both families."""

from __future__ import annotations

import contextlib
import re
from typing import Any

import pytest

from tests.netns.topology import (
    ARRIVED,
    LOST,
    Host,
    Network,
    listening,
    tcp_fate,
    udp_fate,
)

OPEN_TO_ALL, CLOSED, PEERS_ONLY, ALL_BUT_OUTSIDER, UNGOVERNED = 6443, 10248, 2379, 9963, 22
PORTS = (OPEN_TO_ALL, CLOSED, PEERS_ONLY, ALL_BUT_OUTSIDER, UNGOVERNED)


def policy(network: Network, protocol: str) -> dict[str, Any]:
    def rule(name: str, port: int, verdict: str, *sources: str) -> dict[str, Any]:
        return {
            "id": name,
            "protocol": protocol,
            "ports": [port],
            "verdict": verdict,
            **({"sources": list(sources)} if sources else {}),
        }

    return {
        "enforcement": "ports",
        "sets": {
            "peers": [f"{network.peer.ipv4}/32", f"{network.peer.ipv6}/128"],
            "outsiders": [network.outsider.ipv4, network.outsider.ipv6],
        },
        "rules": [
            rule("open-to-all", OPEN_TO_ALL, "accept"),
            rule("closed", CLOSED, "drop"),
            rule("peers-only", PEERS_ONLY, "accept", "peers"),
            rule("peers-only", PEERS_ONLY, "drop"),
            rule("all-but-outsider", ALL_BUT_OUTSIDER, "drop", "outsiders"),
            rule("all-but-outsider", ALL_BUT_OUTSIDER, "accept"),
        ],
    }


EXPECTED = {
    OPEN_TO_ALL: {"node": True, "peer": True, "outsider": True},
    CLOSED: {"node": True, "peer": False, "outsider": False},
    PEERS_ONLY: {"node": True, "peer": True, "outsider": False},
    ALL_BUT_OUTSIDER: {"node": True, "peer": True, "outsider": False},
    UNGOVERNED: {"node": True, "peer": True, "outsider": True},
}


def hosts(network: Network) -> list[Host]:
    return [network.node, network.peer, network.outsider]


@pytest.mark.parametrize("family", ["ipv4", "ipv6"])
def test_tcp(network: Network, firewall: Any, family: str) -> None:
    address = getattr(network.node, family)
    with contextlib.ExitStack() as stack:
        for port in PORTS:
            stack.enter_context(listening(network.node, "tcp", address, port))
        before = {port: {host.name: tcp_fate(host, address, port) for host in hosts(network)} for port in PORTS}
        firewall.apply(policy(network, "tcp"))
        after = {port: {host.name: tcp_fate(host, address, port) for host in hosts(network)} for port in PORTS}

    assert before == {port: dict.fromkeys(("node", "peer", "outsider"), "open") for port in PORTS}
    assert after == {
        port: {host: "open" if passes else "silent" for host, passes in row.items()} for port, row in EXPECTED.items()
    }


@pytest.mark.parametrize("family", ["ipv4", "ipv6"])
def test_udp(network: Network, firewall: Any, family: str) -> None:
    address = getattr(network.node, family)
    with contextlib.ExitStack() as stack:
        sockets = {port: stack.enter_context(listening(network.node, "udp", address, port)) for port in PORTS}

        def fates() -> dict[int, dict[str, str]]:
            return {
                port: {host.name: udp_fate(host, sockets[port], address, port) for host in hosts(network)}
                for port in PORTS
            }

        before = fates()
        firewall.apply(policy(network, "udp"))
        after = fates()

    assert before == {port: dict.fromkeys(("node", "peer", "outsider"), ARRIVED) for port in PORTS}
    assert after == {
        port: {host: ARRIVED if passes else LOST for host, passes in row.items()} for port, row in EXPECTED.items()
    }


@pytest.mark.parametrize("loopback", ["127.0.0.1", "::1"])
def test_the_node_reaches_its_loopback_addresses_whatever_the_policy(
    network: Network, firewall: Any, loopback: str
) -> None:
    firewall.apply(policy(network, "tcp"))
    with listening(network.node, "tcp", loopback, CLOSED):
        assert tcp_fate(network.node, loopback, CLOSED) == "open"


def test_a_wildcard_socket_is_governed_on_every_address(network: Network, firewall: Any) -> None:
    firewall.apply(policy(network, "tcp"))
    with listening(network.node, "tcp", "0.0.0.0", CLOSED), listening(network.node, "tcp", "::", CLOSED):
        for address in network.node.addresses:
            assert tcp_fate(network.node, address, CLOSED) == "open"
            assert tcp_fate(network.peer, address, CLOSED) == "silent"


def test_where_nothing_listens_an_open_port_refuses_and_a_closed_one_is_silent(network: Network, firewall: Any) -> None:
    firewall.apply(policy(network, "tcp"))
    for address in network.node.addresses:
        assert tcp_fate(network.peer, address, OPEN_TO_ALL) == "refused"
        assert tcp_fate(network.peer, address, CLOSED) == "silent"


def test_the_other_protocol_of_a_governed_port_is_left_alone(network: Network, firewall: Any) -> None:
    firewall.apply(policy(network, "udp"))
    with listening(network.node, "tcp", network.node.ipv4, CLOSED):
        assert tcp_fate(network.outsider, network.node.ipv4, CLOSED) == "open"


def test_a_connection_of_the_node_to_a_governed_port_elsewhere_gets_its_answers(
    network: Network, firewall: Any
) -> None:
    firewall.apply(policy(network, "tcp"))
    for address in network.peer.addresses:
        with listening(network.peer, "tcp", address, CLOSED):
            assert tcp_fate(network.node, address, CLOSED) == "open"


def test_counters_tell_which_rule_decided(network: Network, firewall: Any) -> None:
    firewall.apply(policy(network, "tcp"))
    tcp_fate(network.outsider, network.node.ipv4, PEERS_ONLY)
    tcp_fate(network.peer, network.node.ipv6, PEERS_ONLY)

    counted = {
        re.sub("_[0-9a-f]{8} ", " ", str(rule["text"])): rule["packets"]
        for rule in firewall.read().rules
        if rule["id"] == "peers-only"
    }
    assert counted == {
        'ip saddr @peers_v4 tcp dport 2379 counter accept comment "peers-only"': 0,
        'ip6 saddr @peers_v6 tcp dport 2379 counter accept comment "peers-only"': 1,
        'tcp dport 2379 counter drop comment "peers-only"': 1,
    }
