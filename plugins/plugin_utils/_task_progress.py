# Copyright: (c) 2026, ck8s.ports contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How far the task that runs is, in words. Private to the collection. Knows neither Ansible nor terminals."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

PLAN = "__node_verify_probe_plan"
"""The fact in which the role node_verify keeps who tries whom; C(count) in it is the number of all probes."""


class TaskProgress:
    """Is told what happens in a run, in its order; :meth:`text` says how far it is."""

    def __init__(self) -> None:
        self._hosts = self._of_task = self._done = self._probes = self._planned = 0
        self._name, self._probing = "", False

    def play(self, hosts: int) -> None:
        """Begin a play, or a batch of one, with so many hosts."""
        self._hosts = hosts

    def task(self, name: str, *, run_once: bool = False, probing: bool = False) -> None:
        """Begin a task; with C(probing) its results are those of the module port_probe."""
        self._name, self._done, self._probing, self._probes = name, 0, probing, 0
        self._of_task = min(1, self._hosts) if run_once else self._hosts

    def host(self, result: Mapping[str, Any]) -> None:
        """Count a host that has ended the task, whatever became of it, and its probes where it has made some."""
        self._done += 1
        self._of_task = max(self._of_task, self._done)  # localhost may take part without being in the inventory
        plan = (result.get("ansible_facts") or {}).get(PLAN)
        if plan:
            self._planned = plan["count"]
        if self._probing:
            self._probes += len(result.get("results", ()))

    def text(self) -> str:
        """Return the line, without its end; empty where nothing runs or where one host is all."""
        if self._of_task < 2:
            return ""
        probes = f", {self._probes} of {self._planned} probes" if self._probing and self._planned else ""
        return f"{self._name}: {self._done} of {self._of_task} hosts{probes}"
