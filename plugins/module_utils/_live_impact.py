# Copyright: (c) 2026, ck8s.ports contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The impact of a policy on the connections of this host. Private to the collection."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Dict, List, Mapping, cast

from ansible_collections.ck8s.ports.plugins.module_utils import _connections
from ansible_collections.ck8s.ports.plugins.module_utils._controller import controllers_connection
from ansible_collections.ck8s.ports.plugins.module_utils._impact import LISTED, Refused, refused_peers
from ansible_collections.ck8s.ports.plugins.module_utils._own_addresses import own_addresses
from ansible_collections.ck8s.ports.plugins.module_utils._policy import Policy
from ansible_collections.ck8s.ports.plugins.module_utils._sockets import Socket
from ansible_collections.ck8s.ports.plugins.module_utils._verdict import decide, may_drop


@dataclass(frozen=True)
class Impact:
    """All whom the policy would refuse, and the controller's connection ({peer, port, verdict, rule}) or None."""

    refused: list[Refused]
    controller: dict[str, Any] | None

    @property
    def cut_off(self) -> list[Refused]:
        """Those whom the change would cut off."""
        return [entry for entry in self.refused if entry.counts]

    def as_result(self, explanations: Mapping[str, str]) -> dict[str, Any]:
        """What the module returns of it."""
        listed = self.refused[:LISTED]
        return {
            "impact": [entry.as_result(explanations.get(str(entry.service or entry.rule))) for entry in listed],
            "impact_count": len(self.refused),
            "controller": self.controller,
        }


NO_IMPACT = Impact([], None)


def look(policy: Policy, in_force: Policy | None = None) -> Impact:
    """Hold the policy against the connections of this network namespace. Raises OSError where they cannot be seen.

    ``in_force`` is what the rules do until now, None where that is not known.
    """
    controller = controllers_connection(_connections.is_open)
    listening = _connections.listeners()
    flows = _connections.inbound(listening, lambda port: may_drop(policy, "tcp", port))
    own = own_addresses()
    if controller is None:
        return Impact(_with_processes(refused_peers(policy, flows, own, None, in_force), listening), None)
    refused = refused_peers(policy, flows, own, (controller.peer, controller.port), in_force)
    decision = decide(policy, "tcp", controller.port, controller.peer, "lo" if controller.peer in own else None)
    told = {
        "peer": controller.peer,
        "port": controller.port,
        "verdict": decision.verdict,
        "rule": decision.rule,
    }
    return Impact(_with_processes(refused, listening), told)


def _with_processes(refused: list[Refused], listening: list[Socket]) -> list[Refused]:
    """Add the names of those that listen on the ports: these few sockets are worth the search for their processes."""
    if not refused:
        return []
    # Imported where there is something to search for: these cost every other run some milliseconds.
    from ansible_collections.ck8s.ports.plugins.module_utils._join import Join  # noqa: PLC0415
    from ansible_collections.ck8s.ports.plugins.module_utils._selection import Selection  # noqa: PLC0415

    ports = {entry.port for entry in refused}
    sockets = [sock for sock in listening if sock.port in ports]
    join = Join(Selection({"processes": "names"}), sockets)
    names: dict[int, set[str]] = {port: set() for port in ports}
    for sock in sockets:
        for process in cast(List[Dict[str, str]], join.row(sock)["processes"]):
            names[cast(int, sock.port)].add(process["name"])
    return [replace(entry, processes=tuple(sorted(names[entry.port]))) for entry in refused]
