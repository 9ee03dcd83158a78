# Copyright: (c) 2026, ck8s.ports contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The demo's comparisons say what is wrong, in both directions; a comparison that finds nothing has looked."""

from __future__ import annotations

from typing import Any

from tests.lab.expectations import compare_knocks, compare_report, compare_tables, knocks_of, read_expected


def report(*findings: tuple[str, str, str, str]) -> dict[str, Any]:
    keys = ("host", "id", "check", "status")
    return {"findings": [{**dict(zip(keys, finding, strict=True)), "observed": "Seen."} for finding in findings]}


BIND = ("node3", "kubelet-healthz/bind", "bind", "fail")
FIREWALL = ("node3", "kubelet/firewall", "firewall", "pass")


def test_a_report_as_expected() -> None:
    expected = {"every": {"firewall": "pass"}, "fail": {"node3": ["kubelet-healthz/bind"]}}
    assert compare_report(expected, report(BIND, FIREWALL)) == []


def test_a_fault_that_is_not_found() -> None:
    expected = {"fail": {"node3": ["kubelet-healthz/bind"]}}
    assert compare_report(expected, report(FIREWALL)) == ["node3:kubelet-healthz/bind: expected fail, was not"]


def test_a_finding_too_much_of_each_status() -> None:
    for status in ("fail", "warn", "unknown"):
        wrong = compare_report({}, report(("node1", "hubble/bind", "bind", status)))
        assert wrong == [f"node1:hubble/bind: not expected to {status}: Seen."]


def test_a_check_that_is_not_as_every_one_should_be() -> None:
    expected = {"every": {"firewall": "pass"}}
    wrong = compare_report(expected, report(("node1", "hubble/firewall", "firewall", "not_applicable")))
    assert wrong == ["node1:hubble/firewall: expected pass, was not_applicable: Seen."]


def test_a_check_that_was_never_made() -> None:
    assert compare_report({"every": {"firewall": "pass"}}, report()) == [
        "the report has no finding of the check firewall"
    ]


def test_knocks() -> None:
    expected = {("node1", "192.0.2.1", 1): "open", ("node1", "192.0.2.1", 2): "silent", ("a", "b", 3): "open"}
    seen = {("node1", "192.0.2.1", 1): "open", ("node1", "192.0.2.1", 2): "open"}
    assert compare_knocks(expected, seen) == [
        "node1 to 192.0.2.1 port 2: expected silent, was open",
        "a to b port 3: expected open, was not tried",
    ]


def test_tables() -> None:
    seen = {"node1": ["inet ck8s_ports"], "node2": [], "node3": ["inet ck8s_ports", "ip nat"]}
    assert compare_tables(["inet ck8s_ports"], seen) == [
        "node2: expected the tables inet ck8s_ports, there are (none)",
        "node3: expected the tables inet ck8s_ports, there are inet ck8s_ports, ip nat",
    ]


def test_the_moments_of_the_demo_differ_where_the_firewall_makes_the_difference() -> None:
    moments = read_expected()
    untouched, in_force = knocks_of(moments["untouched"]), knocks_of(moments["in_force"])
    assert untouched.keys() == in_force.keys()
    closed = {knock for knock, outcome in in_force.items() if untouched[knock] == "open" and outcome == "silent"}
    assert ("outsider1", "10.77.0.13", 10248) in closed
    assert ("node3", "127.0.0.1", 10248) not in closed
    assert moments["removed"]["tables"] == moments["untouched"]["tables"] == []
