# Copyright: (c) 2026, ck8s.ports contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a removal leaves behind: nothing. The program and the list it is compared with are made by prepare.yml."""

from __future__ import annotations

from typing import Any

testinfra_hosts = ["ansible://control_plane?force_ansible=True", "ansible://worker?force_ansible=True"]

Host = Any


def test_files_units_and_rules_are_those_of_before(host: Host) -> None:
    host.run_expect([0], "what-is-here >/root/after")
    assert host.run("diff /root/before /root/after").stdout == ""


def test_no_state_is_left_in_run(host: Host) -> None:
    assert not host.file("/run/ck8s-ports").exists
