# Copyright: (c) 2026, ck8s.ports contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which firewall the policy goes to, and what of ours is to leave the others. Private to the collection."""

from __future__ import annotations

from dataclasses import replace
from typing import Callable, Sequence

from ansible_collections.ck8s.ports.plugins.module_utils._firewall import (
    Backend,
    FirewallError,
    Kept,
    LiveState,
    Load,
    Plan,
    load_all,
)
from ansible_collections.ck8s.ports.plugins.module_utils._firewalld import FirewalldBackend
from ansible_collections.ck8s.ports.plugins.module_utils._nft import TIMEOUT
from ansible_collections.ck8s.ports.plugins.module_utils._nftables import NftablesBackend
from ansible_collections.ck8s.ports.plugins.module_utils._policy import Policy
from ansible_collections.ck8s.ports.plugins.module_utils._ufw import UfwBackend

AUTO = "auto"
CHOICES = (AUTO, "nftables", "ufw", "firewalld")
BACKEND = {"type": "str", "choices": list(CHOICES), "default": AUTO}
"""The option of that name; the documentation is the fragment ck8s.ports.backend."""

_LEFT_IN_FIREWALLD = (
    "firewalld does not run, and its configuration (/etc/firewalld/zones) has rules of this collection, which it would "
    "put in force; start it and run again, so that they are removed"
)


class Chosen:
    """One firewall for the policy; from all others, whatever is ours is removed. Each method raises FirewallError.

    What is new is there before what is old goes, in both directions.
    """

    def __init__(self, backend: Backend, others: Sequence[Backend], warnings: Sequence[str] = ()) -> None:
        """``others`` are the firewalls in which something of ours is left, from an earlier choice."""
        self._warnings = tuple(warnings)
        self._backend = backend
        self._others = others
        self._plans: list[Plan] = []
        self.name = backend.name
        self.keeps = backend.keeps

    def read(self) -> LiveState:
        """Return what is in force of ours, wherever it is."""
        return _together([each.read() for each in self._all])

    def plan(self, policy: Policy | None) -> Plan:
        """Compare all of it."""
        self._plans = [self._backend.plan(policy), *(other.plan(None) for other in self._others)]
        return Plan(
            policy=policy,
            live=_together([plan.live for plan in self._plans]),
            wanted="".join(plan.wanted for plan in self._plans),
            warnings=(*self._plans[0].warnings, *self._warnings),
        )

    def apply(self, plan: Plan) -> None:
        """Put the policy in force, then remove what is left elsewhere."""
        del plan
        for each, its_plan in zip(self._all, self._plans):
            if its_plan.changed:
                each.apply(its_plan)

    def previous(self, plan: Plan) -> Load:
        """Return what leads back: first what has been removed elsewhere, then the rest."""
        del plan
        ways_back = [each.previous(its_plan) for each, its_plan in zip(self._all, self._plans)]
        return load_all(ways_back[::-1])

    def wanted(self, policy: Policy | None) -> Load | None:
        """Return what our own unit is to load at the next boot."""
        return self._backend.wanted(policy)

    def kept(self, policy: Policy | None) -> Kept:
        """Compare what the firewalls themselves bring back at the next boot."""
        kept = [self._backend.kept(policy), *(other.kept(None) for other in self._others)]
        return Kept(
            where=", ".join(each.where for each in kept if each.where),
            found="".join(each.found for each in kept),
            wanted="".join(each.wanted for each in kept),
        )

    def keep(self, policy: Policy | None) -> Callable[[], None]:
        """Have them bring back the policy, or nothing."""
        steps = [self._backend.keep(policy), *(other.keep(None) for other in self._others)]

        def complete() -> None:
            for step in steps:
                step()

        return complete

    @property
    def _all(self) -> list[Backend]:
        return [self._backend, *self._others]


def choose(name: str, timeout: float = TIMEOUT) -> Chosen:
    """Return the backend of that ``name``, one of :data:`CHOICES`; ``timeout`` is in seconds, per call of a program.

    ``auto`` is the firewall that is active: ufw or firewalld or, where none of them is, nftables.
    """
    ufw, firewalld = UfwBackend(timeout), FirewalldBackend(timeout)
    if name == AUTO:
        name = _active(ufw, firewalld)
    others: list[Backend] = []
    if name != "nftables":
        others += _nftables_with_ours(timeout)
    if name != "ufw" and ufw.has_ours():
        others.append(ufw)
    left_behind = []
    if name != "firewalld":
        if firewalld.active():
            others += [firewalld] if firewalld.has_ours() else []
        elif firewalld.has_ours_in_files():
            left_behind.append(_LEFT_IN_FIREWALLD)
    backends: dict[str, Callable[[], Backend]] = {
        "nftables": lambda: NftablesBackend(timeout),
        "ufw": lambda: ufw,
        "firewalld": lambda: firewalld,
    }
    return Chosen(backends[name](), others, left_behind)


def _active(ufw: UfwBackend, firewalld: FirewalldBackend) -> str:
    if ufw.enabled() and firewalld.active():
        raise FirewallError(
            "both ufw and firewalld are active here; each refuses what the other has not been told of, and restarting "
            "one may remove the rules of the other. Disable one of them (`ufw disable`, or `systemctl disable --now "
            "firewalld`), or name one with backend (nothing was changed)"
        )
    if firewalld.active():
        return "firewalld"
    if not ufw.enabled():
        return "nftables"
    if ufw.loaded():
        return "ufw"
    raise FirewallError(
        "ufw is enabled (/etc/ufw/ufw.conf), but its chains are not in the kernel, so it is not clear which firewall "
        "is to hold the policy. Start it (`systemctl start ufw`) or disable it (`ufw disable`), or name one with "
        "backend: ufw or nftables (nothing was changed)"
    )


def _nftables_with_ours(timeout: float) -> list[Backend]:
    try:
        nftables = NftablesBackend(timeout)
    except FirewallError:  # without nft there has been no table of ours
        return []
    return [nftables] if nftables.read().present else []


def _together(states: Sequence[LiveState]) -> LiveState:
    """Return all that is in force; what there is one of, of the first firewall that has anything."""
    first = next((state for state in states if state.present), states[0])
    return replace(
        first,
        text="".join(state.text for state in states),
        rules=[rule for state in states for rule in state.rules],
    )
