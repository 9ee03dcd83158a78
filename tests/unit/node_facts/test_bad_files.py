# Copyright: (c) 2026, ck8s.ports contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Files that are damaged, huge, or none: each costs the facts that are read from it, nothing else, and no time."""

from __future__ import annotations

import json
import os
import random
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from ansible_collections.ck8s.ports.plugins.module_utils._node_facts import NAMES, collect
from ansible_collections.ck8s.ports.plugins.module_utils._snap_files import LIMIT, Missing, Tree, Unreadable
from tests.unit.node_facts.trees import build, describe, names

_COLLECTIONS = Path(__file__).parents[3] / "collections"


def garbage(place: Path) -> None:
    place.write_bytes(bytes(range(256)) * 16)


def zeros(place: Path) -> None:
    place.write_bytes(b"\0" * 4096)


def endless_line(place: Path) -> None:
    place.write_text("x" * LIMIT, encoding="utf-8")


def deep(place: Path) -> None:
    place.write_text("[" * LIMIT, encoding="utf-8")


def gigabyte(place: Path) -> None:
    with place.open("wb") as file:
        file.truncate(1024**3)


def empty(place: Path) -> None:
    place.write_text("", encoding="utf-8")


def directory(place: Path) -> None:
    place.mkdir()


def fifo(place: Path) -> None:
    os.mkfifo(place)


def loop(place: Path) -> None:
    place.symlink_to(place.name)


def dangling(place: Path) -> None:
    place.symlink_to("/nowhere/at/all")


def device(place: Path) -> None:
    """A link out of the tree: it is looked up in the tree, where there is no such device."""
    place.symlink_to("/dev/zero")


BAD: tuple[Callable[[Path], None], ...] = (
    garbage, zeros, endless_line, deep, gigabyte, empty, directory, fifo, loop, dangling, device
)  # fmt: skip
REASONS = {
    garbage: "is not text: byte 129 is not UTF-8",
    zeros: "is not text: character 1 is U+0000",
    gigabyte: "has 1073741824 bytes; more than 1048576 are not read",
    directory: "is a directory, not a file",
    fifo: "is a named pipe, not a file",
    loop: "cannot be read (Too many levels of symbolic links)",
    dangling: "does not exist",
    device: "does not exist",
}

_STATE = "var/snap/k8s/common/var/lib/k8sd/state"
# (kind of node, the file, the facts that need it)
FILES: tuple[tuple[str, str, set[str]], ...] = (
    ("control_plane_1.34_etcd", "var/snap/k8s/common/args/kube-apiserver", {"datastore", "service_cidrs"}),
    ("control_plane_1.34_etcd", "var/snap/k8s/common/args/etcd", set()),
    ("control_plane_1.34_etcd", "var/snap/k8s/common/args/kube-proxy", {"pod_cidrs"}),
    ("control_plane_1.34_etcd", "var/snap/k8s/common/args/kubelet", set()),
    ("control_plane_1.34_etcd", "var/snap/k8s/common/args/containerd", set()),
    ("control_plane_1.34_etcd", f"{_STATE}/daemon.yaml", set()),
    ("control_plane_1.34_etcd", f"{_STATE}/truststore/node3.yaml", {"control_plane_addresses"}),
    ("control_plane_1.34_etcd", "snap/k8s/4162/meta/snap.yaml", {"confinement"}),
    ("external_datastore", f"{_STATE}/daemon.yaml", {"addresses"}),
    ("external_datastore", f"{_STATE}/database/cluster.yaml", {"control_plane_addresses"}),
    ("worker", "var/snap/k8s/common/args/conf.d/k8s-apiserver-proxy.json", {"control_plane_addresses"}),
    ("worker", "var/snap/k8s/common/args/k8s-apiserver-proxy", set()),
    ("control_plane_1.36_fresh", "var/snap/k8s/common/args/containerd", set()),
    ("control_plane_1.32_dqlite", "var/snap/k8s/common/var/lib/k8s-dqlite/info.yaml", set()),
)


@pytest.mark.parametrize("spoil", BAD, ids=lambda spoil: spoil.__name__)
@pytest.mark.parametrize(
    ("kind", "path", "needed_for"), FILES, ids=[f"{kind}-{Path(path).name}" for kind, path, _ in FILES]
)
def test_bad_file(kind: str, path: str, needed_for: set[str], spoil: Callable[[Path], None], tmp_path: Path) -> None:
    root = build(describe(kind), tmp_path)
    before = collect(str(root))
    (root / path).unlink()
    spoil(root / path)
    started = time.process_time()  # not the clock of the wall: others may be using this machine, too
    found = collect(str(root))
    assert time.process_time() - started < 5
    assert sorted([*found.facts, *found.absent]) == sorted(NAMES)
    assert needed_for <= set(found.absent)
    if spoil in REASONS:
        told = [found.absent[name] for name in needed_for]
        assert all(REASONS[spoil] in reason for reason in told), told
    for name, fact in found.facts.items():
        # What is told is what was told before, or less of it: nothing is made up from a bad file.
        now, then = fact["value"], before.facts[name]["value"]
        if isinstance(now, dict):
            assert isinstance(then, dict)
            assert now.items() <= then.items()
        else:
            assert now == then


@pytest.mark.parametrize(
    "path", ["snap/k8s", "var/snap/k8s/common", "var/snap/k8s/common/args", f"{_STATE}/truststore"]
)
@pytest.mark.parametrize("spoil", BAD, ids=lambda spoil: spoil.__name__)
def test_bad_directory(path: str, spoil: Callable[[Path], None], tmp_path: Path) -> None:
    root = build(describe("control_plane_1.34_etcd"), tmp_path)
    (root / path).rename(root / "moved")
    spoil(root / path)
    found = collect(str(root))
    assert sorted([*found.facts, *found.absent]) == sorted(NAMES)
    if path == "snap/k8s":
        assert not found.installed
        assert found.facts == {}


@pytest.mark.parametrize("kind", names())
def test_random_damage(kind: str, tmp_path: Path) -> None:
    """Whatever becomes of a file: every fact is told or absent, and all of it can be sent to the controller."""
    generator = random.Random(kind)
    root = build(describe(kind), tmp_path)
    files = sorted(place for place in root.rglob("*") if place.is_file() and not place.is_symlink())
    for _number in range(30):
        place = generator.choice(files)
        before = place.read_bytes()
        damaged = bytearray(before)
        for _change in range(generator.randint(1, 4)):
            position = generator.randint(0, len(damaged))
            piece = generator.choice(
                [b"", b"\xff", b"\0", b'"', b"'", b"\\", b"\n", b":", b"[", b"$(", b",", b"-", b" ", b"9"]
            )
            damaged[position : position + generator.choice([0, 1, 1, 10])] = piece
        place.write_bytes(damaged)
        found = collect(str(root))
        assert sorted([*found.facts, *found.absent]) == sorted(NAMES), place
        json.dumps([found.facts, found.absent, found.problems]).encode("utf-8")
        place.write_bytes(before)


def test_names_that_are_not_utf8(tmp_path: Path) -> None:
    root = build(describe("control_plane_1.34_etcd"), tmp_path)
    store = os.fsencode(root / _STATE / "truststore")
    Path(os.fsdecode(store + b"/\xff.yaml")).write_text("name", encoding="utf-8")
    Path(os.fsdecode(os.fsencode(root) + b"/etc/systemd/system/\xff.wants")).mkdir()
    found = collect(str(root))
    assert "truststore/\\xff.yaml is not understood: line 1" in found.absent["control_plane_addresses"]
    json.dumps([found.facts, found.absent], ensure_ascii=False).encode("utf-8")


_AS_NOBODY = """
import json, os, sys
from ansible_collections.ck8s.ports.plugins.module_utils._node_facts import collect
if os.getuid() == 0:
    os.setgroups([])
    os.setgid(65534)
    os.setuid(65534)
found = collect(sys.argv[1])
print(json.dumps([found.installed, found.facts, found.absent]))
"""


def test_permission_denied() -> None:
    """By an ordinary user: the process gives up root's rights where the tests are root's."""
    with tempfile.TemporaryDirectory() as directory:
        root = build(describe("control_plane_1.34_etcd"), Path(directory))
        root.chmod(0o755)
        closed = [root / "var/snap/k8s/common/args", root / _STATE]
        for place in closed:
            place.chmod(0)
        command = [sys.executable, "-c", _AS_NOBODY, directory]
        environment = {**os.environ, "PYTHONPATH": str(_COLLECTIONS)}
        answer = subprocess.run(command, capture_output=True, check=False, env=environment, timeout=30)
        for place in closed:
            place.chmod(0o755)
    assert answer.returncode == 0, answer.stderr.decode()
    installed, facts, absent = json.loads(answer.stdout)
    assert installed
    assert sorted(facts) == ["confinement", "containerd_socket", "kube_proxy", "release", "revision", "version"]
    for name in ("role", "pod_cidrs", "ports"):
        assert "may not be read (Permission denied): run as root" in absent[name]


def test_links_are_followed_below_the_root_only(tmp_path: Path) -> None:
    (tmp_path / "etc").mkdir()
    (tmp_path / "etc/hostname").write_text("inside", encoding="utf-8")
    (tmp_path / "absolute").symlink_to("/etc/hostname")
    (tmp_path / "upwards").symlink_to("../../../../../../etc/hostname")
    (tmp_path / "directory").symlink_to("/etc")
    tree = Tree(str(tmp_path))
    for path in ("/absolute", "/upwards", "/directory/hostname", "/directory/../etc/./hostname"):
        assert tree.read(path) == "inside"
    with pytest.raises(Missing, match=re.escape("/directory/passwd does not exist")):
        tree.read("/directory/passwd")


def test_file_of_just_the_limit(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x" * LIMIT, encoding="utf-8")
    tree = Tree(str(tmp_path))
    assert len(tree.read("/file")) == LIMIT
    with (tmp_path / "file").open("a", encoding="utf-8") as file:
        file.write("y")
    with pytest.raises(Unreadable, match=f"/file has {LIMIT + 1} bytes"):
        tree.read("/file")


def test_file_that_says_it_is_empty(monkeypatch: pytest.MonkeyPatch) -> None:
    """As those of /proc do: the limit is kept while reading, too."""
    monkeypatch.setattr("ansible_collections.ck8s.ports.plugins.module_utils._snap_files.LIMIT", 8)
    assert Path("/proc/version").stat().st_size == 0
    with pytest.raises(Unreadable, match="/proc/version has 9 bytes; more than 8 are not read"):
        Tree("/").read("/proc/version")


def test_device_is_not_opened() -> None:
    with pytest.raises(Unreadable, match="/dev/zero is a character device, not a file"):
        Tree("/").read("/dev/zero")


def test_directory_with_too_many_names(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ansible_collections.ck8s.ports.plugins.module_utils._snap_files.MOST_NAMES", 2)
    for name in "abc":
        (tmp_path / name).touch()
    with pytest.raises(Unreadable, match="more than 2 entries"):
        Tree(str(tmp_path)).names("/")
