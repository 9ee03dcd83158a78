# Copyright: (c) 2026, ck8s.ports contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Document against what arrives: who else can connect? Private to the collection. Pure."""

from __future__ import annotations

from typing import Any

from ansible_collections.ck8s.ports.plugins.module_utils._policy import Policy
from ansible_collections.ck8s.ports.plugins.module_utils._verdict import ACCEPT, decide
from ansible_collections.ck8s.ports.plugins.plugin_utils import _wording as word
from ansible_collections.ck8s.ports.plugins.plugin_utils._findings import (
    Outcome,
    failed,
    not_applicable,
    passed,
    unknown,
)

Data = dict[str, Any]

EXPECTED = {
    "localhost": "No other host can connect.",
    "external": "Whom the policy lets in can connect, nobody else.",
}
"""By the port's scope."""


def reach(port: Data, policy: Policy, sockets: list[Data], probes: list[Data]) -> Outcome:
    """Document against what arrives: who else could connect, and should have been able to?

    Each of C(probes) has C(prober), C(source) (its address), C(host), C(port), C(status) and C(detail).
    """
    evidence = [word.probe(probe) for probe in probes]
    if port["protocol"] != "tcp":
        return unknown("low", "Not tried.", "A datagram without an answer proves nothing.")
    if not probes:
        return unknown("low", "Not tried.", "No other node and no outsider took part in this run.")
    let_in = [probe for probe in probes if _is_let_in(port, policy, probe)]
    intruders = [probe for probe in probes if probe["status"] == "open" and probe not in let_in]
    if intruders:
        localhost = port["scope"] == "localhost"
        why = "A port for the node itself is open to others." if localhost else "The policy keeps these sources out."
        severity = "critical" if localhost else "high"
        return failed(severity, f"Open to {_probers(intruders)}.", why, word.APPLY, evidence)
    errors = [probe for probe in probes if probe["status"] == "error"]
    if errors:
        return unknown("medium", f"The probe failed: {errors[0]['detail']}.", evidence=evidence)
    if let_in:
        return _reach_let_in(let_in, any(socket["exposure"] != "loopback" for socket in sockets), evidence)
    return passed(_as_it_should_be(probes), evidence)


def _reach_let_in(let_in: list[Data], listens: bool, evidence: list[str]) -> Outcome:
    """The probes that the policy lets in: did they arrive?"""
    lost = [probe for probe in let_in if probe["status"] in ("silent", "unreachable")]
    if lost:
        why = "The policy lets these sources in, yet something on the way drops their packets."
        fix = "Look for another firewall on the node or on the way (nft list ruleset, security groups)."
        return failed("high", f"No answer to {_probers(lost)}.", why, fix, evidence)
    if any(probe["status"] == "open" for probe in let_in):
        return passed(_as_it_should_be(let_in), evidence)
    if listens:
        why = "A service listens on this port, yet something answers these sources with a reset."
        fix = "Look for a firewall that rejects (nft list ruleset), or for a service bound to another address."
        return failed("medium", f"Refused to {_probers(let_in)}.", why, fix, evidence)
    return not_applicable("Refused.", "Nothing listens there, so nobody can connect; see bind.", evidence)


def _as_it_should_be(probes: list[Data]) -> str:
    return f"{word.join(sorted({probe['status'] for probe in probes})).capitalize()}, as it should be."


def _is_let_in(port: Data, policy: Policy, probe: Data) -> bool:
    """A probe that never left (no source) is told as its error; whether it would have been let in does not matter."""
    if port["scope"] != "external" or not probe["source"]:
        return False
    return decide(policy, port["protocol"], port["port"], probe["source"]).verdict == ACCEPT


def _probers(probes: list[Data]) -> str:
    return word.join(sorted({probe["prober"] for probe in probes}))
