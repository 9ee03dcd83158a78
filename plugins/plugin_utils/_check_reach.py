# Copyright: (c) 2026, ck8s.ports contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Document against what arrives: who else can connect? Private to the collection. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ansible_collections.ck8s.ports.plugins.module_utils._policy import Policy
from ansible_collections.ck8s.ports.plugins.module_utils._verdict import ACCEPT, decide
from ansible_collections.ck8s.ports.plugins.plugin_utils import _counters, _fate
from ansible_collections.ck8s.ports.plugins.plugin_utils import _wording as word
from ansible_collections.ck8s.ports.plugins.plugin_utils._findings import (
    Outcome,
    failed,
    not_applicable,
    passed,
    unknown,
    warned,
)

Data = dict[str, Any]

EXPECTED = {
    "localhost": "No other host can connect.",
    "external": "Whom the policy lets in can connect, nobody else.",
}
"""By the port's scope."""

CONNECTED = ("open", "reset")
"""The statuses of a probe that came through: the handshake was completed, or an answer came."""


def reach(
    port: Data,
    policy: Policy,
    sockets: list[Data],
    probes: list[Data],
    counts: Data,
    *,
    temporary: Sequence[Data] = (),
) -> Outcome:
    """Document against what arrives: who else could connect, and should have been able to?

    Each of C(probes) is a result of port_probe with C(prober) and C(tracked): whether connection tracking on the node
    has its flow, None where nobody knows. C(counts) is what the node's rules have counted (see _counters.difference),
    C(temporary) are the listeners that were on this port for the time of the probes.
    """
    # A host that tries its own address does so over lo, which is open to itself.
    probes = [probe for probe in probes if probe["source"] != probe["host"]]
    if not probes:
        fix = "Verify with another node in the run, or with a host in the group of outsiders."
        return unknown("low", "Not tried.", "No other node and no outsider took part in this run.", fix=fix)
    evidence = [word.probe(probe) for probe in probes] + [word.temporary(listener) for listener in temporary]
    if any(probe["status"] in ("silent", "refused", "unknown") for probe in probes):
        evidence += _counters.evidence(counts, port["id"])
    let_in = [probe for probe in probes if _is_let_in(port, policy, probe)]
    others = [probe for probe in probes if probe not in let_in]
    intruders = [probe for probe in others if probe["status"] in CONNECTED or probe["tracked"]]
    if intruders:
        localhost = port["scope"] == "localhost"
        why = "A port for the node itself is open to others." if localhost else "The policy keeps these sources out."
        severity = "critical" if localhost else "high"
        return failed(severity, f"Open to {_probers(intruders)}.", why, word.APPLY, evidence)
    errors = [probe for probe in probes if probe["status"] == "error"]
    if errors:
        fix = f"Mend that on {errors[0]['prober']}, which tried; then verify again."
        return unknown("medium", f"The probe failed: {errors[0]['detail']}.", fix=fix, evidence=evidence)
    stand_ins = [listener for listener in temporary if listener["lived"]]
    listens = any(socket["exposure"] != "loopback" for socket in sockets)
    listens = listens or any(listener["address"] not in LOOPBACKS for listener in stand_ins)
    return (
        _let_in(port, let_in, listens, counts, evidence)
        or _unanswered(port, let_in, others, counts, evidence)
        or passed(_as_it_should_be(let_in or others, stand_ins), evidence)
    )


LOOPBACKS = ("127.0.0.1", "::1")


def through_the_wire(probes: list[Data]) -> Outcome | None:
    """Is a localhost port open to a neighbour that sends packets for 127.0.0.1? None where no probe shows it.

    C(probes) are results of localnet_probe with C(prober).
    """
    came = [probe for probe in probes if probe["status"] == "open"]
    if not came:
        return None
    why = "Packets for 127.0.0.1 get in from the wire: route_localnet is set, and no rule drops them (CVE-2020-8558)."
    evidence = [word.wire_probe(probe) for probe in probes]
    return failed("critical", f"Open to {_probers(came)} through the wire.", why, word.APPLY, evidence)


def _let_in(port: Data, probes: list[Data], listens: bool, counts: Data, evidence: list[str]) -> Outcome | None:
    """What is wrong with those whom the policy lets in; None where nothing is."""
    lost = [probe for probe in probes if probe["status"] in ("silent", "unreachable")]
    if lost:
        fix = "Look for another firewall on the node or on the way (nft list ruleset, security groups)."
        return failed("high", f"No answer to {_probers(lost)}.", _where_lost(port, counts), fix, evidence)
    ended = [probe for probe in probes if probe["status"] == "reset"]
    if ended:
        why = "The connection comes about and is ended at once: the service, or something in front of it, hangs up."
        fix = f"Look at the log of {port['service']}; a proxy without a live backend does this, too."
        return warned("medium", f"Ended at once for {_probers(ended)}.", why, fix, evidence)
    if not probes or any(probe["status"] != "refused" for probe in probes):
        return None
    if listens:
        why = "A service listens on this port, yet something answers these sources with a refusal."
        fix = "Look for a firewall that rejects (nft list ruleset), or for a service bound to another address."
        return failed("medium", f"Refused to {_probers(probes)}.", why, fix, evidence)
    return not_applicable("Refused.", "Nothing listens there, so nobody can connect; see bind.", evidence)


def _where_lost(port: Data, counts: Data) -> str:
    """Where packets that the policy lets in were lost, as far as the node's counters tell."""
    let_in, dropped = (_counters.of_port(counts, port["id"], verdict) for verdict in ("accept", "drop"))
    if let_in is None:
        return "The policy lets these sources in, yet something on the way drops their packets."
    if let_in.packets:
        return (
            f"The policy's rule let {let_in.packets} packets in meanwhile: if theirs, another chain on the node drops "
            "them, or their answers are lost."
        )
    if dropped is not None and dropped.packets:
        return f"The rule that keeps others out dropped {dropped.packets} packets meanwhile, and none was let in."
    return "The policy lets these sources in, yet no packet of theirs came to its rules: they were dropped before."


def _unanswered(
    port: Data, let_in: list[Data], others: list[Data], counts: Data, evidence: list[str]
) -> Outcome | None:
    """What became of datagrams without an answer; None where there are none."""
    silent = [[probe for probe in probes if probe["status"] == "unknown"] for probes in (let_in, others)]
    judges = (_fate.of_let_in, _fate.of_kept_out)
    fates = [judge(port["id"], probes, counts) for judge, probes in zip(judges, silent, strict=True) if probes]
    if not fates:
        return None
    for fate in fates:
        if fate.status == _fate.LOST:
            fix = "Look for another firewall on the node or on the way (nft list ruleset, security groups)."
            return failed("high", "Not all datagrams arrived.", fate.text, fix, evidence)
    unproved = [fate.text for fate in fates if fate.status == _fate.NOT_KNOWN]
    if unproved:
        why = "A datagram without an answer proves nothing, and the node does not show what became of it."
        fix = f"With this collection's firewall in force its counters tell. {word.APPLY}"
        return unknown("low", "No answer.", " ".join([why, *dict.fromkeys(unproved)]), fix=fix, evidence=evidence)
    return passed(" ".join(fate.text for fate in fates), evidence)


def _as_it_should_be(probes: list[Data], stand_ins: list[Data]) -> str:
    statuses = word.join(sorted({probe["status"] for probe in probes})).capitalize()
    return f"{statuses}, as it should be{' (to a temporary listener)' if stand_ins else ''}."


def _is_let_in(port: Data, policy: Policy, probe: Data) -> bool:
    """A probe that never left (no source) is told as its error; whether it would have been let in does not matter."""
    if port["scope"] != "external" or not probe["source"]:
        return False
    return decide(policy, port["protocol"], port["port"], probe["source"]).verdict == ACCEPT


def _probers(probes: list[Data]) -> str:
    return word.join(sorted({probe["prober"] for probe in probes}))
