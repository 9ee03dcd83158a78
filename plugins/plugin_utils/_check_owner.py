# Copyright: (c) 2026, ck8s.ports contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Document against process: does the documented service hold the port? Private to the collection. Pure."""

from __future__ import annotations

from typing import Any

from ansible_collections.ck8s.ports.plugins.plugin_utils import _wording as word
from ansible_collections.ck8s.ports.plugins.plugin_utils._findings import (
    Outcome,
    failed,
    not_applicable,
    passed,
    unknown,
)

Data = dict[str, Any]


def expected(port: Data) -> str:
    """Who is to hold C(port), as a sentence."""
    return f"Held by {'the kernel' if port['kernel'] else word.join(port['comm']) or 'any process'}."


def owner(port: Data, sockets: list[Data], incomplete: list[Data]) -> Outcome:
    """Document against process: does the documented service hold the port?"""
    if not sockets:
        return not_applicable("Nothing listens.")
    if not (port["comm"] or port["kernel"]):
        return not_applicable("No owner is documented.")
    evidence = [word.listener(socket) for socket in sockets]
    strangers = [socket for socket in sockets if _is_stranger(port, socket)]
    if strangers:
        observed = f"Held by {word.join(word.holder(socket) for socket in strangers)}."
        fix = "Find out what this process is; the documented service cannot listen here while it does."
        return failed("high", observed, "Another process holds the documented port.", fix, evidence)
    if any(not socket["processes"] and not socket["kernel"] for socket in sockets):
        reasons = " ".join(f"{item['what']}: {item['reason']}." for item in incomplete)
        return unknown("medium", "The process could not be seen.", reasons, word.AS_ROOT, evidence)
    return passed(f"Held by {word.join(word.holder(socket) for socket in sockets)}.", evidence)


def _is_stranger(port: Data, socket: Data) -> bool:
    names = {process["name"] for process in socket["processes"]}
    return bool(names - set(port["comm"])) or (socket["kernel"] and not port["kernel"])
