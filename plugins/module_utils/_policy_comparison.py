# Copyright: (c) 2026, ck8s.ports contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is in force of a policy on this host, compared with what is wanted. Private to the collection."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ansible_collections.ck8s.ports.plugins.module_utils._backends import choose
from ansible_collections.ck8s.ports.plugins.module_utils._boot import Boot, BootPlan
from ansible_collections.ck8s.ports.plugins.module_utils._firewall import Plan
from ansible_collections.ck8s.ports.plugins.module_utils._nft import TIMEOUT
from ansible_collections.ck8s.ports.plugins.module_utils._policy import Policy
from ansible_collections.ck8s.ports.plugins.module_utils._safe_change import SafeChange, told
from ansible_collections.ck8s.ports.plugins.module_utils._unconfirmed import RUN, Waiting


@dataclass(frozen=True)
class Comparison:
    """``result`` is what port_policy returns of it, in check mode and otherwise; ``warnings`` are for people."""

    plan: Plan
    boot_plan: BootPlan
    result: dict[str, Any]
    warnings: list[str]

    @property
    def changed(self) -> bool:
        """Whether something is not as wanted."""
        return bool(self.result["changed"])


class PolicyHost:
    """The firewall of this host and what its next boot loads. Methods raise :class:`_firewall.FirewallError`."""

    def __init__(self, backend: str, timeout: float = TIMEOUT) -> None:
        """Find the firewall of that name (one of _backends.CHOICES); ``timeout`` is in seconds, for each program."""
        self._backend = choose(backend, timeout)
        self._boot = Boot(RUN)
        self.change = SafeChange(self._backend, self._boot, Waiting(self._boot, RUN))

    def compare(self, policy: Policy | None, *, check: bool) -> Comparison:
        """Compare with ``policy``, or with nothing. Unless to ``check``, refuses while an unconfirmed change waits."""
        earlier = self.change.earlier(check=check)
        plan, boot_plan = self.change.plan(policy)
        found, wanted = boot_plan.described()
        result = {
            "changed": plan.changed or boot_plan.changed,
            "backend": self._backend.name,
            "live": plan.live.as_result(),
            "diff": {"before": plan.live.text + found, "after": plan.wanted + wanted},
            "persistent": self._boot.persistent or self._backend.keeps,
            "taken_back": earlier,
        }
        return Comparison(plan, boot_plan, result, [*told(earlier), *plan.warnings])
