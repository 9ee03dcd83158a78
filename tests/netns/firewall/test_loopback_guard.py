# Copyright: (c) 2026, ck8s.ports contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Packets for the loopback addresses from the wire (CVE-2020-8558), and the answers that must still get in."""

from __future__ import annotations

import socket
import struct
from typing import Any

import pytest

from tests.netns.topology import Host, Network, listening, tcp_fate, three_hosts

PORT = 10248
NO_RULES: dict[str, Any] = {"enforcement": "ports", "rules": []}


@pytest.fixture(scope="module")
def network() -> Any:
    """As after kube-proxy has started, with a peer that sends what it has for 127.0.0.1 to the node."""
    with three_hosts() as made:
        for host in (made.node, made.peer):
            host.sysctl("ipv4/conf/all/route_localnet", "1")
        made.peer.run("ip", "address", "delete", "127.0.0.1/8", "dev", "lo")
        made.peer.run("ip", "route", "add", "127.0.0.1", "via", made.node.ipv4, "src", made.peer.ipv4)
        yield made


def test_a_localhost_service_is_reached_from_the_wire_until_the_table_is_there(network: Network, firewall: Any) -> None:
    with listening(network.node, "tcp", "127.0.0.1", PORT):
        assert tcp_fate(network.peer, "127.0.0.1", PORT) == "open"  # the attack works
        firewall.apply(NO_RULES)
        assert tcp_fate(network.peer, "127.0.0.1", PORT) == "silent"
        assert tcp_fate(network.node, "127.0.0.1", PORT) == "open"

    (guard,) = [rule for rule in firewall.read().rules if rule["id"] == "loopback-guard"]
    assert guard["packets"] == 1


def test_a_datagram_for_127_0_0_1_is_dropped(network: Network, firewall: Any) -> None:
    with listening(network.node, "udp", "127.0.0.1", PORT) as listener:
        listener.settimeout(0.3)
        send_on_the_wire(network, ipv4_datagram(network.peer.ipv4, "127.0.0.1", PORT, b"before"), 0x0800)
        assert listener.recv(64) == b"before"
        firewall.apply(NO_RULES)
        send_on_the_wire(network, ipv4_datagram(network.peer.ipv4, "127.0.0.1", PORT, b"after"), 0x0800)
        with pytest.raises(TimeoutError):
            listener.recv(64)


def test_the_kernel_itself_drops_a_datagram_for_the_ipv6_loopback_address(network: Network) -> None:
    """So no rule is needed for it. The same packet for the node's own address arrives: it is well made."""
    with listening(network.node, "udp", "::", PORT) as listener:
        listener.settimeout(0.3)
        send_on_the_wire(network, ipv6_datagram(network.peer.ipv6, network.node.ipv6, PORT, b"well made"), 0x86DD)
        assert listener.recv(64) == b"well made"
        send_on_the_wire(network, ipv6_datagram(network.peer.ipv6, "::1", PORT, b"for loopback"), 0x86DD)
        with pytest.raises(TimeoutError):
            listener.recv(64)


def test_a_local_client_of_a_nodeport_on_127_0_0_1_gets_its_answers(network: Network, firewall: Any) -> None:
    """kube-proxy turns such a connection towards a pod; its answers come in on eth0, turned back to 127.0.0.1."""
    firewall.nft("add", "table", "ip", "kube-proxy")
    firewall.nft("add", "chain", "ip", "kube-proxy", "output", "{ type nat hook output priority -100; }")
    firewall.nft("add", "chain", "ip", "kube-proxy", "post", "{ type nat hook postrouting priority 100; }")
    firewall.nft(
        "add", "rule", "ip", "kube-proxy", "output",
        "ip", "daddr", "127.0.0.1", "tcp", "dport", "30080", "dnat", "to", f"{network.outsider.ipv4}:8080",
    )  # fmt: skip
    firewall.nft("add", "rule", "ip", "kube-proxy", "post", "oifname", "eth0", "masquerade")
    with listening(network.outsider, "tcp", network.outsider.ipv4, 8080):
        assert tcp_fate(network.node, "127.0.0.1", 30080) == "open"
        firewall.apply(NO_RULES)
        assert tcp_fate(network.node, "127.0.0.1", 30080) == "open"


def send_on_the_wire(network: Network, packet: bytes, ethertype: int) -> None:
    """Send a packet from the peer to the node's interface, whatever its routes say."""
    with network.peer.entered(), socket.socket(socket.AF_PACKET, socket.SOCK_RAW) as sender:
        sender.bind(("eth0", ethertype))
        sender.send(mac_of(network.node) + mac_of(network.peer) + struct.pack("!H", ethertype) + packet)


def mac_of(host: Host) -> bytes:
    link = host.run("ip", "-o", "link", "show", "dev", "eth0").stdout
    return bytes.fromhex(link.split("link/ether ")[1].split()[0].replace(":", ""))


def udp(port: int, payload: bytes) -> bytes:
    return struct.pack("!HHHH", 40000, port, 8 + len(payload), 0) + payload


def ipv4_datagram(source: str, target: str, port: int, payload: bytes) -> bytes:
    body = udp(port, payload)  # checksum 0: none
    addresses = socket.inet_aton(source) + socket.inet_aton(target)
    header = struct.pack("!BBHHHBBH", 0x45, 0, 20 + len(body), 1, 0, 64, socket.IPPROTO_UDP, 0) + addresses
    return header[:10] + struct.pack("!H", checksum(header)) + header[12:] + body


def ipv6_datagram(source: str, target: str, port: int, payload: bytes) -> bytes:
    body = udp(port, payload)
    addresses = socket.inet_pton(socket.AF_INET6, source) + socket.inet_pton(socket.AF_INET6, target)
    pseudo_header = addresses + struct.pack("!II", len(body), socket.IPPROTO_UDP)
    body = body[:6] + struct.pack("!H", checksum(pseudo_header + body)) + body[8:]
    return struct.pack("!IHBB", 0x60000000, len(body), socket.IPPROTO_UDP, 64) + addresses + body


def checksum(data: bytes) -> int:
    """Return the internet checksum (RFC 1071)."""
    if len(data) % 2:
        data += b"\0"
    total: int = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total > 0xFFFF:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF
