# Copyright: (c) 2026, ck8s.ports contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What became of etcd while the firewall came, and who reaches it now; seen with etcdctl and connections of bash."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

BUILD = Path(__file__).parents[3] / "build/ha_etcd"
CONTROL_PLANES = {"node1": "10.77.0.11", "node2": "10.77.0.12", "node3": "10.77.0.13", "node4": "10.77.0.14"}
WORKER = "10.77.0.15"
ETCD = (2379, 2380)
FOR_NODES = (4240, 6400, 10250)
API = 6443

ELECTION = 2.0
"""Seconds in which etcd's members miss a leader and elect another: twice its --election-timeout of one second."""

KNOCK = """
knock() {
    timeout 2 bash -c "exec 3<>/dev/tcp/$1/$2" 2>/dev/null
    case $? in 0) echo "$1 $2 open" ;; 124) echo "$1 $2 silent" ;; *) echo "$1 $2 refused" ;; esac
}
"""

Host = Any
"""testinfra's host, which has no types."""

testinfra_hosts = ["ansible://all"]


def name_of(host: Host) -> str:
    return str(host.backend.host)


def knock(host: Host, targets: list[tuple[str, int]]) -> dict[tuple[str, int], str]:
    """Try all targets from ``host`` at once; return what became of each."""
    tries = "\n".join(f"knock {address} {port} &" for address, port in targets)
    command = host.run("bash -c %s", f"{KNOCK}\n{tries}\nwait")
    assert command.rc == 0, command.stderr
    lines = map(str.split, command.stdout.splitlines())
    return {(address, int(port)): outcome for address, port, outcome in lines}


def etcdctl(host: Host, *arguments: str) -> str:
    pki = BUILD / "pki"
    urls = ",".join(f"https://{address}:2379" for address in CONTROL_PLANES.values())
    command = host.run(
        f"env ETCDCTL_API=3 etcdctl --endpoints={urls} --cacert={pki}/ca.pem --cert={pki}/client.pem "
        f"--key={pki}/client-key.pem {' '.join(arguments)}"
    )
    assert command.rc == 0, command.stderr
    return str(command.stdout)


@pytest.fixture(scope="module")
def writes() -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads((BUILD / "writes.json").read_text(encoding="utf-8"))
    return loaded


def test_no_write_failed_or_took_longer_than_an_election(writes: dict[str, Any]) -> None:
    assert len(writes["written"]) > 50
    assert writes["errors"] == []
    assert writes["longest_gap"] < ELECTION, f"{len(writes['written'])} writes"


def test_no_write_is_lost_and_nobody_was_elected(host: Host, writes: dict[str, Any]) -> None:
    if name_of(host) != "node1":
        return
    kept = set(etcdctl(host, "get", "write/", "--prefix", "--keys-only").split())
    assert set(writes["written"]) <= kept
    statuses = [answer["Status"] for answer in json.loads(etcdctl(host, "endpoint", "status", "--write-out=json"))]
    assert len(statuses) == len(CONTROL_PLANES)  # the one that has joined included
    assert {status["raftTerm"] for status in statuses} == {writes["term"]}
    etcdctl(host, "endpoint", "health", "--cluster")  # fails unless all are healthy


def test_who_reaches_etcd_over_a_new_connection(host: Host) -> None:
    """Connections that existed would outlive any firewall; the host itself is reached over lo."""
    targets = [(address, port) for address in CONTROL_PLANES.values() for port in ETCD]
    outcome = "open" if name_of(host) in CONTROL_PLANES else "silent"
    assert knock(host, targets) == dict.fromkeys(targets, outcome)


def test_who_reaches_what_is_for_nodes(host: Host) -> None:
    targets = [(address, port) for address in (*CONTROL_PLANES.values(), WORKER) for port in FOR_NODES]
    outcome = "silent" if name_of(host) == "outsider1" else "open"
    assert knock(host, targets) == dict.fromkeys(targets, outcome)


def test_the_proxy_of_a_worker_is_for_itself(host: Host) -> None:
    outcome = "open" if name_of(host) == "node5" else "silent"
    assert knock(host, [(WORKER, API)]) == {(WORKER, API): outcome}
