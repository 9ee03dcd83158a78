# Copyright: (c) 2026, ck8s.ports contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the firewall of full nodes lets through, whichever backend holds it: tried with nc and seen with ss.

"open" is a connection, "refused" a reset or an ICMP error, "silent" no answer in time. Each test runs on each host.
"""

from __future__ import annotations

from typing import Any

testinfra_hosts = ["ansible://all?force_ansible=True"]

Host = Any
"""testinfra's host, which has no types."""

NODE1, NODE2 = "10.79.0.11", "10.79.0.12"
NODES = {"node1": NODE1, "node2": NODE2}
FOR_NODES = {NODE1: {2379, 2380, 4240, 6400, 10250}, NODE2: {4240, 6400, 10250}}
"""Ports that node_firewall_sources opens to the nodes; the inventory is tests/lab/inventories/full_nodes.yml."""
FOR_EVERYONE = {NODE1: {22, 4244, 6443, 10257, 10259}, NODE2: {22, 4244, 6443, 9963}}
LOCALHOST = {
    NODE1: {9879, 9890, 10248, 10249, 10256},
    NODE2: {9234, 9879, 9890, 9891, 10248, 10249, 10256},
}


def name_of(host: Host) -> str:
    return str(host.backend.host)


def knock(host: Host, targets: list[tuple[str, int]]) -> dict[tuple[str, int], str]:
    """Try all targets from ``host`` at once; return what became of each."""
    tries = "\n".join(f"try {address} {port} &" for address, port in targets)
    script = f"""try() {{
        said=$(nc -v -z -n -w 2 $1 $2 2>&1)
        case $said in *succeeded*) echo $1 $2 open ;; *refused*) echo $1 $2 refused ;; *) echo $1 $2 silent ;; esac
    }}
    {tries}
    wait"""
    command = host.run("bash -c %s", script)
    assert command.rc == 0, command.stderr
    return {
        (address, int(port)): outcome for address, port, outcome in map(str.split, command.stdout.strip().splitlines())
    }


def expected_from(source: str) -> dict[tuple[str, int], str]:
    expected = {}
    for name, address in NODES.items():
        if name != source:
            expected |= {(address, port): "open" for port in FOR_EVERYONE[address]}
            outcome = "open" if source in NODES else "silent"
            expected |= {(address, port): outcome for port in FOR_NODES[address]}
            expected |= {(address, port): "silent" for port in LOCALHOST[address]}
    return expected


def test_each_source_gets_what_the_policy_says(host: Host) -> None:
    expected = expected_from(name_of(host))
    assert knock(host, list(expected)) == expected


def test_a_node_still_reaches_its_own_services(host: Host) -> None:
    address = NODES.get(name_of(host))
    if address is None:
        assert "ck8s" not in host.run("PATH=$PATH:/usr/sbin nft list ruleset").stdout, "an outsider is left alone"
        return
    targets = [("127.0.0.1", port) for port in LOCALHOST[address]]
    targets += [(address, port) for port in FOR_NODES[address] | FOR_EVERYONE[address]]
    assert knock(host, targets) == dict.fromkeys(targets, "open")


def test_the_services_are_where_they_were(host: Host) -> None:
    address = NODES.get(name_of(host))
    wanted = FOR_NODES[address] | FOR_EVERYONE[address] | LOCALHOST[address] if address else {22}
    lines = host.run("ss --tcp --listening --numeric --no-header").stdout.splitlines()
    assert wanted <= {int(line.split()[3].rpartition(":")[2]) for line in lines}
