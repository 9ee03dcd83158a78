# Copyright: (c) 2026, ck8s.ports contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The addresses of all nodes of an inventory: where they come from, and what is not taken for one."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.ck8s.ports.plugins.plugin_utils._node_addresses import node_addresses

SET_IT = "set node_profile_addresses for it"
NOT_ONE = f"which is not an address that other nodes can see, and no name is looked up; {SET_IT}"

KNOWN: dict[str, tuple[dict[str, Any], list[str]]] = {
    "given": (
        {"node_profile_addresses": ["192.0.2.1", "2001:DB8::1"], "ansible_host": "192.0.2.9"},
        ["192.0.2.1", "2001:db8::1"],
    ),
    "settled in this run": (
        {"node_profile_result": {"profile": {"addresses": ["192.0.2.2"]}}, "ansible_host": "192.0.2.9"},
        ["192.0.2.2"],
    ),
    "shown by the node": (
        {"node_profile_result": {"profile": {"addresses": ["192.0.2.2"]}}, "node_profile_detect": True},
        ["192.0.2.2"],
    ),
    "ansible_host": ({"ansible_host": "2001:db8:0::3"}, ["2001:db8::3"]),
    "facts": (
        {"ansible_host": "a.example", "ansible_facts": {"default_ipv4": {"address": "192.0.2.4"}, "default_ipv6": {}}},
        ["192.0.2.4"],
    ),
}


@pytest.mark.parametrize("case", KNOWN)
def test_where_an_address_comes_from(case: str) -> None:
    variables, wanted = KNOWN[case]
    found = node_addresses({"node1": variables}, ["node1"], [])
    assert found["known"] == {"control_plane": {"node1": wanted}, "worker": {}}
    assert found["unknown"] == {"control_plane": {}, "worker": {}}


def test_the_name_of_a_host_may_be_its_address() -> None:
    assert node_addresses({"192.0.2.7": {}}, [], ["192.0.2.7"])["known"]["worker"] == {"192.0.2.7": ["192.0.2.7"]}


UNKNOWN: dict[str, tuple[dict[str, Any], str]] = {
    "a name": ({"ansible_host": "a.example"}, f"ansible_host is 'a.example', {NOT_ONE}"),
    "nothing": ({}, f"it has no ansible_host, and its name is 'node1', {NOT_ONE}"),
    "loopback": ({"ansible_host": "127.0.0.1"}, f"ansible_host is '127.0.0.1', {NOT_ONE}"),
    "of one link": ({"ansible_host": "fe80::1%eth0"}, f"ansible_host is 'fe80::1%eth0', {NOT_ONE}"),
    "given wrong": (
        {"node_profile_addresses": ["192.0.2.1", "a.example"], "ansible_host": "192.0.2.1"},
        "node_profile_addresses: 'a.example' is not an address that other nodes can see; give its own ones",
    ),
    "to be asked": (
        {"node_profile_detect": True, "ansible_host": "192.0.2.1"},
        f"the node has not been asked in this run, which it has to be for node_profile_detect; {SET_IT}",
    ),
}


@pytest.mark.parametrize("case", UNKNOWN)
def test_why_an_address_is_not_known(case: str) -> None:
    variables, reason = UNKNOWN[case]
    assert node_addresses({"node1": variables}, [], ["node1"])["unknown"]["worker"] == {"node1": reason}


def test_detection_of_the_run_counts_for_hosts_that_do_not_say() -> None:
    hostvars = {
        "node1": {"ansible_host": "192.0.2.1"},
        "node2": {"ansible_host": "192.0.2.2", "node_profile_detect": False},
    }
    found = node_addresses(hostvars, [], ["node1", "node2"], detect=True)
    assert list(found["unknown"]["worker"]) == ["node1"]
    assert found["known"]["worker"] == {"node2": ["192.0.2.2"]}


def test_one_address_is_not_two_nodes() -> None:
    """Behind a forwarded port all nodes have the address of who forwards."""
    hostvars = {name: {"ansible_host": "192.0.2.1"} for name in ("node1", "node2")}
    found = node_addresses(hostvars, ["node1"], ["node2"])
    assert found["unknown"]["worker"] == {"node2": f"192.0.2.1 is also the address of node1; {SET_IT}"}


def test_who_is_in_both_groups_is_a_control_plane() -> None:
    found = node_addresses({"node1": {"ansible_host": "192.0.2.1"}}, ["node1"], ["node1"])
    assert found["known"] == {"control_plane": {"node1": ["192.0.2.1"]}, "worker": {}}
