# Copyright: (c) 2026, ck8s.ports contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The nftables backend of port_policy: one table of our own. Private to the collection."""

from __future__ import annotations

from typing import Callable

from ansible_collections.ck8s.ports.plugins.module_utils._capabilities import require_net_admin
from ansible_collections.ck8s.ports.plugins.module_utils._firewall import (
    FirewallError,
    Kept,
    LiveState,
    Load,
    Plan,
    nothing_to_complete,
)
from ansible_collections.ck8s.ports.plugins.module_utils._foreign_chains import foreign_chains, warnings
from ansible_collections.ck8s.ports.plugins.module_utils._nft import TIMEOUT, Nft, find_nft
from ansible_collections.ck8s.ports.plugins.module_utils._nft_audit import SETS, is_full, learned, without_learned
from ansible_collections.ck8s.ports.plugins.module_utils._nft_listing import parse_rules, set_names, with_sets_sorted
from ansible_collections.ck8s.ports.plugins.module_utils._nft_reading import policy_in_force
from ansible_collections.ck8s.ports.plugins.module_utils._nft_render import (
    TABLE,
    render_missing_sets,
    render_removal,
    render_replacement,
    render_switch,
    render_table,
)
from ansible_collections.ck8s.ports.plugins.module_utils._policy import Policy
from ansible_collections.ck8s.ports.plugins.module_utils._scratch_namespace import (
    ScratchNamespaceError,
    in_scratch_namespace,
)


class NftablesBackend:
    """The table `inet ck8s_ports` of this network namespace. Each method raises :class:`FirewallError`."""

    name = "nftables"
    keeps = False

    def __init__(self, timeout: float = TIMEOUT) -> None:
        """Find nft and what it needs; ``timeout`` is in seconds, for each call of it."""
        require_net_admin()
        program = find_nft()
        self._nft = Nft(program, timeout)
        self._load_file = [program, "--file"]

    def read(self) -> LiveState:
        """Return what the kernel holds of ours."""
        text = self._text()
        listing = self._nft.table_with_counters() if text else ""
        audit = bool(SETS.keys() & set(set_names(text)))
        return LiveState(
            text=text,
            rules=parse_rules(listing),
            audit=audit,
            learned=learned(listing),
            learned_all=not is_full(listing),
            policy=policy_in_force(text),
        )

    def plan(self, policy: Policy | None) -> Plan:
        """Compare what the kernel prints for our table with what it prints for the wanted one; change nothing.

        Each printed by the kernel, so that notation, order and merged intervals cannot look like a change. The wanted
        table is loaded in a network namespace of its own to that end.
        """
        if policy is None:
            return Plan(policy=None, live=self.read(), wanted="")
        opens = any(rule.verdict == "accept" for rule in policy.rules)
        warned = warnings(foreign_chains(self._nft)) if opens else []
        return Plan(policy=policy, live=self.read(), wanted=self._printed(policy), warnings=tuple(warned))

    def apply(self, plan: Plan) -> None:
        """Put the plan in force, and make sure that the kernel holds what was planned.

        The rules change in one transaction, after the sets that they need have been added.
        """
        if plan.policy is None:
            self._nft.load(render_removal())
        elif not self._switch(plan.policy, plan):
            self._nft.load(render_replacement(plan.policy))
        if self._text() != plan.wanted:
            raise FirewallError(
                f"the rules were loaded, but the table {TABLE} holds others now: something else changes it at the same "
                "time; find it (`nft monitor`), then run again"
            )

    def previous(self, plan: Plan) -> Load:
        """Return the script for the table that was found, as the kernel printed it, or for none."""
        return Load(self._load_file, render_removal() + plan.live.text)

    def wanted(self, policy: Policy | None) -> Load | None:
        """Return the script for the table of ``policy``."""
        return None if policy is None else Load(self._load_file, render_replacement(policy))

    def kept(self, policy: Policy | None) -> Kept:
        """Return nothing: our own unit loads the table."""
        return Kept()

    def keep(self, policy: Policy | None) -> Callable[[], None]:
        """Do nothing: our own unit loads the table."""
        return nothing_to_complete

    def _switch(self, policy: Policy, plan: Plan) -> bool:
        """Exchange our rules and sets; return whether that was all, which it is not where a person has changed more."""
        live_sets = set_names(plan.live.text)
        try:
            self._nft.load(render_missing_sets(policy, live_sets))
            self._nft.load(render_switch(policy, live_sets))
        except FirewallError:
            return False
        return self._text() == plan.wanted

    def _text(self) -> str:
        text = self._nft.table()
        return with_sets_sorted(without_learned(text)) if text else ""

    def _printed(self, policy: Policy) -> str:
        def load_and_print() -> str:
            self._nft.load(render_table(policy))
            return self._text()

        try:
            return in_scratch_namespace(load_and_print)
        except ScratchNamespaceError as error:
            raise FirewallError(f"{error} (nothing was changed)") from error
