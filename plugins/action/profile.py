# Copyright: (c) 2026, ck8s.ports contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The action ck8s.ports.profile; its documentation is plugins/modules/profile.yml."""

from __future__ import annotations

from typing import Any

from ansible.plugins.action import ActionBase

from ansible_collections.ck8s.ports.plugins.plugin_utils._action import run_pure
from ansible_collections.ck8s.ports.plugins.plugin_utils._detection import settle
from ansible_collections.ck8s.ports.plugins.plugin_utils._escape import printable
from ansible_collections.ck8s.ports.plugins.plugin_utils._profile import profile


class ActionModule(ActionBase):
    _requires_connection = False

    def run(self, tmp: Any = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        return run_pure(self, task_vars, _compute)


def _compute(inputs: dict[str, Any]) -> dict[str, Any]:
    settled, contradictions = settle(inputs)
    told = [printable(sentence) for sentence in contradictions]
    result = {"profile": profile(settled), "contradictions": told}
    return {**result, "warnings": told} if told else result
