# Copyright: (c) 2026, ck8s.ports contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What became of datagrams that nobody answered, as the target shows it. Private to the collection. Pure.

The target shows two things: what its rules have counted (see _counters), and whether its connection tracking has the
flow of a probe (C(tracked)), which it has only when every chain of every firewall there has let the datagram through.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ansible_collections.ck8s.ports.plugins.plugin_utils import _counters

Data = dict[str, Any]

ARRIVED, KEPT_OUT, LOST, NOT_KNOWN = "arrived", "kept_out", "lost", "not_known"

_BEHIND = (
    "Connection tracking has no flow of them, though: another firewall behind the rules (ufw, firewalld) drops them, "
    "or a rule exempts them from tracking."
)


@dataclass(frozen=True)
class Fate:
    """One of the above, and a sentence that says how that is known."""

    status: str
    text: str


def of_let_in(name: str, probes: list[Data], counts: Data) -> Fate:
    """What became of C(probes), without an answer, that the policy lets in to the port with the id C(name)."""
    sent = _counters.sent(probes)
    if all(probe["tracked"] for probe in probes):
        text = f"Connection tracking on the node has the flows of all {len(probes)}: every firewall there let them in."
        return Fate(ARRIVED, text)
    let_in, dropped = (_counters.of_port(counts, name, verdict) for verdict in ("accept", "drop"))
    if let_in is None:
        return Fate(NOT_KNOWN, _uncounted(counts, "lets these sources in"))
    if let_in == sent:
        text = f"The rule let in {sent.packets} packets and {sent.bytes} bytes, exactly what was sent."
        untracked = any(probe["tracked"] is False for probe in probes)
        return Fate(NOT_KNOWN, f"{text} {_BEHIND}") if untracked else Fate(ARRIVED, text)
    if let_in.packets >= sent.packets and let_in.bytes >= sent.bytes:
        text = (
            f"The rule let in {let_in.packets} packets while {sent.packets} were sent: others use the port, too, so "
            "that the counter proves nothing of the probes."
        )
        return Fate(NOT_KNOWN, text)
    return _of_lost(sent, let_in, dropped)


def _of_lost(sent: _counters.Count, let_in: _counters.Count, dropped: _counters.Count | None) -> Fate:
    """Fewer than were C(sent) have been C(let_in): what is known of the others."""
    missing = f"{sent.packets} datagrams were sent, and the rule let in {let_in.packets}."
    if dropped is not None and dropped.packets:
        return Fate(LOST, f"{missing} The rule that keeps others out dropped {dropped.packets}.")
    return Fate(LOST, f"{missing} The others were lost on the way, or dropped by another firewall before the rules.")


def of_kept_out(name: str, probes: list[Data], counts: Data) -> Fate:
    """What became of C(probes), without an answer, that the policy keeps out; none of them is C(tracked)."""
    sent = _counters.sent(probes)
    dropped = _counters.of_port(counts, name, "drop")
    if dropped is None:
        return Fate(NOT_KNOWN, _uncounted(counts, "keeps these sources out"))
    if dropped == sent:
        return Fate(KEPT_OUT, f"The rule dropped {sent.packets} packets and {sent.bytes} bytes, exactly what was sent.")
    if dropped.packets >= sent.packets and dropped.bytes >= sent.bytes:
        return Fate(KEPT_OUT, f"The rule dropped {dropped.packets} packets, and {sent.packets} were sent.")
    text = (
        f"{sent.packets} datagrams were sent from where nobody may connect, and the rule dropped {dropped.packets}: "
        "the others were lost on the way, or dropped by another firewall before the rules."
    )
    return Fate(NOT_KNOWN, text)


def _uncounted(counts: Data, does: str) -> str:
    return str(counts.get("error") or f"No rule that {does} counts packets.")
