# Copyright: (c) 2026, ck8s.ports contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Our rules among ufw's, seen with ufw and nft, on nodes of which one has lost its power."""

from __future__ import annotations

from typing import Any

testinfra_hosts = ["ansible://control_plane?force_ansible=True", "ansible://worker?force_ansible=True"]

Host = Any


def test_ufw_shows_our_rules_and_the_users(host: Host) -> None:
    lines = host.run("ufw status verbose").stdout.splitlines()
    assert "Status: active" in lines
    assert "Default: deny (incoming), allow (outgoing), disabled (routed)" in lines
    assert [line for line in lines if line.startswith("22/tcp ") and "ck8s.ports" not in line], "the user's own rule"
    kubelet = [line for line in lines if line.startswith("10250/tcp") and "ck8s.ports:kubelet" in line]
    verdicts = [line.replace("(v6)", "").split()[1] for line in kubelet]
    assert verdicts == ["ALLOW", "DENY", "DENY"], "the nodes' network; then all, v4 and v6"


def test_there_is_no_table_of_ours_beside(host: Host) -> None:
    assert "ck8s_ports" not in host.run("nft list tables").stdout
    assert not host.service("ck8s-ports").is_enabled
