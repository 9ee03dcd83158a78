# Copyright: (c) 2026, ck8s.ports contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whom audit mode has noted, as variables that would let them in."""

from __future__ import annotations

from typing import Any

import yaml

from ansible_collections.ck8s.ports.plugins.plugin_utils._proposal import propose_sources

PORTS = [
    {"id": "etcd-client", "protocol": "tcp", "port": 2379, "scope": "external", "audience": ["control_plane"]},
    {"id": "kubelet", "protocol": "tcp", "port": 10250, "scope": "external", "audience": ["nodes", "pods"]},
    {"id": "kube-apiserver", "protocol": "tcp", "port": 6443, "scope": "external", "audience": ["anyone"]},
    {"id": "vxlan", "protocol": "udp", "port": 8472, "scope": "external", "audience": ["nodes"]},
    {"id": "etcd-peer", "protocol": "tcp", "port": 2380, "scope": "localhost", "audience": ["control_plane"]},
]


def noted(source: str, port: int, protocol: str = "tcp") -> dict[str, Any]:
    return {"source": source, "protocol": protocol, "port": port, "packets": 3, "expires": 60}


def host(*learned: dict[str, Any], mode: str | None = "audit", room: bool = True, **more: Any) -> dict[str, Any]:
    return {
        "node_profile_result": {"profile": {"ports": PORTS}},
        "__propose_sources_firewall": {"live": {"mode": mode, "learned": [*learned], "learned_all": room}},
        "__node_firewall_addresses": {"known": {"control_plane": {"node1": ["192.0.2.11"]}, "worker": {}}},
        **more,
    }


def proposed(hosts: dict[str, dict[str, Any]]) -> tuple[str, Any]:
    text = "\n".join(propose_sources(hosts, list(hosts)))
    return text, yaml.safe_load(text)


def test_what_is_set_is_kept_and_who_was_noted_is_added() -> None:
    sources = {"etcd-client": ["192.0.2.0/28", "nodes"]}
    text, made = proposed(
        {
            "node1": host(noted("198.51.100.9", 2379), noted("192.0.2.11", 10250), node_firewall_sources=sources),
            "node2": host(noted("2001:db8::7", 2379), noted("198.51.100.9", 2379), node_firewall_sources=sources),
        }
    )
    assert made == {
        "node_firewall_sources": {
            "etcd-client": ["192.0.2.0/28", "nodes", "198.51.100.9", "2001:db8::7"],
            "kubelet": ["nodes", "pods", "192.0.2.11"],
        }
    }
    assert '    - "198.51.100.9"  # to node1, node2\n' in text
    assert '    - "192.0.2.11"  # node1, to node1' in text


def test_udp_and_tcp_are_two_things_and_the_world_is_no_source() -> None:
    _, made = proposed({"node1": host(noted("198.51.100.9", 8472, "udp"), noted("198.51.100.9", 6443))})
    assert made == {"node_firewall_sources": {"kube-apiserver": ["198.51.100.9"], "vxlan": ["nodes", "198.51.100.9"]}}


def test_what_is_localhost_or_unknown_is_not_opened_by_the_way() -> None:
    text, made = proposed({"node1": host(noted("198.51.100.9", 2380), noted("198.51.100.9", 7777))})
    assert made == {"node_firewall_sources": {}}
    assert (
        "# etcd-peer (2380/tcp), which is localhost (node_profile_overrides: {etcd-peer: {scope: external}}):\n"
        "#   198.51.100.9  # to node1\n"
        "# 7777/tcp, which no rule is about (node_profile_extra_ports):\n"
        "#   198.51.100.9  # to node1"
    ) in text


def test_what_is_not_known_is_said() -> None:
    text, _ = proposed(
        {
            "node1": host(mode="enforce"),
            "node2": host(room=False),
            "node3": {"__propose_sources_firewall": {"unreachable": True}},
            "node4": host(mode=None),
        }
    )
    assert text.splitlines() == [
        "# node3: could not be read; the output above says why",
        "# node1, node4: not in audit mode, so nothing is noted there (node_firewall_mode: audit)",
        "# node2: no room to note all, so some are missing: let these in, then propose again",
        "node_firewall_sources: {}  # nobody to be let in",
    ]


def test_many_nodes_are_not_all_named() -> None:
    text, _ = proposed({f"node{number}": host(noted("198.51.100.9", 2379)) for number in range(9)})
    assert "# to node0, node1, node2, node3, node4 and 4 more" in text
