# Copyright: (c) 2026, ck8s.ports contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The parts of the evidence: what one of them cannot tell costs no other, and none lasts for ever."""

from __future__ import annotations

import contextlib
import signal
import socket
import time
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.ck8s.ports.plugins.module_utils import _evidence, _unix_files
from ansible_collections.ck8s.ports.plugins.module_utils._route_localnet import route_localnet

LISTENER = {"protocol": "tcp", "port": 1, "exposure": "loopback", "address": "127.0.0.1", "interface": None}


def test_a_part_is_its_data() -> None:
    assert _evidence.part(lambda: {"sockets": []}) == {"sockets": []}


@pytest.mark.parametrize(
    ("error", "reason"),
    [(ValueError("ports: 'x'"), "ports: 'x'"), (KeyError("a"), "'a'"), (RuntimeError(), "RuntimeError()")],
)
def test_or_the_reason_why_there_is_none(error: Exception, reason: str) -> None:
    def look() -> dict[str, Any]:
        raise error

    assert _evidence.part(look) == {"error": reason}


def test_a_part_that_hangs_is_given_up_and_leaves_no_alarm() -> None:
    def hang() -> dict[str, Any]:
        with contextlib.suppress(OSError):  # as code on the way does
            time.sleep(10)
        return {}

    began = time.monotonic()
    assert _evidence.part(hang, patience=0.05) == {"error": "it took longer than 0.05 seconds"}
    assert time.monotonic() - began < 5
    assert signal.getitimer(signal.ITIMER_REAL) == (0.0, 0.0)


def test_bad_options_are_the_errors_of_their_parts() -> None:
    question = {"port": 1, "path": "no path", "tls": True, "label": None}
    assert "'no path' is no path" in _evidence._claims([question], 1, {"sockets": [LISTENER]})["error"]
    assert "-1 is not a time" in _evidence._claims([{**question, "path": "/"}], -1, {"sockets": [LISTENER]})["error"]
    firewall = _evidence.part(lambda: _evidence._firewall("nftables", {"enforcement": "no such thing"}))
    assert "no such thing" in firewall["error"]


def test_without_listeners_known_nothing_is_asked_and_no_file_is_without_one() -> None:
    question = {"port": 1, "path": "/", "tls": True, "label": None}
    blind = {"error": "no netlink"}
    assert _evidence._claims([question], 1, blind) == {"error": "it is not known what listens: no netlink"}
    assert _evidence._unix_sockets(["/nowhere"], blind) == {"/nowhere": {"exists": False, "listeners": None}}


def test_a_file_that_may_not_be_looked_at_costs_no_other(tmp_path: Path) -> None:
    loop = tmp_path / "loop"
    loop.symlink_to(loop)
    seen = _evidence._unix_sockets([str(loop), "/nowhere"], {"sockets": []})
    assert "symbolic links" in seen[str(loop)]["error"]
    assert seen["/nowhere"] == {"exists": False, "listeners": []}


def test_route_localnet_of_each_interface(tmp_path: Path) -> None:
    for name, text in {"all": "0\n", "eth0": "1\n", "gone": None}.items():
        (tmp_path / name).mkdir()
        if text is not None:
            (tmp_path / name / "route_localnet").write_text(text, encoding="ascii")
    assert route_localnet(str(tmp_path)) == {"all": False, "eth0": True}


def test_what_a_path_is(tmp_path: Path) -> None:
    path, file, link = tmp_path / "s.sock", tmp_path / "file", tmp_path / "link"
    with socket.socket(socket.AF_UNIX) as bound:
        bound.bind(str(path))
    path.chmod(0o660)
    file.write_text("", encoding="ascii")
    link.symlink_to(path)
    seen = _unix_files.describe(str(path))
    assert (seen["exists"], seen["type"], seen["mode"]) == (True, "socket", "0660")
    assert _unix_files.describe(str(link)) == seen
    assert _unix_files.describe(str(file))["type"] == "file"
    assert _unix_files.describe(str(tmp_path / "none")) == {"exists": False}
    assert _unix_files.describe(str(file / "below")) == {"exists": False}


def test_a_path_by_another_name_is_the_same_path(tmp_path: Path) -> None:
    (tmp_path / "run").mkdir()
    (tmp_path / "var").symlink_to(tmp_path / "run")
    assert _unix_files.is_named(f"{tmp_path}/var/a.sock", f"{tmp_path}/run/a.sock")
    assert not _unix_files.is_named(f"{tmp_path}/var/b.sock", f"{tmp_path}/run/a.sock")
    assert not _unix_files.is_named("@a.sock", f"{tmp_path}/run/a.sock")
