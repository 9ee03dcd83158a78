# Copyright: (c) 2026, ck8s.ports contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every port, tried by everyone in and around a cluster, over both families: least_privilege and default_deny.

The whole way is the real one: profile, policy, table in the kernel, packets. Something listens on every port, so that
the rules alone decide. The pod is behind an interface of the node that has the name that Cilium gives them.
"""

from __future__ import annotations

import contextlib
import itertools
import os
import select
import socket
import struct
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from ansible_collections.ck8s.ports.plugins.module_utils._nftables import NftablesBackend
from ansible_collections.ck8s.ports.plugins.module_utils._policy import parse_policy
from ansible_collections.ck8s.ports.plugins.module_utils._probe import Target, probe
from ansible_collections.ck8s.ports.plugins.plugin_utils._audiences import Access
from ansible_collections.ck8s.ports.plugins.plugin_utils._firewall_policy import policy
from ansible_collections.ck8s.ports.plugins.plugin_utils._profile import profile
from tests.netns.topology import Host, listening, some_hosts, tcp_fate

FAMILIES = ("ipv4", "ipv6")
ENFORCEMENTS = ("ports", "default_deny")
# No control plane has k8s-dqlite beside etcd; this one does, so that every port is tried at once.
CONTROL_PLANE = {
    "edition": "2025-08",
    "role": "control_plane",
    "datastore": "etcd",
    "features": ["kube-proxy"],
    "overrides": {"etcd-peer": {"scope": "external"}, "k8s-dqlite": {"presence": "required"}},
}
PROFILES = {
    "control_plane": profile(CONTROL_PLANE),
    "worker": profile({**CONTROL_PLANE, "role": "worker", "overrides": {}}),
}

HOSTS = {"node": 11, "control_plane": 12, "worker": 13, "monitor": 14, "outsider": 99}
POD = "pod"
POD_ADDRESSES = ("10.1.0.7", "fd01::7")
GATEWAYS = ("10.1.0.1", "fd01::1")
SOURCES = (*HOSTS, POD)

CONTROL_PLANES, NODES, MONITORS = {"node", "control_plane"}, {"node", "control_plane", "worker"}, {"node", "monitor"}
SSH, UNGOVERNED = 22, 8080
LET_IN = {
    "control_plane": {
        2379: CONTROL_PLANES,
        2380: CONTROL_PLANES,
        4240: NODES,
        4244: MONITORS,
        6400: NODES,
        6443: set(SOURCES),
        8472: NODES,
        9000: CONTROL_PLANES,
        9963: MONITORS,
        10250: {*NODES, POD},
        10257: MONITORS,
        10259: MONITORS,
    },
    "worker": {
        4240: NODES,
        4244: MONITORS,
        6400: NODES,
        6443: {"node"},
        8472: NODES,
        9963: MONITORS,
        10250: {*NODES, POD},
    },
}
LOCALHOST = (9234, 9879, 9890, 9891, 10248, 10249, 10256)

Cluster = dict[str, Host]
Fates = dict[tuple[str, str, int, str, str], bool]


def access(hosts: Cluster, enforcement: str) -> Access:
    known = {role: {role: list(hosts[role].addresses)} for role in ("control_plane", "worker")}
    known["control_plane"]["node"] = list(hosts["node"].addresses)
    return Access(
        exposure="least_privilege",
        enforcement=enforcement,
        addresses={"known": known, "unknown": {}},
        pod_cidrs=["10.1.0.0/16", "fd01::/64"],
        monitoring_sources=[f"{hosts['monitor'].ipv4}/32", f"{hosts['monitor'].ipv6}/128"],
    )


def apply(hosts: Cluster, role: str, enforcement: str) -> None:
    made = policy(PROFILES[role], access=access(hosts, enforcement))
    with hosts["node"].entered():
        backend = NftablesBackend()
        backend.apply(backend.plan(parse_policy(made)))


@pytest.fixture(scope="module")
def hosts() -> Iterator[Cluster]:
    """The hosts of a network, and a pod on the node."""
    with some_hosts({**HOSTS, POD: 77}) as made:
        node, pod = made["node"], made[POD]
        # Its cable leads to the node alone, not to the network.
        pod.run("ip", "link", "delete", "eth0")
        node.run(
            "ip", "link", "add", "lxc0123456789ab", "type", "veth", "peer", "name", "eth0", "netns", str(pod.netns)
        )
        for place, device, addresses in ((node, "lxc0123456789ab", GATEWAYS), (pod, "eth0", POD_ADDRESSES)):
            for address, length in zip(addresses, ("16", "64"), strict=True):
                nodad = ["nodad"] if ":" in address else []
                place.run("ip", "address", "add", f"{address}/{length}", "dev", device, *nodad)
            place.run("ip", "link", "set", device, "up")
        for gateway in GATEWAYS:
            pod.run("ip", "route", "add", "default", "via", gateway)
        yield {**made, POD: Host(POD, pod.netns, *POD_ADDRESSES)}


@pytest.fixture(scope="module")
def fates(hosts: Cluster) -> Fates:
    """Whether each attempt arrived, by the node's role, enforcement, port, source and family."""
    seen: Fates = {}
    with contextlib.ExitStack() as stack:
        tcp = sorted({*LET_IN["control_plane"], *LOCALHOST, SSH, UNGOVERNED} - {8472})
        udp = {
            family: stack.enter_context(
                listening(hosts["node"], "udp", {"ipv4": "0.0.0.0", "ipv6": "::"}[family], 8472)
            )
            for family in FAMILIES
        }
        for port, address in itertools.product(tcp, ("0.0.0.0", "::")):
            stack.enter_context(listening(hosts["node"], "tcp", address, port))
        for role, enforcement in itertools.product(PROFILES, ENFORCEMENTS):
            apply(hosts, role, enforcement)
            tries = list(itertools.product(SOURCES, FAMILIES))
            with ThreadPoolExecutor(len(tries)) as pool:
                outcomes = pool.map(lambda one: connect(hosts, one[0], one[1], tcp), tries)
            for (source, family), opened in zip(tries, outcomes, strict=True):
                for port in tcp:
                    seen[role, enforcement, port, source, family] = port in opened
            for family in FAMILIES:
                arrived = send(hosts, family, udp[family])
                for source in SOURCES:
                    seen[role, enforcement, 8472, source, family] = source in arrived
    return seen


def connect(hosts: Cluster, source: str, family: str, ports: list[int]) -> set[int]:
    """The ports of the node to which a connection from C(source) is possible."""
    address = getattr(hosts["node"], family)
    with hosts[source].entered():
        outcomes = probe([Target(address, port) for port in ports], timeout=0.5)
    assert {outcome.status for outcome in outcomes} <= {"open", "silent"}
    return {port for port, outcome in zip(ports, outcomes, strict=True) if outcome.status == "open"}


def send(hosts: Cluster, family: str, listener: socket.socket) -> set[str]:
    """The sources from which a datagram to the listener has arrived."""
    words = {os.urandom(8): source for source in SOURCES}
    for word, source in words.items():
        with hosts[source].entered(), socket.socket(listener.family, socket.SOCK_DGRAM) as sender:
            sender.sendto(word, (getattr(hosts["node"], family), listener.getsockname()[1]))
    arrived = set()
    while select.select([listener], [], [], 0.3)[0]:
        arrived.add(words[listener.recv(64)])
    return arrived


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("source", SOURCES)
@pytest.mark.parametrize("enforcement", ENFORCEMENTS)
@pytest.mark.parametrize("role", PROFILES)
def test_who_reaches_what(fates: Fates, role: str, enforcement: str, source: str, family: str) -> None:
    wanted = {port: source in who for port, who in LET_IN[role].items()}
    wanted |= dict.fromkeys(LOCALHOST, source == "node")
    wanted |= {SSH: True, UNGOVERNED: enforcement == "ports" or source == "node"}
    for port in set(LET_IN["control_plane"]) - set(wanted):  # not of a worker
        wanted[port] = wanted[UNGOVERNED]
    seen = {port: fates[role, enforcement, port, source, family] for port in wanted}
    assert seen == wanted


@pytest.fixture
def closed(hosts: Cluster) -> Cluster:
    """A worker with default_deny, which knows no neighbour yet and is known to none."""
    apply(hosts, "worker", "default_deny")
    for host in hosts.values():
        host.run("ip", "neighbour", "flush", "all")
    return hosts


def rule_packets(hosts: Cluster, name: str) -> list[int | str | None]:
    with hosts["node"].entered():
        return [rule["packets"] for rule in NftablesBackend().read().rules if rule["id"] == name]


def test_an_address_of_a_pod_is_believed_only_where_pods_are(closed: Cluster) -> None:
    closed["outsider"].run("ip", "address", "add", "10.1.0.9/32", "dev", "lo")
    node = closed["node"].ipv4
    before = rule_packets(closed, "kubelet")
    with closed["outsider"].entered(), socket.socket() as liar:
        liar.bind(("10.1.0.9", 0))
        liar.settimeout(0.3)
        with pytest.raises(TimeoutError):
            liar.connect((node, 10250))
    after = rule_packets(closed, "kubelet")
    # Counted by the last rule, the drop, and by none of those that let pods in.
    assert (after[:-1], int(after[-1] or 0) > int(before[-1] or 0)) == (before[:-1], True)


def is_echoed(host: Host, address: str) -> bool:
    """Whether an ICMP echo request from C(host) is answered (type 8 by 0, in IPv6 128 by 129)."""
    word = os.urandom(8)
    family, protocol, kind = (
        (socket.AF_INET6, socket.IPPROTO_ICMPV6, 128) if ":" in address else (socket.AF_INET, socket.IPPROTO_ICMP, 8)
    )
    request = struct.pack("!BBHHH", kind, 0, 0, 1, 1) + word
    # The kernel fills in the checksum of ICMPv6 alone.
    total = sum(struct.unpack("!8H", request))
    checksum = 0xFFFF - (total % 0xFFFF or 0xFFFF)
    with host.entered(), socket.socket(family, socket.SOCK_RAW, protocol) as echo:
        echo.sendto(request[:2] + struct.pack("!H", checksum) + request[4:], (address, 0))
        while select.select([echo], [], [], 2)[0]:
            answer = echo.recv(256)
            if answer.endswith(word) and answer[-16] != kind:
                return True
    return False


@pytest.mark.parametrize("source", ["outsider", POD])
@pytest.mark.parametrize("family", FAMILIES)
def test_a_new_neighbour_finds_the_node_and_is_answered(closed: Cluster, family: str, source: str) -> None:
    address = getattr(closed["node"], family)
    assert is_echoed(closed[source], address)


def test_without_neighbour_discovery_none_would(closed: Cluster) -> None:
    """What the rule is for: taken away, an IPv6 neighbour does not even find the address of an open port."""
    node = closed["node"]
    listed = node.run("nft", "--handle", "list", "table", "inet", "ck8s_ports").stdout
    (handle,) = [line.rsplit(" ", 1)[1] for line in listed.splitlines() if 'comment "icmpv6"' in line]
    with listening(node, "tcp", node.ipv6, SSH):
        assert tcp_fate(closed["outsider"], node.ipv6, SSH, timeout=2) == "open"
        node.run("nft", "delete", "rule", "inet", "ck8s_ports", "input", "handle", handle)
        closed["outsider"].run("ip", "neighbour", "flush", "all")
        node.run("ip", "neighbour", "flush", "all")
        assert tcp_fate(closed["outsider"], node.ipv6, SSH, timeout=2) == "silent"


@pytest.mark.parametrize("family", FAMILIES)
def test_the_node_itself_connects_to_whom_it_likes(closed: Cluster, family: str) -> None:
    outsider = closed["outsider"]
    address = getattr(outsider, family)
    with listening(outsider, "tcp", address, UNGOVERNED):
        assert tcp_fate(closed["node"], address, UNGOVERNED, timeout=2) == "open"
    assert is_echoed(closed["node"], address)


def test_what_is_on_its_way_to_the_proxy_of_the_pods_passes(closed: Cluster) -> None:
    node = closed["node"]
    marks = (
        "table ip marks { chain prerouting { type filter hook prerouting priority mangle; "
        f"iifname lxc* tcp dport {UNGOVERNED} meta mark set 0x12340200; "
        f"iifname lxc* tcp dport {UNGOVERNED + 1} meta mark set 0x12340300; }}; }}"
    )
    node.run("nft", "-f", "-", input=marks)
    try:
        with listening(node, "tcp", "0.0.0.0", UNGOVERNED), listening(node, "tcp", "0.0.0.0", UNGOVERNED + 1):
            assert tcp_fate(closed[POD], GATEWAYS[0], UNGOVERNED) == "open"
            assert tcp_fate(closed[POD], GATEWAYS[0], UNGOVERNED + 1) == "silent"
    finally:
        node.run("nft", "delete", "table", "ip", "marks")


def test_leases_are_renewed(closed: Cluster) -> None:
    """Both from a server that the node has not asked: what a tracked question would let back in is not enough."""
    node, server = closed["node"], closed["outsider"]
    with (
        listening(node, "udp", "0.0.0.0", 68) as client,
        server.entered(),
        socket.socket(type=socket.SOCK_DGRAM) as udp,
    ):
        udp.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
        udp.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, b"eth0")
        udp.sendto(b"offer", ("255.255.255.255", 68))
        client.settimeout(2)
        assert client.recv(64) == b"offer"

    shown = node.run("ip", "-6", "-o", "address", "show", "dev", "eth0", "scope", "link").stdout
    link_local = shown.split("inet6 ")[1].split("/")[0]
    with listening(node, "udp", "::", 546) as client:
        with server.entered(), socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as udp:
            udp.sendto(b"reply", (link_local, 546, 0, socket.if_nametoindex("eth0")))
            udp.sendto(b"from afar", (node.ipv6, 546))
        client.settimeout(2)
        assert client.recv(64) == b"reply"
        assert not select.select([client], [], [], 0.3)[0]


def test_answers_to_an_open_connection_come_whatever_follows(closed: Cluster) -> None:
    node, outsider = closed["node"], closed["outsider"]
    with listening(node, "tcp", node.ipv4, UNGOVERNED) as server:
        apply(closed, "worker", "ports")
        with outsider.entered():
            client = socket.create_connection((node.ipv4, UNGOVERNED), timeout=2)
        with client:
            accepted, _ = server.accept()
            with accepted:
                apply(closed, "worker", "default_deny")
                client.sendall(b"still there?")
                accepted.settimeout(2)
                assert accepted.recv(64) == b"still there?"
        assert tcp_fate(outsider, node.ipv4, UNGOVERNED) == "silent"
