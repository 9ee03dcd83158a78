# Copyright: (c) 2026, ck8s.ports contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the role node_firewall costs, beside a bare ping and beside the same rules in a loop over iptables and over ufw.

    benchmarks/environment.sh && python3 -m tests.lab.sandbox -- .venv/bin/python -m benchmarks.firewall_cost

Every subject is a run of ansible-playbook over the same nodes (namespaces of the lab), with the same strategy, forks
and ansible-core; subjects are run one after the other in rounds, those that take long less often. Measured are the wall
clock and the processor time of everything that the run starts, on the nodes, too, which are on this machine; what is
compared is the ratio to another subject in the same round, the median of the rounds. Writes
build/bench/firewall_cost.{json,md}.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import re
import resource
import shutil
import statistics
import subprocess
import sys
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import yaml

from tests.lab import lab
from tests.lab.guard import refuse_machine_namespace
from tests.lab.topology import Host

ROOT = Path(__file__).resolve().parents[1]
OUTPUT = ROOT / "build/bench"
PLAYS = OUTPUT / "firewall"
BENCH = ROOT / ".venvs/bench"
ANSIBLE = BENCH / "bin/ansible-playbook"
CONTROL_PLANES = 3

PING, UNCHANGED, CHANGED = "ping", "node_firewall, unchanged", "node_firewall, changed"
IPTABLES, IPTABLES_AGAIN = "loop over iptables, changed", "loop over iptables, unchanged"
UFW, UFW_AGAIN = "loop over ufw, changed", "loop over ufw, unchanged"
SLOW = (IPTABLES, IPTABLES_AGAIN, UFW, UFW_AGAIN)

NOTHING = (
    "nft flush ruleset; rm -rf /run/ck8s-ports; "
    "cp -a /run/bench-ufw/. /etc/ufw/; ln -sf /run /run/xtables 2>/dev/null; true"
)
PLAY = {"hosts": "all", "gather_facts": False}


class Nodes:
    """The namespaces, and their inventory."""

    def __init__(self, count: int) -> None:
        names = [f"node{number:03}" for number in range(1, count + 1)]
        addresses = {name: f"10.77.0.{number}" for number, name in enumerate(names, 101)}
        # Of no group of the cluster for the lab, so that it starts no services on them.
        self.hosts = [Host(name, "bench", (addresses[name],), "etcd") for name in names]
        everyone = {
            "ansible_connection": "lab_node",
            "ansible_python_interpreter": str(BENCH / "bin/python"),
            "ansible_remote_tmp": "/run/ansible",
            "ansible_pipelining": True,
        }
        groups = {"control_plane": names[:CONTROL_PLANES], "worker": names[CONTROL_PLANES:]}
        children = {
            group: {"hosts": {name: {"node_profile_addresses": [addresses[name]]} for name in members}}
            for group, members in groups.items()
        }
        self.inventory = PLAYS / "inventory.yml"
        everyone["node_profile_edition"] = "2025-11"
        self.inventory.write_text(yaml.safe_dump({"all": {"vars": everyone, "children": children}}))

    def on_each(self, script: str) -> None:
        """Run a script on every node at once; it ends the benchmark when it fails."""
        commands = [running.enter("sh", "-c", script) for running in lab.find(self.hosts)]
        processes = [
            subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT) for command in commands
        ]
        for process in processes:
            output, _ = process.communicate(timeout=120)
            if process.returncode != 0:
                raise SystemExit(f"{script}: {output.decode(errors='replace')}")


def plays() -> dict[str, list[dict[str, Any]]]:
    """The plays of the subjects, each with the rules that node_firewall makes of the same inventory."""
    policy = {"name": "ck8s.ports.node_firewall", "tasks_from": "policy.yml"}
    rules = "{{ wanted }}"
    iptables = {
        "ansible.builtin.iptables": {
            "chain": "INPUT",
            "protocol": "{{ item[0].protocol }}",
            "destination_port": "{{ item[0].ports[0] }}",
            "jump": "{{ item[0].verdict | upper }}",
            "comment": "{{ item[0].id }}",
            "ip_version": "{{ item[1] }}",
        },
        "loop": "{{ wanted | product(['ipv4', 'ipv6']) }}",
    }
    ufw = {
        "community.general.ufw": {
            "rule": "{{ 'allow' if item.verdict == 'accept' else 'deny' }}",
            "proto": "{{ item.protocol }}",
            "port": "{{ item.ports[0] }}",
            "comment": "{{ item.id }}",
        },
        "loop": rules,
    }
    return {
        "ping": [{**PLAY, "tasks": [{"name": "Ping", "ansible.builtin.ping": {}}]}],
        "ours": [{**PLAY, "roles": ["ck8s.ports.node_firewall"]}],
        "policy": [
            {
                **PLAY,
                "tasks": [
                    {"name": "Work out the policy", "ansible.builtin.include_role": policy},
                    {
                        "name": "Keep it",
                        "ansible.builtin.copy": {
                            "content": "{{ {'wanted': node_firewall_policy.policy.rules} | to_json }}",
                            "dest": f"{PLAYS}/host_vars/{{{{ inventory_hostname }}}}.json",
                        },
                        "delegate_to": "localhost",
                        "connection": "local",
                    },
                ],
            }
        ],
        "iptables": [{**PLAY, "tasks": [{"name": "Add the rules", **iptables}]}],
        "ufw": [{**PLAY, "tasks": [{"name": "Add the rules", **ufw}]}],
    }


class Bench:
    """The subjects, and what they took in each round: {subject: [(wall, processor)]}, in seconds."""

    def __init__(self, nodes: Nodes, forks: int) -> None:
        self.nodes = nodes
        self.times: dict[str, list[tuple[float, float]]] = {}
        self.counts: dict[str, tuple[int, int]] = {}
        self.environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith("ANSIBLE")},
            "ANSIBLE_COLLECTIONS_PATH": str(ROOT / "collections"),
            "ANSIBLE_CONNECTION_PLUGINS": str(ROOT / "tests/lab/connection"),
            "ANSIBLE_FORKS": str(forks),
            "ANSIBLE_HOME": str(PLAYS / "home"),
            "ANSIBLE_LOCALHOST_WARNING": "false",
            "ANSIBLE_NOCOLOR": "1",
        }

    def play(self, name: str, *options: str) -> tuple[tuple[float, float], str]:
        """Seconds, of the clock and of processors, and output of a run. One that fails ends the benchmark."""
        command = [str(ANSIBLE), f"--inventory={self.nodes.inventory}", *options, str(PLAYS / f"{name}.yml")]
        started, used = time.perf_counter(), processor_time()
        done = subprocess.run(command, env=self.environment, capture_output=True, text=True, check=False)
        seconds = time.perf_counter() - started, processor_time() - used
        if done.returncode != 0:
            raise SystemExit(f"{name} failed with {done.returncode}: {(done.stdout + done.stderr)[-3000:]}")
        return seconds, done.stdout

    def count(self, subject: str, name: str) -> None:
        """Count, on one node, the tasks of a subject and the processes that it starts there through the connection."""
        _, output = self.play(name, "--limit=node001", "-vvv")
        tasks = len(re.findall(r"^TASK \[", output, re.MULTILINE))
        self.counts[subject] = (tasks, output.count("EXEC nsenter "))

    def measure(self, subject: str, name: str, changed: bool | None = None) -> None:
        """Run a subject once, and make sure that it did what it is measured for."""
        seconds, output = self.play(name)
        recap = output.split("PLAY RECAP")[1]
        if changed is not None and [int(n) > 0 for n in re.findall(r"changed=(\d+)", recap)] != [changed] * len(
            self.nodes.hosts
        ):
            raise SystemExit(f"{subject}: not {'changed' if changed else 'unchanged'} on every node: {recap}")
        self.times.setdefault(subject, []).append(seconds)
        print(f"  {subject:32} {seconds[0]:8.2f} s {seconds[1]:8.2f} s of processors", flush=True)

    def run(self, rounds: int, slow_rounds: int) -> None:
        self.play("policy")
        self.nodes.on_each("mkdir -p /run/bench-ufw && cp -a /etc/ufw/. /run/bench-ufw/")
        for number in range(rounds):
            print(f"round {number + 1}")
            self.measure(PING, "ping")
            self.nodes.on_each(NOTHING)
            self.measure(CHANGED, "ours", changed=True)
            self.measure(UNCHANGED, "ours", changed=False)
            if number < slow_rounds:
                self.nodes.on_each(NOTHING)
                self.measure(IPTABLES, "iptables", changed=True)
                self.measure(IPTABLES_AGAIN, "iptables", changed=False)
                if shutil.which("ufw"):
                    self.nodes.on_each(f"{NOTHING}; ufw --force enable")
                    self.measure(UFW, "ufw", changed=True)
                    self.measure(UFW_AGAIN, "ufw", changed=False)
                self.nodes.on_each(NOTHING)
        for subject, name, ready in (
            (PING, "ping", ""),
            (CHANGED, "ours", NOTHING),
            (UNCHANGED, "ours", ""),
            (IPTABLES, "iptables", NOTHING),
            (IPTABLES_AGAIN, "iptables", ""),
            (UFW, "ufw", f"{NOTHING}; ufw --force enable"),
            (UFW_AGAIN, "ufw", ""),
        ):
            if subject in self.times:
                if ready:
                    self.nodes.on_each(ready)
                self.count(subject, name)

    def ratio(self, subject: str, to: str, what: int) -> float:
        """The median of the ratios of the two in the same round; C(what) 0 for the clock, 1 for processors."""
        # The slow ones have fewer rounds.
        pairs = zip(self.times[subject], self.times[to], strict=False)
        return statistics.median(one[what] / other[what] for one, other in pairs)

    def rows(self) -> Iterable[str]:
        for subject, times in self.times.items():
            tasks, processes = self.counts[subject]
            wall, used = (statistics.median(each[what] for each in times) for what in (0, 1))
            yield (
                f"| {subject} | {wall:.1f} | {self.ratio(subject, PING, 0):.1f} | {used:.1f} "
                f"| {self.ratio(subject, PING, 1):.1f} | {len(times)} | {tasks} | {processes} |"
            )


def processor_time() -> float:
    """Seconds of processors that all processes have used that have ended and whose parents have waited for them."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def versions() -> dict[str, str]:
    """What was measured, and on what."""
    general = BENCH.glob("lib/*/site-packages/ansible_collections/community/general/MANIFEST.json")
    core = subprocess.run([str(ANSIBLE), "--version"], capture_output=True, text=True, check=True).stdout.split("\n")[0]
    found = {"ansible": core, "kernel": platform.release(), "processors": str(os.cpu_count())}
    for path in general:
        found["community.general"] = json.loads(path.read_text())["collection_info"]["version"]
    for program, option in (("nft", "--version"), ("iptables", "--version"), ("ufw", "version")):
        if shutil.which(program):
            output = subprocess.run([program, option], capture_output=True, text=True, check=False).stdout
            found[program] = output.splitlines()[0]
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description="What node_firewall costs.")
    parser.add_argument("--nodes", type=int, default=20)
    parser.add_argument("--forks", type=int, default=10)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--slow-rounds", type=int, default=1, help="of the loops, which take minutes")
    options = parser.parse_args()
    refuse_machine_namespace()
    (PLAYS / "host_vars").mkdir(parents=True, exist_ok=True)
    for name, content in plays().items():
        (PLAYS / f"{name}.yml").write_text(yaml.safe_dump(content, sort_keys=False))
    nodes = Nodes(options.nodes)
    lab.up(nodes.hosts, OUTPUT / "nodes")
    bench = Bench(nodes, options.forks)
    bench.run(options.rounds, options.slow_rounds)
    lab.down()
    table = "\n".join([
        "| subject | s | times a ping | s of processors | times a ping | runs | tasks | processes on a node |",
        "| --- | --: | --: | --: | --: | --: | --: | --: |",
        *bench.rows(),
    ])  # fmt: skip
    print(table)
    for ours, theirs in ((CHANGED, IPTABLES), (CHANGED, UFW), (UNCHANGED, IPTABLES_AGAIN), (UNCHANGED, UFW_AGAIN)):
        if theirs in bench.times:
            wall, used = (bench.ratio(theirs, ours, what) for what in (0, 1))
            print(f"{theirs}: {wall:.1f} times as long as {ours}, {used:.1f} times as much of the processors")
    (OUTPUT / "firewall_cost.md").write_text(f"{table}\n")
    (OUTPUT / "firewall_cost.json").write_text(
        json.dumps({**vars(options), "versions": versions(), "times": bench.times, "counts": bench.counts}, indent=2)
    )


if __name__ == "__main__":
    sys.exit(main())
