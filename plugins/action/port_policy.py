# Copyright: (c) 2026, ck8s.ports contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The controller's part of ck8s.ports.port_policy: a policy that is not valid never leaves it."""

from __future__ import annotations

from typing import Any

from ansible.errors import AnsibleActionFail
from ansible.plugins.action import ActionBase

from ansible_collections.ck8s.ports.plugins.module_utils._policy import PolicyError, parse_policy


class ActionModule(ActionBase):
    """Checks the policy, then runs the module of the same name."""

    _requires_connection = True
    _supports_check_mode = True
    _supports_async = False

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        result: dict[str, Any] = super().run(tmp, task_vars)
        # A policy that is missing, and the other options, are for the module's argument spec.
        policy = self._task.args.get("policy")
        if self._task.args.get("state", "present") == "present" and policy is not None:
            try:
                parse_policy(policy)
            except PolicyError as error:
                raise AnsibleActionFail(str(error), result={"faults": error.faults}) from error
        result.update(
            self._execute_module(module_name="ck8s.ports.port_policy", module_args=self._task.args, task_vars=task_vars)
        )
        return result
