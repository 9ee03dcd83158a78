# Copyright: (c) 2026, ck8s.ports contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Audit mode with real packets: nothing is dropped, all is noted, and from one mode to the other there is no gap."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from typing import Any

import pytest

from ansible_collections.ck8s.ports.plugins.module_utils._nft_audit import SIZE
from ansible_collections.ck8s.ports.plugins.module_utils._nftables import NftablesBackend
from ansible_collections.ck8s.ports.plugins.module_utils._policy import parse_policy
from tests.netns.firewall.test_under_load import start
from tests.netns.topology import ARRIVED, Host, Network, listening, tcp_fate, udp_fate

ALLOWED, REFUSED, UNSEEN = 6443, 2380, 10248
ENFORCE: dict[str, Any] = {
    "enforcement": "ports",
    "sets": {"friends": ["10.88.0.12", "fd88::12"]},
    "rules": [
        {"id": "web", "protocol": "tcp", "ports": [ALLOWED], "verdict": "accept", "sources": ["friends"]},
        {"id": "web", "protocol": "tcp", "ports": [ALLOWED], "verdict": "drop"},
        {"id": "etcd-peer", "protocol": "tcp", "ports": [REFUSED], "verdict": "drop"},
        {"id": "vxlan", "protocol": "udp", "ports": [8472], "verdict": "drop"},
    ],
}
AUDIT = {**ENFORCE, "mode": "audit"}


def learned(firewall: Any) -> list[tuple[str, str, int, int]]:
    return [(entry["source"], entry["protocol"], entry["port"], entry["packets"]) for entry in firewall.read().learned]


def fates(network: Network) -> dict[tuple[str, str, int], str]:
    """What each host's attempts to reach the node's ports have met, over both families."""
    found = {}
    for address in network.node.addresses:
        for port in (ALLOWED, REFUSED):
            with listening(network.node, "tcp", address, port):
                for source in (network.peer, network.outsider):
                    found[source.name, address, port] = tcp_fate(source, address, port)
        with listening(network.node, "udp", address, 8472) as listener:
            found[network.outsider.name, address, 8472] = udp_fate(network.outsider, listener, address, 8472)
    return found


def test_nothing_is_dropped_and_all_is_noted(network: Network, firewall: Any) -> None:
    firewall.apply(AUDIT)
    assert set(fates(network).values()) == {"open", ARRIVED}
    peer, outsider = network.peer, network.outsider
    assert learned(firewall) == [
        (peer.ipv4, "tcp", REFUSED, 1),
        (outsider.ipv4, "tcp", REFUSED, 1),
        (peer.ipv6, "tcp", REFUSED, 1),
        (outsider.ipv6, "tcp", REFUSED, 1),
        (outsider.ipv4, "tcp", ALLOWED, 1),
        (outsider.ipv6, "tcp", ALLOWED, 1),
        (outsider.ipv4, "udp", 8472, 1),
        (outsider.ipv6, "udp", 8472, 1),
    ]
    live = firewall.read()
    counted = {rule["id"]: rule["packets"] for rule in live.rules if " goto learn " in str(rule["text"])}
    assert counted == {"loopback-guard": 0, "web": 2, "etcd-peer": 4, "vxlan": 2}
    assert live.audit and live.learned_all
    assert all(604_700 < entry["expires"] <= 604_800 for entry in live.learned)

    firewall.apply(ENFORCE)
    met = fates(network)
    assert {key for key, fate in met.items() if fate == "open"} == {
        (network.peer.name, address, ALLOWED) for address in network.node.addresses
    }
    assert not firewall.read().audit and firewall.read().learned == []


def test_what_comes_for_127_is_noted_too(network: Network, firewall: Any) -> None:
    firewall.apply(AUDIT)
    network.node.sysctl("ipv4/conf/eth0/route_localnet", "1")
    network.peer.sysctl("ipv4/conf/eth0/route_localnet", "1")
    network.peer.run("ip", "route", "add", "127.0.0.9/32", "via", network.node.ipv4, "src", network.peer.ipv4)
    network.peer.run("ip", "rule", "add", "to", "127.0.0.9", "lookup", "main", "priority", "0")
    network.peer.run("ip", "rule", "del", "lookup", "local", "priority", "0")
    network.peer.run("ip", "rule", "add", "lookup", "local", "priority", "1")
    try:
        with listening(network.node, "udp", "127.0.0.9", UNSEEN) as listener:
            assert udp_fate(network.peer, listener, "127.0.0.9", UNSEEN) == ARRIVED
            assert (network.peer.ipv4, "udp", UNSEEN, 1) in learned(firewall)
            firewall.apply(ENFORCE)
            assert udp_fate(network.peer, listener, "127.0.0.9", UNSEEN) != ARRIVED
    finally:
        network.peer.run("ip", "rule", "add", "lookup", "local", "priority", "0")
        network.peer.run("ip", "rule", "del", "lookup", "local", "priority", "1")
        network.peer.run("ip", "rule", "del", "to", "127.0.0.9", "lookup", "main", "priority", "0")
        network.peer.run("ip", "route", "del", "127.0.0.9/32")


def test_default_deny_in_audit_mode(network: Network, firewall: Any) -> None:
    firewall.apply({**AUDIT, "enforcement": "default_deny"})
    with listening(network.node, "tcp", network.node.ipv4, 7777):
        assert tcp_fate(network.outsider, network.node.ipv4, 7777) == "open"
    assert (network.outsider.ipv4, "tcp", 7777, 1) in learned(firewall)


def test_other_firewalls_drop_what_they_drop(network: Network, firewall: Any) -> None:
    firewall.nft("add table inet theirs")
    firewall.nft("add chain inet theirs input { type filter hook input priority 0; policy accept; }")
    firewall.nft(f"add rule inet theirs input tcp dport {REFUSED} drop")
    firewall.apply(AUDIT)
    with listening(network.node, "tcp", network.node.ipv4, REFUSED):
        assert tcp_fate(network.peer, network.node.ipv4, REFUSED) == "silent"
    assert [entry[:3] for entry in learned(firewall)] == [(network.peer.ipv4, "tcp", REFUSED)]


def knock(network: Network, source: Host, port: int = REFUSED) -> None:
    with listening(network.node, "tcp", network.node.ipv4, port):
        assert tcp_fate(source, network.node.ipv4, port) == "open"


def test_what_is_noted_is_no_change_and_a_run_without_one_keeps_it(network: Network, firewall: Any) -> None:
    assert firewall.apply(AUDIT).changed
    knock(network, network.peer)
    before = re.sub(r"expires \w+", "", firewall.nft("-a", "list", "ruleset"))
    assert "counter packets 1 " in before and network.peer.ipv4 in before
    assert not firewall.plan(AUDIT).changed
    assert not firewall.apply(AUDIT).changed
    assert re.sub(r"expires \w+", "", firewall.nft("-a", "list", "ruleset")) == before
    assert firewall.plan(ENFORCE).changed


def test_another_policy_in_audit_mode_keeps_what_was_noted(network: Network, firewall: Any) -> None:
    firewall.apply(AUDIT)
    knock(network, network.peer)
    assert firewall.apply({**AUDIT, "rules": AUDIT["rules"][2:]}).changed
    knock(network, network.outsider)
    assert [entry[0] for entry in learned(firewall)] == [network.peer.ipv4, network.outsider.ipv4]


@pytest.mark.parametrize("change", ["a rule by hand", "a set by hand", "an element by hand", "the chain emptied"])
def test_drift_is_found_in_audit_mode_too(network: Network, firewall: Any, change: str) -> None:
    firewall.apply(AUDIT)
    knock(network, network.peer)
    firewall.nft(
        *{
            "a rule by hand": ("insert", "rule", "inet", "ck8s_ports", "learn", "drop"),
            "a set by hand": ("add", "set", "inet", "ck8s_ports", "mine", "{ type ipv4_addr; flags dynamic,timeout; }"),
            "an element by hand": (
                *("add", "element", "inet", "ck8s_ports"),
                next(name for name in re.findall(r"set (\S+) {", firewall.nft("list", "ruleset")) if "friends" in name),
                "{ 192.0.2.1 }" if "friends_v4" in firewall.nft("list", "ruleset") else "{ fd99::1 }",
            ),
            "the chain emptied": ("flush", "chain", "inet", "ck8s_ports", "learn"),
        }[change]
    )
    assert firewall.plan(AUDIT).changed
    assert firewall.apply(AUDIT).changed
    assert not firewall.plan(AUDIT).changed


@pytest.mark.parametrize(("before", "after"), [(AUDIT, ENFORCE), (ENFORCE, AUDIT), (AUDIT, None)])
def test_the_way_back_loads_whatever_has_been_noted(
    network: Network, firewall: Any, before: dict[str, Any], after: dict[str, Any] | None
) -> None:
    firewall.apply(before)
    if before is AUDIT:
        for source in (network.peer, network.outsider):
            knock(network, source)
    with network.node.entered():
        backend = NftablesBackend()
        plan = backend.plan(None if after is None else parse_policy(after))
        way_back = backend.previous(plan)
        backend.apply(plan)
        subprocess.run([*way_back.command, "-"], input=way_back.text, text=True, check=True)
        assert not backend.plan(parse_policy(before)).changed
        # And what the next boot loads.
        boot = backend.wanted(parse_policy(before))
        assert boot is not None
        subprocess.run([*boot.command, "-"], input=boot.text, text=True, check=True)
        assert not backend.plan(parse_policy(before)).changed


MANY = """
import socket, sys
address, port, count = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
for number in range(count):
    with socket.socket(type=socket.SOCK_DGRAM) as sender:
        sender.bind((f"10.99.{number // 250}.{1 + number % 250}", 0))
        sender.sendto(b"x", (address, port))
"""


def test_a_full_set_does_not_matter(network: Network, firewall: Any) -> None:
    """More sources than there is room for: their packets arrive all the same, and the bound holds."""
    network.outsider.run("ip", "route", "add", "local", "10.99.0.0/16", "dev", "lo")
    network.node.run("ip", "route", "add", "10.99.0.0/16", "via", network.outsider.ipv4)
    network.node.sysctl("ipv4/conf/eth0/rp_filter", "0")
    firewall.apply(AUDIT)
    sources = SIZE + 500
    with listening(network.node, "udp", network.node.ipv4, 8472) as listener:
        command = [sys.executable, "-c", MANY, network.node.ipv4, "8472", str(sources)]
        network.outsider.run(*command)
        vxlan = next(rule for rule in firewall.read().rules if rule["id"] == "vxlan")
        assert vxlan["packets"] == sources
        assert udp_fate(network.peer, listener, network.node.ipv4, 8472) in (ARRIVED, "lost")  # its buffer is full
    live = firewall.read()
    assert SIZE <= len(live.learned) <= SIZE + 8  # the kernel's counter of a set's elements may be some ahead
    assert not live.learned_all
    knock(network, network.peer)
    assert not firewall.plan(AUDIT).changed


@pytest.fixture
def server(network: Network) -> Iterator[None]:
    address = network.node.ipv4
    process = start(network.node, "serve", address, ALLOWED, REFUSED)
    try:
        for _ in range(200):
            if tcp_fate(network.peer, address, REFUSED, timeout=0.05) == "open":
                break
        yield
    finally:
        process.kill()
        process.communicate()


def test_from_one_mode_to_the_other_and_back_under_load(network: Network, firewall: Any, server: None) -> None:
    firewall.apply(AUDIT)
    client = start(network.peer, network.node.ipv4, ALLOWED, REFUSED)
    try:
        time.sleep(0.2)
        for _ in range(8):
            assert firewall.apply(ENFORCE).changed
            assert firewall.apply(AUDIT).changed
        output, _ = client.communicate(timeout=30)
    finally:
        client.kill()
        client.wait()
    counts = json.loads(output)
    assert counts["allowed"]["tried"] > 50
    assert counts["allowed"]["failed"] == 0
    assert counts["allowed"]["slowest"] < 1.0, "a packet was lost and sent again"
    assert 0 < counts["refused"]["open"] < counts["refused"]["tried"]


def test_once_it_is_enforced_nobody_who_is_refused_gets_in(network: Network, firewall: Any, server: None) -> None:
    """Attempts without a pause: from the first one that meets a drop on, none succeeds."""
    firewall.apply(AUDIT)
    watch = (
        "import socket, sys, time\n"
        "outcomes = []\n"
        "end = time.monotonic() + 30\n"
        "while time.monotonic() < end and outcomes[-300:].count(False) < 300:\n"
        "    with socket.socket() as client:\n"
        "        client.settimeout(0.005)\n"
        "        try: client.connect((sys.argv[1], int(sys.argv[2]))); outcomes.append(True)\n"
        "        except OSError: outcomes.append(False)\n"
        "print(''.join('o' if one else '.' for one in outcomes))\n"
    )
    command = ["nsenter", f"--net={network.outsider.netns}", "--", sys.executable, "-c", watch]
    options = [network.node.ipv4, str(REFUSED)]
    with subprocess.Popen([*command, *options], stdout=subprocess.PIPE, text=True) as client:
        time.sleep(0.5)
        firewall.apply(ENFORCE)
        switched = time.monotonic()
        seen, _ = client.communicate(timeout=40)
    assert time.monotonic() - switched > 1
    assert seen.count("o") > 20, "none before"
    assert re.fullmatch(r"[o.]*o\.{300,}\n", seen), seen
    # An attempt that is given up early may look refused before the switch, on a busy machine; never the reverse.
    assert seen.rstrip("\n").rstrip(".").count(".") < 20, seen
