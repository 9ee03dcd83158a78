# Copyright: (c) 2026, ck8s.ports contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The firewall of the node, which each test finds empty."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from ansible_collections.ck8s.ports.plugins.module_utils._firewall import LiveState, Plan
from ansible_collections.ck8s.ports.plugins.module_utils._nftables import NftablesBackend
from ansible_collections.ck8s.ports.plugins.module_utils._policy import parse_policy
from tests.netns.topology import Host, Network


class Firewall:
    """port_policy's backend at work on one host, as the module uses it."""

    def __init__(self, host: Host) -> None:
        self.host = host

    def apply(self, policy: dict[str, Any] | None) -> Plan:
        """Put ``policy`` in force, or nothing; return the plan, which tells whether that changed anything."""
        with self.host.entered():
            backend = NftablesBackend()
            plan = backend.plan(None if policy is None else parse_policy(policy))
            if plan.changed:
                backend.apply(plan)
        return plan

    def plan(self, policy: dict[str, Any] | None) -> Plan:
        """Compare only, as check mode does."""
        with self.host.entered():
            return NftablesBackend().plan(None if policy is None else parse_policy(policy))

    def read(self) -> LiveState:
        """Return what the kernel holds of ours."""
        with self.host.entered():
            return NftablesBackend().read()

    def nft(self, *arguments: str) -> str:
        """Call nft directly on the host, as a person would."""
        return self.host.run("nft", *arguments).stdout


@pytest.fixture
def firewall(network: Network) -> Iterator[Firewall]:
    """Yield the node's firewall, without any rules; afterwards there are none again."""
    firewall = Firewall(network.node)
    assert firewall.nft("list", "ruleset") == ""
    yield firewall
    firewall.nft("flush", "ruleset")
