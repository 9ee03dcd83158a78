# Copyright: (c) 2026, ck8s.ports contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The module's account of TCP and UDP sockets against that of ss, field by field."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import Any

import pytest

from tests.netns.sockets.space import Space, local_of

UDPLITE = 136
MPTCP = 262


def tcp(address: str, port: int, **more: Any) -> dict[str, Any]:
    return {"family": "ipv6" if ":" in address else "ipv4", "type": "stream", "address": address, "port": port, **more}


def udp(address: str, port: int, **more: Any) -> dict[str, Any]:
    return {**tcp(address, port, **more), "type": "dgram"}


ZOO = (
    tcp("0.0.0.0", 6443, listen=7),
    tcp("127.0.0.1", 10248, listen=4096),
    tcp("127.0.0.53", 53, device="lo"),
    tcp("192.0.2.1", 2379),
    tcp("0.0.0.0", 8001, device="eth0"),
    tcp("0.0.0.0", 8002, device="lo"),
    tcp("::", 10250, v6only=False),
    tcp("::", 10251, v6only=True),
    tcp("::1", 9879),
    tcp("2001:db8::1", 4240),
    tcp("fe80::1", 4241, scope="eth0"),
    tcp("::ffff:127.0.0.1", 4242),
    tcp("::ffff:192.0.2.1", 4243),
    tcp("::ffff:0.0.0.0", 4244),
    tcp("0.0.0.0", 9000, reuseport=True, count=3),
    tcp("0.0.0.0", 9001, protocol=MPTCP),
    tcp("0.0.0.0", 9002, listen=-1),  # bound, not listening
    udp("0.0.0.0", 53),
    udp("127.0.0.1", 323),
    udp("::", 546, v6only=False),
    udp("::", 547, v6only=True),
    udp("fe80::1", 548, scope="eth0"),
    udp("224.0.0.251", 5353),
    udp("0.0.0.0", 5354, reuseport=True, count=2),
    udp("0.0.0.0", 5355, device="eth0"),
    udp("127.0.0.1", 5356, connect=["127.0.0.1", 323]),
)


def by_inode(rows: list[dict[str, Any]]) -> dict[int, dict[str, Any]]:
    found = {row["inode"]: row for row in rows}
    assert len(found) == len(rows)
    return found


def test_every_field_is_what_ss_says(space: Space) -> None:
    with space.holding(*ZOO, fork=2) as held:
        answer = space.collect()
        ours = by_inode(answer["sockets"])
        theirs = by_inode(space.ss("-t", "-u"))
        assert len(theirs) == len(held.inodes) - 2  # the bound one and the connected one do not listen
    assert answer["source"] == "sock_diag"
    assert answer["complete"], answer["incomplete"]
    assert ours.keys() == theirs.keys()
    for inode, row in ours.items():
        seen = theirs[inode]
        assert row["protocol"] == seen["protocol"]
        assert local_of(row) == seen["local"]
        assert row["uid"] == seen["uid"]
        assert row["cgroup"] == seen["cgroup"]
        assert row["backlog"] == (seen["send_queue"] if row["protocol"] == "tcp" else None)
        assert row["dual_stack"] == (row["address"] == "::" and not seen["v6only"])
        assert [process["pid"] for process in row["processes"]] == seen["pids"] == sorted([held.pid, *held.children])
        assert not row["kernel"]


EXPOSURES = {
    6443: "wildcard",
    10248: "loopback",
    53: "loopback",
    2379: "address",
    8001: "wildcard",
    8002: "loopback",
    10250: "wildcard",
    10251: "wildcard",
    9879: "loopback",
    4240: "address",
    4241: "link_local",
    4242: "loopback",
    4243: "address",
    4244: "wildcard",
}


def test_exposure_tells_from_where_a_socket_is_reached(space: Space) -> None:
    with space.holding(*ZOO):
        rows = space.collect(protocols=["tcp"])["sockets"]
    found = {row["port"]: row["exposure"] for row in rows if row["port"] in EXPOSURES}
    assert found == EXPOSURES


def test_the_result_is_sorted_and_the_same_each_time(space: Space) -> None:
    with space.holding(*ZOO):
        first, second = space.collect(), space.collect()
    assert first == second
    keys = [(row["protocol"], row["family"], row["address"], row["port"]) for row in first["sockets"]]
    assert keys == sorted(keys)


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"ports": ["10248", "4240-4242"]}, {10248, 4240, 4241, 4242}),
        ({"ports": ["50-600"], "protocols": ["udp"]}, {53, 323, 546, 547, 548}),
        ({"exposure": ["link_local"]}, {4241, 548}),
        ({"families": ["ipv6"], "exposure": ["loopback"]}, {9879, 4242}),
        ({"protocols": ["udp"], "families": ["ipv6"]}, {546, 547, 548}),
    ],
)
def test_only_what_is_asked_for_is_returned(space: Space, options: dict[str, Any], expected: set[int]) -> None:
    with space.holding(*ZOO):
        answer = space.collect(**options)
    assert {row["port"] for row in answer["sockets"]} == expected


def test_processes_as_much_as_asked_for(space: Space) -> None:
    with space.holding(tcp("127.0.0.1", 80), name=list(b"kube-controller-manager")) as held:
        full, names, none = (
            space.collect(processes=wanted)["sockets"][0]["processes"] for wanted in ("full", "names", "none")
        )
    (process,) = full
    assert process["pid"] == held.pid
    assert process["name"] == "kube-controller"
    assert process["exe"] == os.path.realpath(sys.executable)
    assert process["cmdline"][1:3] == ["-I", "-S"]
    assert process["started"].endswith("Z")
    assert names == [{"pid": held.pid, "name": "kube-controller", "exe": None, "cmdline": None, "started": None}]
    assert none == []


def test_udp_clients_are_told_from_servers(space: Space) -> None:
    """A client that sends without bind(), beside servers on ports of the same range."""
    low, _high = map(int, space.run("cat", "/proc/sys/net/ipv4/ip_local_port_range").split())
    sockets = (
        {"family": "ipv4", "type": "dgram", "sendto": ["127.0.0.1", 9]},
        {"family": "ipv6", "type": "dgram", "sendto": ["::1", 9]},
        udp("127.0.0.1", low + 1),  # an address that somebody chose
        udp("0.0.0.0", low + 2),  # both families, as WireGuard does
        udp("::", low + 2, v6only=True),
        udp("0.0.0.0", low - 1),  # a port that the kernel would not pick
    )
    with space.holding(*sockets) as held:
        answer = space.collect(protocols=["udp"])
        ipv4_only = space.collect(protocols=["udp"], families=["ipv4"])
        everything = space.collect(protocols=["udp"], udp_clients=True)
    assert {row["inode"] for row in answer["sockets"]} == set(held.inodes[2:])
    assert answer["udp_clients_left_out"] == 2
    assert {row["port"] for row in ipv4_only["sockets"]} == {low + 1, low + 2, low - 1}
    assert {row["inode"] for row in everything["sockets"]} == set(held.inodes)
    assert everything["udp_clients_left_out"] == 0


def test_a_vxlan_port_is_the_kernels_and_named(space: Space) -> None:
    space.run("ip", "link", "add", "vxlan0", "type", "vxlan", "external", "dstport", "8472")
    space.run("ip", "link", "set", "vxlan0", "up")
    with space.holding(udp("0.0.0.0", 8473)):
        rows = space.collect(protocols=["udp"])["sockets"]
        theirs = by_inode(space.ss("-t", "-u"))
    assert {row["inode"] for row in rows} == theirs.keys()
    kernel = [row for row in rows if row["port"] == 8472]
    assert {row["family"] for row in kernel} == {"ipv4", "ipv6"}
    for row in kernel:
        assert row["kernel"]
        assert row["kernel_owner"] == {"kind": "vxlan", "devices": ["vxlan0"]}
        assert row["processes"] == []
    (other,) = (row for row in rows if row["port"] == 8473)
    assert not other["kernel"]
    assert other["kernel_owner"] is None
    assert len(other["processes"]) == 1


def test_a_vxlan_device_that_is_down_owns_nothing(space: Space) -> None:
    """Its socket is made when it is brought up: until then anybody may have the port."""
    space.run("ip", "link", "add", "vxlan0", "type", "vxlan", "external", "dstport", "8472")
    with space.holding(udp("0.0.0.0", 8472)) as held:
        (row,) = space.collect(protocols=["udp"])["sockets"]
    assert not row["kernel"]
    assert [process["pid"] for process in row["processes"]] == [held.pid]


def test_processes_that_come_and_go_are_no_error(space: Space) -> None:
    """Thousands of short-lived processes while every process is looked into."""
    churn = "import os\nwhile True:\n    if os.fork() == 0:\n        os._exit(0)\n    os.wait()"
    with space.holding(tcp("127.0.0.1", 80)) as held:
        running = [subprocess.Popen([sys.executable, "-I", "-S", "-c", churn]) for _ in range(2)]
        try:
            for _ in range(15):
                (row,) = space.collect(all_holders=True)["sockets"]
                assert [process["pid"] for process in row["processes"]] == [held.pid]
        finally:
            for process in running:
                process.kill()
                process.wait()


def test_connections_do_not_appear(space: Space) -> None:
    connected = [tcp("127.0.0.1", 0, connect=["127.0.0.1", 80], count=300)]
    with space.holding(tcp("127.0.0.1", 80, listen=400)) as held, space.holding(*connected):
        (row,) = space.collect()["sockets"]
    assert row["inode"] == held.inodes[0]


def test_without_root_the_shape_is_the_same_and_what_is_missing_is_said(space: Space) -> None:
    """Another user's processes may not be looked into. In a user namespace there is one user: one without rights."""
    as_nobody, reason = (
        (["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"], "run as root")
        if _can_be_nobody()
        else (["setpriv", "--bounding-set=-all", "--inh-caps=-all"], "not even by root")
    )
    with space.holding(*ZOO):
        everything = space.collect(processes="full")
        answer = space.collect(processes="full", run_as=as_nobody)
    assert [row["inode"] for row in answer["sockets"]] == [row["inode"] for row in everything["sockets"]]
    assert [row.keys() for row in answer["sockets"]] == [row.keys() for row in everything["sockets"]]
    assert not answer["complete"]
    (missing,) = answer["incomplete"]
    assert missing["what"] == "processes"
    assert missing["count"] == len(answer["sockets"])
    assert reason in missing["reason"]
    for ours, theirs in zip(answer["sockets"], everything["sockets"], strict=True):
        assert ours == {**theirs, "processes": []}


def _can_be_nobody() -> bool:
    command = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "true"]
    return subprocess.run(command, check=False, capture_output=True).returncode == 0
