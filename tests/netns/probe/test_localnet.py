# Copyright: (c) 2026, ck8s.ports contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Packets for 127.0.0.1 through the wire, to real hosts with route_localnet and without, with our rule and without."""

from __future__ import annotations

import json
import os
import socket
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from ansible_collections.ck8s.ports.plugins.module_utils._localnet import Outcome, Target, find_neighbours, probe
from ansible_collections.ck8s.ports.plugins.module_utils._nftables import NftablesBackend
from ansible_collections.ck8s.ports.plugins.module_utils._policy import parse_policy
from tests.netns.topology import Host, Network, listening

LISTENS, CLOSED = 10248, 10249
TIMEOUT = 0.6
COLLECTIONS = Path(__file__).parents[3] / "collections"


@pytest.fixture(autouse=True)
def as_it_was(network: Network) -> Iterator[None]:
    with listening(network.node, "tcp", "127.0.0.1", LISTENS):
        yield
    network.node.run("nft", "flush", "ruleset")
    network.node.sysctl("ipv4/conf/all/route_localnet", "0")


def tried(source: Host, host: str) -> list[Outcome]:
    with source.entered():
        return probe([Target(host, LISTENS), Target(host, CLOSED)], TIMEOUT)


def statuses(network: Network) -> list[str]:
    return [outcome.status for outcome in tried(network.peer, network.node.ipv4)]


def test_a_kernel_without_route_localnet_takes_nothing(network: Network) -> None:
    assert statuses(network) == ["silent", "silent"]


@pytest.mark.parametrize("entry", ["all", "eth0"])
def test_with_route_localnet_localhost_answers(network: Network, entry: str) -> None:
    network.node.sysctl(f"ipv4/conf/{entry}/route_localnet", "1")
    try:
        open_one, closed = tried(network.peer, network.node.ipv4)
    finally:
        network.node.sysctl(f"ipv4/conf/{entry}/route_localnet", "0")
    assert (open_one.status, open_one.detail) == ("open", "127.0.0.1 answered the handshake")
    assert closed.status == "refused"
    assert open_one.source == closed.source == network.peer.ipv4


def test_the_rule_of_the_policy_drops_the_packets(network: Network) -> None:
    network.node.sysctl("ipv4/conf/all/route_localnet", "1")
    with network.node.entered():
        backend = NftablesBackend()
        backend.apply(backend.plan(parse_policy({"enforcement": "ports", "rules": []})))
    assert statuses(network) == ["silent", "silent"]
    with network.node.entered():
        (guard,) = [rule for rule in backend.read().rules if rule["id"] == "loopback-guard"]
    assert guard["packets"] == 4  # two rounds


def test_nothing_is_left_of_a_connection_and_nothing_is_changed_here(network: Network) -> None:
    network.node.sysctl("ipv4/conf/all/route_localnet", "1")
    before = [network.peer.run("ip", what, "show").stdout for what in ("address", "route", "rule")]
    assert statuses(network) == ["open", "refused"]
    assert network.node.run("ss", "--no-header", "--tcp", "state", "syn-recv").stdout == ""
    assert [network.peer.run("ip", what, "show").stdout for what in ("address", "route", "rule")] == before


def test_the_service_is_told_of_no_client(network: Network) -> None:
    """The handshake is not completed, so there is nothing to accept."""
    network.node.sysctl("ipv4/conf/all/route_localnet", "1")
    with listening(network.node, "tcp", "127.0.0.1", CLOSED) as listener:
        assert statuses(network) == ["open", "open"]
        listener.settimeout(0.2)
        with pytest.raises(socket.timeout):
            listener.accept()


def test_who_is_no_neighbour_cannot_be_tried(network: Network) -> None:
    for address in ("203.0.113.1", "10.88.0.200"):  # without a route, without such a host
        outcomes = tried(network.peer, address)
        assert {outcome.status for outcome in outcomes} == {"unreachable"}
        assert outcomes[0].detail.startswith("no neighbour")


def test_neighbours_are_found_once_for_all_their_ports(network: Network) -> None:
    with network.peer.entered():
        found = find_neighbours({network.node.ipv4, network.outsider.ipv4})
    assert {neighbour.interface for neighbour in found.values()} == {"eth0"}
    link = json.loads(network.node.run("ip", "-json", "link", "show", "dev", "eth0").stdout)[0]
    assert found[network.node.ipv4].hardware.hex(":") == link["address"]


def test_without_the_right_to_send_raw_packets_nothing_is_known(network: Network) -> None:
    script = (
        "import sys\n"
        "from ansible_collections.ck8s.ports.plugins.module_utils._localnet import Target, probe\n"
        "print([outcome.status for outcome in probe([Target(sys.argv[1], 10248)], 0.2)])\n"
    )
    output = network.peer.run(
        *("setpriv", "--bounding-set=-net_raw", "--inh-caps=-net_raw", sys.executable, "-c", script),
        network.node.ipv4,
        env={**os.environ, "PYTHONPATH": str(COLLECTIONS)},
    ).stdout
    assert output.strip() == "['error']"
