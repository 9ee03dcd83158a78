# Copyright: (c) 2026, ck8s.ports contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Document against all nodes together. Private to the collection. Pure."""

from __future__ import annotations

from typing import Any

from ansible_collections.ck8s.ports.plugins.plugin_utils import _wording as word
from ansible_collections.ck8s.ports.plugins.plugin_utils._findings import Outcome, failed

Data = dict[str, Any]


def replicas(port: Data, holders: list[str]) -> Outcome:
    """Document against all nodes: a service with one replica listens on one of them, not on C(holders)."""
    why = (
        f"{port['service']} is one replica, which may run on any one node; a second one is none of ours, or a leftover."
    )
    fix = (
        f"Find out which is the real one; where several are meant, set presence to optional for {port['id']} in "
        "node_profile_overrides."
    )
    return failed("medium", f"Listens on {word.join(holders)}.", why, fix)
