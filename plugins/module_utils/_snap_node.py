# Copyright: (c) 2026, ck8s.ports contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A node that has the snap k8s: its files, its services, what they are told. Private to the collection."""

from __future__ import annotations

from ansible_collections.ck8s.ports.plugins.module_utils import _snap_args, _snap_units
from ansible_collections.ck8s.ports.plugins.module_utils._snap_args import Flags
from ansible_collections.ck8s.ports.plugins.module_utils._snap_files import Missing, Tree, Unreadable
from ansible_collections.ck8s.ports.plugins.module_utils._snap_processes import Process, running
from ansible_collections.ck8s.ports.plugins.module_utils._snap_units import Unit

COMMON = "/var/snap/k8s/common"
ARGS = COMMON + "/args"
CURRENT = ("/snap/k8s/current", "/var/lib/snapd/snap/k8s/current")
"""The link to the revision in use, below either of snapd's mount directories."""


class Fact:
    """value, and source: where it was read."""

    def __init__(self, value: object, source: str) -> None:
        self.value = value
        self.source = source


class Service:
    """What a service is told on its command line, and source: where that was read."""

    def __init__(self, flags: Flags, source: str) -> None:
        self._flags = flags
        self.source = source

    def get(self, flag: str) -> str | None:
        """The value of a flag (without dashes); None when it is not given, or empty. Raises Unreadable."""
        try:
            return self._flags.get(flag) or None
        except Unreadable as exc:
            raise Unreadable(f"{self.source}: {exc}") from None

    def require(self, flag: str) -> str:
        """The value of a flag. Raises Unreadable, also when it is not given."""
        value = self.get(flag)
        if value is None:
            raise Unreadable(f"{self.source}: there is no --{flag}")
        return value


class Node:
    """The node whose files are in `tree`.

    live: whether its processes and units are those of the running system. current: the link to the snap's revision.
    units: what systemd says of the services, None where it was not asked or did not answer; then why.
    """

    def __init__(self, tree: Tree, current: str, live: bool) -> None:
        self.tree = tree
        self.current = current
        self.live = live
        self.units: dict[str, Unit] | None = None
        self.units_unknown = "the units of another system are not asked for"
        self.processes: dict[str, Process] = {}
        if live:
            try:
                self.units = _snap_units.ask()
            except Unreadable as exc:
                self.units_unknown = str(exc)
            self.processes = running(self.units)
        self._services: dict[str, Service | Unreadable] = {}

    def service(self, name: str) -> Service:
        """What a service is told: on its command line when it runs, else in its file in args/.

        The command line of a process is all that it was told, so that the file is not asked besides: what was written
        into it since the start is not in force yet. Raises Missing when there is neither, and Unreadable.
        """
        if name not in self._services:
            try:
                self._services[name] = self._read_service(name)
            except Unreadable as exc:
                self._services[name] = exc
        known = self._services[name]
        if isinstance(known, Unreadable):
            raise known
        return known

    def _read_service(self, name: str) -> Service:
        process = self.processes.get(name)
        if process is not None:
            return Service(Flags(process.arguments), f"process {process.pid} ({process.name}) command line")
        path = f"{ARGS}/{name}"
        text = self.tree.read(path)
        try:
            return Service(_snap_args.from_file(text, self._variables()), f"file {path}")
        except Unreadable as exc:
            raise Unreadable(f"{path} is not understood: {exc}") from None

    def _variables(self) -> dict[str, str]:
        """The environment of the snap's services (snapd's documentation, "Environment variables")."""
        variables = {"SNAP_COMMON": COMMON, "SNAP_NAME": "k8s", "SNAP_INSTANCE_NAME": "k8s"}
        try:
            revision = self.tree.link(self.current)
        except Unreadable:
            return variables
        mounted = self.current[: -len("/current")]
        return {
            **variables,
            "SNAP_REVISION": revision,
            "SNAP": f"{mounted}/{revision}",
            "SNAP_DATA": f"/var/snap/k8s/{revision}",
        }


def installed(tree: Tree) -> str:
    """The path of the link to the installed revision of the snap k8s. Raises Unreadable with the reason if not."""
    for path in CURRENT:
        if tree.exists(path):
            return path
    left = f", though it has left {COMMON} behind" if tree.exists(COMMON) else ""
    raise Missing(f"the snap k8s is not installed: {CURRENT[0]} does not exist{left}")
