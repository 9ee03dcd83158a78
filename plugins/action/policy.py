# Copyright: (c) 2026, ck8s.ports contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The action ck8s.ports.policy; its documentation is plugins/modules/policy.yml."""

from __future__ import annotations

from dataclasses import fields
from typing import Any

from ansible.plugins.action import ActionBase

from ansible_collections.ck8s.ports.plugins.plugin_utils._action import run_pure
from ansible_collections.ck8s.ports.plugins.plugin_utils._audiences import Access
from ansible_collections.ck8s.ports.plugins.plugin_utils._errors import InputError
from ansible_collections.ck8s.ports.plugins.plugin_utils._firewall_policy import explanations, policy

OVER_SSH = frozenset({"ssh", "paramiko", "paramiko_ssh"})
"""Connections to the node's own SSH server, by the last part of their names."""
SSH_PORT = 22

_ACCESS = tuple(option.name for option in fields(Access))


class ActionModule(ActionBase):
    _requires_connection = False

    def run(self, tmp: Any = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        return run_pure(self, task_vars, self._policy)

    def _policy(self, inputs: dict[str, Any]) -> dict[str, Any]:
        given = {name: inputs[name] for name in _ACCESS if inputs.get(name) is not None}
        # Before ansible-core 2.19 a number that comes out of a template is text.
        given["ssh_port"] = (
            _number("node_firewall_ssh_port", given.get("ssh_port"), SSH_PORT) or self._port_of_the_connection()
        )
        control_planes = _number("control_planes", inputs.get("control_planes", 1), 1)
        made = policy(
            inputs["profile"], inputs.get("sources"), control_planes, inputs.get("companions"), Access(**given)
        )
        return {"policy": made, "explanations": explanations(inputs["profile"], made)}

    def _port_of_the_connection(self) -> int:
        """The port of SSH on the node, as Ansible itself reaches it; where it does so by other means, the usual one."""
        connection = self._connection
        if connection.transport.rpartition(".")[2] not in OVER_SSH:
            return SSH_PORT
        return int(connection.get_option("port") or SSH_PORT)


def _number(variable: str, value: Any, example: int) -> int:
    try:
        return int(value or 0)
    except (TypeError, ValueError):
        raise InputError([f"{variable}: {value!r} is not a number; give a whole one, such as {example}"]) from None
