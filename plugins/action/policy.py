# Copyright: (c) 2026, ck8s.ports contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The action ck8s.ports.policy; its documentation is plugins/modules/policy.yml."""

from __future__ import annotations

from typing import Any

from ansible.plugins.action import ActionBase

from ansible_collections.ck8s.ports.plugins.plugin_utils._action import run_pure
from ansible_collections.ck8s.ports.plugins.plugin_utils._firewall_policy import explanations, policy


class ActionModule(ActionBase):
    _requires_connection = False

    def run(self, tmp: Any = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        return run_pure(self, task_vars, _policy)


def _policy(inputs: dict[str, Any]) -> dict[str, Any]:
    # Before ansible-core 2.19 a number that comes out of a template is text.
    control_planes = int(inputs.get("control_planes", 1))
    made = policy(inputs["profile"], inputs.get("sources"), control_planes, inputs.get("companions"))
    return {"policy": made, "explanations": explanations(inputs["profile"], made)}
