# Copyright: (c) 2026, ck8s.ports contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Three control planes with a real etcd cluster: the firewall comes while a client writes, and nobody notices."""

from __future__ import annotations

import itertools
import json
import re
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from tests.lab import lab
from tests.lab.pki import Credentials
from tests.lab.topology import read_hosts
from tests.netns.playbooks.conftest import CHECKOUT, Cluster

INVENTORY = CHECKOUT / "tests/lab/inventories/ha_etcd.yml"
KNOCK = CHECKOUT / "tests/lab/knock.py"
MEMBERS = {"node1": "10.77.0.11", "node2": "10.77.0.12", "node3": "10.77.0.13"}
JOINING = ("node4", "10.77.0.14")
FIRST = "--limit=!node4"
"""All but the node that joins later."""

ELECTION = 2.0
"""Seconds in which etcd's members miss a leader and elect another: twice its --election-timeout of one second."""


@dataclass
class Etcd:
    """The cluster's etcd, as a client on one of the nodes sees it."""

    cluster: Cluster
    credentials: Credentials

    def ctl(self, *arguments: str, node: str = "node1", endpoints: tuple[str, ...] = tuple(MEMBERS.values())) -> str:
        """What etcdctl prints; it makes connections of its own each time. Raises CalledProcessError."""
        urls = ",".join(f"https://{address}:2379" for address in endpoints)
        files = self.credentials
        return self.cluster.enter(
            node,
            *("env", "ETCDCTL_API=3", "etcdctl", f"--endpoints={urls}", "--command-timeout=5s", "--dial-timeout=2s"),
            *(f"--cacert={files.ca}", f"--cert={files.certificate}", f"--key={files.key}"),
            *arguments,
        )

    def status(self, *endpoints: str) -> list[dict[str, Any]]:
        """What each member says of itself."""
        answers = json.loads(self.ctl("endpoint", "status", "--write-out=json", endpoints=endpoints))
        return [answer["Status"] for answer in answers]


@dataclass
class Writer:
    """A client that writes, one key after the other, until it is stopped; every write is a new connection."""

    etcd: Etcd
    written: dict[str, float] = field(default_factory=dict)
    """The keys that etcd has acknowledged, with the time of each."""
    errors: list[str] = field(default_factory=list)
    _stop: threading.Event = field(default_factory=threading.Event)

    def __enter__(self) -> Writer:
        self._thread = threading.Thread(target=self._write, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join(timeout=60)

    def _write(self) -> None:
        for number in range(100_000):
            if self._stop.is_set():
                return
            key = f"write/{number:06}"
            try:
                self.etcd.ctl("put", key, key)
                self.written[key] = time.monotonic()
            except (subprocess.CalledProcessError, subprocess.TimeoutExpired) as error:
                self.errors.append(f"{key}: {error}")

    def longest_gap(self) -> float:
        """Seconds between two writes that etcd has acknowledged, at most."""
        times = list(self.written.values())
        return max(later - earlier for earlier, later in itertools.pairwise(times))


@pytest.fixture(scope="module")
def etcd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Etcd]:
    directory = tmp_path_factory.mktemp("lab")
    lab.up(read_hosts(INVENTORY), directory)
    client = Credentials(*(str(directory / "pki" / name) for name in ("ca.pem", "client.pem", "client-key.pem")))
    yield Etcd(Cluster(directory / "report", INVENTORY), client)
    lab.down()


def knock(cluster: Cluster, source: str, address: str, port: int) -> str:
    return cluster.enter(source, sys.executable, "-I", "-S", str(KNOCK), address, str(port)).strip()


def test_edition_2025_08_is_refused_and_says_why(etcd: Etcd) -> None:
    run = etcd.cluster.play("firewall", FIRST, node_profile_edition="2025-08", node_firewall_sources={})
    assert run.status == 2
    assert "refused: etcd-peer (2380/tcp) would be closed to other nodes" in run.output
    assert "Set node_profile_edition: 2025-11" in run.output
    assert set(etcd.cluster.tables().values()) == {""}


ALONE = """
all:
  vars:
    ansible_connection: lab_node
    ansible_python_interpreter: "{{ ansible_playbook_python }}"
    ansible_remote_tmp: /run/ansible
    ansible_pipelining: true
  children:
    control_plane:
      hosts:
        node1: {node_profile_addresses: ["10.77.0.11", "fd77::11"]}
"""
"""One of the control planes, in an inventory that does not know of the others."""


def test_what_the_inventory_does_not_know_the_connections_tell(etcd: Etcd, tmp_path: Path) -> None:
    inventory = tmp_path / "alone.yml"
    inventory.write_text(ALONE, encoding="utf-8")
    alone = Cluster(tmp_path, inventory)
    for options in (["--check"], []):
        run = alone.play("firewall", *options)
        assert run.status == 2, run.output
        told = " ".join(run.output.split())
        for member in ("node2", "node3"):
            assert re.search(rf"{MEMBERS[member]} to 2380/tcp \(etcd-peer, etcd; \d+ connections?, open\)", told), told
        assert "A firewall that follows the page cuts a cluster of several control-plane nodes." in told
        assert "set node_profile_edition: 2025-11, or node_profile_overrides: {etcd-peer: {scope: external}}" in told
        assert "node_firewall_on_impact" in told
        assert alone.tables()["node1"] == ""

    warned = alone.play("firewall", "--check", node_firewall_on_impact="warn")
    assert (warned.status, warned.changed()) == (0, {"node1": 1}), warned.output
    assert "would refuse the next connection of" in warned.output
    for way_out in (
        {"node_profile_edition": "2025-11"},
        {"node_profile_overrides": {"etcd-peer": {"scope": "external"}}},
    ):
        allowed = alone.play("firewall", "--check", **way_out)
        assert (allowed.status, allowed.changed()) == (0, {"node1": 1}), allowed.output


def test_a_policy_that_would_cut_the_members_comes_back_with_its_batch(etcd: Etcd) -> None:
    """The gate: node2 and node3 reached node1's 2380 before, and would not afterwards. The other nodes are spared."""
    run = etcd.cluster.play(
        "firewall",
        FIRST,
        node_firewall_gate="probes",
        node_firewall_on_impact="ignore",
        node_firewall_sources={"etcd-peer": ["10.77.0.14/32"]},
    )
    assert run.status == 2
    told = " ".join(run.output.split())
    assert "No change of this batch (node1) was confirmed; its nodes go back to the rules they had." in told
    assert "node2 -> node1 10.77.0.11:2380/tcp etcd-peer: open before, silent after" in told
    assert run.changed() == {"node1": 1, "node2": 0, "node3": 0, "node5": 0}
    assert set(etcd.cluster.tables().values()) == {""}


def test_the_firewall_comes_while_a_client_writes(etcd: Etcd) -> None:
    before = etcd.status(*MEMBERS.values())
    assert len({status["leader"] for status in before}) == 1
    with Writer(etcd) as writer:
        time.sleep(1)
        run = etcd.cluster.play("firewall", FIRST)
        time.sleep(1)
    assert run.status == 0, run.output
    assert run.output.count("PLAY [Put the policy in force]") > 1  # in batches
    print(f"{len(writer.written)} writes, the longest gap {writer.longest_gap():.3f} s")
    assert len(writer.written) > 10
    assert writer.errors == []
    assert writer.longest_gap() < ELECTION
    kept = etcd.ctl("get", "write/", "--prefix", "--keys-only").split()
    assert set(writer.written) <= set(kept)

    after = etcd.status(*MEMBERS.values())
    assert {status["raftTerm"] for status in after} == {status["raftTerm"] for status in before}  # nobody was elected
    etcd.ctl("endpoint", "health", "--cluster")  # fails unless all are healthy
    tables = etcd.cluster.tables()
    assert [name for name in etcd.cluster.nodes if "ck8s_ports" in tables[name]] == ["node1", "node2", "node3", "node5"]


def test_members_still_connect_anew(etcd: Etcd) -> None:
    """Connections that existed would outlive any firewall: every member is asked over new ones, by every other."""
    for node in MEMBERS:
        for address in MEMBERS.values():
            assert {knock(etcd.cluster, node, address, port) for port in (2379, 2380)} == {"open"}


@pytest.mark.parametrize("source", ["outsider1", "node5"])
def test_who_is_no_control_plane_reaches_none_of_it(etcd: Etcd, source: str) -> None:
    for address in MEMBERS.values():
        assert {knock(etcd.cluster, source, address, port) for port in (2379, 2380)} == {"silent"}


def test_an_outsider_reaches_nothing_that_is_for_nodes(etcd: Etcd) -> None:
    tried = {
        (address, port): knock(etcd.cluster, "outsider1", address, port)
        for address in (*MEMBERS.values(), "10.77.0.15")
        for port in (4240, 6400, 6443, 10250)
    }
    assert set(tried.values()) == {"silent"}


def test_a_fourth_member_joins_afterwards(etcd: Etcd, tmp_path: Path) -> None:
    name, address = JOINING
    assert etcd.cluster.play("firewall").status == 0
    etcd.ctl("member", "add", name, f"--peer-urls=https://{address}:2380", node=name)
    files = etcd.credentials
    own = {
        kind: str(Path(files.ca).with_name(f"{name}{suffix}.pem")) for kind, suffix in (("cert", ""), ("key", "-key"))
    }
    (running,) = [each for each in lab.find(etcd.cluster.hosts) if each.host.name == name]
    cluster = ",".join(f"{member}=https://{where}:2380" for member, where in [*MEMBERS.items(), JOINING])
    command = [
        "etcd",
        f"--name={name}",
        "--data-dir=/run/lab/etcd",
        f"--listen-client-urls=https://{address}:2379,https://127.0.0.1:2379",
        f"--advertise-client-urls=https://{address}:2379",
        f"--listen-peer-urls=https://{address}:2380",
        f"--initial-advertise-peer-urls=https://{address}:2380",
        f"--initial-cluster={cluster}",
        "--initial-cluster-state=existing",
        *("--client-cert-auth", f"--trusted-ca-file={files.ca}"),
        *("--peer-client-cert-auth", f"--peer-trusted-ca-file={files.ca}"),
        *(f"--{prefix}{kind}-file={path}" for prefix in ("", "peer-") for kind, path in own.items()),
    ]
    with (tmp_path / "etcd.log").open("w") as log, subprocess.Popen(running.enter(*command), stderr=log) as member:
        try:
            assert_joined(etcd, address, tmp_path / "etcd.log")
            verified = etcd.cluster.play("verify")
            assert verified.status == 0, verified.output
            statuses = verified.statuses()
            assert {
                statuses[f"{node}:etcd-peer/{check}"] for node in (*MEMBERS, name) for check in ("bind", "reach")
            } == {"pass"}
        finally:
            member.terminate()


def assert_joined(etcd: Etcd, address: str, log: Path) -> None:
    """The new member answers, has the same leader and every write; within 20 seconds."""
    wanted = etcd.ctl("get", "write/", "--prefix", "--keys-only").split()
    for _ in range(40):
        try:
            (own,) = etcd.status(address)
            held = etcd.ctl("get", "write/", "--prefix", "--keys-only", "--consistency=s", endpoints=(address,)).split()
        except subprocess.CalledProcessError:
            time.sleep(0.5)
            continue
        if held == wanted and own["leader"] == etcd.status("10.77.0.11")[0]["leader"]:
            return
        time.sleep(0.5)
    pytest.fail(f"it did not join: {log.read_text(errors='replace')[-2000:]}")
