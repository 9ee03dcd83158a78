# Copyright: (c) 2026, ck8s.ports contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Document against process: does the documented service hold the port? Private to the collection. Pure.

A holder has a name, which whoever runs it chooses, and a place, its systemd unit or its container, which they do not.
What is known of these decides:

==========  =================  =====================================================================================
name        place              the holder is
==========  =================  =====================================================================================
documented  documented         the service
documented  not known          the service
documented  another            another process under the service's name
another     documented unit    in the service's unit, under another name: a wrapper, or what the service has started
another     any other          another process
not seen    documented unit    the service: the kernel says which unit made the socket
not seen    another            another process
not seen    not known          not known
==========  =================  =====================================================================================

Any container is the documented place of a service that runs in a pod: a control group does not tell the pod's name.
"""

from __future__ import annotations

from typing import Any

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

SERVICE, IMPOSTOR, RENAMED, STRANGER, UNSEEN = "service", "impostor", "renamed", "stranger", "unseen"
"""Who a holder is."""

WHY = {
    STRANGER: "Another process holds the documented port.",
    IMPOSTOR: "Another process holds the documented port: it has the name of the service, but is not where that runs.",
    RENAMED: "It is in the service's unit, but has another name: a wrapper, or something that the service has started.",
}


def expected(port: Data) -> str:
    """Who is to hold C(port), as a sentence."""
    if port["kernel"]:
        return "Held by the kernel."
    places = [*port["units"], *(f"a container of {pod}" for pod in port["pods"])]
    where = f", in {' or '.join(places)}" if places else ""
    return f"Held by {word.join(port['comm']) or 'any process'}{where}."


def owner(port: Data, sockets: list[Data], incomplete: list[Data]) -> Outcome:
    """Who holds the C(sockets) on C(port); C(incomplete) is what could not be seen of the node, and why.

    Of several holders the worst one decides.
    """
    if not sockets:
        return not_applicable("Nothing listens.")
    if not (port["comm"] or port["kernel"]):
        return not_applicable("No owner is documented.")
    evidence = [word.listener(socket) for socket in sockets]
    holders: dict[str, list[Data]] = {}
    for socket in sockets:
        holders.setdefault(holder_of(port, socket), []).append(socket)
    for other in (STRANGER, IMPOSTOR):
        if other in holders:
            observed = f"Held by {word.join(word.culprit(socket) for socket in holders[other])}."
            fix = "Find out what this process is; the documented service cannot listen here while it does."
            return failed("high", observed, WHY[other], fix, evidence)
    if UNSEEN in holders:
        reasons = " ".join(f"{item['what']}: {item['reason']}." for item in incomplete)
        return unknown("medium", "The process could not be seen.", reasons, fix=word.AS_ROOT, evidence=evidence)
    if RENAMED in holders:
        observed = f"Held by {word.join(word.culprit(socket) for socket in holders[RENAMED])}."
        fix = "Find out what this process is; if it is right, give its name as comm in node_profile_overrides."
        return warned("medium", observed, WHY[RENAMED], fix, evidence)
    return passed(f"Held by {word.join(word.holder(socket) for socket in sockets)}.", evidence)


def holder_of(port: Data, socket: Data) -> str:
    """Who holds C(socket): one of SERVICE, IMPOSTOR, RENAMED, STRANGER, UNSEEN; see the table above."""
    if socket["kernel"]:
        return SERVICE if port["kernel"] else STRANGER
    names = {process["name"] for process in socket["processes"]}
    in_unit = socket.get("unit") in port["units"]
    elsewhere = _is_elsewhere(port, socket)
    if not names:
        return SERVICE if in_unit else STRANGER if elsewhere else UNSEEN
    if names <= set(port["comm"]):
        return IMPOSTOR if elsewhere else SERVICE
    return RENAMED if in_unit else STRANGER


def _is_elsewhere(port: Data, socket: Data) -> bool:
    """Whether the place of the holder is known, documented, and another one."""
    unit, container = socket.get("unit"), socket.get("container")
    if not (port["units"] or port["pods"]) or not (unit or container):
        return False
    return unit not in port["units"] and not (port["pods"] and container)
