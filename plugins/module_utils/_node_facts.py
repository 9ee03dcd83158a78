# Copyright: (c) 2026, ck8s.ports contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Everything that a node tells of itself. Private to the collection."""

from __future__ import annotations

import os
from collections.abc import Callable

from ansible_collections.ck8s.ports.plugins.module_utils import _snap_facts
from ansible_collections.ck8s.ports.plugins.module_utils._snap_files import Tree, Unreadable
from ansible_collections.ck8s.ports.plugins.module_utils._snap_node import Fact, Node, installed
from ansible_collections.ck8s.ports.plugins.module_utils._snap_ports import Settings

_FACTS: dict[str, Callable[[Node], Fact]] = {
    "role": _snap_facts.role,
    "datastore": _snap_facts.datastore,
    "kube_proxy": _snap_facts.kube_proxy,
    "pod_cidrs": _snap_facts.pod_cidrs,
    "service_cidrs": _snap_facts.service_cidrs,
    "addresses": _snap_facts.addresses,
    "control_plane_addresses": _snap_facts.control_plane_addresses,
    "containerd_socket": _snap_facts.containerd_socket,
    "version": _snap_facts.version,
    "release": _snap_facts.release,
    "revision": _snap_facts.revision,
    "confinement": _snap_facts.confinement,
}
NAMES = (*_FACTS, "ports", "bind_addresses")


class Facts:
    """installed: whether the snap k8s is. facts: name to {value, source}. absent: name to reason.

    Each of NAMES is in one of the two. problems: settings that are written on the node and could not be used.
    """

    def __init__(self, installed: bool) -> None:
        self.installed = installed
        self.facts: dict[str, dict[str, object]] = {}
        self.absent: dict[str, str] = {}
        self.problems: list[str] = []

    def note(self, name: str, read: Callable[[], Fact]) -> None:
        """Read one fact."""
        try:
            fact = read()
        except Unreadable as exc:
            self.absent[name] = str(exc)
        else:
            self.facts[name] = {"value": fact.value, "source": fact.source}


def collect(root: str = "/", live: bool | None = None) -> Facts:
    """What the system below `root` tells of itself.

    live: whether the processes and units of the running system are its own; by default, when root is /. Raises
    ValueError when root is not a directory.
    """
    root = os.path.abspath(root)
    if not os.path.isdir(root):
        raise ValueError(f"root: {root} is not a directory; give one that has a system in it, / for this host")
    tree = Tree(root)
    try:
        current = installed(tree)
    except Unreadable as exc:
        found = Facts(installed=False)
        found.absent = dict.fromkeys(NAMES, str(exc))
        return found
    node = Node(tree, current, live=root == "/" if live is None else live)
    found = Facts(installed=True)
    for name, read in _FACTS.items():
        found.note(name, lambda read=read: read(node))  # type: ignore[misc]
    settings = Settings(node)
    found.problems = settings.problems
    found.note("ports", settings.ports)
    found.note("bind_addresses", settings.bind_addresses)
    return found
