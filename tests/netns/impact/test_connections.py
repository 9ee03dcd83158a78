# Copyright: (c) 2026, ck8s.ports contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The connections that others have made to a host, as its kernel tells of them."""

from __future__ import annotations

import socket
import struct
import subprocess
import sys
import time
from collections.abc import Callable, Iterator

import pytest

from ansible_collections.ck8s.ports.plugins.module_utils import _connections
from ansible_collections.ck8s.ports.plugins.module_utils._connections import Flow
from ansible_collections.ck8s.ports.plugins.module_utils._own_addresses import own_addresses
from tests.netns.topology import Host, Network, family_of

PORT, OTHER_PORT = 2380, 6443
NOT_AT_ONCE = 5.0


class Sockets:
    """Sockets on the hosts of a network, closed at the end of the test."""

    def __init__(self, network: Network) -> None:
        self.network = network
        self._open: list[socket.socket] = []

    def listen(self, address: str, port: int = PORT, *, dual_stack: bool = False) -> socket.socket:
        with self.network.node.entered():
            listener = socket.create_server((address, port), family=family_of(address), dualstack_ipv6=dual_stack)
        self._open.append(listener)
        return listener

    def connect(self, source: Host, address: str, port: int = PORT, local: str = "") -> socket.socket:
        with source.entered():
            client = socket.create_connection((address, port), timeout=2, source_address=(local, 0) if local else None)
        self._open.append(client)
        return client

    def accept(self, listener: socket.socket) -> socket.socket:
        accepted = listener.accept()[0]
        self._open.append(accepted)
        return accepted

    def close(self) -> None:
        for one in self._open:
            if one.fileno() < 0:
                continue
            one.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            one.close()


@pytest.fixture
def sockets(network: Network) -> Iterator[Sockets]:
    made = Sockets(network)
    yield made
    made.close()


def seen(network: Network, wanted: Callable[[int], bool] = lambda port: port == PORT) -> list[Flow]:
    with network.node.entered():
        return sorted(_connections.inbound(_connections.listeners(), wanted))


def soon(network: Network, wanted: list[Flow]) -> None:
    """Wait for the kernels to have exchanged what closes a connection."""
    deadline = time.monotonic() + NOT_AT_ONCE
    while seen(network) != wanted:
        assert time.monotonic() < deadline, seen(network)
        time.sleep(0.01)


@pytest.mark.parametrize("version", ["ipv4", "ipv6"])
def test_an_open_connection(network: Network, sockets: Sockets, version: str) -> None:
    ours, theirs = (getattr(host, version) for host in (network.node, network.peer))
    sockets.listen(ours)
    sockets.connect(network.peer, ours)
    sockets.connect(network.peer, ours)
    assert seen(network) == [Flow(theirs, ours, PORT, "established", 2)]


def test_ipv4_on_a_socket_for_both_families_is_ipv4(network: Network, sockets: Sockets) -> None:
    sockets.listen("::", dual_stack=True)
    sockets.connect(network.peer, network.node.ipv4)
    sockets.connect(network.outsider, network.node.ipv6)
    assert seen(network) == [
        Flow(network.peer.ipv4, network.node.ipv4, PORT, "established", 1),
        Flow(network.outsider.ipv6, network.node.ipv6, PORT, "established", 1),
    ]


def test_a_socket_that_is_bound_to_an_ipv4_address_in_ipv6_notation(network: Network, sockets: Sockets) -> None:
    with network.node.entered():
        listener = socket.socket(socket.AF_INET6)
    with listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((f"::ffff:{network.node.ipv4}", PORT))
        listener.listen()
        sockets.connect(network.peer, network.node.ipv4)
        assert seen(network) == [Flow(network.peer.ipv4, network.node.ipv4, PORT, "established", 1)]


@pytest.mark.parametrize("version", ["ipv4", "ipv6"])
def test_a_connection_that_was_closed_is_remembered(network: Network, sockets: Sockets, version: str) -> None:
    ours, theirs = (getattr(host, version) for host in (network.node, network.peer))
    listener = sockets.listen(ours)
    client = sockets.connect(network.peer, ours)
    sockets.accept(listener).close()
    soon(network, [Flow(theirs, ours, PORT, "closing", 1)])  # FIN_WAIT2, with a socket or without
    client.close()
    soon(network, [Flow(theirs, ours, PORT, "time_wait", 1)])


def test_a_connection_that_the_peer_has_closed(network: Network, sockets: Sockets) -> None:
    listener = sockets.listen("0.0.0.0")
    client = sockets.connect(network.peer, network.node.ipv4)
    sockets.accept(listener)
    client.close()
    soon(network, [Flow(network.peer.ipv4, network.node.ipv4, PORT, "closing", 1)])  # CLOSE_WAIT


def test_who_only_knocks_has_no_connection(network: Network, sockets: Sockets) -> None:
    """A SYN may carry any address: a stranger must not be able to keep a policy from being put in force."""
    sockets.listen("0.0.0.0")
    network.outsider.run("nft", "add table ip t; add chain ip t out { type filter hook output priority 0; }")
    network.outsider.run("nft", f"add rule ip t out tcp dport {PORT} tcp flags & (syn | ack) == ack drop")
    try:
        sockets.connect(network.outsider, network.node.ipv4)  # it takes the node's SYN-ACK for an answer
        with network.node.entered():
            listed = subprocess.run(["ss", "-Htn", "state", "syn-recv"], capture_output=True, text=True, check=True)
        assert network.outsider.ipv4 in listed.stdout
        assert seen(network) == []
    finally:
        network.outsider.run("nft", "delete table ip t")


def test_what_the_host_itself_has_connected_to_is_not_inbound(network: Network, sockets: Sockets) -> None:
    with network.peer.entered():
        theirs = socket.create_server((network.peer.ipv4, PORT))
    with theirs:
        sockets.listen(network.node.ipv4)
        client = sockets.connect(network.node, network.peer.ipv4)
        assert seen(network) == []
        assert seen(network, lambda _: True) == [], client


def test_a_local_port_that_happens_to_be_that_of_a_listener_elsewhere(network: Network, sockets: Sockets) -> None:
    """A listener on 127.0.0.1 has not taken a connection to another address, whatever its number."""
    with network.peer.entered():
        theirs = socket.create_server((network.peer.ipv4, OTHER_PORT))
    with theirs, network.node.entered(), socket.socket() as client:
        client.bind((network.node.ipv4, PORT))
        client.connect((network.peer.ipv4, OTHER_PORT))
        sockets.listen("127.0.0.1")
        assert seen(network) == []


def test_other_ports_are_left_out(network: Network, sockets: Sockets) -> None:
    for port in (PORT - 1, PORT, PORT + 1, 1, 65535):
        sockets.listen(network.node.ipv4, port)
        sockets.connect(network.peer, network.node.ipv4, port)
    assert [flow.port for flow in seen(network)] == [PORT]
    assert [flow.port for flow in seen(network, lambda port: port in (1, PORT + 1, 65535))] == [1, PORT + 1, 65535]
    assert len(seen(network, lambda _: True)) == 5
    assert seen(network, lambda _: False) == []


def test_more_ports_than_the_kernel_takes_in_one_question(network: Network, sockets: Sockets) -> None:
    for port in range(10_000, 11_001):
        sockets.listen(network.node.ipv4, port)
    for port in (10_000, 10_500, 11_000):
        sockets.connect(network.peer, network.node.ipv4, port)
    sockets.connect(network.node, network.node.ipv4, 10_999)
    for below in (11_000, 11_001):
        found = seen(network, lambda port, below=below: port < below)  # type: ignore[misc]
        assert [flow.port for flow in found if flow.peer == network.peer.ipv4] == [
            port for port in (10_000, 10_500, 11_000) if port < below
        ]


def test_one_connection_is_found_by_its_ends(network: Network, sockets: Sockets) -> None:
    listener = sockets.listen("::", dual_stack=True)
    client = sockets.connect(network.peer, network.node.ipv4)
    ends = (*client.getsockname(), *client.getpeername())
    with network.node.entered():
        assert _connections.is_open(*ends)
        assert not _connections.is_open(ends[0], ends[1] + 1, *ends[2:])
        assert not _connections.is_open(network.outsider.ipv4, *ends[1:])
        sockets.accept(listener).close()
        assert not _connections.is_open(*ends)
    with network.peer.entered():
        assert not _connections.is_open(*ends)


def test_the_addresses_of_the_host(network: Network) -> None:
    """Also one of an interface that is down, as kube-proxy's kube-ipvs0 is, and one with another at its other end."""
    network.node.run("ip", "link", "add", "kube-ipvs0", "type", "bridge")
    network.node.run("ip", "address", "add", "10.152.183.1/32", "dev", "kube-ipvs0")
    network.node.run("ip", "address", "add", "192.0.2.1", "peer", "192.0.2.2", "dev", "eth0")
    with network.node.entered():
        found = own_addresses()
    named = {*network.node.addresses, "127.0.0.1", "::1", "10.152.183.1", "192.0.2.1"}
    assert named <= found
    assert all(address.startswith("fe80:") for address in found - named)


FLOOD = """
import socket, sys
address, port, first, count = sys.argv[1], *map(int, sys.argv[2:])
sockets = []
for number in range(first, first + count):
    sockets.append(socket.create_connection((address, port), 5, (f"10.88.{8 + number // 250}.{1 + number % 250}", 0)))
print("connected", flush=True)
sys.stdin.read()
"""


def test_a_flood_of_peers(network: Network, sockets: Sockets) -> None:
    """Two thousand addresses; the time is that of a machine that does something else, too."""
    network.outsider.run("ip", "route", "add", "local", "10.88.8.0/21", "dev", "lo")
    network.node.run("ip", "route", "add", "10.88.8.0/21", "via", network.outsider.ipv4)
    sockets.listen(network.node.ipv4).listen(4096)
    command = ["nsenter", f"--net={network.outsider.netns}", "--", sys.executable, "-c", FLOOD]
    options = [network.node.ipv4, str(PORT), "0", "2000"]
    with subprocess.Popen([*command, *options], stdin=-1, stdout=-1, text=True) as flood:
        try:
            assert flood.stdout is not None
            assert flood.stdout.readline() == "connected\n"
            began = time.monotonic()
            found = seen(network)
            spent = time.monotonic() - began
        finally:
            flood.kill()
    assert len({flow.peer for flow in found}) == len(found) == 2000
    assert spent < 1.0
