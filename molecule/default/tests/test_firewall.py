# Copyright: (c) 2026, ck8s.ports contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the role node_firewall has done, seen with other programs than ours: nft, ss, and connections made by bash.

Each port is tried on the real listener. "open" is a connection, "silent" no answer at all (the firewall), "refused" a
reset (nothing listens there). The tests run once for each host of the lab.
"""

from __future__ import annotations

import json
from typing import Any

testinfra_hosts = ["ansible://all"]

Host = Any
"""testinfra's host, which has no types."""
Target = tuple[str, int]

NODE1, NODE2, NODE3 = (("10.77.0.11", "fd77::11"), ("10.77.0.12", "fd77::12"), ("10.77.0.13", "fd77::13"))
ADDRESSES = {"node1": NODE1, "node2": NODE2, "node3": NODE3}
NODES = (*NODE1, *NODE2, *NODE3)

FOR_NODES = {2379: NODE1, 4240: NODES, 6400: NODES, 10250: NODES}
"""Ports that node_firewall_sources opens to the nodes (see the lab's inventory), with the addresses that have them."""
FOR_EVERYONE = {4244: NODES, 6443: NODES, 9963: NODE2, 10257: NODE1, 10259: NODE1}
FIRST_ADDRESS_ONLY = {2379, 6400}
"""What does not listen on the node's second address, the IPv6 one."""
LOCALHOST = {
    "node1": {2380, 9879, 9890, 10248, 10249, 10256},
    "node2": {9234, 9879, 9890, 9891, 10248, 10249, 10256},
    "node3": {9879, 9890, 10248, 10249, 10256},
}
NOT_OURS = 4000
"""A port that no document has and nobody listens on: enforcement `ports` leaves it alone."""

KNOCK = """
knock() {
    timeout 2 bash -c "exec 3<>/dev/tcp/$1/$2" 2>/dev/null
    case $? in 0) echo "$1 $2 open" ;; 124) echo "$1 $2 silent" ;; *) echo "$1 $2 refused" ;; esac
}
"""


def name_of(host: Host) -> str:
    return str(host.backend.host)


def run(host: Host, script: str) -> str:
    command = host.run("bash -c %s", script)
    assert command.rc == 0, command.stderr
    return str(command.stdout)


def knock(host: Host, targets: list[Target]) -> dict[Target, str]:
    """Try all targets from ``host`` at once; return what became of each."""
    tries = "\n".join(f"knock {address} {port} &" for address, port in targets)
    lines = run(host, f"{KNOCK}\n{tries}\nwait").splitlines()
    return {(address, int(port)): outcome for address, port, outcome in map(str.split, lines)}


def expected_from(source: str) -> dict[Target, str]:
    """What must become of a connection from ``source`` to each documented port of the other nodes."""
    others = [address for name, addresses in ADDRESSES.items() if name != source for address in addresses]
    expected = {}
    for address in others:
        for port, places in FOR_EVERYONE.items():
            if address in places:
                expected[address, port] = "open"
        for port, places in FOR_NODES.items():
            if address in places:
                answer = "refused" if port in FIRST_ADDRESS_ONLY and ":" in address else "open"
                expected[address, port] = answer if source in ADDRESSES else "silent"
        for port in set.union(*LOCALHOST.values()):
            if any(address in ADDRESSES[name] for name, ports in LOCALHOST.items() if port in ports):
                expected[address, port] = "silent"
        expected[address, NOT_OURS] = "refused"
    return expected


def test_each_source_gets_what_the_policy_says(host: Host) -> None:
    expected = expected_from(name_of(host))
    assert knock(host, list(expected)) == expected


def test_the_node_still_reaches_its_own_localhost_services(host: Host) -> None:
    ports = LOCALHOST.get(name_of(host), set())
    targets = [("127.0.0.1", port) for port in ports] + ([("127.0.0.1", 2379)] if name_of(host) == "node1" else [])
    assert knock(host, targets) == dict.fromkeys(targets, "open")


def test_there_is_our_table_on_the_nodes_and_nothing_else(host: Host) -> None:
    listed = json.loads(run(host, "PATH=$PATH:/usr/sbin nft --json list tables"))["nftables"]
    tables = [(item["table"]["family"], item["table"]["name"]) for item in listed if "table" in item]
    assert tables == ([("inet", "ck8s_ports")] if name_of(host) in ADDRESSES else [])


def test_the_services_are_where_they_were(host: Host) -> None:
    listening = {int(line.split()[3].rsplit(":", 1)[1]) for line in run(host, "ss -tlnH").splitlines()}
    places = {**FOR_NODES, **FOR_EVERYONE}
    external = {port for port, addresses in places.items() if set(addresses) & set(ADDRESSES.get(name_of(host), ()))}
    assert external | LOCALHOST.get(name_of(host), set()) <= listening
