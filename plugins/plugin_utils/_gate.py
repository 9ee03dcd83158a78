# Copyright: (c) 2026, ck8s.ports contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether a change of the firewall may stay: what the nodes reach of each other, before it and after it.

Private to the collection. Pure functions. Whether the policy is as wanted is no matter here: what a node that needs a
port could reach before and cannot reach afterwards is a loss, whichever rule did it.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any

from ansible_collections.ck8s.ports.plugins.module_utils._policy import parse_policy
from ansible_collections.ck8s.ports.plugins.module_utils._verdict import DROP, NONE, Decision, decide
from ansible_collections.ck8s.ports.plugins.plugin_utils._audiences import ANYONE, CONTROL_PLANE, NODES

REACHED = ("open", "reset")
"""Statuses of a probe with a complete handshake: whatever the server does then is not the firewall's doing."""
NO_ANSWER = "not known"
"""Instead of a probe's status, where the prober itself could not be asked."""

PROBED = ("tcp",)
"""Protocols of which a probe tells whether the port is open."""

MARGIN = 5
"""Seconds of the node's timer that are left over for what takes longer after the change than it did before."""


def plan(
    name: str, profile: dict[str, Any], control_planes: list[str], workers: list[str], count: int
) -> list[dict[str, Any]]:
    """Return who tries which ports of the node C(name) as a list of C(prober) and C(targets), one for each prober.

    A port is tried by the next C(count) nodes in the ring of those that need it, which its C(audience) tells: the
    control planes, or all nodes. What only others need (monitoring, pods) is tried by none, since none of the nodes
    loses anything with it. The scope does not matter: a port that nodes need and that a page has as localhost is the
    one that must not be closed unnoticed. C(targets) are those of the module port_probe.
    """
    nodes = control_planes + workers
    needed_by = {CONTROL_PLANE: control_planes, NODES: nodes, ANYONE: nodes}
    targets: dict[str, list[dict[str, Any]]] = {}
    for port in profile["ports"]:
        if port["protocol"] not in PROBED:
            continue
        everyone = [each for audience in port["audience"] or [] for each in needed_by.get(audience, [])]
        for prober in _next(everyone, name, count):
            targets.setdefault(prober, []).extend(
                {"host": address, "port": port["port"], "protocol": port["protocol"], "label": port["id"]}
                for address in profile["addresses"]
            )
    return [{"prober": prober, "targets": targets[prober]} for prober in sorted(targets)]


def _next(names: list[str], name: str, count: int) -> list[str]:
    """Return the C(count) others that follow C(name) in the ring of the sorted C(names)."""
    others = sorted(set(names) - {name}, key=lambda other: (other < name, other))
    return others[:count]


def seconds_needed(took: float, probers: int, hosts: int, forks: int, timeout: float) -> int:
    """Return how many seconds a node's timer must run at least, C(took) being what the probes before the change took.

    After it the same attempts are made, and each prober may have to wait for ports that are silent now: C(timeout)
    seconds, one prober after the other (there are at most C(probers) of a host), C(forks) hosts at a time. As long
    again is left to the change and to its confirmation, which visit each host once.
    """
    return math.ceil(2 * took + math.ceil(hosts / forks) * probers * timeout) + MARGIN


def unasked(tried: list[dict[str, Any]]) -> list[str]:
    """Return a sentence for each prober that could not be asked, if none could be; else nothing."""
    failed = [each for each in tried if "results" not in each]
    if len(failed) < len(tried):
        return []
    return [f"{each['prober']} ({each['problem']})" for each in failed]


def count_open(tried: list[dict[str, Any]]) -> int:
    """Return how many of the attempts found an open port."""
    return sum(result["status"] in REACHED for each in tried for result in each.get("results", []))


def losses(
    name: str,
    policy: dict[str, Any],
    before: list[dict[str, Any]],
    after: list[dict[str, Any]],
    explanations: Mapping[str, str] | None = None,
) -> list[str]:
    """Return a sentence for each port of the node C(name) that was open to a prober before and is not afterwards.

    C(before) and C(after) have C(prober) and C(results) (of the module port_probe), or C(problem) where the prober
    could not be asked. A prober that answered before and does not answer now counts as a loss of all that was open to
    it: what is not known is not confirmed. Behind the losses is, once for each port that the policy closes, what
    C(explanations) says of it: why it is closed, and how to open it.
    """
    now = dict(_attempts(after))
    problems = {each["prober"]: each["problem"] for each in after if "results" not in each}
    said = []
    closed: dict[str, None] = {}
    for key, result in _attempts(before):
        if result["status"] not in REACHED:
            continue
        prober, host, port, protocol, label = key
        later = now.get(key, {"status": NO_ANSWER, "detail": problems.get(prober, "it was not tried again")})
        if later["status"] in REACHED:
            continue
        detail = f" ({later['detail']})" if later["detail"] else ""
        where = f"[{host}]" if ":" in host else host
        source = result["source"]
        decision = None if source is None else decide(parse_policy(policy), protocol, port, source)
        said.append(
            f"{prober} -> {name} {where}:{port}/{protocol} {label}: "
            f"{result['status']} before, {later['status']} after{detail}; "
            f"{_rule(name, decision, source)}"
        )
        if decision is not None and decision.verdict == DROP:
            closed[label] = None
    ways_out = explanations or {}
    return said + [f"{label}: {ways_out[label].rstrip('.')}" for label in closed if label in ways_out]


def _attempts(tried: list[dict[str, Any]]) -> Iterator[tuple[tuple[str, str, int, str, str], dict[str, Any]]]:
    for each in tried:
        for result in each.get("results", []):
            key = (each["prober"], result["host"], result["port"], result["protocol"], result["label"])
            yield key, result


def _rule(name: str, decision: Decision | None, source: str | None) -> str:
    """Say what the policy does with the attempt, and which of its rules."""
    if decision is None:
        return "from which address is not known"
    if decision.verdict == NONE:
        return f"no rule of {name} is about it; look for another firewall, or for the service itself"
    said = f"rule {decision.rule} of {name}: {decision.verdict}, for source {source}"
    return said if decision.verdict == DROP else f"{said}; look for another firewall, or for the service itself"
