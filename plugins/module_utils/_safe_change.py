# Copyright: (c) 2026, ck8s.ports contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A change of the firewall from its comparison to its confirmation. Private to the collection."""

from __future__ import annotations

from typing import Any

from ansible_collections.ck8s.ports.plugins.module_utils import _files
from ansible_collections.ck8s.ports.plugins.module_utils._boot import Boot, BootPlan
from ansible_collections.ck8s.ports.plugins.module_utils._firewall import Backend, FirewallError, Plan
from ansible_collections.ck8s.ports.plugins.module_utils._policy import Policy
from ansible_collections.ck8s.ports.plugins.module_utils._unconfirmed import Record, Waiting, waits

TOO_SLOW = (
    "preparing the change took longer than confirm_timeout; set that higher (in the role node_firewall, "
    "node_firewall_confirm_timeout)"
)


class SafeChange:
    """What port_policy does on a host. Each method raises :class:`FirewallError`."""

    def __init__(self, backend: Backend, boot: Boot, waiting: Waiting) -> None:
        self._backend = backend
        self._boot = boot
        self._waiting = waiting

    def earlier(self, *, check: bool) -> Record | None:
        """Return what has been taken back since the last run. Refuses, unless to ``check``, while a change waits."""
        earlier = self._waiting.earlier(settle=not check)
        waiting = self._waiting.current()
        if waiting is not None and not check:
            raise FirewallError(f"{waits(waiting)} (nothing was changed)")
        return earlier

    def plan(self, policy: Policy | None) -> tuple[Plan, BootPlan]:
        """Compare what is in force, and what the next boot would load, with ``policy`` or with nothing."""
        return self._backend.plan(policy), self._boot_plan(policy)

    def make(self, plan: Plan, boot_plan: BootPlan, by: str, seconds: int) -> dict[str, Any]:
        """Make the change, to be taken back in ``seconds`` unless it is confirmed; return its token and the seconds."""
        token = self._waiting.arm(self._backend.previous(plan), boot_plan, by, seconds)
        with self._waiting.holding(token) as in_time:
            problem = self._attempt(plan) if in_time else TOO_SLOW
        if problem is not None:
            raise FirewallError(f"{problem}; {self._taken_back(token)}")
        return {"change": token, "seconds": seconds}

    def _attempt(self, plan: Plan) -> str | None:
        """Make the change; return what went wrong."""
        try:
            # Between the comparison and the timer another run may have made and confirmed a change.
            if self._backend.read().text != plan.live.text:
                return "the rules have been changed by something else meanwhile; run again"
            if plan.changed:
                self._backend.apply(plan)
        except FirewallError as error:
            return str(error)
        return None

    def confirm(self, token: str, policy: Policy | None) -> str:
        """Make the change permanent; return what has become of it (see :mod:`_unconfirmed`)."""
        try:
            return self._waiting.confirm(token, self._boot_plan(policy), lambda: self._backend.keep(policy))
        except FirewallError as error:
            raise FirewallError(f"{error}; {self._taken_back(token)}") from error

    def take_back(self, token: str) -> None:
        """Take a change back that waits for its confirmation; that nothing waits any more is no error."""
        self._waiting.take_back(token)

    def _boot_plan(self, policy: Policy | None) -> BootPlan:
        try:
            return self._boot.plan(self._backend.wanted(policy), self._backend.kept(policy))
        except OSError as error:
            problem = f"cannot read what the next boot loads: {_files.with_remedy(error)}"
            raise FirewallError(f"{problem} (nothing was changed)") from error

    def _taken_back(self, token: str) -> str:
        try:
            self._waiting.take_back(token)
        except FirewallError as error:
            return str(error)
        return "the rules are the previous ones again"


def told(earlier: Record | None) -> list[str]:
    """Return the warning about a change that was taken back."""
    if earlier is None:
        return []
    if earlier["reason"] == "restarted":
        return ["an earlier change had not been confirmed when this host restarted; it has not become permanent"]
    return [
        f"the change by {earlier['by']} at {earlier['at']} was not confirmed in time and has been taken back: the host "
        "could not be reached over a new connection, or the run ended before. If this happens once more, look for what "
        "the policy says about the port of this connection (SSH)"
    ]
