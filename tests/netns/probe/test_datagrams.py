# Copyright: (c) 2026, ck8s.ports contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a network answers to datagrams, and what a VXLAN device makes of them."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from ansible_collections.ck8s.ports.plugins.module_utils._probe import DATAGRAM, Outcome, Target, probe
from tests.netns.topology import Host, Network, listening

TIMEOUT = 0.4
VXLAN = 8472

RULES = """
table inet firewall {
    chain input {
        type filter hook input priority filter; policy accept;
        udp dport 1001 drop
        udp dport 1003 reject with icmpx type port-unreachable
        udp dport 1004 reject with icmpx type admin-prohibited
        udp dport 1005 reject with icmpx type host-unreachable
    }
}
"""


@pytest.fixture(autouse=True)
def rules(network: Network) -> Iterator[None]:
    network.node.run("nft", "-f", "-", input=RULES)
    yield
    network.node.run("nft", "flush", "ruleset")


def attempt(source: Host, address: str, port: int, **options: Any) -> Outcome:
    with source.entered():
        (outcome,) = probe([Target(address, port, "udp")], TIMEOUT, **options)
    return outcome


@pytest.mark.parametrize("family", ["ipv4", "ipv6"])
@pytest.mark.parametrize(
    ("port", "status", "detail"),
    [
        (1, "refused", "port unreachable"),
        (1001, "unknown", "no answer in 0.4 s, which UDP need not give"),
        (1003, "refused", "port unreachable"),
        (1004, "unreachable", "administratively prohibited"),
        (1005, "unreachable", {"ipv4": "host unreachable", "ipv6": "address unreachable"}),
    ],
)
def test_answers(network: Network, family: str, port: int, status: str, detail: str | dict[str, str]) -> None:
    address = getattr(network.node, family)
    outcome = attempt(network.peer, address, port)
    assert outcome.status == status
    assert (detail[family] if isinstance(detail, dict) else detail) in outcome.detail
    assert outcome.source == getattr(network.peer, family)
    assert outcome.source_port
    assert status == "unknown" or outcome.detail.endswith(f"from {address}")


@pytest.mark.parametrize("family", ["ipv4", "ipv6"])
def test_an_answer_is_an_open_port(network: Network, family: str) -> None:
    address = getattr(network.node, family)
    with listening(network.node, "udp", address, 53) as server:
        server.settimeout(5)

        def answer() -> None:
            _, client = server.recvfrom(64)
            server.sendto(b"yes", client)

        thread = threading.Thread(target=answer, daemon=True)
        thread.start()
        outcome = attempt(network.peer, address, 53)
        thread.join(timeout=5)
    assert (outcome.status, outcome.detail) == ("open", "answered with 3 bytes")
    assert outcome.elapsed < TIMEOUT


@pytest.mark.parametrize("count", [1, 5])
def test_a_service_that_says_nothing_is_unknown_and_gets_what_was_to_be_sent(network: Network, count: int) -> None:
    with listening(network.node, "udp", network.node.ipv4, VXLAN) as server:
        outcome = attempt(network.peer, network.node.ipv4, VXLAN, datagrams=count)
        server.setblocking(False)
        assert [server.recvfrom(64) for _ in range(count)] == [
            (DATAGRAM, (outcome.source, outcome.source_port))
        ] * count
        with pytest.raises(BlockingIOError):
            server.recv(64)
    assert (outcome.status, outcome.sent) == ("unknown", count)


def test_a_network_without_a_route(network: Network) -> None:
    for address in ("203.0.113.1", "2001:db8::1"):
        outcome = attempt(network.peer, address, VXLAN)
        assert (outcome.status, outcome.detail[:11], outcome.sent) == ("unreachable", "ENETUNREACH", 0)


def test_what_the_own_firewall_forbids_says_nothing_of_the_target(network: Network) -> None:
    rules = "table inet own { chain output { type filter hook output priority 0; udp dport 8472 drop; }; }"
    network.peer.run("nft", rules)
    try:
        outcome = attempt(network.peer, network.node.ipv4, VXLAN)
    finally:
        network.peer.run("nft", "delete", "table", "inet", "own")
    assert (outcome.status, outcome.sent) == ("error", 0)
    assert outcome.detail == "EPERM (Operation not permitted): forbidden on this host, before anything was sent"


@pytest.mark.parametrize("external", [False, True], ids=["one network", "as Cilium's device"])
def test_a_vxlan_device_drops_the_probe(network: Network, external: bool) -> None:
    """Nothing comes out of the device, nothing stays in its socket, and it goes on to work."""
    kind = ("external",) if external else ("id", "7", "remote", network.peer.ipv4)
    network.node.run("ip", "link", "add", "vxlan7", "up", "type", "vxlan", *kind, "dstport", str(VXLAN))
    try:
        for address in network.node.addresses if external else (network.node.ipv4,):
            assert attempt(network.peer, address, VXLAN).status == "unknown"
        assert received(network.node, "vxlan7") == 0
        assert queued(network.node) == 0
        if not external:
            frame = b"\xff" * 6 + bytes.fromhex("020000000001") + b"\x08\x06" + bytes(46)
            header = bytes([8, 0, 0, 0, 0, 0, 7, 0])  # the flag I and the number of the network
            with network.peer.entered(), socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
                sender.sendto(header + frame, (network.node.ipv4, VXLAN))
            assert received(network.node, "vxlan7") == 1  # such a packet does come out
    finally:
        network.node.run("ip", "link", "delete", "vxlan7")


def received(host: Host, device: str) -> int:
    (link,) = json.loads(host.run("ip", "-statistics", "-json", "link", "show", "dev", device).stdout)
    packets: int = link["stats64"]["rx"]["packets"]
    return packets


def queued(host: Host) -> int:
    """Return the bytes that wait in the sockets of the port."""
    lines = host.run("ss", "--no-header", "--udp", "--listening", "--numeric").stdout.splitlines()
    held = [int(line.split()[1]) for line in lines if line.split()[3].endswith(f":{VXLAN}")]
    assert held
    return sum(held)
