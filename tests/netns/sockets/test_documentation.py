# Copyright: (c) 2026, ck8s.ports contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The module's page against the module: its fields, its options, and the queries of its examples."""

from __future__ import annotations

from typing import Any

import jmespath
import pytest
import yaml

from ansible_collections.ck8s.ports.plugins.module_utils import _selection, _sockets
from ansible_collections.ck8s.ports.plugins.modules import listening_sockets_info as module
from tests.netns.sockets.space import Space
from tests.netns.sockets.test_inet import ZOO, udp
from tests.netns.sockets.test_unix import unix

OPTIONS = yaml.safe_load(module.DOCUMENTATION)["options"]
RETURN = yaml.safe_load(module.RETURN)
EXAMPLES = yaml.safe_load(module.EXAMPLES)
TYPES = {"str": str, "int": int, "bool": bool, "list": list, "dict": dict}


def test_every_field_is_documented_and_has_the_documented_type(space: Space) -> None:
    space.run("ip", "link", "add", "vxlan0", "type", "vxlan", "external", "dstport", "8472")
    space.run("ip", "link", "set", "vxlan0", "up")
    with space.holding(*ZOO, unix("stream", "@abstract"), udp("127.0.0.1", 99, protocol=136)):
        answer = space.collect(protocols=["tcp", "udp", "udplite", "unix", "vsock"])
    compare(answer, RETURN)


def compare(value: dict[str, Any], documented: dict[str, Any]) -> None:
    assert value.keys() == documented.keys()
    for key, field in documented.items():
        one = value[key]
        assert one is None or isinstance(one, TYPES[field["type"]]), key
        if "contains" in field and one is not None:
            entries: list[Any] = one if isinstance(one, list) else [one]
            for entry in entries:
                compare(entry, field["contains"])


def test_choices_are_those_of_the_code() -> None:
    assert OPTIONS["protocols"]["choices"] == list(_selection.PROTOCOLS)
    assert OPTIONS["families"]["choices"] == list(_selection.FAMILIES)
    assert OPTIONS["exposure"]["choices"] == list(_sockets.EXPOSURES)
    assert OPTIONS["processes"]["choices"] == list(_selection.PROCESS_DETAILS)


def query(name: str) -> str:
    """The one variable of an example that is a query."""
    (task,) = (task for task in EXAMPLES if task["name"].startswith(name))
    (found,) = (text for text in map(str, task["vars"].values()) if text.strip().startswith("[?"))
    return found.strip()


POD = {
    "protocol": "tcp",
    "address": "0.0.0.0",
    "port": 8080,
    "exposure": "wildcard",
    "container": {"pod_uid": "u1"},
    "netns_name": "cni-1",
    "unit": "a.service",
    "processes": [{"exe": "/bin/a (deleted)"}],
    "path": None,
}
LOOPBACK = {
    **POD,
    "port": 53,
    "exposure": "loopback",
    "container": None,
    "processes": [{"exe": None}, {"exe": "/bin/b"}],
}
CONTAINERD = {
    **LOOPBACK,
    "exposure": None,
    "path": "/run/containerd/containerd.sock",
    "path_status": "same",
    "mode": "0660",
    "owner": "root",
    "group": "root",
}


@pytest.mark.parametrize(
    ("name", "rows", "expected"),
    [
        ("Show it by pod", [POD, LOOPBACK], [{"pod": "u1", "namespace": "cni-1", "port": 8080}]),
        ("Fail when something listens", [POD, LOOPBACK], ["tcp/8080"]),
        ("Stop unless only root", [LOOPBACK, CONTAINERD], ["same 0660 root root"]),
        ("Which services run a program", [POD, LOOPBACK], ["a.service"]),
    ],
)
def test_the_queries_of_the_examples(name: str, rows: list[dict[str, Any]], expected: list[Any]) -> None:
    assert jmespath.search(query(name), rows) == expected
