# Copyright: (c) 2026, ck8s.ports contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The module's account of unix sockets against those of ss and psutil, and of their files against the file system."""

from __future__ import annotations

import os
import socket
import stat
from pathlib import Path
from typing import Any

import pytest

from tests.netns.sockets.space import Space

SS_TYPES = {"u_str": "stream", "u_dgr": "dgram", "u_seq": "seqpacket"}


def unix(kind: str, name: object, **more: Any) -> dict[str, Any]:
    return {"family": "unix", "type": kind, "address": str(name), **more}


def found(space: Space, **options: Any) -> dict[str, dict[str, Any]]:
    answer = space.collect(protocols=["unix"], **options)
    assert answer["source"] == "sock_diag"
    return {row["path"]: row for row in answer["sockets"]}


def test_every_field_is_what_ss_and_psutil_say(space: Space, tmp_path: Path) -> None:
    zoo = (
        unix("stream", tmp_path / "stream", listen=5),
        unix("seqpacket", tmp_path / "seqpacket", listen=6),
        unix("dgram", tmp_path / "dgram"),
        unix("stream", "@abstract-stream"),
        unix("dgram", "@abstract-dgram"),
        unix("stream", tmp_path / "bound", listen=-1),
        {"family": "unix", "type": "dgram"},
    )
    with space.holding(*zoo, fork=1) as held:
        ours = {row["inode"]: row for row in found(space).values()}
        lines = [line.split() for line in space.run("ss", "-HxlpO").splitlines()]
        theirs = {int(words[5]): words for words in lines}
        psutil_paths = space.psutil("unix")
    assert ours.keys() == set(held.inodes[:5])
    for inode, row in ours.items():
        words = theirs[inode]
        assert row["type"] == SS_TYPES[words[0]]
        assert row["path"] == words[4]
        assert row["backlog"] == (int(words[3]) if row["type"] != "dgram" else None)
        assert [process["pid"] for process in row["processes"]] == sorted([held.pid, *held.children])
        assert all(f"pid={process['pid']}," in words[8] for process in row["processes"])
        # psutil names one of the processes.
        assert any([row["path"], process["pid"]] in psutil_paths for process in row["processes"])
    # ss counts a stream that is bound and not listening among the listening ones; nobody can connect to it.
    assert theirs.keys() - ours.keys() <= {held.inodes[5], held.inodes[6]}


def test_the_file_and_who_may_use_it(space: Space, tmp_path: Path) -> None:
    path = tmp_path / "service.sock"
    with space.holding(unix("stream", path)):
        path.chmod(0o660)
        row = found(space)[str(path)]
    seen = path.stat()
    assert row["path_status"] == "same"
    assert row["mode"] == f"{stat.S_IMODE(seen.st_mode):04o}" == "0660"
    assert (row["owner"], row["group"]) == ("root", "root")
    assert row["uid"] == os.getuid()


@pytest.mark.parametrize("by", ["socket", "file", "directory"])
def test_a_file_that_was_replaced_is_another(space: Space, tmp_path: Path, by: str) -> None:
    path = tmp_path / "service.sock"
    with space.holding(unix("stream", path)):
        path.rename(tmp_path / "kept.sock")  # so that its inode number is not used again
        if by == "socket":
            with socket.socket(socket.AF_UNIX) as other:
                other.bind(str(path))
        elif by == "file":
            path.write_text("")
        else:
            path.mkdir()
        row = found(space)[str(path)]
    assert row["path_status"] == "replaced"
    assert (row["mode"], row["owner"], row["group"]) == (None, None, None)


def test_a_file_that_is_gone_is_missing(space: Space, tmp_path: Path) -> None:
    path = tmp_path / "service.sock"
    with space.holding(unix("stream", path)):
        path.unlink()
        assert found(space)[str(path)]["path_status"] == "missing"


def test_an_abstract_name_has_no_file(space: Space) -> None:
    with space.holding(unix("stream", "@snap.k8s.k8sd")):
        row = found(space)["@snap.k8s.k8sd"]
    assert (row["path_status"], row["mode"], row["owner"], row["group"]) == (None, None, None, None)


def test_a_path_means_what_it_means_to_its_process(space: Space, tmp_path: Path) -> None:
    """A process with its own tree of files, as in a container: its socket is found there, and not taken for missing."""
    directory = tmp_path / "run"
    directory.mkdir()
    elsewhere = ["unshare", "--mount", "sh", "-c", f'mount -t tmpfs none {directory}; exec "$@"', "sh"]
    with space.holding(unix("stream", directory / "container.sock"), run_as=elsewhere):
        row = found(space)[str(directory / "container.sock")]
        unknown = found(space, processes="none")[str(directory / "container.sock")]
    assert row["path_status"] == "same"
    assert row["mode"] is not None
    assert unknown["path_status"] is None


def test_a_datagram_server_with_clients_is_told_from_them(space: Space, tmp_path: Path) -> None:
    server, client = tmp_path / "server", tmp_path / "client"
    with space.holding(unix("dgram", server), unix("dgram", client, connect_path=str(server))):
        assert found(space).keys() == {str(server)}
