# Copyright: (c) 2026, ck8s.ports contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Units and containers by real control groups, and sockets that change hands. Only root may make control groups."""

from __future__ import annotations

import json
import os
import secrets
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.netns.sockets.space import Space
from tests.netns.sockets.test_inet import tcp

POD = "kubepods-burstable-pod1b2c3d4e_5f60_4718_9293_a4b5c6d7e8f9.slice"
CONTAINER = "3b1b2cf1d7e0a8c5c2a6bdf2c6e5f5a9e0f6b8a0f5c8d7e6b5a4938271605f4e"

# Opens a socket in one group, hands it to a child in another, and ends.
PASS_ON = """
import os, pathlib, socket, sys
maker, holder = sys.argv[1:]
pathlib.Path(maker, "cgroup.procs").write_text(str(os.getpid()))
server = socket.socket()
server.bind(("127.0.0.1", 22))
server.listen()
if os.fork() == 0:
    pathlib.Path(holder, "cgroup.procs").write_text(str(os.getpid()))
    print(os.getpid(), flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def groups() -> Iterator[Path]:
    """A slice with groups as systemd and the kubelet name them."""
    mounts = [Path("/sys/fs/cgroup"), Path("/sys/fs/cgroup/unified")]
    mount = next((one for one in mounts if (one / "cgroup.controllers").exists()), None)
    if mount is None or not os.access(mount, os.W_OK):
        pytest.skip("no cgroup2 tree that this user may write; the logic is tested in tests/unit/sockets")
    top = mount / f"ck8stest{secrets.token_hex(4)}.slice"
    names = ["kubelet.service", "ssh.socket", "ssh.service", f"{POD}/cri-containerd-{CONTAINER}.scope"]
    try:
        for name in names:
            (top / name).mkdir(parents=True)
        yield top
    finally:
        for path in [*(top / name for name in names), top / POD, top]:
            for _attempt in range(50):  # until its last process has ended
                try:
                    path.rmdir()
                except FileNotFoundError:
                    break
                except OSError:
                    time.sleep(0.1)
                else:
                    break


@pytest.mark.parametrize("processes", ["full", "none"])
def test_a_unit_is_named_without_looking_at_processes(space: Space, groups: Path, processes: str) -> None:
    with space.holding(tcp("127.0.0.1", 10250), cgroup=str(groups / "kubelet.service")) as held:
        (row,) = space.collect(processes=processes)["sockets"]
        seen = space.ss("-t", "-u")
    assert row["unit"] == "kubelet.service"
    assert row["cgroup"] == f"/{groups.name}/kubelet.service" == seen[0]["cgroup"]
    assert row["container"] is None
    assert [process["pid"] for process in row["processes"]] == ([held.pid] if processes == "full" else [])


def test_a_container_and_its_pod(space: Space, groups: Path) -> None:
    scope = groups / POD / f"cri-containerd-{CONTAINER}.scope"
    no_rights = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"]
    with space.holding(tcp("0.0.0.0", 8080), cgroup=str(scope)):
        (row,) = space.collect()["sockets"]
        (as_nobody,) = space.collect(run_as=no_rights)["sockets"]
    for one in (row, as_nobody):
        assert one["container"] == {
            "runtime": "containerd",
            "id": CONTAINER,
            "pod_uid": "1b2c3d4e-5f60-4718-9293-a4b5c6d7e8f9",
        }
    assert len(row["processes"]) == 1
    assert as_nobody["processes"] == []


def test_a_socket_that_was_handed_over_belongs_to_who_holds_it(space: Space, groups: Path) -> None:
    command = [*space.enter, sys.executable, "-c", PASS_ON, str(groups / "ssh.socket"), str(groups / "ssh.service")]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as running:
        assert running.stdout is not None
        assert running.stdin is not None
        try:
            holder = json.loads(running.stdout.readline())
            (row,) = space.collect()["sockets"]
            (by_maker,) = space.collect(processes="none")["sockets"]
        finally:
            running.stdin.close()
    assert row["cgroup"] == by_maker["cgroup"] == f"/{groups.name}/ssh.socket"
    assert [process["pid"] for process in row["processes"]] == [holder]
    assert (row["unit"], by_maker["unit"]) == ("ssh.service", "ssh.socket")
