# Copyright: (c) 2026, ck8s.ports contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""All that is known of one node before it is judged. Private to the collection."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from ansible_collections.ck8s.ports.plugins.module_utils._policy import Policy, parse_policy

Data = dict[str, Any]


@dataclass(frozen=True)
class Node:
    """The expectation, C(profile) and C(policy), and what was observed.

    C(sockets), C(firewall), C(sysctls) and C(unix_sockets) (by path) are parts of what port_evidence returns; each has
    C(error) instead where it could not be looked at.
    C(probes) is what others tried on this node, C(wire_probes) what they tried on its 127.0.0.1 through the wire,
    C(temporary) the listeners that were there for this, C(counts) what the rules have counted meanwhile (see
    _counters). C(answers) is what clients without credentials got there, C(allow) the listeners that are allowed
    besides the documented ones, C(companions) the known ones (see _catalogue.companions).
    """

    name: str
    profile: Data
    policy: Data
    sockets: Data
    firewall: Data
    unix_sockets: Data
    probes: list[Data] = field(default_factory=list)
    wire_probes: list[Data] = field(default_factory=list)
    temporary: list[Data] = field(default_factory=list)
    counts: Data = field(default_factory=lambda: {"error": "The counters were not read."})
    answers: list[Data] = field(default_factory=list)
    allow: list[Data] = field(default_factory=list)
    companions: Sequence[Data] = ()
    sysctls: Data = field(default_factory=lambda: {"error": "Not looked at."})

    @cached_property
    def parsed_policy(self) -> Policy:
        """The policy as it can be asked about a packet."""
        return parse_policy(self.policy)

    @property
    def blind(self) -> str | None:
        """Why it is not known what listens; None where it is."""
        reason: str | None = self.sockets.get("error")
        return reason

    def listening(self, port: Data) -> list[Data]:
        """The sockets on C(port), which has C(protocol) and C(port)."""
        return [socket for socket in self.sockets.get("sockets", []) if key(socket) == key(port)]


def key(thing: Data) -> tuple[str, int]:
    """By what sockets and documented ports find each other."""
    return thing["protocol"], thing["port"]
