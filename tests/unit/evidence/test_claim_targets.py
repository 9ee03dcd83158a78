# Copyright: (c) 2026, ck8s.ports contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where a node is asked for what the document claims of a port."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.ck8s.ports.plugins.module_utils._claim_targets import claim_targets

QUESTION = {"port": 10250, "path": "/pods", "tls": True, "label": "kubelet"}


def listener(address: str, exposure: str, **more: Any) -> dict[str, Any]:
    family = "ipv6" if ":" in address else "ipv4"
    common = {"protocol": "tcp", "port": 10250, "family": family, "interface": None, "dual_stack": False}
    return {**common, "address": address, "exposure": exposure, **more}


@pytest.mark.parametrize(
    ("sockets", "host"),
    [
        ([listener("0.0.0.0", "wildcard")], "127.0.0.1"),
        ([listener("::", "wildcard", dual_stack=True)], "127.0.0.1"),
        ([listener("::", "wildcard", dual_stack=None)], "127.0.0.1"),
        ([listener("::", "wildcard")], "::1"),
        ([listener("10.0.0.1", "address")], "10.0.0.1"),
        ([listener("10.0.0.1", "address"), listener("::1", "loopback")], "::1"),
        ([listener("fe80::1", "link_local", interface="eth0")], "fe80::1%eth0"),
    ],
)
def test_it_is_asked_where_no_firewall_is_in_between_if_possible(sockets: list[dict[str, Any]], host: str) -> None:
    assert claim_targets([QUESTION], sockets) == [{"host": host, **QUESTION}]


@pytest.mark.parametrize("other", [{"port": 10248}, {"protocol": "udp"}])
def test_what_does_not_listen_is_not_asked(other: dict[str, Any]) -> None:
    assert claim_targets([QUESTION], [{**listener("0.0.0.0", "wildcard"), **other}]) == []
