# Copyright: (c) 2026, ck8s.ports contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The running process of one of the snap's services. Private to the collection.

A process is known by its name, and by being its unit's: because systemd says so, or else by its control group, which
systemd puts it in and which it cannot leave by itself. Not by its program: kubelet and kube-* are links to one program,
and so are k8sd and k8s-apiserver-proxy. Not by its name alone: anybody may run something of that name, a pod included.
"""

from __future__ import annotations

import os

from ansible_collections.ck8s.ports.plugins.module_utils import _cgroups, _processes
from ansible_collections.ck8s.ports.plugins.module_utils._cgroup_names import unit_of as unit_of_path
from ansible_collections.ck8s.ports.plugins.module_utils._snap_units import SERVICES, Unit, unit_of

_NAME_LENGTH = 15  # of which the kernel keeps that many bytes


class Process:
    """pid, name (comm) and arguments without the program's name."""

    def __init__(self, pid: int, name: str, arguments: list[str]) -> None:
        self.pid = pid
        self.name = name
        self.arguments = arguments


def running(units: dict[str, Unit] | None, proc: str = "/proc") -> dict[str, Process]:
    """The processes of the snap's services, by service; without those that are not running, or may not be read.

    units: what systemd said; its main processes are looked at. None when it could not be asked: all are looked at.
    """
    if units is not None:
        candidates = {unit.main_pid: service for service, unit in units.items() if unit.main_pid}
    else:
        candidates = dict.fromkeys(_pids(proc), "")
    found: dict[str, Process] = {}
    for pid, service in sorted(candidates.items()):
        process = _look_at(pid, service, proc)
        if process is not None:
            found.setdefault(*process)
    return found


def _look_at(pid: int, wanted: str, proc: str) -> tuple[str, Process] | None:
    """The process, if it is one of a service's: of `wanted`, if that is not ''."""
    name = _processes.name_of(pid, proc)
    # The main process is for a moment the shell that starts the service, and others may be in its group.
    services = [one for one in SERVICES if one[:_NAME_LENGTH] == name and wanted in ("", one)]
    if name is None or not services:
        return None
    if not wanted and unit_of_path(_relative(_cgroups.of_process(pid, proc), proc)) != unit_of(services[0]):
        return None
    described = _processes.describe(pid, full=True, proc=proc)
    arguments = described["cmdline"] if described else None
    if not isinstance(arguments, list) or not arguments:  # not readable, or about to exit
        return None
    return services[0], Process(pid, name, arguments[1:])


def _relative(path: str | None, proc: str) -> str:
    """The path below that of this system's manager: in a container, the groups of the host are above it."""
    root = _cgroups.manager_root(proc)
    path = path or ""
    return path[len(root) :] if root and path.startswith(root + "/") else path


def _pids(proc: str) -> list[int]:
    try:
        return [int(name) for name in os.listdir(proc) if name.isdigit()]
    except OSError:
        return []
