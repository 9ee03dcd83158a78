# Copyright: (c) 2026, ck8s.ports contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every kind of node: what must be known of it, and what must not."""

from __future__ import annotations

from pathlib import Path

import pytest

from ansible_collections.ck8s.ports.plugins.module_utils._node_facts import NAMES, collect
from tests.unit.node_facts.trees import build, describe, names


@pytest.mark.parametrize("name", names())
def test_kind_of_node(name: str, tmp_path: Path) -> None:
    description = describe(name)
    found = collect(str(build(description, tmp_path)))
    expect = description["expect"]
    assert {fact: entry["value"] for fact, entry in found.facts.items()} == expect["facts"]
    assert found.installed == expect["installed"]
    assert sorted(found.absent) == sorted(expect["absent"])
    for fact, reason in expect["absent"].items():
        assert reason in found.absent[fact]
    for fact, source in expect.get("sources", {}).items():
        assert found.facts[fact]["source"] == source
    assert found.problems == expect.get("problems", [])
    assert sorted([*found.facts, *found.absent]) == sorted(NAMES)


def test_every_description_is_in_the_readme() -> None:
    readme = Path(__file__).with_name("roots").joinpath("README.md").read_text(encoding="utf-8")
    told = [line.split("`")[1] for line in readme.splitlines() if line.startswith("| `")]
    assert [name for name in names() if name not in told] == []


def test_node_of_another_mount_directory(tmp_path: Path) -> None:
    """Where /snap is not snapd's mount directory, as on Fedora."""
    description = describe("control_plane_1.34_etcd")
    build(description, tmp_path)
    (tmp_path / "var/lib/snapd").mkdir(parents=True)
    (tmp_path / "snap").rename(tmp_path / "var/lib/snapd/snap")
    found = collect(str(tmp_path))
    assert found.facts["revision"] == {"value": "4162", "source": "link /var/lib/snapd/snap/k8s/current"}
    assert found.facts["version"]["value"] == "v1.34.1"


def test_version_from_the_bill_of_materials(tmp_path: Path) -> None:
    build(describe("control_plane_1.34_etcd"), tmp_path)
    (tmp_path / "snap/k8s/4162/meta/snap.yaml").unlink()
    found = collect(str(tmp_path))
    assert found.facts["version"] == {"value": "v1.34.1", "source": "file /snap/k8s/current/bom.json"}
    assert found.absent["confinement"] == "/snap/k8s/current/meta/snap.yaml does not exist"


@pytest.mark.parametrize(
    ("name", "content", "socket"),
    [
        (".containerd-base-dir", "/", "/run/containerd/containerd.sock"),
        (".containerd-base-dir", "/var/snap/k8s/common\n", "/var/snap/k8s/common/run/containerd/containerd.sock"),
        ("containerd-socket-path", "/opt/k8s/run/containerd", "/opt/k8s/run/containerd/containerd.sock"),
    ],
)
def test_socket_of_containerd_from_the_notes_of_k8sd(tmp_path: Path, name: str, content: str, socket: str) -> None:
    build(describe("control_plane_1.34_etcd"), tmp_path)
    (tmp_path / "var/snap/k8s/common/args/containerd").unlink()
    locks = tmp_path / "var/snap/k8s/common/lock"
    (locks / "containerd-socket-path").unlink()
    (locks / name).write_text(content, encoding="utf-8")
    assert collect(str(tmp_path)).facts["containerd_socket"] == {
        "value": socket,
        "source": f"file /var/snap/k8s/common/lock/{name}",
    }


def test_root_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="is not a directory; give one"):
        collect(str(tmp_path / "typo"))
