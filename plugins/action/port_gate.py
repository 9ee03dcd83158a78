# Copyright: (c) 2026, ck8s.ports contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The action ck8s.ports.port_gate; its documentation is plugins/modules/port_gate.py."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from ansible import constants
from ansible.errors import AnsibleActionFail
from ansible.plugins.action import ActionBase

from ansible_collections.ck8s.ports.plugins.plugin_utils import _gate
from ansible_collections.ck8s.ports.plugins.plugin_utils._action import plain
from ansible_collections.ck8s.ports.plugins.plugin_utils._escape import printable

HOST_BY_HOST = "linear", "debug"
"""Strategies in which no host begins a task before all have ended the one before; by the ends of their names."""

CHANGE, BEFORE, AFTER, POLICY = (
    "__node_firewall_change",
    "__node_firewall_probes_before",
    "__node_firewall_probes_after",
    "node_firewall_policy",
)
"""What the role registers on each node of a batch."""


class ActionModule(ActionBase):
    _requires_connection = False

    def run(self, tmp: Any = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        result: dict[str, Any] = super().run(tmp, task_vars)
        arguments = plain(self._task.args)
        steps: dict[str, Callable[[dict[str, Any], dict[str, Any]], dict[str, Any]]] = {
            "plan": self._plan,
            "check": self._check,
            "judge": self._judge,
        }
        step = arguments.get("step")
        if step not in steps:
            raise AnsibleActionFail(f"step: '{step}' is not known; give one of {', '.join(steps)}")
        result.update(changed=False, **steps[step](arguments, task_vars or {}))
        return result

    def _plan(self, arguments: dict[str, Any], task_vars: dict[str, Any]) -> dict[str, Any]:
        self._refuse_strategies_without_steps()
        control_planes, workers = arguments["control_planes"], arguments["workers"]
        name = task_vars["inventory_hostname"]
        probes = _gate.plan(name, arguments["profile"], control_planes, workers, int(arguments["probers"]))
        return {"probes": probes, "began": time.monotonic(), "batch": plain(task_vars["ansible_play_batch"])}

    def _check(self, arguments: dict[str, Any], task_vars: dict[str, Any]) -> dict[str, Any]:
        """Refuse, before anything is changed, what could not be judged or not be judged in time."""
        name, plan = task_vars["inventory_hostname"], arguments["plan"]
        tried = _tried(arguments["before"])
        unasked = _gate.unasked(tried)
        if unasked:
            raise AnsibleActionFail(
                f"none of the nodes that need the ports of {name} can be asked what it reaches of them: "
                f"{printable('; '.join(unasked))}. Nothing was changed. Make one of them reachable, or set "
                "node_firewall_gate: connection"
            )
        seconds, forks = int(arguments["confirm_timeout"]), int(task_vars.get("ansible_forks", constants.DEFAULT_FORKS))
        took = time.monotonic() - plan["began"]
        needed = _gate.seconds_needed(took, len(tried), len(plan["batch"]), forks, float(arguments["timeout"]))
        if tried and needed > seconds:
            raise AnsibleActionFail(
                f"the nodes would take the change back before the probes after it have ended: those before it took "
                f"{took:.0f} seconds, so node_firewall_confirm_timeout must be at least {needed} and is {seconds}. "
                "Nothing was changed. Set it higher, or make batches smaller (node_firewall_serial)"
            )
        return {"open": _gate.count_open(tried), "probers": [each["prober"] for each in tried]}

    def _judge(self, arguments: dict[str, Any], task_vars: dict[str, Any]) -> dict[str, Any]:
        """Judge the whole batch at once: all of it is confirmed, or none."""
        hostvars = task_vars["hostvars"]
        reasons: list[str] = []
        for name in arguments["batch"]:
            variables = hostvars[name]
            change = plain(variables.get(CHANGE, {}))
            if change.get("failed") or change.get("unreachable"):
                reasons.append(f"{name}: the change failed: {change.get('msg', 'without a word')}")
        for name in arguments["batch"]:
            variables = hostvars[name]
            before, after = (_tried(plain(variables.get(which, {}))) for which in (BEFORE, AFTER))
            made = plain(variables[POLICY])
            reasons += _gate.losses(name, made["policy"], before, after, made.get("explanations"))
        return {"confirmed": not reasons, "reasons": [printable(reason) for reason in dict.fromkeys(reasons)]}

    def _refuse_strategies_without_steps(self) -> None:
        strategy = str(self._task.get_play().strategy)
        if not strategy.rpartition(".")[2].endswith(HOST_BY_HOST):
            raise AnsibleActionFail(
                f"node_firewall_gate: probes: with strategy {strategy} each host goes through the tasks at its own "
                "pace, and nobody can tell what a batch has lost before all of it has changed. Nothing was changed. "
                "Use strategy linear, or set node_firewall_gate: connection, which works with every strategy"
            )


def _tried(registered: dict[str, Any]) -> list[dict[str, Any]]:
    """What a looped task of port_probe has registered, as _gate takes it."""
    tried = []
    for each in registered.get("results", []):
        if "item" not in each:
            continue
        prober = each["item"]["prober"]
        if "results" not in each or each.get("failed"):
            tried.append({"prober": prober, "problem": str(each.get("msg", "it gave no results"))})
        elif any(result["source"] == result["host"] for result in each["results"]):
            problem = "its probes were made by the node itself; the connection plugin takes no account of delegate_to"
            tried.append({"prober": prober, "problem": problem})
        else:
            tried.append({"prober": prober, "results": each["results"]})
    return tried
