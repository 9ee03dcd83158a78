# Copyright: (c) 2026, ck8s.ports contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What listening_sockets_info costs, beside ss, psutil and community.general.listen_ports_facts.

    benchmarks/environment.sh && python3 -m tests.lab.sandbox -- .venv/bin/python -m benchmarks.listening_sockets

Every subject is a whole process, run one after the other in rounds, under one Python with the bytecode of everything
compiled before. Times are wall clock, medians. Writes build/bench/listening_sockets.{json,md}. Runs in a sandbox only:
it fills a network namespace and a process table.
"""

from __future__ import annotations

import contextlib
import json
import os
import platform
import secrets
import signal
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from tests.lab.guard import refuse_machine_namespace

ROOT = Path(__file__).resolve().parents[1]
LOAD = Path(__file__).with_name("load.py")
OUTPUT = ROOT / "build/bench"
PYTHON = ROOT / ".venvs/bench/bin/python"
ROUNDS = 15
LONG, VERY_LONG = 1.0, 8.0  # seconds after which a subject is measured three times, or once

EMPTY_MODULE = """\
from ansible.module_utils.basic import AnsibleModule
AnsibleModule(argument_spec={}, supports_check_mode=True).exit_json(changed=False)
"""
CANNED_MODULE = """\
import json
from ansible.module_utils.basic import AnsibleModule
module = AnsibleModule(argument_spec={}, supports_check_mode=True)
with open(%r) as answer:
    module.exit_json(changed=False, **json.load(answer))
"""
PSUTIL = """\
import json, psutil
names = {}
for one in psutil.net_connections(kind="inet"):
    if one.status == "LISTEN" or (one.type == 2 and not one.raddr):
        name = psutil.Process(one.pid).name() if one.pid else None
        names[f"{one.laddr}"] = name
print(json.dumps(names))
"""

OURS, NAMES, NONE = "ours", "ours, names", "ours, none"
OURS_UNIX = "ours, with unix"
EMPTY, CANNED = "empty module", "same answer, ready made"
SS_P, SS, SS_UNIX, THEIRS = "ss -tulnpH", "ss -tulnH", "ss -tulxnpH", "listen_ports_facts"


class Bench:
    """The subjects, and what they took in each scenario: {scenario: {subject: [seconds]}}."""

    def __init__(self) -> None:
        OUTPUT.mkdir(parents=True, exist_ok=True)
        self.results: dict[str, dict[str, list[float]]] = {}
        self.environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "ANSIBLE"))},
            "PYTHONPATH": str(ROOT / "collections"),
            "PYTHONPYCACHEPREFIX": str(OUTPUT / "bytecode"),
            "LC_ALL": "C.UTF-8",
        }
        theirs = ["-m", "ansible_collections.community.general.plugins.modules.listen_ports_facts"]
        module = ["-m", "ansible_collections.ck8s.ports.plugins.modules.listening_sockets_info"]
        self.subjects = {
            EMPTY: self._module(self._written("empty_module.py", EMPTY_MODULE)),
            CANNED: self._module(self._written("canned_module.py", CANNED_MODULE % str(OUTPUT / "answer.json"))),
            NONE: self._module(*module, processes="none"),
            NAMES: self._module(*module, processes="names"),
            OURS: self._module(*module),
            OURS_UNIX: self._module(*module, protocols=["tcp", "udp", "unix"]),
            SS: ["ss", "-tulnH"],
            SS_P: ["ss", "-tulnpH"],
            SS_UNIX: ["ss", "-tulxnpH"],
            "psutil": [str(PYTHON), self._written("with_psutil.py", PSUTIL)],
            THEIRS: self._module(*theirs),
        }

    def _written(self, name: str, text: str) -> str:
        path = OUTPUT / name
        path.write_text(text)
        return str(path)

    def _module(self, *command: str, **options: object) -> list[str]:
        return [str(PYTHON), *command, json.dumps({"ANSIBLE_MODULE_ARGS": options})]

    def run(self, subject: str) -> tuple[float, bytes]:
        """Seconds and output of one run. A subject that fails ends the benchmark."""
        command = self.subjects[subject]
        started = time.perf_counter()
        completed = subprocess.run(command, check=False, capture_output=True, env=self.environment)
        seconds = time.perf_counter() - started
        if completed.returncode != 0:
            raise SystemExit(f"{subject} failed with {completed.returncode}: {completed.stderr.decode()[-2000:]}")
        return seconds, completed.stdout

    def measure(self, scenario: str, *subjects: str) -> None:
        """Run the subjects in rounds, after one round that warms up and is not counted."""
        rounds = {}
        answer = json.loads(self.run(OURS)[1])
        keys = ("sockets", "complete", "incomplete", "source", "sources")
        (OUTPUT / "answer.json").write_text(json.dumps({key: answer[key] for key in keys}))
        for subject in subjects:
            seconds, _output = self.run(subject)
            rounds[subject] = ROUNDS if seconds < LONG else 3 if seconds < VERY_LONG else 1
        times: dict[str, list[float]] = {subject: [] for subject in subjects}
        for number in range(ROUNDS):
            for subject in subjects:
                if number < rounds[subject]:
                    times[subject].append(self.run(subject)[0])
        self.results[scenario] = times
        print(f"\n{scenario} ({len(answer['sockets'])} sockets found)")
        for subject, taken in times.items():
            print(f"  {subject:26} {statistics.median(taken) * 1000:10.1f} ms   n={len(taken)}", flush=True)

    def above_empty(self, scenario: str, subject: str) -> float | None:
        """The median, in ms, of what a subject took more than the empty module in the same round."""
        times = self.results[scenario].get(subject)
        pairs = zip(times or [], self.results[scenario][EMPTY], strict=False)
        return statistics.median(one - empty for one, empty in pairs) * 1000 if times else None

    def median(self, scenario: str, subject: str) -> float | None:
        times = self.results[scenario].get(subject)
        return statistics.median(times) * 1000 if times else None


@contextlib.contextmanager
def load(*arguments: object) -> Iterator[None]:
    command = [sys.executable, "-I", "-S", str(LOAD), *map(str, arguments)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            if process.stdout.readline() != "ready\n":
                raise SystemExit(f"{arguments}: not ready")
            yield
        finally:
            process.stdin.close()
            process.wait(timeout=60)


@contextlib.contextmanager
def control_groups() -> Iterator[Path | None]:
    """A slice for services, as systemd makes it; None where no cgroup2 tree can be written."""
    for mount in (Path("/sys/fs/cgroup"), Path("/sys/fs/cgroup/unified")):
        if (mount / "cgroup.controllers").exists():
            group = mount / f"ck8sbench{secrets.token_hex(4)}.slice"
            try:
                group.mkdir()
            except OSError:
                break
            try:
                yield group
            finally:
                _remove(group)
            return
    yield None


def _remove(group: Path) -> None:
    for _attempt in range(50):
        try:
            for child in [path for path in group.iterdir() if path.is_dir()]:
                child.rmdir()
            group.rmdir()
        except OSError:  # its last process is about to end
            time.sleep(0.1)
        else:
            return


EVERYTHING = (EMPTY, CANNED, NONE, NAMES, OURS, SS, SS_P, "psutil", THEIRS)
CURVE = (0, 1000, 5000, 10000, 20000)
SMALL, USUAL, LARGE = "10 listeners", "60 listeners", "1000 listeners"
BUSY, CROWDED, MIXED = "60 among 20,000 connections", "60 among 2,000 processes", "10,000 connections, 10,000 unix"
SERVICES = "60 in services, 20,000 connections"


def main() -> None:
    refuse_machine_namespace()
    # So that the control groups are removed: they are the machine's, and do not end with the sandbox.
    signal.signal(signal.SIGTERM, lambda *_arguments: sys.exit("stopped"))
    bench = Bench()
    with load("listeners", 10, 5):
        bench.measure(SMALL, *EVERYTHING)
    with load("listeners", 1000, 200):
        bench.measure(LARGE, *EVERYTHING)
    with load("listeners", 60, 20):
        bench.measure(USUAL, *EVERYTHING)
        with load("processes", 2000, 50000):
            bench.measure(CROWDED, *EVERYTHING)
        with load("connections", 20000):
            bench.measure(BUSY, *EVERYTHING)
        with load("connections", 10000), load("unix", 10000):
            bench.measure(MIXED, EMPTY, OURS, OURS_UNIX, SS_P, SS_UNIX, "psutil", THEIRS)
    with control_groups() as group:
        if group is None:
            print(f"\n{SERVICES}: not measured, no cgroup2 tree can be written here")
        else:
            with load("listeners", 60, 20, group):
                for count in CURVE:
                    with load("connections", count, group):
                        bench.measure(f"60 in services, {count:,} connections", EMPTY, NONE, NAMES, OURS, SS, SS_P)
    report(bench)


def report(bench: Bench) -> None:
    raw = {"machine": machine(), "seconds": bench.results}
    (OUTPUT / "listening_sockets.json").write_text(json.dumps(raw, indent=1))
    (OUTPUT / "listening_sockets.md").write_text(markdown(bench))
    print("\n" + markdown(bench))


def machine() -> dict[str, str]:
    model = [line for line in Path("/proc/cpuinfo").read_text().splitlines() if line.startswith("model name")]
    versions = (
        "import ansible, psutil, sys; print(sys.version.split()[0], ansible.release.__version__, psutil.__version__)"
    )
    python, core, psutil = subprocess.run(
        [PYTHON, "-c", versions], check=True, capture_output=True, text=True
    ).stdout.split()
    return {
        "processor": f"{os.cpu_count()} x {model[0].partition(': ')[2] if model else platform.machine()}",
        "kernel": platform.release(),
        "python": python,
        "ansible-core": core,
        "psutil": psutil,
        "iproute2": subprocess.run(["ss", "-V"], check=True, capture_output=True, text=True).stdout.strip(),
    }


def markdown(bench: Bench) -> str:
    """The tables of docs/listening_sockets.md, in milliseconds."""
    subjects = [one for one in bench.subjects if any(one in times for times in bench.results.values())]
    lines = [", ".join(f"{name} {value}" for name, value in machine().items()), ""]
    lines += ["| median, ms | " + " | ".join(subjects) + " |", "| --- |" + " ---: |" * len(subjects)]
    for scenario in bench.results:
        cells = [bench.median(scenario, subject) for subject in subjects]
        lines.append(f"| {scenario} | " + " | ".join("" if cell is None else f"{cell:,.1f}" for cell in cells) + " |")
    lines += ["", "Above the empty module, each round compared with itself:", ""]
    lines.append("| ms | listen_ports_facts / ours | ours | names | ready made | ss -tulnpH | none | ss -tulnH |")
    lines.append("| --- |" + " ---: |" * 7)
    for scenario in bench.results:
        ours, theirs = bench.median(scenario, OURS), bench.median(scenario, THEIRS)
        figures = [
            theirs / ours if theirs is not None and ours is not None else None,
            *(bench.above_empty(scenario, subject) for subject in (OURS, NAMES, CANNED)),
            bench.median(scenario, SS_P),
            bench.above_empty(scenario, NONE),
            bench.median(scenario, SS),
        ]
        lines.append(f"| {scenario} | " + " | ".join("" if one is None else f"{one:,.1f}" for one in figures) + " |")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    main()
