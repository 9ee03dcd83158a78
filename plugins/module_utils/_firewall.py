# Copyright: (c) 2026, ck8s.ports contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What port_policy needs of a firewall, whichever it is. Private to the collection."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Dict, Protocol, Union

from ansible_collections.ck8s.ports.plugins.module_utils._policy import Policy

LiveRule = Dict[str, Union[str, int, None]]
"""A rule in force: ``id`` (None for a foreign one), ``text``, and ``packets`` and ``bytes`` counted, or None."""


class FirewallError(Exception):
    """The firewall cannot be read or changed; the message says why and what to do."""


@dataclass(frozen=True)
class LiveState:
    """Our rules as they are in force. ``text`` has no counters and is "" where nothing of ours is there."""

    text: str
    rules: list[LiveRule]

    @property
    def present(self) -> bool:
        """Whether anything of ours is there."""
        return self.text != ""


@dataclass(frozen=True)
class Load:
    """Rules as text, and the command that puts them in force from a file, whose name is to be appended to it."""

    command: list[str]
    text: str


@dataclass(frozen=True)
class Plan:
    """The one comparison that check mode, diff and `changed` are made of: two texts by the same printer.

    ``policy`` None means that nothing of ours is to remain.
    """

    policy: Policy | None
    live: LiveState
    wanted: str

    @property
    def changed(self) -> bool:
        """Whether applying the plan changes anything."""
        return self.live.text != self.wanted


class Backend(Protocol):
    """A firewall of a host. Each method raises :class:`FirewallError`."""

    name: str

    def read(self) -> LiveState:
        """Return what is in force of ours."""

    def plan(self, policy: Policy | None) -> Plan:
        """Compare what is in force with ``policy``, or with nothing; change nothing."""

    def apply(self, plan: Plan) -> None:
        """Put the plan in force, and make sure that it is."""

    def previous(self, plan: Plan) -> Load:
        """Return what puts exactly the rules in force that were there when the plan was made, from any others."""

    def wanted(self, policy: Policy | None) -> Load | None:
        """Return what puts the policy in force from any other rules, for the next boot; None for nothing."""
