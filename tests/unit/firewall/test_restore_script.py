# Copyright: (c) 2026, ck8s.ports contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The script that takes a change back, run for real on files; `cp` stands where a node has `nft --file`."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from ansible_collections.ck8s.ports.plugins.module_utils._firewall import Load, load_all
from ansible_collections.ck8s.ports.plugins.module_utils._restore_script import render_restore_script

TOKEN = "0123456789abcdef"


class Place:
    """A change that waits, in a directory whose name would be commands if it were not quoted."""

    def __init__(self, directory: Path, command: list[str] | None = None) -> None:
        self.root = directory / "$(touch harm) '; touch harm; `touch harm`"
        self.loaded = self.root / "loaded"
        self.change, self.taken_back = self.root / "change", self.root / "taken-back"
        self.unconfirmed, self.policy = self.root / "etc/policy.unconfirmed", self.root / "etc/policy"
        self.unit, self.link = self.root / "unit", self.root / "link"
        for made in (self.loaded, self.change, self.policy.parent):
            made.mkdir(parents=True)
        (self.change / "token").write_text(TOKEN)
        (self.change / "previous").write_text("the rules before\n")
        self.unconfirmed.write_text("the rules of the change\n")
        self.unit.write_text("a unit\n")
        self.link.symlink_to(self.unit)
        script = render_restore_script(
            command=command or ["cp", f"--target-directory={self.loaded}"],
            change=str(self.change),
            taken_back=str(self.taken_back),
            unconfirmed=str(self.unconfirmed),
            policy=str(self.policy),
            unit=str(self.unit),
            link=str(self.link),
        )
        (self.change / "restore.sh").write_text(script)

    def run(self, *arguments: str) -> int:
        command = ["/bin/sh", str(self.change / "restore.sh"), *arguments]
        return subprocess.run(command, cwd=self.root.parent, timeout=30, check=False).returncode

    def untouched(self) -> bool:
        return self.change.is_dir() and not self.taken_back.exists() and not list(self.loaded.iterdir())


def test_it_loads_the_rules_before_and_keeps_the_record(tmp_path: Path) -> None:
    place = Place(tmp_path)
    assert place.run(TOKEN) == 0
    assert (place.loaded / "previous").read_text() == "the rules before\n"
    assert not place.change.exists() and not place.unconfirmed.exists()
    assert (place.taken_back / "token").read_text() == TOKEN
    assert not list(tmp_path.rglob("harm"))


def test_a_unit_without_a_policy_goes_too(tmp_path: Path) -> None:
    place = Place(tmp_path)
    place.run(TOKEN)
    assert not place.unit.exists() and not place.link.is_symlink() and not place.policy.parent.exists()


def test_the_policy_of_the_next_boot_stays_with_its_unit(tmp_path: Path) -> None:
    place = Place(tmp_path)
    place.policy.write_text("the rules before\n")
    place.run(TOKEN)
    assert place.unit.exists() and place.link.is_symlink() and place.policy.exists()


def test_a_confirmed_change_stays(tmp_path: Path) -> None:
    place = Place(tmp_path)
    place.unconfirmed.rename(place.policy)
    assert place.run(TOKEN) == 0
    assert place.untouched()


def test_the_timer_of_an_earlier_change_does_nothing(tmp_path: Path) -> None:
    place = Place(tmp_path)
    assert place.run("fedcba9876543210") == 0
    assert place.untouched()


def test_while_it_waits_it_ends_as_soon_as_the_change_is_confirmed(tmp_path: Path) -> None:
    place = Place(tmp_path)
    command = ["/bin/sh", str(place.change / "restore.sh"), TOKEN, "600"]
    with subprocess.Popen(command, cwd=tmp_path) as waiting:
        with pytest.raises(subprocess.TimeoutExpired):
            waiting.wait(timeout=0.3)
        place.unconfirmed.unlink()
        assert waiting.wait(timeout=5) == 0
    assert place.untouched()


def test_it_tries_again_until_the_rules_are_loaded(tmp_path: Path) -> None:
    flaky = tmp_path / "flaky"
    flaky.write_text(f"#!/bin/sh\necho >>{tmp_path}/tries\n[ $(wc -l <{tmp_path}/tries) -ge 3 ]\n")
    flaky.chmod(0o755)
    place = Place(tmp_path, [str(flaky)])
    assert place.run(TOKEN) == 0
    assert (tmp_path / "tries").read_text() == "\n" * 3
    assert place.taken_back.is_dir()


def test_several_loads_are_one(tmp_path: Path) -> None:
    """In their order, whatever is in their texts; and the whole fails where one of them does."""
    texts = ["first\nEND-OF-RULES\n", 'second: $(touch harm) `touch harm` "\\', ""]
    copies = [Load(["sh", "-c", f'cat "$1" >>{tmp_path}/loaded', "sh"], text) for text in texts]
    for loads, status in ((copies, 0), ([copies[0], Load(["false"], "x"), copies[1]], 1)):
        (tmp_path / "loaded").write_text("")
        load = load_all(loads)
        (tmp_path / "previous").write_text(load.text)
        done = subprocess.run([*load.command, tmp_path / "previous"], cwd=tmp_path, timeout=10, check=False)
        assert done.returncode == status
        assert (tmp_path / "loaded").read_text() == f"{texts[0]}{texts[1]}\n"
    assert not (tmp_path / "harm").exists()
    assert load_all(copies[:1]) is copies[0]
