# Copyright: (c) 2026, ck8s.ports contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a policy would mean for the connections that there are. Pure; private to the collection."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass, replace
from typing import Any, Collection, Iterable, Mapping

from ansible_collections.ck8s.ports.plugins.module_utils._connections import CLOSING, ESTABLISHED, TIME_WAIT, Flow
from ansible_collections.ck8s.ports.plugins.module_utils._policy import ENFORCE, Policy
from ansible_collections.ck8s.ports.plugins.module_utils._verdict import DROP, Decision, decide

LISTED = 256
"""Entries of a result; a flood of peers must not become a flood of output."""
TOLD = 10
"""Entries in a message."""

_LIVELIEST = (ESTABLISHED, CLOSING, TIME_WAIT)
_STATES = {ESTABLISHED: "open", CLOSING: "being closed", TIME_WAIT: "closed a moment ago"}


@dataclass(frozen=True)
class Refused:
    """A peer whose next connection to a port the policy would refuse.

    ``service`` is the id under which the policy has the port, ``processes`` the names of those that listen there,
    ``rule`` the rule that refuses. ``state`` is that of the liveliest of its ``connections``. ``controller`` is whether
    one of them is the controller's, ``already`` whether the rules in force refuse the next one, too.
    """

    peer: str
    port: int
    service: str | None
    processes: tuple[str, ...]
    rule: str | None
    state: str
    connections: int
    controller: bool = False
    already: bool = False

    @property
    def counts(self) -> bool:
        """Whether the change would cut off this one: it is let in until now, or the change could not be confirmed."""
        return self.controller or not self.already

    def as_result(self, why: str | None) -> dict[str, Any]:
        """The entry in the module's result."""
        return {
            "peer": self.peer,
            "port": self.port,
            "protocol": "tcp",
            "service": self.service,
            "processes": list(self.processes),
            "rule": self.rule,
            "state": self.state,
            "connections": self.connections,
            "controller": self.controller,
            "already": self.already,
            "why": why,
        }


def refused_peers(
    policy: Policy,
    flows: Iterable[Flow],
    own: Collection[str],
    controller: tuple[str, int] | None,
    in_force: Policy | None = None,
) -> list[Refused]:
    """Return the peers of ``flows`` that ``policy`` would refuse, the controller first, then by port and address.

    ``own`` are this host's addresses: from one of them it reaches itself, over lo. ``controller`` is the peer and the
    port of the controller's connection. ``in_force`` is what the rules do until now, None where that is not known. No
    processes are known here.
    """
    found: dict[tuple[str, int], Refused] = {}
    decided: dict[tuple[str, int], Decision] = {}
    for flow in flows:
        key = (flow.peer, flow.port)
        interface = "lo" if flow.peer in own else None
        if key not in decided:
            decided[key] = decide(policy, "tcp", flow.port, flow.peer, interface)
        if decided[key].verdict != DROP:
            continue
        known = found.get(key)
        if known is None:
            found[key] = Refused(
                *key,
                service=_service(policy, flow.port),
                processes=(),
                rule=decided[key].rule,
                state=flow.state,
                connections=flow.connections,
                controller=key == controller,
                already=in_force is not None
                and in_force.mode == ENFORCE
                and decide(in_force, "tcp", flow.port, flow.peer, interface).verdict == DROP,
            )
        else:
            state = min(known.state, flow.state, key=_LIVELIEST.index)
            found[key] = replace(known, state=state, connections=known.connections + flow.connections)
    return sorted(found.values(), key=_order)


def _order(entry: Refused) -> tuple[bool, int, int, int]:
    address = ipaddress.ip_address(entry.peer)
    return (not entry.controller, entry.port, address.version, int(address))


def _service(policy: Policy, port: int) -> str | None:
    return next((rule.id for rule in policy.rules if rule.protocol == "tcp" and port in rule.ports), None)


def message(refused: list[Refused], explanations: Mapping[str, str]) -> str:
    """Say who would be refused, some of many, and what the explanations of the services have to say of it."""
    told = "; ".join(_told(entry) for entry in refused[:TOLD])
    more = f"; and {len(refused) - TOLD} more" if len(refused) > TOLD else ""
    peers = "a peer" if len(refused) == 1 else f"{len(refused)} peers"
    present = "is" if len(refused) == 1 else "are"
    past = "was" if len(refused) == 1 else "were"
    services = dict.fromkeys(name for entry in refused if (name := entry.service or entry.rule) in explanations)
    reasons = "".join(f" {service}: {explanations[str(service)]}" for service in services)
    return (
        f"the policy would refuse the next connection of {peers} that {present} connected, or {past} a moment ago: "
        f"{told}{more}.{reasons}"
    )


def _told(entry: Refused) -> str:
    whose = "this run's own connection, " if entry.controller else ""
    names = [*([entry.service] if entry.service else []), *entry.processes]
    number = "1 connection" if entry.connections == 1 else f"{entry.connections} connections"
    return (
        f"{whose}{entry.peer} to {entry.port}/tcp ({', '.join(dict.fromkeys(names)) or 'unknown'}; {number}, "
        f"{_STATES[entry.state]}) by the rule {entry.rule}"
    )


WAY_OUT = (
    "Nothing was changed. Let them in, or, if they are to be refused, run again with on_impact: warn (in the role "
    "node_firewall, node_firewall_on_impact)"
)
"""What to do about refused peers."""
CUTS_CONTROLLER = (
    "Nothing was changed. A change that cuts this run's own connection cannot be confirmed over a new one and would be "
    "taken back, so on_impact: warn does not allow it. Let the controller in; on_impact: ignore tries it all the same"
)
"""What to do where the controller is one of them."""
