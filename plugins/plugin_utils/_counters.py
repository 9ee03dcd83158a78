# Copyright: (c) 2026, ck8s.ports contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the rules of a node have counted while it was probed. Private to the collection. Pure.

A counter does not say whose packets it counts. One that is smaller than what was sent proves that some of it did not
get there. One that is equal in packets and in bytes proves that all of it did, and nothing else. One that is larger
proves nothing of the probes: others use the port, too.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

Data = dict[str, Any]

_VERDICT = re.compile(r"\b(accept|drop|reject)\b[^\"]*(?:\"[^\"]*\")?$")


@dataclass(frozen=True)
class Count:
    """How much came to some rules between two looks."""

    packets: int
    bytes: int


def difference(before: Data, after: Data) -> Data:
    """What the rules have counted between two looks: C(rules), or C(error) with the reason why that is not known.

    C(before) is the part C(firewall) of what port_evidence returned, C(after) what port_counters returned later. Each
    rule has C(id), C(text), C(verdict) (None for one that decides nothing), C(packets) and C(bytes); these two are None
    where the firewall does not count.
    """
    for seen in (before, after):
        if "error" in seen:
            return {"error": seen["error"]}
    if not before["live"]["present"]:
        return {"error": "No policy is in force, so no rule counts."}
    earlier, later = before["live"]["rules"], after["rules"]
    if [rule["text"] for rule in earlier] != [rule["text"] for rule in later]:
        return {"error": "The rules were changed while the ports were tried."}
    rules = [_counted(old, new) for old, new in zip(earlier, later, strict=True)]
    if any(rule["packets"] is not None and rule["packets"] < 0 for rule in rules):
        return {"error": "The counters were set back while the ports were tried."}
    return {"rules": rules}


def _counted(old: Data, new: Data) -> Data:
    verdict = _VERDICT.search(old["text"])
    counts = {
        name: None if old.get(name) is None or new.get(name) is None else new[name] - old[name]
        for name in ("packets", "bytes")
    }
    return {"id": old["id"], "text": old["text"], "verdict": verdict.group(1) if verdict else None, **counts}


def of_port(counts: Data, name: str, verdict: str) -> Count | None:
    """What the rules of the port with the id C(name) and this verdict have counted; None where that is not known."""
    rules = [rule for rule in counts.get("rules", []) if (rule["id"], rule["verdict"]) == (name, verdict)]
    if not rules or any(rule["packets"] is None or rule["bytes"] is None for rule in rules):
        return None
    return Count(sum(rule["packets"] for rule in rules), sum(rule["bytes"] for rule in rules))


def evidence(counts: Data, name: str) -> list[str]:
    """What the rules of the port with the id C(name) have counted, a line for each, or why that is not known."""
    if "error" in counts:
        return [f"counters: {counts['error']}"]
    return [
        f"during the probes: {rule['text']} ({_number(rule['packets'])} packets, {_number(rule['bytes'])} bytes)"
        for rule in counts["rules"]
        if rule["id"] == name
    ]


def _number(count: int | None) -> str:
    return "uncounted" if count is None else f"+{count}"


HEADERS = {4: 20 + 8, 6: 40 + 8}
"""Bytes of the IP header, without options, and the UDP one: a counter's bytes are those of the whole packet."""


def sent(probes: Iterable[Data]) -> Count:
    """What left for a port in datagrams, as a counter would count it."""
    sizes = [
        (probe["sent"], probe["size"] + HEADERS[6 if ":" in probe["host"] else 4]) for probe in probes if probe["sent"]
    ]
    return Count(sum(number for number, _unused in sizes), sum(number * size for number, size in sizes))
