# Copyright: (c) 2026, ck8s.ports contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""From what the role node_verify has registered on each host to what the judgement takes. Private to the collection.

Pure functions over plain data. A result without what it should hold becomes C({"error": reason}): a task that failed,
was skipped or found its host unreachable has observed nothing.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Sequence
from typing import Any

from ansible_collections.ck8s.ports.plugins.plugin_utils._node import Node

Data = dict[str, Any]

PROFILE = "node_profile_result"
POLICY = "node_firewall_policy"
SOCKETS = "__node_verify_sockets"
FIREWALL = "__node_verify_firewall"
UNIX_SOCKETS = "__node_verify_unix_sockets"
PROBES = "__node_verify_probes"
ANSWERS = "__node_verify_answers"
VARIABLES = (PROFILE, POLICY, SOCKETS, FIREWALL, UNIX_SOCKETS, PROBES, ANSWERS)

_RULE_COMMENT = re.compile(r' comment "([^"]*)"$')


def reason_unreached(facts: Data) -> str | None:
    """Why the host with these registered C(facts) could not be looked at; None where it was."""
    for name in (PROFILE, POLICY, SOCKETS):
        result = facts.get(name)
        if result is None:
            return "It failed or was unreachable before it could be looked at."
        if result.get("unreachable"):
            return f"Unreachable: {str(result.get('msg', 'no reason given')).rstrip('.')}."
    return None


def node(name: str, facts: Data, probes: list[Data], allow: list[Data], companions: Sequence[Data] = ()) -> Node:
    """The node C(name) with its registered C(facts) and the C(probes) of it (see probes_by_node)."""
    return Node(
        name=name,
        profile=facts[PROFILE]["profile"],
        policy=facts[POLICY]["policy"],
        sockets=_usable(facts[SOCKETS], "sockets"),
        firewall=_firewall(facts.get(FIREWALL) or {}),
        unix_sockets={item["item"]["path"]: _file(item) for item in (facts.get(UNIX_SOCKETS) or {}).get("results", [])},
        probes=probes,
        answers=(facts.get(ANSWERS) or {}).get("results", []),
        allow=allow,
        companions=companions,
    )


def probes_by_node(facts_by_host: dict[str, Data]) -> dict[str, list[Data]]:
    """What every host tried, ordered by the node it was tried on; each with its C(prober) and the C(id) of the port."""
    probes: dict[str, list[Data]] = defaultdict(list)
    for prober, facts in facts_by_host.items():
        for result in (facts.get(PROBES) or {}).get("results", []):
            name, port_id = result["label"].split(" ")
            probes[name].append({**result, "prober": prober, "id": port_id})
    return probes


def _usable(result: Data, key: str) -> Data:
    if key in result:
        return result
    return {"error": f"Could not be looked at: {result.get('msg', 'the task did not run')}"}


def _firewall(result: Data) -> Data:
    usable = _usable(result, "live")
    if "error" in usable:
        return usable
    before, after = (result["diff"][key].splitlines() for key in ("before", "after"))
    wanted = [{"id": match.group(1), "text": line.strip()} for line in after if (match := _RULE_COMMENT.search(line))]
    difference = [f"only on the node: {line.strip()}" for line in before if line not in after]
    difference += [f"only in the policy: {line.strip()}" for line in after if line not in before]
    return {
        "live": result["live"],
        # Not what the task says of itself: it runs in check mode and is told never to count as a change.
        "changed": before != after,
        "wanted": {"rules": wanted},
        "difference": difference,
    }


def _file(item: Data) -> Data:
    stat = item.get("stat")
    if stat is None:
        return _usable(item, "stat")
    if not stat["exists"]:
        return {"exists": False}
    return {
        "exists": True,
        "type": "socket" if stat["issock"] else "file",
        "owner": stat.get("pw_name") or str(stat["uid"]),
        "group": stat.get("gr_name") or str(stat["gid"]),
        "mode": stat["mode"],
    }
