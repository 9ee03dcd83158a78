# Copyright: (c) 2026, ck8s.ports contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Listeners that are no fault though no document has them: node_verify_allow. Private to the collection. Pure."""

from __future__ import annotations

import json
from typing import Any

from ansible_collections.ck8s.ports.plugins.plugin_utils import _catalogue, _expressions
from ansible_collections.ck8s.ports.plugins.plugin_utils._errors import InputError

Data = dict[str, Any]

VARIABLE = "node_verify_allow"

SAMPLE: Data = {
    "protocol": "tcp",
    "family": "ipv4",
    "address": "10.0.0.1",
    "port": 22,
    "interface": "eth0",
    "exposure": "address",
    "dual_stack": False,
    "uid": 0,
    "user": "root",
    "inode": 1,
    "backlog": 128,
    "unit": "ssh.service",
    "cgroup": "/system.slice/ssh.service",
    "container": {"runtime": "containerd", "id": "0", "pod_uid": "0"},
    "processes": [{"pid": 1, "name": "sshd", "exe": "/usr/sbin/sshd", "cmdline": ["sshd"], "started": "2026-01-01"}],
    "kernel": False,
    "kernel_owner": {"kind": "vxlan", "devices": ["vxlan0"]},
    "netns": 1,
    "netns_name": "one",
}
"""A socket as listening_sockets_info returns it, with every field set: what an expression is tried on."""


def check(allow: Any) -> list[Data]:
    """The entries of the variable. Raises InputError that names the entry, the field, the value and what is right."""
    schema = json.loads((_catalogue.FOLDER / "inputs.schema.json").read_text(encoding="utf-8"))
    faults = _catalogue.check_data({VARIABLE: allow}, schema)
    if not faults:
        for number, entry in enumerate(allow, start=1):
            wrong = _expressions.fault(entry["where"], SAMPLE) if "where" in entry else None
            if wrong:
                faults.append(
                    f"{VARIABLE}: entry 'number {number}': where: '{entry['where']}' is not right ({wrong}); expected "
                    "a JMESPath expression over a socket, such as \"unit == 'ssh.service'\""
                )
    if faults:
        raise InputError(faults)
    entries: list[Data] = allow
    return entries


def is_allowed(allow: list[Data], socket: Data) -> bool:
    """Whether an entry of C(allow) is right in all that it names."""
    return any(entry and _matches(entry, socket) for entry in allow)


def _matches(entry: Data, socket: Data) -> bool:
    names = {process["name"] for process in socket["processes"]}
    return (
        entry.get("port", socket["port"]) == socket["port"]
        and entry.get("protocol", socket["protocol"]) == socket["protocol"]
        and ("process" not in entry or names == {entry["process"]})
        and ("unit" not in entry or socket.get("unit") == entry["unit"])
        and ("where" not in entry or _expressions.holds(entry["where"], socket))
    )
