# Copyright: (c) 2026, ck8s.ports contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Sets of sockets made at random, against ss and psutil. Few of them at each run, other ones each time."""

from __future__ import annotations

import socket
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.netns.sockets.space import local_of, new_space

IPV4 = ("0.0.0.0", "127.0.0.1", "127.9.9.9", "192.0.2.1", "169.254.7.7")
IPV6 = ("::", "::1", "2001:db8::1", "fe80::1", "::ffff:127.0.0.1", "::ffff:192.0.2.1")


@st.composite
def described(draw: st.DrawFn) -> dict[str, Any]:
    """One socket as holder.py is told of it, on a port of its own (see below)."""
    family = draw(st.sampled_from(["ipv4", "ipv6"]))
    address = draw(st.sampled_from(IPV4 if family == "ipv4" else IPV6))
    one: dict[str, Any] = {"family": family, "type": draw(st.sampled_from(["stream", "dgram"])), "address": address}
    if address == "fe80::1":
        one["scope"] = "eth0"
    elif draw(st.booleans()) and (family == "ipv4" or address == "::"):  # else the address must be the device's own
        one["device"] = draw(st.sampled_from(["lo", "eth0", "eth1"]))
    if family == "ipv6" and not address.startswith("::f"):
        one["v6only"] = draw(st.booleans())
    if one["type"] == "stream":
        one["listen"] = draw(st.integers(0, 4096))
    if draw(st.booleans()):
        one.update(reuseport=True, count=draw(st.integers(1, 3)))
    return one


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(described(), min_size=1, max_size=40), st.integers(0, 3))
def test_any_set_of_sockets_is_what_ss_and_psutil_say(sockets: list[dict[str, Any]], forks: int) -> None:
    told = [{**one, "port": 1000 + number} for number, one in enumerate(sockets)]
    with new_space() as space:
        space.run("ip", "address", "add", "169.254.7.7/16", "dev", "eth0")
        with space.holding(*told, fork=forks) as held:
            ours = space.collect()["sockets"]
            theirs = {row["inode"]: row for row in space.ss("-t", "-u")}
            psutil = space.psutil("inet")
    assert sorted(row["inode"] for row in ours) == sorted(theirs) == sorted(held.inodes)
    for row in ours:
        seen = theirs[row["inode"]]
        assert row["protocol"] == seen["protocol"]
        assert local_of(row) == seen["local"]
        assert row["backlog"] == (seen["send_queue"] if row["protocol"] == "tcp" else None)
        assert [process["pid"] for process in row["processes"]] == seen["pids"]
    assert {as_psutil(row) for row in ours} == {tuple(one[:4]) for one in psutil}


def as_psutil(row: dict[str, Any]) -> tuple[Any, ...]:
    family = socket.AF_INET if row["family"] == "ipv4" else socket.AF_INET6
    kind = socket.SOCK_STREAM if row["protocol"] == "tcp" else socket.SOCK_DGRAM
    return (int(family), int(kind), row["address"], row["port"])


def test_the_spaces_are_apart() -> None:
    """What the test above relies on: one example does not see the sockets of another."""
    server = {"family": "ipv4", "type": "stream", "address": "0.0.0.0", "port": 1}
    with new_space() as one, new_space() as two, one.holding(server):
        assert len(one.collect()["sockets"]) == 1
        assert two.collect()["sockets"] == []
