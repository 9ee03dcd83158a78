# Copyright: (c) 2026, ck8s.ports contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Policies and the exact text that nft gets for them. CK8S_WRITE_GOLDEN=1 rewrites the files of text."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest
import yaml

from ansible_collections.ck8s.ports.plugins.module_utils._nft_render import (
    render_missing_sets,
    render_removal,
    render_replacement,
    render_switch,
    render_table,
)
from ansible_collections.ck8s.ports.plugins.module_utils._policy import BUILT_IN_RULES, parse_policy

GOLDEN = Path(__file__).parent / "golden"
CASES = sorted(path.stem for path in GOLDEN.glob("*.yml"))


@pytest.mark.parametrize("case", CASES)
def test_the_text_of_a_policy(case: str) -> None:
    policy = parse_policy(yaml.safe_load((GOLDEN / f"{case}.yml").read_text(encoding="utf-8")))
    golden = GOLDEN / f"{case}.nft"
    text = render_replacement(policy)
    if os.environ.get("CK8S_WRITE_GOLDEN"):
        golden.write_text(text, encoding="utf-8")
    assert text == golden.read_text(encoding="utf-8")


def test_there_are_cases() -> None:
    assert len(CASES) >= 4
    assert {path.stem for path in GOLDEN.glob("*.nft")} == set(CASES)


def test_removal_also_works_where_there_is_nothing() -> None:
    assert render_removal() == "table inet ck8s_ports\ndelete table inet ck8s_ports\n"


def test_a_switch_adds_the_missing_sets_first_and_drops_the_obsolete_ones_with_the_rules() -> None:
    policy = parse_policy(yaml.safe_load((GOLDEN / "some_sources.yml").read_text(encoding="utf-8")))
    admins, nodes_v4, nodes_v6 = re.findall(r"set (\S+) {", render_table(policy))

    missing = render_missing_sets(policy, [nodes_v4, "former_v4_00000000"])
    assert re.findall(r"set (\S+) {", missing) == [admins, nodes_v6]
    assert "chain" not in missing and "delete" not in missing

    switch = render_switch(policy, [nodes_v4, "former_v4_00000000"])
    assert "elements" not in switch
    empty, rules = switch.split("flush chain inet ck8s_ports input\n")
    assert " dport " not in empty
    assert rules.count(" dport ") == render_table(policy).count(" dport ")
    assert rules.endswith("}\ndelete set inet ck8s_ports former_v4_00000000\n")


def test_a_set_of_other_networks_has_another_name() -> None:
    def names(*cidrs: str) -> list[str]:
        rule = {"id": "a", "protocol": "tcp", "ports": [1], "verdict": "drop", "sources": ["n"]}
        policy = parse_policy({"enforcement": "ports", "sets": {"n": list(cidrs)}, "rules": [rule]})
        return re.findall(r"set (\S+) {", render_table(policy))

    assert names("192.0.2.0/25", "192.0.2.128/25") == names("192.0.2.0/24") != names("192.0.2.0/25")


def test_the_number_of_rules_does_not_depend_on_the_number_of_networks() -> None:
    def rules(cidrs: list[str]) -> int:
        policy = parse_policy(
            {
                "enforcement": "ports",
                "sets": {"nodes": cidrs},
                "rules": [
                    {"id": "a", "protocol": "tcp", "ports": [1], "verdict": "accept", "sources": ["nodes"]},
                    {"id": "a", "protocol": "tcp", "ports": [1], "verdict": "drop"},
                ],
            }
        )
        return render_table(policy).count(" dport ")

    assert rules(["10.0.0.0/8", "fd00::/64"]) == 3
    many = [f"10.{i}.{j}.0/30" for i in range(50) for j in range(50)] + [f"fd00:{i:x}::/64" for i in range(500)]
    assert rules(many) == 3


def test_the_order_of_the_sets_makes_no_other_table() -> None:
    rules = [{"id": "a", "protocol": "tcp", "ports": [1], "verdict": "accept", "sources": ["x", "y"]}]
    one = parse_policy({"enforcement": "ports", "sets": {"x": ["192.0.2.1"], "y": ["192.0.2.2"]}, "rules": rules})
    other = parse_policy({"enforcement": "ports", "sets": {"y": ["192.0.2.2"], "x": ["192.0.2.1"]}, "rules": rules})
    assert render_table(one) == render_table(other)


@pytest.mark.parametrize(("enforcement", "missing"), [("ports", 3), ("default_deny", 0)])
def test_each_built_in_rule_carries_its_name(enforcement: str, missing: int) -> None:
    text = render_table(parse_policy({"enforcement": enforcement, "rules": []}))
    names = [line.split('"')[-2] for line in text.splitlines() if "comment" in line]
    assert names == list(BUILT_IN_RULES[: len(BUILT_IN_RULES) - missing])
