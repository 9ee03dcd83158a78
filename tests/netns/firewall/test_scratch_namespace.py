# Copyright: (c) 2026, ck8s.ports contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The namespace in which the wanted rules are loaded to be printed."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from ansible_collections.ck8s.ports.plugins.module_utils import _scratch_namespace
from ansible_collections.ck8s.ports.plugins.module_utils._scratch_namespace import (
    ScratchNamespaceError,
    in_scratch_namespace,
)


def own_namespace() -> str:
    return str(Path("/proc/thread-self/ns/net").stat().st_ino)


def interfaces() -> str:
    return subprocess.run(["ip", "-o", "link"], check=True, capture_output=True, text=True).stdout


def test_the_work_is_done_in_a_network_of_its_own() -> None:
    here = own_namespace()
    there, links = in_scratch_namespace(lambda: f"{own_namespace()} {interfaces()}").split(maxsplit=1)
    assert there != here == own_namespace()
    assert "lo: <LOOPBACK>" in links and len(links.splitlines()) == 1


def test_nothing_of_it_remains() -> None:
    descriptors = sorted(entry.name for entry in Path("/proc/self/fd").iterdir())
    for _ in range(20):
        in_scratch_namespace(own_namespace)
    assert sorted(entry.name for entry in Path("/proc/self/fd").iterdir()) == descriptors
    with pytest.raises(ChildProcessError):
        os.waitpid(-1, os.WNOHANG)


def test_a_kernel_that_makes_no_namespace_is_caught_before_the_work(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(_scratch_namespace, "_leave_network_namespace", lambda: None)
    trace = tmp_path / "worked"
    with pytest.raises(ScratchNamespaceError, match="made no network namespace, though it said so; nothing was loaded"):
        in_scratch_namespace(lambda: str(trace.write_text("worked", encoding="utf-8")))
    assert not trace.exists()


def test_what_goes_wrong_in_the_work_is_told() -> None:
    def fail() -> str:
        raise ValueError("no such thing\nas this")

    with pytest.raises(ScratchNamespaceError, match=r"^no such thing\nas this$"):
        in_scratch_namespace(fail)


def test_a_child_that_dies_is_noticed() -> None:
    with pytest.raises(ScratchNamespaceError, match="died without a word"):
        in_scratch_namespace(lambda: os._exit(3))


def test_a_long_answer_arrives_whole() -> None:
    assert in_scratch_namespace(lambda: "x\u00e9" * 1_000_000) == "x\u00e9" * 1_000_000
