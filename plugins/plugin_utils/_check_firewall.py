# Copyright: (c) 2026, ck8s.ports contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Document and policy against the rules in the kernel. Private to the collection. Pure."""

from __future__ import annotations

from typing import Any

from ansible_collections.ck8s.ports.plugins.module_utils._policy import AUDIT
from ansible_collections.ck8s.ports.plugins.plugin_utils import _wording as word
from ansible_collections.ck8s.ports.plugins.plugin_utils._findings import (
    Outcome,
    failed,
    not_applicable,
    passed,
    warned,
)
from ansible_collections.ck8s.ports.plugins.plugin_utils._node import key

Data = dict[str, Any]

AUDIT_WHY = "The firewall is in audit mode: it keeps nobody out."
AUDIT_FIX = (
    "Let in who belongs there (ck8s.ports.propose_sources makes a proposal), then set node_firewall_mode: enforce and "
    "run the playbook ck8s.ports.firewall."
)
SHOWN = 20
"""Sources that are shown as evidence of a finding."""


def expected(rules: list[Data]) -> str:
    """The policy's C(rules) for a port, as a sentence."""
    return f"In force: {word.join(word.rule(rule) for rule in rules)}."


def firewall(port: Data, rules: list[Data], observed: Data) -> Outcome:
    """Document against firewall: does the kernel hold the policy's C(rules) for this port?"""
    if not observed["live"]["present"]:
        if all(rule["verdict"] == "accept" for rule in rules):
            return not_applicable("No policy is in force.", "The policy keeps nobody out of this port.")
        why = "There is no table inet ck8s_ports: no rule of this collection keeps anyone out."
        return warned("medium", "No policy is in force.", why, word.APPLY)
    live = [rule for rule in observed["live"]["rules"] if rule["id"] == port["id"]]
    wanted = [rule for rule in observed["wanted"]["rules"] if rule["id"] == port["id"]]
    texts = [rule["text"] for rule in live]
    if texts != [rule["text"] for rule in wanted]:
        holds = f"The kernel holds {word.join(texts) or 'no rule for it'}."
        why = "The rules in force are not those of the policy."
        return failed("high", holds, why, word.APPLY, [f"wanted: {rule['text']}" for rule in wanted])
    evidence = [word.live_rule(rule) for rule in live]
    if _only_counts(observed) and any(rule["verdict"] == "drop" for rule in rules):
        noted = [entry for entry in observed["live"]["learned"] if (entry["protocol"], entry["port"]) == key(port)]
        return warned("medium", "Counts what it would drop.", AUDIT_WHY, AUDIT_FIX, [*evidence, *_told(noted)])
    return passed("In force.", evidence)


def table(observed: Data) -> Outcome:
    """Policy against firewall as a whole: also the sets, the order, the rules that belong to no port."""
    if not observed["live"]["present"]:
        return warned("medium", "No policy is in force.", "There is no table inet ck8s_ports.", word.APPLY)
    if observed["changed"]:
        why = "The table in the kernel is not the one of the policy; someone or new variables changed it."
        return failed("high", "The table differs.", why, word.APPLY, observed["difference"])
    if _only_counts(observed):
        noted = observed["live"]["learned"]
        observation = f"The table is the one of the policy, in audit mode; {len(noted)} would have been refused."
        if not observed["live"]["learned_all"]:
            observation += " There was no room to note all of them."
        return warned("medium", observation, AUDIT_WHY, AUDIT_FIX, _told(noted))
    return passed("The table is the one of the policy.")


def _only_counts(observed: Data) -> bool:
    return bool(observed["live"].get("mode") == AUDIT)


def _told(noted: list[Data]) -> list[str]:
    """Who would have been refused, the first of many."""
    more = [f"and {len(noted) - SHOWN} more"] if len(noted) > SHOWN else []
    return [*(word.learned(entry) for entry in noted[:SHOWN]), *more]
