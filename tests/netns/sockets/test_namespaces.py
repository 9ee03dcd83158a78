# Copyright: (c) 2026, ck8s.ports contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Sockets of other network namespaces, each with the label of its own."""

from __future__ import annotations

import contextlib
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.netns.sockets.space import Space, new_space
from tests.netns.sockets.test_inet import tcp


@contextlib.contextmanager
def named(space: Space, name: str) -> Iterator[None]:
    """Give a namespace a name, as `ip netns attach` does."""
    subprocess.run(["ip", "netns", "attach", name, str(space.pid)], check=True)
    try:
        yield
    finally:
        subprocess.run(["ip", "netns", "delete", name], check=True)


@pytest.fixture
def other() -> Iterator[Space]:
    with new_space() as made:
        yield made


def inode_of(space: Space) -> int:
    return Path(f"/proc/{space.pid}/ns/net").stat().st_ino


def test_every_namespace_is_found_and_labelled(space: Space, other: Space) -> None:
    with (
        named(other, "pod-one"),
        space.holding(tcp("127.0.0.1", 10248)) as ours,
        other.holding(tcp("127.0.0.1", 10248), tcp("fe80::1", 4240, scope="eth0")) as theirs,
    ):
        own = space.collect()["sockets"]
        answer = space.collect(netns=["all"])
    assert [row["inode"] for row in own] == ours.inodes
    rows = {row["inode"]: row for row in answer["sockets"]}
    assert rows.keys() >= {*ours.inodes, *theirs.inodes}
    assert (rows[ours.inodes[0]]["netns"], rows[ours.inodes[0]]["netns_name"]) == (inode_of(space), None)
    for inode in theirs.inodes:
        assert (rows[inode]["netns"], rows[inode]["netns_name"]) == (inode_of(other), "pod-one")
        assert [process["pid"] for process in rows[inode]["processes"]] == [theirs.pid]
    assert rows[theirs.inodes[1]]["interface"] == "eth0"


@pytest.mark.parametrize("by", ["name", "inode"])
def test_one_namespace_by_its_name_or_number(space: Space, other: Space, by: str) -> None:
    with named(other, "pod-two"), space.holding(tcp("127.0.0.1", 1)), other.holding(tcp("127.0.0.1", 2)) as theirs:
        wanted = "pod-two" if by == "name" else str(inode_of(other))
        only = space.collect(netns=[wanted])["sockets"]
        both = space.collect(netns=["own", wanted])["sockets"]
    assert [row["inode"] for row in only] == theirs.inodes
    assert [row["port"] for row in both] == [1, 2]


def test_an_unknown_namespace_is_an_error_that_names_the_known_ones(space: Space, other: Space) -> None:
    with named(other, "pod-three"), pytest.raises(AssertionError, match=r"netns: 'pod-x' is not own, all.*pod-three"):
        space.collect(netns=["pod-x"])


def test_without_rights_the_others_are_said_to_be_missing(space: Space, other: Space) -> None:
    no_rights = ["setpriv", "--bounding-set=-all", "--inh-caps=-all"]
    with space.holding(tcp("127.0.0.1", 1)) as ours, other.holding(tcp("127.0.0.1", 2)):
        answer = space.collect(netns=["all"], run_as=no_rights)
    assert [row["inode"] for row in answer["sockets"]] == ours.inodes
    assert not answer["complete"]
    assert "netns" in {entry["what"] for entry in answer["incomplete"]}
