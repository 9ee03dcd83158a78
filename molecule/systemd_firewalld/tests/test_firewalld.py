# Copyright: (c) 2026, ck8s.ports contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Our rules among firewalld's, seen with firewall-cmd and nft, on nodes of which one has lost its power."""

from __future__ import annotations

from typing import Any

testinfra_hosts = ["ansible://control_plane?force_ansible=True", "ansible://worker?force_ansible=True"]

Host = Any


def test_firewalld_has_our_rules_now_and_for_the_next_boot(host: Host) -> None:
    now = host.run("firewall-cmd --zone=public --list-rich-rules").stdout.splitlines()
    permanent = host.run("firewall-cmd --permanent --zone=public --list-rich-rules").stdout.splitlines()
    assert sorted(now) == sorted(permanent)
    kubelet = [rule for rule in now if 'port="10250"' in rule]
    assert len([rule for rule in kubelet if rule.endswith("accept")]) == 1
    assert [rule for rule in kubelet if rule.endswith("drop")]
    assert all('priority="-2' in rule for rule in now), "nothing but ours, in our range of priorities"


def test_ssh_is_still_a_service_of_the_zone(host: Host) -> None:
    assert "ssh" in host.run("firewall-cmd --zone=public --list-services").stdout.split()


def test_there_is_no_table_of_ours_beside(host: Host) -> None:
    assert "ck8s_ports" not in host.run("nft list tables").stdout
