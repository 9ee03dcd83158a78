# Copyright: (c) 2026, ck8s.ports contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The module through Ansible itself: its results, in check mode too, and what it says to bad input."""

from __future__ import annotations

import json
import os
import re
import sys
from pathlib import Path
from typing import Any

from tests.netns.topology import Host, Network, listening

REPOSITORY = Path(__file__).parents[3]
ANSIBLE = str(Path(sys.executable).with_name("ansible"))


def port_probe(host: Host, home: Path, arguments: dict[str, Any], *options: str) -> dict[str, Any]:
    output = host.run(
        *(ANSIBLE, "localhost", "--inventory", "localhost,", "--connection", "local"),
        *("--extra-vars", f"ansible_python_interpreter={sys.executable}"),
        *("--module-name", "ck8s.ports.port_probe", "--args", json.dumps(arguments), *options),
        check=False,
        env={
            **os.environ,
            "HOME": str(home),
            "ANSIBLE_HOME": str(home),
            "ANSIBLE_COLLECTIONS_PATH": str(REPOSITORY / "collections"),
            "ANSIBLE_NOCOLOR": "1",
        },
    )
    answer = re.search(r"^localhost \| \w+!? => (\{\n.*^\})$", output.stdout, re.MULTILINE | re.DOTALL)
    assert answer, output.stdout + output.stderr
    result: dict[str, Any] = json.loads(answer.group(1))
    return result


def test_results_are_those_of_the_targets_in_check_mode_too(network: Network, tmp_path: Path) -> None:
    targets = [
        {"host": network.node.ipv4, "port": 6443, "label": "kube-apiserver"},
        {"host": network.node.ipv6, "port": 10250},
        {"host": network.node.ipv4, "port": 8472, "protocol": "udp"},
    ]
    with listening(network.node, "tcp", network.node.ipv4, 6443):
        for options in ((), ("--check",)):
            result = port_probe(network.peer, tmp_path, {"targets": targets, "timeout": 1}, *options)
            assert not result["changed"]
            assert all(one.pop("elapsed_ms") < 1000 for one in result["results"])
            assert all(one.pop("source_port") > 1023 for one in result["results"])
            assert result["results"] == [
                {
                    "host": network.node.ipv4,
                    "port": 6443,
                    "protocol": "tcp",
                    "label": "kube-apiserver",
                    "status": "open",
                    "detail": "",
                    "source": network.peer.ipv4,
                    "sent": 0,
                    "size": 0,
                },
                {
                    "host": network.node.ipv6,
                    "port": 10250,
                    "protocol": "tcp",
                    "label": None,
                    "status": "refused",
                    "detail": "ECONNREFUSED (Connection refused)",
                    "source": network.peer.ipv6,
                    "sent": 0,
                    "size": 0,
                },
                {
                    "host": network.node.ipv4,
                    "port": 8472,
                    "protocol": "udp",
                    "label": None,
                    "status": "refused",
                    "detail": f"ICMP port unreachable (type 3, code 3) from {network.node.ipv4}",
                    "source": network.peer.ipv4,
                    "sent": result["results"][2]["sent"],  # the answer may be faster than the third datagram
                    "size": 24,
                },
            ]


def test_every_fault_of_the_input_is_told_at_once(network: Network, tmp_path: Path) -> None:
    targets = [{"host": "node1", "port": 0}, {"host": "192.0.2.1", "port": 8472, "protocol": "sctp", "label": "vxlan"}]
    result = port_probe(network.peer, tmp_path, {"targets": targets, "timeout": -1, "datagrams": 0})
    assert [fault.split(":")[:2] for fault in result["faults"]] == [
        ["targets[0]", " host"],
        ["targets[0]", " port"],
        ["targets[1] ('vxlan')", " protocol"],
        ["timeout", " -1 is not a time to wait; give seconds, more than 0 and at most 300"],
        ["datagrams", " 0 cannot be sent to a port; give a number from 1 to 16"],
    ]
