# Copyright: (c) 2026, ck8s.ports contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Programs called nft that fail, hang or are missing; nothing here touches a firewall."""

from __future__ import annotations

import contextlib
import time
from pathlib import Path

import pytest

from ansible_collections.ck8s.ports.plugins.module_utils import _nft
from ansible_collections.ck8s.ports.plugins.module_utils._firewall import FirewallError
from ansible_collections.ck8s.ports.plugins.module_utils._nft import Nft, find_nft


def program(path: Path, script: str) -> str:
    path.write_text(f"#!/bin/sh\n{script}\n", encoding="utf-8")
    path.chmod(0o755)
    return str(path)


def running_in_session(session: str) -> list[str]:
    """Return the processes of a session that are more than an entry waiting for its parent."""
    running = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):  # ended meanwhile
            state, _, _, its_session = stat.read_text(encoding="utf-8").rpartition(") ")[2].split()[:4]
            if its_session == session and state not in "ZX":
                running.append(stat.parent.name)
    return running


def test_a_missing_nft_names_the_package(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(_nft, "_SYSTEM_DIRECTORIES", ())
    with pytest.raises(FirewallError, match=r"nft was not found on .*; install the package nftables on this host"):
        find_nft()


def test_nft_is_found_where_the_path_lacks_the_system_directories(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PATH", "/nonexistent")
    monkeypatch.setattr(_nft, "_SYSTEM_DIRECTORIES", (str(tmp_path),))
    nft = program(tmp_path / "nft", "exit 0")
    assert find_nft() == nft


def test_what_nft_says_is_in_the_message(tmp_path: Path) -> None:
    nft = Nft(program(tmp_path / "nft", "echo '/dev/stdin:3:5-10: Error: syntax error' >&2; exit 1"))
    with pytest.raises(
        FirewallError,
        match=r"^`nft --file -` failed with status 1: /dev/stdin:3:5-10: Error: syntax error\. See whether nftables "
        r"works on this host at all \(`nft list ruleset`, as root\)$",
    ):
        nft.load("table inet ck8s_ports\n")


@pytest.mark.parametrize("script", ["exec sleep 60", "sleep 60", "trap '' TERM; sleep 60"])
def test_an_nft_that_hangs_is_killed_with_all_it_started(tmp_path: Path, script: str) -> None:
    started = time.monotonic()
    with pytest.raises(FirewallError, match=r"`nft --file -` did not end in 0\.3 seconds and was killed"):
        Nft(program(tmp_path / "nft", f"echo $$ > {tmp_path}/pid; {script}"), timeout=0.3).load("x")
    assert time.monotonic() - started < 5
    session = (tmp_path / "pid").read_text(encoding="ascii").strip()
    while running_in_session(session):  # killed, but not gone at once
        assert time.monotonic() - started < 5
        time.sleep(0.01)


def test_an_error_while_reading_is_not_taken_for_an_absent_table(tmp_path: Path) -> None:
    script = 'case "$*" in "list tables inet") echo "table inet ck8s_ports";; *) echo broken >&2; exit 1;; esac'
    with pytest.raises(FirewallError, match="failed with status 1: broken"):
        Nft(program(tmp_path / "nft", script)).table()


def test_only_our_own_table_counts_as_ours(tmp_path: Path) -> None:
    script = 'case "$*" in "list tables inet") echo "table inet ck8s_ports2";; *) exit 1;; esac'
    assert Nft(program(tmp_path / "nft", script)).table() == ""


def test_the_script_goes_to_the_standard_input_and_the_language_is_fixed(tmp_path: Path) -> None:
    nft = Nft(program(tmp_path / "nft", f"cat > {tmp_path}/script; echo $LC_ALL > {tmp_path}/language"))
    nft.load("table inet ck8s_ports\n")
    assert (tmp_path / "script").read_text(encoding="utf-8") == "table inet ck8s_ports\n"
    assert (tmp_path / "language").read_text(encoding="utf-8") == "C\n"
