# Copyright: (c) 2026, ck8s.ports contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the playbook verify costs, beside a bare ping and beside the same checks written by hand.

    benchmarks/environment.sh && python3 -m tests.lab.sandbox -- .venv/bin/python -m benchmarks.verify_cost [ROUNDS]

Two clusters, one after the other: 20 nodes in network namespaces, entered by the lab's connection plugin, and 3 that
are reached by ssh over the network. The collection's policy is in force on all. In each round (5) every subject runs
once, one after the other, as a whole process: wall clock, and for the namespaces time on the processor, that of the
nodes included. Ratios are medians of the ratios within a round, so that what else the machine does hits both sides.

Writes build/bench/verify_cost.{json,md}. Runs in a sandbox only: it builds networks.
"""

from __future__ import annotations

import contextlib
import json
import os
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from tests.lab import lab
from tests.lab.guard import refuse_machine_namespace
from tests.lab.topology import read_hosts

ROOT = Path(__file__).resolve().parents[1]
OUTPUT = ROOT / "build/bench/verify_cost"
BIN = Path(sys.executable).parent
THEIR_COLLECTIONS = ROOT / ".venvs/bench/lib"
ROUNDS = 5
RARELY = 2
"""How many of the rounds have the checks by hand, which take minutes."""

PING, VERIFY, WITH_PROBES, BY_HAND = "ping", "verify", "verify, with probes", "by hand"
LIMIT, GAIN = 3.0, 10.0
"""The targets: at most so many times a ping, at least so many times less than by hand."""

Cost = dict[str, float]


def inventory(count: int, common: dict[str, Any]) -> dict[str, Any]:
    """One control-plane node and C(count) - 1 workers, in the addresses of the lab."""
    hosts = {
        f"node{number}": {
            "node_profile_addresses": [f"10.77.0.{10 + number}", f"fd77::{10 + number:x}"],
        }
        for number in range(1, count + 1)
    }
    first, *others = hosts
    return {
        "all": {
            "vars": {
                "ansible_python_interpreter": sys.executable,
                "ansible_remote_tmp": "/run/ansible",
                "ansible_pipelining": True,
                **common,
            },
            "children": {
                "control_plane": {"hosts": {first: hosts[first]}},
                "worker": {"hosts": {name: hosts[name] for name in others}},
            },
        }
    }


class Cluster:
    """Nodes with the lab's services, and Ansible on them."""

    def __init__(self, name: str, inventory_file: Path) -> None:
        self.name = name
        self.inventory = inventory_file
        collections = [str(ROOT / "collections"), *map(str, THEIR_COLLECTIONS.glob("python3*/site-packages"))]
        self.environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith("ANSIBLE_")},
            "ANSIBLE_CONFIG": str(ROOT / "tests/lab/ansible.cfg"),
            "ANSIBLE_COLLECTIONS_PATH": ":".join(collections),
            "ANSIBLE_HOST_KEY_CHECKING": "false",
        }

    def run(self, *command: str, statuses: tuple[int, ...] = (0,), **variables: Any) -> Cost:
        """Seconds of a run. One that ends with another exit status than C(statuses) ends the benchmark."""
        given = [f"--extra-vars={json.dumps(variables)}"] if variables else []
        line = [str(BIN / command[0]), f"--inventory={self.inventory}", *command[1:], *given]
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        began = time.perf_counter()
        completed = subprocess.run(line, env=self.environment, capture_output=True, text=True, check=False, cwd=ROOT)
        wall = time.perf_counter() - began
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        (OUTPUT / "last.txt").write_text(completed.stdout + completed.stderr)
        if completed.returncode not in statuses:
            raise SystemExit(f"{' '.join(line)} ended with {completed.returncode}; its output: {OUTPUT}/last.txt")
        processor = after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime
        return {"wall": wall, "processor": processor}

    def subject(self, name: str) -> Cost:
        """One run of a subject."""
        verify = {"node_verify_report_dir": str(OUTPUT / "report")}
        if name == PING:
            return self.run("ansible", "all", "--module-name=ansible.builtin.ping")
        if name == VERIFY:
            return self.run("ansible-playbook", "ck8s.ports.verify", node_verify_neighbours=0, **verify)
        if name == WITH_PROBES:
            return self.run("ansible-playbook", "ck8s.ports.verify", **verify)
        return self.run("ansible-playbook", str(Path(__file__).with_name("verify_by_hand.yml")))


@contextlib.contextmanager
def built(name: str, content: dict[str, Any]) -> Iterator[Cluster]:
    """Build the nodes of an inventory, put the policy in force on them, and take them down afterwards."""
    file = OUTPUT / f"{name}.yml"
    file.write_text(yaml.safe_dump(content, sort_keys=False), encoding="utf-8")
    hosts = read_hosts(file)
    lab.up(hosts, OUTPUT / name)
    servers = []
    try:
        if "ansible_ssh_private_key_file" in content["all"]["vars"]:
            servers = [start_sshd(node) for node in lab.find(hosts)]
        cluster = Cluster(name, file)
        cluster.run("ansible-playbook", "ck8s.ports.firewall", node_firewall_serial=["100%"])
        yield cluster
    finally:
        for server in servers:
            server.kill()
        lab.down()


def start_sshd(node: lab.Running) -> subprocess.Popen[bytes]:
    """Start sshd on a node, for the user root and the key of the benchmark."""
    options = [f"-oHostKey={OUTPUT}/host", f"-oAuthorizedKeysFile={OUTPUT}/user.pub", "-oStrictModes=no"]
    options += ["-oPermitRootLogin=yes", "-oPidFile=none", "-oUsePAM=no"]
    script = 'mkdir -p -m 755 /run/sshd; exec /usr/sbin/sshd -D -f /dev/null "$@"'
    return subprocess.Popen(node.enter("sh", "-c", script, "sh", *options), stderr=subprocess.DEVNULL)


def measure(cluster: Cluster, rounds: int) -> dict[str, list[Cost]]:
    """The costs of every subject, by round, after a round that warms up and is not counted."""
    costs: dict[str, list[Cost]] = {name: [] for name in (PING, VERIFY, WITH_PROBES, BY_HAND)}
    for name in (PING, VERIFY):
        cluster.subject(name)
    for number in range(rounds):
        for name, taken in costs.items():
            if name != BY_HAND or number < RARELY:
                taken.append(cluster.subject(name))
                print(f"{cluster.name}, round {number + 1}: {name:20} {taken[-1]['wall']:7.1f} s", flush=True)
    return costs


def ratio(costs: dict[str, list[Cost]], name: str, to: str, kind: str) -> float:
    """The median, over the rounds, of what C(name) costs in units of C(to)."""
    return statistics.median(a[kind] / b[kind] for a, b in zip(costs[name], costs[to], strict=False))


def markdown(results: dict[str, dict[str, list[Cost]]]) -> str:
    """The table of docs/verify_speed.md."""
    lines = [
        "| | wall clock, s | in pings | on the processor, s | in pings |",
        "| --- | ---: | ---: | ---: | ---: |",
    ]
    for cluster, costs in results.items():
        for name, taken in costs.items():
            cells = []
            for kind in ("wall", "processor"):
                if kind == "processor" and "ssh" in cluster:  # sshd's children are not ours to count
                    cells += ["", ""]
                    continue
                cells += [f"{statistics.median(cost[kind] for cost in taken):.1f}"]
                cells += [f"{ratio(costs, name, PING, kind):.1f}"]
            lines.append(f"| {cluster}: {name} | " + " | ".join(cells) + " |")
    lines.append("")
    for cluster, costs in results.items():
        times, gain = ratio(costs, VERIFY, PING, "wall"), ratio(costs, BY_HAND, VERIFY, "wall")
        lines.append(f"{cluster}: verify costs {times:.1f} pings (at most {LIMIT:g}: {_word(times <= LIMIT)}).")
        lines.append(f"{cluster}: by hand costs {gain:.1f} times verify (at least {GAIN:g}: {_word(gain >= GAIN)}).")
    return "\n".join(lines) + "\n"


def _word(met: bool) -> str:
    return "met" if met else "missed"


def main() -> None:
    """Measure both clusters."""
    refuse_machine_namespace()
    rounds = int(sys.argv[1]) if sys.argv[1:] else ROUNDS
    OUTPUT.mkdir(parents=True, exist_ok=True)
    for key in ("host", "user"):
        if not (OUTPUT / key).exists():
            subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(OUTPUT / key)], check=True)
    ssh = {
        "ansible_connection": "ssh",
        "ansible_host": "{{ node_profile_addresses[0] }}",
        "ansible_user": "root",
        "ansible_ssh_private_key_file": str(OUTPUT / "user"),
    }
    clusters = {
        "20 namespaces": inventory(20, {"ansible_connection": "lab_node"}),
        "3 by ssh": inventory(3, ssh),
    }
    results = {}
    for name, content in clusters.items():
        with built(name, content) as cluster:
            results[name] = measure(cluster, rounds)
    (OUTPUT.parent / "verify_cost.json").write_text(json.dumps(results, indent=1))
    (OUTPUT.parent / "verify_cost.md").write_text(markdown(results))
    print("\n" + markdown(results))


if __name__ == "__main__":
    main()
