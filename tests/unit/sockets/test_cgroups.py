# Copyright: (c) 2026, ck8s.ports contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""From the id of a control group to its path, its processes, its unit and its container."""

from __future__ import annotations

from pathlib import Path

import pytest

from ansible_collections.ck8s.ports.plugins.module_utils import _cgroups
from ansible_collections.ck8s.ports.plugins.module_utils._cgroup_names import container_of, unit_of

ID = "3b1b2cf1d7e0a8c5c2a6bdf2c6e5f5a9e0f6b8a0f5c8d7e6b5a4938271605f4e"
UID = "1b2c3d4e-5f60-4718-9293-a4b5c6d7e8f9"
UID_ = UID.replace("-", "_")
STATIC = "f" * 32
KUBEPODS = f"/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod{UID_}.slice"

UNITS = {
    "/": None,
    "/system.slice/ssh.service": "ssh.service",
    "/system.slice/snap.k8s.kubelet.service": "snap.k8s.kubelet.service",
    "/system.slice/ssh.socket": "ssh.socket",
    "/system.slice/containerd.service/inner/part": "containerd.service",
    "/system.slice/system-getty.slice/getty@tty1.service": "getty@tty1.service",
    "/init.scope": "init.scope",
    "/user.slice/user-1000.slice/user@1000.service/app.slice/pipewire.service": "user@1000.service",
    "/user.slice/user-1000.slice/session-3.scope": "session-3.scope",
    "/system.slice/_cgroup.service": "cgroup.service",
    f"{KUBEPODS}/cri-containerd-{ID}.scope": f"cri-containerd-{ID}.scope",
    f"/kubepods/burstable/pod{UID}/{ID}": None,
    "/system.slice": None,
}

# Path to (runtime, pod). As seen in /proc/PID/cgroup of containers of each runtime and driver.
CONTAINERS = {
    f"{KUBEPODS}/cri-containerd-{ID}.scope": ("containerd", UID),
    f"/kubepods.slice/kubepods-pod{UID_}.slice/cri-containerd-{ID}.scope": ("containerd", UID),
    f"/kubepods.slice/kubepods-besteffort.slice/kubepods-besteffort-pod{STATIC}.slice/crio-{ID}.scope": (
        "cri-o",
        STATIC,
    ),
    f"{KUBEPODS}/crio-{ID}": ("cri-o", UID),
    f"{KUBEPODS}/docker-{ID}.scope": ("docker", UID),
    f"/kubepods/burstable/pod{UID}/{ID}": (None, UID),
    f"/kubepods/pod{UID}/{ID}/nested": (None, UID),
    f"/system.slice/containerd.service/kubepods-burstable-pod{UID_}.slice:cri-containerd:{ID}": ("containerd", UID),
    f"/system.slice/docker-{ID}.scope": ("docker", None),
    f"/docker/{ID}": ("docker", None),
    f"/machine.slice/libpod-{ID}.scope/container": ("podman", None),
    f"/libpod_parent/libpod-{ID}": ("podman", None),
    f"/user.slice/user-1000.slice/user@1000.service/user.slice/libpod-{ID}.scope": ("podman", None),
    f"/system.slice/docker-{ID}.scope/kubepods.slice/kubepods-pod{UID_}.slice/cri-containerd-{'a' * 64}.scope": (
        "docker",
        None,
    ),
}
NO_CONTAINERS = (
    "/",
    "/system.slice/ssh.service",
    f"/machine.slice/libpod-conmon-{ID}.scope",
    f"{KUBEPODS}",
    f"/system.slice/crio-conmon-{ID}.scope",
    f"/system.slice/{ID}",
    f"/system.slice/docker-{ID[:12]}.scope",
)


@pytest.mark.parametrize(("path", "unit"), UNITS.items())
def test_unit(path: str, unit: str | None) -> None:
    assert unit_of(path) == unit


@pytest.mark.parametrize(("path", "expected"), CONTAINERS.items())
def test_container(path: str, expected: tuple[str | None, str | None]) -> None:
    runtime, pod = expected
    assert container_of(path) == {"runtime": runtime, "id": ID, "pod_uid": pod}


@pytest.mark.parametrize("path", NO_CONTAINERS)
def test_no_container(path: str) -> None:
    assert container_of(path) is None


# The text of /proc/PID/cgroup to the path that counts.
GROUPS = {
    "0::/system.slice/ssh.service\n": "/system.slice/ssh.service",
    "0::/\n": "/",
    # hybrid: systemd keeps both trees
    "9:name=systemd:/system.slice/a.service\n4:memory:/system.slice/a.service\n0::/system.slice/a.service\n": (
        "/system.slice/a.service"
    ),
    # hybrid, a container of a runtime that knows version 1 only
    f"9:name=systemd:/docker/{ID}\n4:memory:/docker/{ID}\n0::/\n": f"/docker/{ID}",
    # version 1 alone
    f"5:cpu,cpuacct:/kubepods/pod{UID}/{ID}\n1:name=systemd:/kubepods/pod{UID}/{ID}\n": f"/kubepods/pod{UID}/{ID}",
    # version 1 without systemd
    "8:pids:/\n4:memory:/jobs/nightly\n1:cpu:/jobs\n": "/jobs/nightly",
    "8:pids:/\n4:memory:/\n": "/",
    # a name with a colon
    f"0::/system.slice/kubepods.slice:cri-containerd:{ID}\n": f"/system.slice/kubepods.slice:cri-containerd:{ID}",
    "": None,
}


@pytest.mark.parametrize(("text", "path"), GROUPS.items())
def test_the_group_of_a_process(text: str, path: str | None) -> None:
    assert _cgroups.choose(text.encode()) == path


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A tree of directories: their inode numbers and link counts are what a mount of cgroup2 has."""
    for path in ("system.slice/ssh.service", "system.slice/k8s.service/inner", "user.slice", "init.scope"):
        (tmp_path / path).mkdir(parents=True)
    (tmp_path / "system.slice/ssh.service/cgroup.procs").write_text("812\n0\n811\n")
    (tmp_path / "cgroup.procs").write_text("1\n")
    return tmp_path


def test_ids_are_found_by_their_directories(tree: Path) -> None:
    wanted = {
        "/": tree,
        **{f"/{one}": tree / one for one in ("system.slice/ssh.service", "system.slice/k8s.service/inner")},
    }
    ids = {path.stat().st_ino: name for name, path in wanted.items()}
    assert _cgroups.paths_of({*ids, 1}, str(tree)) == ids


def test_members_leave_out_processes_of_other_namespaces(tree: Path) -> None:
    assert _cgroups.members("/system.slice/ssh.service", str(tree)) == [811, 812]
    assert _cgroups.members("/gone", str(tree)) == []


@pytest.mark.parametrize(
    ("group", "root"),
    [("/init.scope", ""), ("/machine.slice/libpod-x.scope/init.scope", "/machine.slice/libpod-x.scope"), ("/", "")],
)
def test_the_managers_root(tmp_path: Path, group: str, root: str) -> None:
    (tmp_path / "1").mkdir()
    (tmp_path / "1/cgroup").write_text(f"0::{group}\n")
    assert _cgroups.manager_root(str(tmp_path)) == root
