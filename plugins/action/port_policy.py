# Copyright: (c) 2026, ck8s.ports contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The controller's part of ck8s.ports.port_policy.

A policy that is not valid never leaves it. A change is confirmed over a connection that was made after the change.
"""

from __future__ import annotations

import contextlib
import getpass
import os
import socket
import time
from collections.abc import Iterator
from typing import Any

from ansible.errors import AnsibleActionFail, AnsibleConnectionFailure
from ansible.plugins.action import ActionBase
from ansible.plugins.connection import ConnectionBase
from ansible.utils.display import Display

from ansible_collections.ck8s.ports.plugins.module_utils._policy import PolicyError, parse_policy

MODULE = "ck8s.ports.port_policy"
OVER_THE_NETWORK = frozenset({"ssh", "paramiko", "paramiko_ssh"})
"""Connections that pass the host's firewall, by the last part of their names."""

# Before the user's own arguments: OpenSSH takes the first value that it meets (ssh_config(5)).
FRESH_SSH = "-o ControlMaster=no -o ControlPath=none"

CONFIRM_TIMEOUT = 30
"""Seconds: the module's default."""
PAUSE = 0.5
"""Seconds between two attempts to confirm."""
SHOWN = 50
"""Of those that audit mode has noted."""
GRACE = 10
"""Seconds after the host's own time in which it may tell that it has taken the change back."""

display = Display()


class ActionModule(ActionBase):
    """Checks the policy, runs the module of the same name, and has it confirm what it has changed."""

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
        confirm, change = self._task.args.get("confirm", "now"), self._task.args.get("change")
        if change is not None and confirm == "now" and not self._task.check_mode:
            seconds = int(self._task.args.get("confirm_timeout", CONFIRM_TIMEOUT))
            result.update({"changed": False, **self._confirm(change, seconds, task_vars)})
            return result
        result.update(self._module(task_vars, _by=_own_name()))
        result.pop("outcome", None)
        noted = (result.get("live") or {}).get("learned")
        if noted:
            display.display(f"{(task_vars or {}).get('inventory_hostname')}: {_told(noted)}")
        if confirm == "now" and "waiting" in result:
            waiting = result.pop("waiting")
            result.update(self._confirm(waiting["change"], waiting["seconds"], task_vars))
        return result

    def _module(self, task_vars: dict[str, Any] | None, **internal: str) -> dict[str, Any]:
        arguments = {**self._task.args, **internal}
        answer: dict[str, Any] = self._execute_module(module_name=MODULE, module_args=arguments, task_vars=task_vars)
        return answer

    def _confirm(self, token: str, seconds: int, task_vars: dict[str, Any] | None) -> dict[str, Any]:
        """Connect anew and confirm, until it works or it is too late; return what the task's result gets from it."""
        over_the_network = self._connection.transport.rpartition(".")[2] in OVER_THE_NETWORK
        last = ""
        give_up = time.monotonic() + seconds + GRACE
        with self._new_connections():
            while time.monotonic() < give_up:
                try:
                    answer = self._module(task_vars, confirm="now", change=token)
                except AnsibleConnectionFailure as error:
                    last = str(error)
                else:
                    outcome = answer.get("outcome")
                    if outcome == "confirmed":
                        return {"confirmed_over": "new_connection" if over_the_network else "same_host"}
                    if outcome == "taken_back":
                        late = f"the host could not be reached in {seconds} seconds ({last})"
                        return _failed(late if last else f"the confirmation came after {seconds} seconds", "has taken")
                    if answer.get("failed"):
                        return {"failed": True, "msg": answer.get("msg", "the confirmation failed without a word")}
                time.sleep(PAUSE)
        return _failed(f"the host cannot be reached over a new connection: {last or 'no attempt was made'}", "takes")

    @contextlib.contextmanager
    def _new_connections(self) -> Iterator[None]:
        """Leave the connection that the change came over, and share no later one, for the duration."""
        connection = self._connection
        if type(connection).reset is not ConnectionBase.reset:  # which only warns that there is none
            connection.reset()
        if connection.transport.rpartition(".")[2] != "ssh":
            yield
            return
        shared = connection.get_option("ssh_args")
        connection.set_option("ssh_args", f"{FRESH_SSH} {shared or ''}")
        try:
            yield
        finally:
            connection.set_option("ssh_args", shared)


def _failed(reason: str, verb: str) -> dict[str, Any]:
    return {
        "failed": True,
        "msg": f"{reason}. Nobody has confirmed the change, so the host {verb} it back: the rules before it are in "
        "force again. Look for what the policy says about the port of this connection (SSH), then run again",
    }


def _told(noted: list[dict[str, Any]]) -> str:
    """Who would have been refused, as audit mode has noted it; the first of many."""
    some = ", ".join(f"{entry['source']} to {entry['port']}/{entry['protocol']}" for entry in noted[:SHOWN])
    more = f" and {len(noted) - SHOWN} more" if len(noted) > SHOWN else ""
    return f"audit mode has noted who would have been refused until now: {some}{more}"


def _own_name() -> str:
    """Who this controller is, for another one that finds a change waiting."""
    try:
        user = getpass.getuser()
    except (KeyError, OSError):  # OSError from Python 3.13 on
        user = str(os.getuid())
    return f"{user}@{socket.gethostname()} (pid {os.getpid()})"
