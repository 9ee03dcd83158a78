# Copyright: (c) 2026, ck8s.ports contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What port_policy needs of a firewall, whichever it is. Private to the collection."""

from __future__ import annotations

import shlex
from dataclasses import dataclass, field
from typing import Any, Callable, Dict, Protocol, Sequence, Union

from ansible_collections.ck8s.ports.plugins.module_utils._policy import AUDIT, ENFORCE, Policy

LiveRule = Dict[str, Union[str, int, None]]
"""A rule in force: ``id`` (None for a foreign one), ``text``, and ``packets`` and ``bytes`` counted, or None."""

LearnedSource = Dict[str, Union[str, int, None]]
"""Who would have been refused: ``source``, ``protocol``, ``port``, ``packets`` counted or None, and ``expires``, the
seconds until it is forgotten, or None."""


class FirewallError(Exception):
    """The firewall cannot be read or changed; the message says why and what to do."""


@dataclass(frozen=True)
class LiveState:
    """Our rules as they are in force. ``text`` has no counters and is "" where nothing of ours is there.

    In ``audit`` mode ``learned`` is who would have been refused, ``learned_all`` whether there was room for all.
    ``policy`` is what the rules do, where that can be read back from them.
    """

    text: str
    rules: list[LiveRule]
    audit: bool = False
    learned: list[LearnedSource] = field(default_factory=list)
    learned_all: bool = True
    policy: Policy | None = None

    def as_result(self) -> dict[str, Any]:
        """What the modules return of it."""
        mode = (AUDIT if self.audit else ENFORCE) if self.present else None
        return {
            "present": self.present,
            "mode": mode,
            "rules": self.rules,
            "learned": self.learned,
            "learned_all": self.learned_all,
        }

    @property
    def present(self) -> bool:
        """Whether anything of ours is there."""
        return self.text != ""


@dataclass(frozen=True)
class Load:
    """Rules as text, and the command that puts them in force from a file, whose name is to be appended to it."""

    command: list[str]
    text: str


def load_all(loads: Sequence[Load]) -> Load:
    """Return one Load that does what ``loads`` do, in their order, and fails where one of them does."""
    if len(loads) == 1:
        return loads[0]
    steps = []
    for load in loads:
        # A line of the text that ended the here-document early would be a command.
        end = "END-OF-RULES"
        while end in load.text.splitlines():
            end += "-"
        text = load.text if load.text.endswith("\n") or not load.text else f"{load.text}\n"
        steps.append(f"{shlex.join(load.command)} /dev/stdin <<'{end}' || status=1\n{text}{end}\n")
    return Load(["/bin/sh"], f"status=0\n{''.join(steps)}exit $status\n")


@dataclass(frozen=True)
class Plan:
    """The one comparison that check mode, diff and `changed` are made of: two texts by the same printer.

    ``policy`` None means that nothing of ours is to remain. ``warnings`` are for the user, one sentence or two each.
    """

    policy: Policy | None
    live: LiveState
    wanted: str
    warnings: tuple[str, ...] = ()

    @property
    def changed(self) -> bool:
        """Whether applying the plan changes anything."""
        return self.live.text != self.wanted


@dataclass(frozen=True)
class Kept:
    """What a firewall keeps of ours for the next boot by its own means, as found and as wanted: texts to compare.

    ``where`` names the place for the user. Without such means of its own, both are "".
    """

    where: str = ""
    found: str = ""
    wanted: str = ""

    @property
    def changed(self) -> bool:
        """Whether the next boot would bring other rules of ours than the wanted ones."""
        return self.found != self.wanted


NOTHING_KEPT = Kept()


def nothing_to_complete() -> None:
    """What :meth:`Backend.keep` returns where nothing is left to be done."""


class Backend(Protocol):
    """A firewall of a host. Each method raises :class:`FirewallError`."""

    name: str
    keeps: bool
    """Whether it brings its rules back at the next boot by its own means."""

    def read(self) -> LiveState:
        """Return what is in force of ours."""

    def plan(self, policy: Policy | None) -> Plan:
        """Compare what is in force with ``policy``, or with nothing; change nothing.

        Raises :class:`FirewallError` also for what this firewall cannot express, with the reason and what to do.
        """

    def apply(self, plan: Plan) -> None:
        """Put the plan in force, and make sure that it is.

        At no moment a connection gets another verdict than that of the rules before or of the rules after.
        """

    def previous(self, plan: Plan) -> Load:
        """Return what puts exactly the rules in force that were there when the plan was made, from any others."""

    def wanted(self, policy: Policy | None) -> Load | None:
        """Return what our own unit is to load at the next boot; None for nothing."""

    def kept(self, policy: Policy | None) -> Kept:
        """Compare what this firewall itself brings back at the next boot with ``policy``, or with nothing."""

    def keep(self, policy: Policy | None) -> Callable[[], None]:
        """Have this firewall bring ``policy``, or nothing, back at the next boot.

        All that can fail is done at once, and taken back by what :meth:`previous` returned. The function that is
        returned does the rest, once the change counts as confirmed.
        """
