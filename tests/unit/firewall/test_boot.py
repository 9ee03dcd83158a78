# Copyright: (c) 2026, ck8s.ports contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The files of the next boot: compared, staged beside their places, made permanent by one rename, or forgotten."""

from __future__ import annotations

from pathlib import Path

import pytest

from ansible_collections.ck8s.ports.plugins.module_utils import _files
from ansible_collections.ck8s.ports.plugins.module_utils._boot import Boot, BootPlan
from ansible_collections.ck8s.ports.plugins.module_utils._firewall import Load

LOAD = Load(["/usr/sbin/nft", "--file"], "table inet ck8s_ports {\n}\n")
OTHER = Load(["/usr/sbin/nft", "--file"], "table inet ck8s_ports { chain input { } }\n")


@pytest.fixture
def boot(tmp_path: Path) -> Boot:
    (tmp_path / "root/run/systemd/system").mkdir(parents=True)
    (tmp_path / "root/etc/systemd/system").mkdir(parents=True)
    return Boot(str(tmp_path / "run"), str(tmp_path / "root"))


def make(boot: Boot, load: Load | None) -> BootPlan:
    plan = boot.plan(load)
    boot.stage(plan)
    boot.commit(plan)
    return plan


def test_written_once_and_then_as_wanted(boot: Boot) -> None:
    plan = make(boot, LOAD)
    assert plan.changed and set(plan.found.values()) == {None}
    assert not boot.plan(LOAD).changed
    assert boot.plan(LOAD).described() == ("", "")
    unit = Path(boot.unit).read_text()
    assert f"ExecStart=/usr/sbin/nft --file {boot.policy}\n" in unit
    assert "Before=network-pre.target" in unit and "After=nftables.service" in unit
    assert not Path(boot.unconfirmed).exists()


def test_nothing_of_an_unconfirmed_policy_is_in_the_file_of_the_boot(boot: Boot) -> None:
    make(boot, LOAD)
    boot.stage(boot.plan(OTHER))
    assert Path(boot.policy).read_text() == LOAD.text
    boot.withdraw()
    assert not boot.plan(LOAD).changed
    assert not Path(boot.unconfirmed).exists()


def test_each_file_that_differs_is_named(boot: Boot) -> None:
    make(boot, LOAD)
    found, wanted = boot.plan(OTHER).described()
    assert found == f"at boot: {boot.policy}: other than wanted\n"
    assert wanted == f"at boot: {boot.policy}: as wanted\n"
    assert boot.plan(None).described()[1].count(": none\n") == 3


def test_removal_leaves_nothing(boot: Boot, tmp_path: Path) -> None:
    before = sorted(tmp_path.rglob("*"))
    make(boot, LOAD)
    assert boot.plan(None).changed
    make(boot, None)
    assert not boot.plan(None).changed
    left = [path for path in sorted(tmp_path.rglob("*")) if path not in before]
    assert left == [Path(boot.link).parent], "systemd's own directory of what sysinit.target wants"


def test_without_systemd_there_are_no_files(tmp_path: Path) -> None:
    boot = Boot(str(tmp_path), str(tmp_path))
    plan = boot.plan(LOAD)
    assert not boot.persistent and not plan.changed
    boot.stage(plan)
    assert [path.name for path in tmp_path.iterdir()] == ["unconfirmed"]
    boot.commit(plan)
    assert list(tmp_path.iterdir()) == []


def test_a_file_that_cannot_be_written_whole_is_not_there(tmp_path: Path) -> None:
    path = tmp_path / "file"
    _files.write_durably(str(path), "old")
    (tmp_path / "file.new").mkdir()
    with pytest.raises(OSError, match="Is a directory"):
        _files.write_durably(str(path), "new")
    assert path.read_text() == "old"
