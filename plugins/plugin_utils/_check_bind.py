# Copyright: (c) 2026, ck8s.ports contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Document against socket: does it listen, and where? Private to the collection. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from ansible_collections.ck8s.ports.plugins.plugin_utils import _wording as word
from ansible_collections.ck8s.ports.plugins.plugin_utils._findings import (
    Outcome,
    failed,
    not_applicable,
    passed,
    warned,
)

Data = dict[str, Any]

EXPECTED = {
    "loopback": "Listens on a loopback address only.",
    "host": "Listens on an address of the host interface, or on every address.",
    "node": "Listens on the node's address.",
    "any": "Listens on every address.",
}
"""By what the page says of the socket (see _catalogue.BINDINGS)."""


def bind(port: Data, role: str, sockets: list[Data], addresses: Sequence[str] = ()) -> Outcome:
    """Document against socket: does it listen, and where? C(sockets) are those on this port.

    C(addresses) are the node's own, none where they are not known.
    """
    evidence = [word.listener(socket) for socket in sockets]
    if not sockets:
        return _absent(port, role)
    observed = f"Listens on {word.join(word.address(socket) for socket in sockets)}."
    exposed = [socket for socket in sockets if socket["exposure"] != "loopback"]
    if port["scope"] == "localhost" and exposed:
        why = "Documented as localhost, but bound to an address that others can reach."
        fix = f"Bind {port['service']} to 127.0.0.1 (or ::1); until then only a firewall rule keeps others out."
        return _as_the_catalogue_has_it(port, "scope", failed("high", observed, why, fix, evidence))
    if port["scope"] == "external" and not exposed:
        why = "Documented on the host interface, but bound to loopback: no other node can connect."
        fix = f"Bind {port['service']} to the node's address, or set its scope to localhost in node_profile_overrides."
        return _as_the_catalogue_has_it(port, "scope", failed("medium", observed, why, fix, evidence))
    different = _bound_otherwise(port, exposed, addresses, observed, evidence)
    return different or passed(observed, evidence)


def _bound_otherwise(
    port: Data, exposed: list[Data], addresses: Sequence[str], observed: str, evidence: list[str]
) -> Outcome | None:
    """What is wrong with the addresses of C(exposed), where the page says on which ones (edition 2025-11 and later)."""
    wide = any(socket["exposure"] == "wildcard" for socket in exposed)
    if port["binding"] == "node" and wide:
        why = (
            "Documented on the node's address alone, but bound to every address: every network of the node reaches it."
        )
        fix = f"Bind {port['service']} to the node's address."
        return _as_the_catalogue_has_it(port, "binding", failed("medium", observed, why, fix, evidence))
    if port["binding"] == "node" and addresses and not any(socket["address"] in addresses for socket in exposed):
        why = f"Documented on the node's address, which is {word.join(addresses)}, but bound to another one."
        fix = f"Bind {port['service']} to the node's address, or give all of its addresses in node_profile_addresses."
        return _as_the_catalogue_has_it(port, "binding", warned("medium", observed, why, fix, evidence))
    if port["binding"] == "any" and not wide:
        why = "Documented on every address, but bound to some: who uses another address of the node cannot connect."
        fix = f"Bind {port['service']} to every address, if that is meant."
        return _as_the_catalogue_has_it(port, "binding", warned("low", observed, why, fix, evidence))
    return None


def _as_the_catalogue_has_it(port: Data, about: str, outcome: Outcome) -> Outcome:
    """C(outcome), unless the catalogue knows of such a difference between page and software, and how to judge it."""
    note = next((note for note in port["notes"] if note.get("about") == about), None)
    if note is None:
        return outcome
    if note["verdict"] == "expected":
        return replace(passed(outcome.observed, outcome.evidence), why=note["text"])
    return replace(outcome, status={"failure": "fail", "warning": "warn"}[note["verdict"]], why=note["text"])


def _absent(port: Data, role: str) -> Outcome:
    observed = "Nothing listens."
    if port["presence"] == "required":
        why = f"Every {role.replace('_', ' ')} node is expected to run {port['service']}."
        fix = f"Start {port['service']}, or set presence to absent for it in node_profile_overrides."
        return failed("medium", observed, why, fix)
    one_node = port["presence"] == "one_node"
    return not_applicable(observed, "One replica runs on any one node." if one_node else "It need not run here.")
