# Copyright: (c) 2026, ck8s.ports contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Listeners for the time of a probe: where they listen, whom they leave alone, and that they always end."""

from __future__ import annotations

import os
import signal
import socket
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.ck8s.ports.plugins.module_utils import _sock_diag
from ansible_collections.ck8s.ports.plugins.module_utils._probe import Target, probe
from ansible_collections.ck8s.ports.plugins.module_utils._temporary_listeners import start, stop
from tests.netns.topology import Host, Network, listening

PORT = 10259


@pytest.fixture(autouse=True)
def nothing_is_left(network: Network) -> Iterator[None]:
    yield
    assert listening_ports(network.node) == set()


def listening_ports(host: Host) -> set[tuple[str, int | None]]:
    with host.entered():
        return {
            (protocol, sock.port)
            for protocol in ("tcp", "udp")
            for family in ("ipv4", "ipv6")
            for sock in _sock_diag.listening(protocol, family)[0]
        }


def started(network: Network, *listeners: dict[str, Any], lifetime: int = 20) -> tuple[str | None, list[str]]:
    with network.node.entered():
        token, results = start(list(listeners), lifetime)
    return token, [result["status"] for result in results]


def stopped(network: Network, token: str | None) -> list[dict[str, Any]] | None:
    assert token
    with network.node.entered():
        return stop(token)


def tcp(address: str, port: int = PORT) -> dict[str, Any]:
    return {"protocol": "tcp", "address": address, "port": port}


def udp(address: str, port: int = 8472) -> dict[str, Any]:
    return {"protocol": "udp", "address": address, "port": port}


def tried(network: Network, protocol: str, *addresses: str) -> list[str]:
    port = PORT if protocol == "tcp" else 8472
    with network.peer.entered():
        outcomes = probe([Target(address, port, protocol) for address in addresses], timeout=1.0, reset_wait=0.2)
    return [outcome.status for outcome in outcomes]


@pytest.mark.parametrize("protocol", ["tcp", "udp"])
@pytest.mark.parametrize(
    ("where", "statuses"),
    [
        ("wildcard", ["open", "open"]),
        ("ipv4", ["open", "refused"]),
        ("ipv6", ["refused", "open"]),
        ("loopback", ["refused", "refused"]),
    ],
)
def test_they_listen_exactly_there(network: Network, protocol: str, where: str, statuses: list[str]) -> None:
    address = {"wildcard": "::", "loopback": "127.0.0.1"}.get(where) or getattr(network.node, where)
    token, became = started(network, tcp(address) if protocol == "tcp" else udp(address))
    assert became == ["listening"]
    assert tried(network, protocol, *network.node.addresses) == statuses
    clients = stopped(network, token)
    assert clients
    assert (clients[0]["clients"] > 0) == ("open" in statuses)
    assert stopped(network, token) is None


@pytest.mark.parametrize("held", ["0.0.0.0", "127.0.0.1"])
def test_a_port_with_a_listener_is_left_alone(network: Network, held: str) -> None:
    with listening(network.node, "tcp", held, PORT):
        token, became = started(network, tcp(network.node.ipv6), tcp("127.0.0.1", PORT + 1))
        assert became == ["in_use", "listening"]
        stopped(network, token)
        assert started(network, tcp(network.node.ipv6)) == (None, ["in_use"])


def test_an_address_that_is_not_of_this_host_is_a_failure(network: Network) -> None:
    with network.node.entered():
        token, (result,) = start([tcp("203.0.113.1")], 20)
    assert (token, result["status"], result["detail"][:13]) == (None, "failed", "EADDRNOTAVAIL")


def test_they_end_by_themselves(network: Network) -> None:
    token, _ = started(network, tcp("::"), lifetime=1)
    assert listening_ports(network.node) == {("tcp", PORT)}
    assert gone_within(network, seconds=3)
    assert stopped(network, token) is None


def test_one_that_hangs_is_killed(network: Network) -> None:
    token, _ = started(network, tcp("::"))
    os.kill(holder(network), signal.SIGSTOP)
    assert stopped(network, token) is None
    assert gone_within(network, seconds=2)


def test_clients_do_not_keep_them(network: Network) -> None:
    token, _ = started(network, tcp("::"))
    with network.peer.entered():
        clients = [socket.create_connection((network.node.ipv4, PORT), timeout=2) for _ in range(40)]
    stopped(network, token)
    assert listening_ports(network.node) == set()
    # Nor does the kernel keep the port for the end of their connections: the service can have it at once.
    token, became = started(network, tcp("::"))
    assert became == ["listening"]
    stopped(network, token)
    for client in clients:
        client.close()


def test_only_the_datagram_of_the_probe_is_answered(network: Network) -> None:
    token, _ = started(network, udp("0.0.0.0"))
    with network.peer.entered(), socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
        client.settimeout(0.3)
        client.sendto(b"amplify this", (network.node.ipv4, 8472))
        with pytest.raises(socket.timeout):
            client.recv(64)
    stopped(network, token)


def test_they_hold_nothing_of_the_process_that_started_them(network: Network) -> None:
    reading, writing = os.pipe()
    os.set_inheritable(writing, True)
    token, _ = started(network, tcp("::"))
    os.close(writing)
    os.set_blocking(reading, False)
    assert os.read(reading, 1) == b""  # the end: nobody else has it open
    os.close(reading)
    stopped(network, token)


def holder(network: Network) -> int:
    """The pid of the process that listens on the node."""
    (line,) = network.node.run("ss", "--no-header", "--tcp", "--listening", "--processes").stdout.splitlines()
    return int(line.split("pid=")[1].split(",")[0])


def gone_within(network: Network, seconds: float) -> bool:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if not listening_ports(network.node):
            return True
        time.sleep(0.05)
    return False


def test_the_process_has_no_rights_left_where_it_can_give_them_up(network: Network) -> None:
    token, _ = started(network, tcp("::"))
    status = Path(f"/proc/{holder(network)}/status").read_text(encoding="ascii")
    uid = next(line.split()[1] for line in status.splitlines() if line.startswith("Uid:"))
    # In a user namespace with one user there is no other one to become.
    mapped = Path("/proc/self/uid_map").read_text(encoding="ascii").split()[2]
    assert uid == ("0" if mapped == "1" else "65534")
    stopped(network, token)
