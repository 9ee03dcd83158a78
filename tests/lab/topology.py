# Copyright: (c) 2026, ck8s.ports contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The hosts of the lab, read from its Ansible inventory: inventory/hosts.yml is the only place that says who exists.

The lab reads the file itself, because it must build the hosts before Ansible can reach them; groups of one level and
variables written in the file are all it understands, and all that the file uses.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import yaml

INVENTORY = Path(__file__).parent / "inventory" / "hosts.yml"
CLUSTER_GROUPS = ("control_plane", "worker")


@dataclass(frozen=True)
class Host:
    """One namespace to be: a node of the cluster or an outsider."""

    name: str
    group: str
    addresses: tuple[str, ...]
    datastore: str
    extra_services: tuple[str, ...] = ()
    faults: tuple[dict[str, Any], ...] = field(default=(), hash=False)
    etcd_members: tuple[tuple[str, str], ...] = ()
    """Name and address of each member, this host included, where etcd is a cluster (lab_etcd: member)."""
    runs_etcd: bool = True
    """Whether etcd is started with the lab; a node with lab_etcd: later joins afterwards, by hand."""

    @property
    def in_cluster(self) -> bool:
        """Whether the host is a node, so whether services run on it."""
        return self.group in CLUSTER_GROUPS


def read_hosts(inventory: Path = INVENTORY, *, with_faults: bool = True) -> list[Host]:
    """Return the hosts of an inventory, in its order. Raises ValueError for a host without addresses."""
    everyone = yaml.safe_load(inventory.read_text(encoding="utf-8"))["all"]
    hosts: list[Host] = []
    members: list[tuple[str, str]] = []
    for group, content in everyone["children"].items():
        for name, host_variables in content["hosts"].items():
            variables = {**everyone.get("vars", {}), **content.get("vars", {}), **(host_variables or {})}
            addresses = tuple(variables.get("node_profile_addresses", ()))
            if not addresses:
                raise ValueError(
                    f"{inventory}: host {name}: node_profile_addresses is missing or empty; give its addresses"
                )
            etcd = variables.get("lab_etcd", "alone")
            if group == "control_plane" and etcd == "member":
                members.append((name, addresses[0]))
            hosts.append(
                Host(
                    name=name,
                    group=group,
                    addresses=addresses,
                    datastore=variables.get("node_profile_datastore", "etcd"),
                    extra_services=tuple(variables.get("lab_extra_services", ())),
                    faults=tuple(variables.get("lab_faults", ())) if with_faults else (),
                    runs_etcd=etcd != "later",
                )
            )
    everyone_of_etcd = tuple(members)
    return [replace(host, etcd_members=everyone_of_etcd) if host.group == "control_plane" else host for host in hosts]
