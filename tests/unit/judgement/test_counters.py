# Copyright: (c) 2026, ck8s.ports contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What rules have counted between two looks, and when that is not known."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.ck8s.ports.plugins.plugin_utils._counters import Count, difference, evidence, of_port, sent

ACCEPT_4 = 'ip saddr @vxlan_v4_6d3a0f52 udp dport 8472 counter accept comment "vxlan"'
ACCEPT_6 = 'ip6 saddr @vxlan_v6_6d3a0f52 udp dport 8472 counter accept comment "vxlan"'
DROP = 'udp dport 8472 counter drop comment "vxlan"'
AUDIT = 'udp dport 8472 counter comment "vxlan"'


def rules(**packets: int | None) -> list[dict[str, Any]]:
    texts = {"accept4": ACCEPT_4, "accept6": ACCEPT_6, "drop": DROP, "audit": AUDIT}
    return [
        {"id": "vxlan", "text": texts[name], "packets": count, "bytes": None if count is None else count * 52}
        for name, count in packets.items()
    ]


def live(*listed: dict[str, Any], present: bool = True) -> dict[str, Any]:
    return {"live": {"present": present, "rules": list(listed)}}


def test_the_rules_of_a_port_are_summed_by_their_verdict() -> None:
    before, after = rules(accept4=1, accept6=10, drop=5), rules(accept4=4, accept6=13, drop=5)
    counts = difference(live(*before), {"rules": after})
    assert of_port(counts, "vxlan", "accept") == Count(6, 312)
    assert of_port(counts, "vxlan", "drop") == Count(0, 0)
    assert of_port(counts, "kubelet", "drop") is None
    assert evidence(counts, "vxlan") == [
        f"during the probes: {ACCEPT_4} (+3 packets, +156 bytes)",
        f"during the probes: {ACCEPT_6} (+3 packets, +156 bytes)",
        f"during the probes: {DROP} (+0 packets, +0 bytes)",
    ]


def test_a_rule_that_decides_nothing_has_no_verdict() -> None:
    counts = difference(live(*rules(audit=1)), {"rules": rules(audit=2)})
    assert [rule["verdict"] for rule in counts["rules"]] == [None]
    assert of_port(counts, "vxlan", "drop") is None


def test_a_firewall_that_does_not_count_says_nothing() -> None:
    counts = difference(live(*rules(drop=None)), {"rules": rules(drop=None)})
    assert of_port(counts, "vxlan", "drop") is None
    assert evidence(counts, "vxlan") == [f"during the probes: {DROP} (uncounted packets, uncounted bytes)"]


@pytest.mark.parametrize(
    ("before", "after", "reason"),
    [
        ({"error": "No root."}, {"rules": []}, "No root."),
        (live(present=False), {"rules": []}, "No policy is in force, so no rule counts."),
        (live(*rules(drop=1)), {"error": "The task did not run."}, "The task did not run."),
        (live(*rules(drop=1)), {"rules": []}, "The rules were changed while the ports were tried."),
        (live(*rules(drop=1)), {"rules": rules(accept4=2)}, "The rules were changed while the ports were tried."),
        (live(*rules(drop=9)), {"rules": rules(drop=2)}, "The counters were set back while the ports were tried."),
    ],
)
def test_when_it_is_not_known(before: dict[str, Any], after: dict[str, Any], reason: str) -> None:
    counts = difference(before, after)
    assert counts == {"error": reason}
    assert evidence(counts, "vxlan") == [f"counters: {reason}"]
    assert of_port(counts, "vxlan", "drop") is None


def test_what_was_sent_is_counted_with_its_headers() -> None:
    probes = [
        {"host": "10.0.0.1", "sent": 3, "size": 24},
        {"host": "fd00::1", "sent": 2, "size": 24},
        {"host": "10.0.0.1", "sent": 0, "size": 0},
    ]
    assert sent(probes) == Count(5, 3 * 52 + 2 * 72)
