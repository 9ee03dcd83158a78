# Copyright: (c) 2026, ck8s.ports contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The two sources of sockets give the same answer, but for what /proc/net cannot tell."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from tests.netns.sockets.space import Space
from tests.netns.sockets.test_inet import UDPLITE, ZOO, tcp, udp
from tests.netns.sockets.test_unix import unix

WITHOUT = [sys.executable, "-I", "-S", str(Path(__file__).with_name("without_sock_diag.py"))]
NOT_IN_PROCFS = ("backlog", "interface", "cgroup")
PROTOCOLS = ["tcp", "udp", "udplite", "raw", "unix"]


def both(space: Space, *zoo: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    with space.holding(*zoo):
        return space.collect(protocols=PROTOCOLS), space.collect(protocols=PROTOCOLS, run_as=WITHOUT)


def test_procfs_gives_the_same_answer(space: Space, tmp_path: Path) -> None:
    diag, procfs = both(
        space,
        *ZOO,
        udp("127.0.0.1", 700, protocol=UDPLITE),
        udp("::", 701, protocol=UDPLITE, v6only=True),
        {"family": "ipv4", "type": "raw", "protocol": 89, "address": "0.0.0.0"},
        {"family": "ipv4", "type": "raw", "protocol": 255, "address": "0.0.0.0"},
        {"family": "ipv4", "type": "dgram", "sendto": ["127.0.0.1", 9]},
        unix("stream", tmp_path / "one two\nthree"),
        unix("dgram", tmp_path / "dgram"),
        unix("seqpacket", "@abstract"),
    )
    assert (diag["sources"]["tcp"], procfs["source"]) == ("sock_diag", "procfs")
    assert set(procfs["sources"].values()) == {"procfs"}
    assert diag["udp_clients_left_out"] == procfs["udp_clients_left_out"] == 1
    ours = {row["inode"]: row for row in diag["sockets"]}
    theirs = {row["inode"]: row for row in procfs["sockets"]}
    assert ours.keys() == theirs.keys()
    for inode, row in ours.items():
        assert theirs[inode] == poorer(row)


def poorer(row: dict[str, Any]) -> dict[str, Any]:
    """What is left of a row without NETLINK_SOCK_DIAG. Each field of it is then null, not wrong."""
    left = {**row, **dict.fromkeys(NOT_IN_PROCFS)}
    if row["family"] == "ipv6" and row["address"] == "::" and row["protocol"] != "raw":
        left["dual_stack"] = None
    if row["interface"] == "lo" and row["address"] == "0.0.0.0":
        left["exposure"] = "wildcard"  # the device is what makes it loopback
    if row["protocol"] == "unix":
        left.update(dict.fromkeys(("uid", "user", "mode", "owner", "group", "path_status")))
    return left


def test_what_procfs_does_not_tell_is_said(space: Space) -> None:
    with space.holding(tcp("0.0.0.0", 80), tcp("::", 81)):
        answer = space.collect(run_as=WITHOUT, protocols=["tcp"])
    assert not answer["complete"]
    (entry,) = answer["incomplete"]
    assert (entry["what"], entry["count"]) == ("details", 2)
    assert "Protocol not supported" in entry["reason"]


def test_protocols_that_the_kernel_does_not_have_or_not_list(space: Space) -> None:
    """Which ones that are differs from kernel to kernel. Each one is in the answer, and none is silently empty."""
    present = {line.split()[0] for line in Path("/proc/net/protocols").read_text().splitlines()[1:]}
    names = {"sctp": "SCTP", "dccp": "DCCP", "vsock": "AF_VSOCK"}
    answer = space.collect(protocols=list(names))
    listed = answer["sources"]
    for protocol, name in names.items():
        if name not in present:
            assert listed[protocol] == "absent"
        else:
            told = [entry for entry in answer["incomplete"] if f"has {protocol} " in entry["reason"]]
            assert listed.get(protocol) == "sock_diag" or told
