# Copyright: (c) 2026, ck8s.ports contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Files of the host that cannot be read, made or found: the error has the file and what to do about it."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from ansible_collections.ck8s.ports.plugins.module_utils import _files, _ufw
from ansible_collections.ck8s.ports.plugins.module_utils._boot import Boot
from ansible_collections.ck8s.ports.plugins.module_utils._firewall import FirewallError
from ansible_collections.ck8s.ports.plugins.module_utils._ufw_rules import FAMILIES
from ansible_collections.ck8s.ports.plugins.module_utils._unconfirmed import Waiting


@pytest.mark.parametrize(
    ("number", "remedy"),
    [
        (errno.EACCES, "run as root (become: true)"),
        (errno.ENOSPC, "make room there, then run again"),
        (errno.EROFS, "mount it for writing, then run again"),
        (errno.EIO, "mend that on this host, then run again"),
    ],
)
def test_each_kind_of_error_has_its_remedy(number: int, remedy: str) -> None:
    said = _files.with_remedy(OSError(number, os.strerror(number), "/etc/x"))
    assert said.startswith(f"[Errno {number}] {os.strerror(number)}: '/etc/x'; ")
    assert remedy in said


@pytest.fixture
def ufw(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> _ufw.UfwBackend:
    monkeypatch.setattr(_ufw, "require_net_admin", lambda: None)
    return _ufw.UfwBackend(root=str(tmp_path))


@pytest.mark.parametrize("name", ["user.rules", "ufw.conf"])
def test_a_file_of_ufw_that_cannot_be_read(ufw: _ufw.UfwBackend, tmp_path: Path, name: str) -> None:
    path = tmp_path / "etc/ufw" / name
    path.mkdir(parents=True)
    look = ufw.has_ours if name == "user.rules" else ufw.enabled
    with pytest.raises(FirewallError, match=f"cannot read {path}: .* mend that on this host, then run again"):
        look()


def test_a_file_of_ufw_that_is_missing(ufw: _ufw.UfwBackend, tmp_path: Path) -> None:
    with pytest.raises(FirewallError, match=r"user\.rules is missing: .*; reinstall the package ufw, or use backend"):
        ufw._existing_file(FAMILIES[0])


def test_a_lock_of_ufw_that_cannot_be_made(ufw: _ufw.UfwBackend, tmp_path: Path) -> None:
    refused = pytest.raises(FirewallError, match=r"cannot lock .*/run/ufw\.lock: .*; mend that on this host")
    with refused, ufw._ufw_waits():
        pass


def test_a_record_of_a_change_that_cannot_be_read(tmp_path: Path) -> None:
    (tmp_path / "run/change/record.json").mkdir(parents=True)
    waiting = Waiting(Boot(str(tmp_path / "run"), str(tmp_path)), str(tmp_path / "run"))
    with pytest.raises(FirewallError, match=r"waits for its confirmation: .*; mend that on this host, then run again"):
        waiting.current()
