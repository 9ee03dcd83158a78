# Copyright: (c) 2026, ck8s.ports contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The filters of the collection: doors to the pure functions of plugin_utils."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ansible_collections.ck8s.ports.plugins.plugin_utils import (
    _compare_editions,
    _node_addresses,
    _probe_plan,
    _proposal,
)


class FilterModule:
    def filters(self) -> dict[str, Callable[..., Any]]:
        return {
            "claim_questions": _probe_plan.claim_questions,
            "compare_editions": _compare_editions.compare,
            "localnet_targets": _probe_plan.localnet_targets,
            "missing_listeners": _probe_plan.missing_listeners,
            "node_addresses": _node_addresses.node_addresses,
            "probe_plan": _probe_plan.plan,
            "probe_recounts": _probe_plan.recounts,
            "probe_targets": _probe_plan.targets,
            "propose_sources": _proposal.propose_sources,
        }
