# Copyright: (c) 2026, ck8s.ports contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: progress
type: aggregate
short_description: How far a task is, on the last line of the terminal
version_added: 1.0.0
author:
  - ck8s.ports contributors (@ck8s)
description:
  - >-
    Keeps the last line of the terminal for how many hosts of the task that runs are done, and, while ports are probed,
    how many of the probes. The line is gone when the run ends.
  - >-
    Does nothing where the output is no terminal, a terminal without cursor control (C(TERM=dumb)), or is made more
    verbose by C(-v).
requirements:
  - >-
    To be enabled, with C(callbacks_enabled = ck8s.ports.progress) in the section C([defaults]) of C(ansible.cfg), or
    with C(ANSIBLE_CALLBACKS_ENABLED=ck8s.ports.progress).
"""

import atexit
import os
import sys
from typing import Any

from ansible.plugins.callback import CallbackBase

from ansible_collections.ck8s.ports.plugins.plugin_utils._last_line import LastLine
from ansible_collections.ck8s.ports.plugins.plugin_utils._task_progress import TaskProgress

PROBE = "ck8s.ports.port_probe"


class CallbackModule(CallbackBase):
    """Tells :class:`TaskProgress` what happens, and shows what that says of it."""

    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "aggregate"
    CALLBACK_NAME = "ck8s.ports.progress"
    CALLBACK_NEEDS_ENABLED = True

    def __init__(self) -> None:
        super().__init__()
        self._progress = TaskProgress()
        self._line = LastLine(sys.stdout)
        self.disabled = not LastLine.possible(sys.stdout, os.environ) or self._display.verbosity > 0
        if not self.disabled:
            atexit.register(self._line.close)  # also after Ctrl-C, when no statistics are shown

    def v2_playbook_on_play_start(self, play: Any) -> None:
        variables = play.get_variable_manager().get_vars(play=play)
        self._progress.play(len(variables.get("ansible_play_batch", ())))

    def v2_playbook_on_task_start(self, task: Any, is_conditional: bool) -> None:
        del is_conditional
        self._progress.task(task.name or task.action, run_once=bool(task.run_once), probing=task.action == PROBE)
        self._show()

    def v2_playbook_on_handler_task_start(self, task: Any) -> None:
        self.v2_playbook_on_task_start(task, False)

    def v2_runner_on_ok(self, result: Any) -> None:
        self._progress.host(result._result)
        self._show()

    def v2_runner_on_failed(self, result: Any, ignore_errors: bool = False) -> None:
        del ignore_errors
        self.v2_runner_on_ok(result)

    v2_runner_on_unreachable = v2_runner_on_ok
    v2_runner_on_skipped = v2_runner_on_ok

    def v2_playbook_on_stats(self, stats: Any) -> None:
        del stats
        self._line.close()

    def _show(self) -> None:
        self._line.show(self._progress.text())
