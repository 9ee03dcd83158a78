# Copyright: (c) 2026, ck8s.ports contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is made of systemd's answers. systemctl/README.md tells where the recorded ones are from."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from ansible_collections.ck8s.ports.plugins.module_utils import _snap_units
from ansible_collections.ck8s.ports.plugins.module_utils._snap_facts import kube_proxy
from ansible_collections.ck8s.ports.plugins.module_utils._snap_files import Tree, Unreadable
from ansible_collections.ck8s.ports.plugins.module_utils._snap_node import Node
from tests.unit.node_facts.trees import build, describe

RECORDED = Path(__file__).with_name("systemctl")
ANSWER = RECORDED.joinpath("control_plane.txt").read_text(encoding="utf-8")


def test_recorded_answer() -> None:
    units = _snap_units.parse(ANSWER)
    assert {name: unit.main_pid for name, unit in units.items() if unit.active} == {
        "containerd": 110,
        "etcd": 126,
        "k8sd": 142,
        "kube-apiserver": 158,
        "kube-controller-manager": 174,
        "kube-scheduler": 190,
        "kubelet": 206,
    }
    assert {name for name, unit in units.items() if unit.enabled} == {
        name for name, unit in units.items() if unit.active
    }
    assert not units["kube-proxy"].active
    assert not units["k8s-apiserver-proxy"].enabled  # there is no such unit


@pytest.mark.parametrize("text", ["", "Id=snap.k8s.kubelet.service\n", ANSWER.replace("MainPID=110", "MainPID=many")])
def test_answer_that_does_not_tell(text: str) -> None:
    with pytest.raises(Unreadable, match="did not tell what was asked for"):
        _snap_units.parse(text)


@pytest.mark.parametrize(
    ("active", "file", "expected"),
    [
        ("active", "enabled", True),
        ("active", "disabled", True),
        ("inactive", "enabled", True),
        ("failed", "enabled", True),
        ("activating", "disabled", True),
        ("inactive", "disabled", False),
        ("failed", "disabled", False),
        ("inactive", "masked", False),
        ("inactive", "", False),
        ("active", "enabled-runtime", True),
    ],
)
def test_kube_proxy_by_the_state_of_its_unit(active: str, file: str, expected: bool) -> None:
    before = "Id=snap.k8s.kube-proxy.service\nLoadState=loaded\nActiveState={}\nUnitFileState={}\n"
    text = ANSWER.replace(before.format("inactive", "disabled"), before.format(active, file))
    node = Node(Tree("/nowhere"), "/snap/k8s/current", live=False)
    node.units = _snap_units.parse(text)
    fact = kube_proxy(node)
    assert (fact.value, fact.source) == (expected, "unit snap.k8s.kube-proxy.service")


def a_systemctl(directory: Path, script: str, monkeypatch: pytest.MonkeyPatch) -> None:
    program = directory / "bin/systemctl"
    program.parent.mkdir()
    program.write_text(f"#!/bin/sh\n{script}\n", encoding="utf-8")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}:/usr/bin:/bin")


def test_systemd_is_asked_once_in_the_language_of_programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    script = f'echo "$LC_ALL $@" >> {tmp_path}/asked; cat {RECORDED}/control_plane.txt'
    a_systemctl(tmp_path, script, monkeypatch)
    assert _snap_units.ask()["etcd"].main_pid == 126
    (asked,) = (tmp_path / "asked").read_text(encoding="utf-8").splitlines()
    assert asked.split()[:3] == ["C", "--no-pager", "show"]
    assert asked.split()[4:] == [f"snap.k8s.{service}.service" for service in _snap_units.SERVICES]


def test_host_with_another_init(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    a_systemctl(tmp_path, f"cat {RECORDED}/no_systemd.txt >&2; exit 1", monkeypatch)
    with pytest.raises(Unreadable, match="failed with 1: System has not been booted with systemd"):
        _snap_units.ask()


def test_host_without_systemctl(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(Unreadable, match="there is no systemctl on this host"):
        _snap_units.ask()


def test_systemd_that_is_stuck(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_snap_units, "_PATIENCE", 0.2)
    a_systemctl(tmp_path, "exec sleep 60", monkeypatch)
    started = time.monotonic()
    with pytest.raises(Unreadable, match="did not answer"):
        _snap_units.ask()
    assert time.monotonic() - started < 10


def test_not_enabled_may_be_active_when_systemd_does_not_tell(tmp_path: Path) -> None:
    root = build(describe("control_plane_1.36_fresh"), tmp_path)
    node = Node(Tree(str(root)), "/snap/k8s/current", live=False)
    node.live, node.units_unknown = True, "there is no systemctl on this host"
    with pytest.raises(Unreadable, match="there is no systemctl on this host; it is not enabled, and may be active"):
        kube_proxy(node)
