# Copyright: (c) 2026, ck8s.ports contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A change of the machine's network is found; what changes by itself is not taken for one."""

from __future__ import annotations

from tests.lab.snapshot import differences


def test_each_kind_of_change_is_named() -> None:
    before = {"interface or address eth0": "a", "IPv4 route r": "present", "sysctl net.ipv4/ip_forward": "0"}
    after = {"interface or address eth0": "b", "IPv4 rule x": "present", "sysctl net.ipv4/ip_forward": "1"}
    assert differences(before, after) == [
        "IPv4 route r: was present, is absent",
        "IPv4 rule x: was absent, is present",
        "interface or address eth0: was a, is b",
        "sysctl net.ipv4/ip_forward: was 0, is 1",
    ]


def test_settings_that_a_module_brings_are_no_change() -> None:
    assert differences({}, {"sysctl net.netfilter/nf_log_all_netns": "0"}) == []
