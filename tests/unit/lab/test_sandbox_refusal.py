# Copyright: (c) 2026, ck8s.ports contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where no sandbox can be made, the message says who forbids it and what to do."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.lab.sandbox import CANNOT_START, refusal

CHECKOUT = Path(__file__).parents[3]
DENIED = "unshare: write failed /proc/self/uid_map: Operation not permitted"


@pytest.mark.parametrize(
    ("setting", "value", "expected"),
    [
        ("kernel/apparmor_restrict_unprivileged_userns", "1", "AppArmor forbids it"),
        ("kernel/unprivileged_userns_clone", "0", "only root may"),
        ("user/max_user_namespaces", "0", "no user namespaces are allowed"),
    ],
)
def test_the_setting_that_forbids_it_is_named(tmp_path: Path, setting: str, value: str, expected: str) -> None:
    (tmp_path / setting).parent.mkdir()
    (tmp_path / setting).write_text(f"{value}\n")
    message = refusal(DENIED, root=False, settings=tmp_path)
    assert DENIED in message
    assert f"{setting.replace('/', '.')} = {value}: {expected}" in message
    assert message.endswith("run the same command with sudo")


def test_settings_that_allow_it_are_not_blamed(tmp_path: Path) -> None:
    (tmp_path / "kernel").mkdir()
    (tmp_path / "kernel/apparmor_restrict_unprivileged_userns").write_text("0\n")
    message = refusal(DENIED, root=False, settings=tmp_path)
    assert message == f"cannot make namespaces: {DENIED}; run the same command with sudo"


def test_root_is_not_told_to_use_sudo(tmp_path: Path) -> None:
    message = refusal(DENIED, root=True, settings=tmp_path)
    assert "CAP_SYS_ADMIN" in message
    assert "sudo" not in message


def test_nothing_runs_when_the_namespaces_are_refused(tmp_path: Path) -> None:
    unshare = tmp_path / "unshare"
    unshare.write_text(f"#!/bin/sh\necho '{DENIED}' >&2\nexit 1\n")
    unshare.chmod(0o755)
    started = subprocess.run(
        [sys.executable, "-m", "tests.lab.sandbox", "--", "touch", str(tmp_path / "was-here")],
        cwd=CHECKOUT,
        env={**os.environ, "PATH": f"{tmp_path}:{os.environ['PATH']}"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert started.returncode == CANNOT_START
    assert DENIED in started.stderr
    assert not (tmp_path / "was-here").exists()
