# Copyright: (c) 2026, ck8s.ports contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the target shows of datagrams: its rules' counters and its connection tracking, with real packets."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from ansible_collections.ck8s.ports.plugins.module_utils._conntrack import Flow, tracked
from ansible_collections.ck8s.ports.plugins.module_utils._nftables import NftablesBackend
from ansible_collections.ck8s.ports.plugins.module_utils._policy import parse_policy
from ansible_collections.ck8s.ports.plugins.module_utils._probe import DATAGRAM, Outcome, Target, probe
from ansible_collections.ck8s.ports.plugins.plugin_utils import _counters, _fate
from tests.netns.topology import Host, Network, listening

VXLAN = 8472
POLICY = {
    "enforcement": "ports",
    "sets": {"nodes": ["10.88.0.8/29", "fd88::10/124"]},
    "rules": [
        {"id": "vxlan", "protocol": "udp", "ports": [VXLAN], "verdict": "accept", "sources": ["nodes"]},
        {"id": "vxlan", "protocol": "udp", "ports": [VXLAN], "verdict": "drop"},
    ],
}


@pytest.fixture
def in_force(network: Network) -> Iterator[None]:
    """The policy on the node, which has a socket that takes datagrams and says nothing."""
    with network.node.entered():
        backend = NftablesBackend()
        backend.apply(backend.plan(parse_policy(POLICY)))
    with listening(network.node, "udp", "0.0.0.0", VXLAN), listening(network.node, "udp", "::", VXLAN):
        yield
    network.node.run("nft", "flush", "ruleset")


def rules(network: Network) -> list[dict[str, Any]]:
    with network.node.entered():
        return [dict(rule) for rule in NftablesBackend().read().rules]


def tried(network: Network, source: Host, *addresses: str) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    """The probes from there, with what connection tracking on the node knows of them, and what its rules counted."""
    before = rules(network)
    with source.entered():
        outcomes = probe([Target(address, VXLAN, "udp") for address in addresses], timeout=0.3)
    after = rules(network)
    assert {outcome.status for outcome in outcomes} == {"unknown"}
    with network.node.entered():
        known = tracked([flow(outcome, address) for outcome, address in zip(outcomes, addresses, strict=True)])
    results = [
        {"host": address, "sent": outcome.sent, "size": len(DATAGRAM), "tracked": has}
        for outcome, address, has in zip(outcomes, addresses, known, strict=True)
    ]
    return results, _counters.difference({"live": {"present": True, "rules": before}}, {"rules": after})


def flow(outcome: Outcome, address: str) -> Flow:
    assert outcome.source
    assert outcome.source_port
    return Flow("udp", outcome.source, outcome.source_port, address, VXLAN)


def test_who_is_let_in_is_counted_and_tracked(network: Network, in_force: None) -> None:
    results, counts = tried(network, network.peer, *network.node.addresses)
    assert [result["tracked"] for result in results] == [True, True]
    fate = _fate.of_let_in("vxlan", results, counts)
    assert fate.status == _fate.ARRIVED
    # The counter alone proves it, too.
    untold = [{**result, "tracked": None} for result in results]
    fate = _fate.of_let_in("vxlan", untold, counts)
    assert fate.text == "The rule let in 6 packets and 372 bytes, exactly what was sent."


def test_who_is_kept_out_is_counted_and_not_tracked(network: Network, in_force: None) -> None:
    results, counts = tried(network, network.outsider, *network.node.addresses)
    assert [result["tracked"] for result in results] == [False, False]
    fate = _fate.of_kept_out("vxlan", results, counts)
    assert fate.text == "The rule dropped 6 packets and 372 bytes, exactly what was sent."


def test_another_firewall_before_the_rules_is_seen(network: Network, in_force: None) -> None:
    other = "table inet other { chain input { type filter hook input priority -200; udp dport 8472 drop; }; }"
    network.node.run("nft", other)
    results, counts = tried(network, network.peer, network.node.ipv4)
    fate = _fate.of_let_in("vxlan", results, counts)
    assert (results[0]["tracked"], fate.status) == (False, _fate.LOST)
    assert fate.text.startswith("3 datagrams were sent, and the rule let in 0.")


def test_another_firewall_behind_the_rules_is_seen_by_connection_tracking_alone(
    network: Network, in_force: None
) -> None:
    other = "table inet other { chain input { type filter hook input priority 200; udp dport 8472 drop; }; }"
    network.node.run("nft", other)
    results, counts = tried(network, network.peer, network.node.ipv4)
    assert _counters.of_port(counts, "vxlan", "accept") == _counters.Count(3, 156)
    fate = _fate.of_let_in("vxlan", results, counts)
    assert (results[0]["tracked"], fate.status) == (False, _fate.NOT_KNOWN)
    assert "another firewall behind the rules" in fate.text


def test_a_flow_that_is_exempt_from_tracking_has_no_entry(network: Network, in_force: None) -> None:
    exempt = "table inet raw { chain pre { type filter hook prerouting priority -300; udp dport 8472 notrack; }; }"
    network.node.run("nft", exempt)
    results, counts = tried(network, network.peer, network.node.ipv4)
    fate = _fate.of_let_in("vxlan", results, counts)
    assert (results[0]["tracked"], fate.status) == (False, _fate.NOT_KNOWN)
    assert "exempts them from tracking" in fate.text


def test_other_traffic_takes_the_proof_from_the_counter_and_not_from_tracking(network: Network, in_force: None) -> None:
    before = rules(network)
    with network.peer.entered():
        probe([Target(network.node.ipv4, VXLAN, "udp")], timeout=0.1)  # as another node's, meanwhile
        (outcome,) = probe([Target(network.node.ipv4, VXLAN, "udp")], timeout=0.3)
    counts = _counters.difference({"live": {"present": True, "rules": before}}, {"rules": rules(network)})
    with network.node.entered():
        (known,) = tracked([flow(outcome, network.node.ipv4)])
    result = {"host": network.node.ipv4, "sent": 3, "size": len(DATAGRAM), "tracked": None}
    assert _fate.of_let_in("vxlan", [result], counts).status == _fate.NOT_KNOWN
    assert _fate.of_let_in("vxlan", [{**result, "tracked": known}], counts).status == _fate.ARRIVED


def test_where_nothing_tracks_there_is_no_entry(network: Network) -> None:
    with network.outsider.entered():
        assert tracked([Flow("udp", "10.88.0.12", 40000, "10.88.0.99", VXLAN)]) == [False]
