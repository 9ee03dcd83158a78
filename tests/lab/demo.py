# Copyright: (c) 2026, ck8s.ports contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""``.venv/bin/python -m tests.lab.demo``: opens, closes and proves the ports of the lab, and checks every outcome.

Outside the sandbox: compares the machine's network before and after. Inside it: builds the lab, runs the collection's
playbooks on it as a user would, and holds what comes of it to tests/lab/expected.yml, with programs of its own too.

Exit status: 0 only when every outcome was the expected one, 1 when not, 130 when interrupted.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.lab import expectations as expect
from tests.lab import lab, sandbox
from tests.lab.snapshot import differences, take_snapshot
from tests.lab.topology import Host, read_hosts

CHECKOUT = Path(__file__).parents[2]
OUTPUT = Path("build/demo")
BEFORE, AFTER = OUTPUT / "before", OUTPUT / "after"
REPORT = "report.json"

INSIDE = "--inside"
PLAYBOOK_FAILED = 2
"""Exit status of ansible-playbook when a host failed, which is what `verify` does when it has found something."""
INTERRUPTED = 128 + signal.SIGINT

_ANSIBLE_PLAYBOOK = Path(sys.executable).with_name("ansible-playbook")
_PACKAGES = CHECKOUT / "scripts" / "install-debian-packages.sh"
_KNOCK = Path(__file__).with_name("knock.py")


@dataclass
class Steps:
    """Numbers the steps, times them, and keeps what went otherwise than expected."""

    total: int
    done: int = 0
    wrong: list[str] = field(default_factory=list)

    @contextmanager
    def step(self, headline: str) -> Iterator[Callable[[list[str]], None]]:
        """Announce a step; the block calls what it is given with the sentences that say what was wrong."""
        self.done += 1
        say(f"\n=== {self.done}/{self.total} {headline}")
        began = time.monotonic()
        wrong: list[str] = []
        yield wrong.extend
        for sentence in wrong:
            say(f"    NOT AS EXPECTED: {sentence}")
        outcome = f"{len(wrong)} not as expected" if wrong else "as expected"
        say(f"--- {self.done}/{self.total} {outcome}, {time.monotonic() - began:.1f} s")
        self.wrong += wrong


def say(text: str) -> None:
    """Print at once, so that our lines stand in their place between those of other programs."""
    print(text, flush=True)


def main() -> int:
    """Run the demo in a sandbox; see the module's documentation."""
    os.chdir(CHECKOUT)
    began = time.monotonic()
    if missing := _what_is_missing():
        print(f"demo: {missing}", file=sys.stderr)
        return 1
    before = take_snapshot()
    try:
        status = sandbox.run([sys.executable, "-m", "tests.lab.demo", INSIDE])
    except sandbox.SandboxError as error:
        print(f"demo: {error}", file=sys.stderr)
        return 1
    changes = differences(before, take_snapshot())
    if status == INTERRUPTED:
        say("\nInterrupted; the lab is gone.")
    else:
        _show_last_report()
    for change in changes:
        say(f"NOT AS EXPECTED: the network of this machine changed meanwhile: {change}")
    if not changes:
        say(f"The network of this machine is as it was ({len(before)} addresses, routes and settings compared).")
    if status == 0 and not changes:
        say(f"Every outcome was the expected one; {time.monotonic() - began:.0f} s.")
    return status or int(bool(changes))


def _what_is_missing() -> str | None:
    """Return what keeps the demo from running here, and the way out; None when nothing does."""
    if not _ANSIBLE_PLAYBOOK.exists() or not (CHECKOUT / "collections").is_dir():
        return f"{_ANSIBLE_PLAYBOOK} or collections/ is missing; `make venv` makes both, `make demo` does all"
    packages = subprocess.run([_PACKAGES, "--check"], capture_output=True, text=True, check=False)
    return packages.stderr.strip() if packages.returncode else None


def _show_last_report() -> None:
    """Print the table of the last verification once more, and where the report is."""
    report = AFTER / REPORT
    if not report.exists():
        return
    sys.path.insert(0, str(CHECKOUT / "collections"))
    from ansible.utils.color import stringc

    from ansible_collections.ck8s.ports.plugins.plugin_utils import _terminal

    columns = shutil.get_terminal_size((100, 24)).columns
    say("\n=== The last verification, with the policy in force\n")
    say(_terminal.render(_read(report), columns, stringc))
    say(f"\nThe report: {AFTER / 'report.html'} (also .md and .json); before the firewall: {BEFORE / 'report.html'}")


def inside() -> int:
    """Run the steps, in the sandbox."""
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.default_int_handler)
    for directory in (BEFORE, AFTER):
        shutil.rmtree(directory, ignore_errors=True)
    try:
        return _run_steps()
    except KeyboardInterrupt:
        return INTERRUPTED
    except lab.LabError as error:
        print(f"demo: {error}", file=sys.stderr)
        return 1
    finally:
        lab.down()


def _run_steps() -> int:
    hosts = read_hosts()
    moments = expect.read_expected()
    steps = Steps(total=6)
    with steps.step("the lab: three nodes, of which node3 is wrong on purpose, and an outsider") as wrong:
        lab.up(hosts, OUTPUT / "lab")
        wrong(_look(hosts, moments["untouched"]))
    with steps.step("ck8s.ports.verify: the faults of node3, and the doors that stand open") as wrong:
        wrong(_verify(BEFORE, moments["untouched"]))
    with steps.step("ck8s.ports.firewall: the documented ports, opened to those they are for") as wrong:
        wrong(_playbook("firewall", expected_status=0))
        wrong(_look(hosts, moments["in_force"]))
    with steps.step("ck8s.ports.verify: the doors are closed; what is misbound is still reported") as wrong:
        wrong(_verify(AFTER, moments["in_force"]))
    with steps.step("ck8s.ports.remove: everything as it was") as wrong:
        wrong(_playbook("remove", expected_status=0))
        wrong(_look(hosts, moments["removed"]))
    with steps.step("the lab is taken down") as wrong:
        lab.down()
        wrong(_leftovers())
    return int(bool(steps.wrong))


def _verify(directory: Path, moment: dict[str, Any]) -> list[str]:
    wrong = _playbook("verify", "-e", f"node_verify_report_dir={directory}", expected_status=PLAYBOOK_FAILED)
    report = directory / REPORT
    if not report.exists():
        return [*wrong, f"{report} was not written"]
    return [*wrong, *expect.compare_report(moment["report"], _read(report))]


def _playbook(name: str, *arguments: str, expected_status: int) -> list[str]:
    """Run a playbook of the collection, as a user would; its output is shown."""
    # Nothing of the caller's own Ansible settings: their inventory may hold real machines.
    environment = {name: value for name, value in os.environ.items() if not name.startswith("ANSIBLE_")}
    environment |= {"ANSIBLE_CONFIG": "tests/lab/ansible.cfg", "ANSIBLE_DISPLAY_OK_HOSTS": "false"}
    command = [str(_ANSIBLE_PLAYBOOK), f"ck8s.ports.{name}", *arguments]
    status = subprocess.run(command, env=environment, check=False).returncode
    if status == expected_status:
        return []
    return [f"ansible-playbook ck8s.ports.{name}: expected exit status {expected_status}, was {status}"]


def _look(hosts: list[Host], moment: dict[str, Any]) -> list[str]:
    """Look for ourselves: the tables that nft shows, and connections that are tried without the collection."""
    nodes = {node.host.name: node for node in lab.find(hosts)}
    tables = {name: _tables(node) for name, node in nodes.items() if node.host.in_cluster}
    knocks = expect.knocks_of(moment)
    started = {
        (source, address, port): subprocess.Popen(
            nodes[source].enter(sys.executable, "-I", "-S", str(_KNOCK), address, str(port)),
            stdout=subprocess.PIPE,
            text=True,
        )
        for source, address, port in knocks
    }
    seen = {knock: process.communicate()[0].strip() for knock, process in started.items()}
    say(f"    looked with nft on {len(tables)} nodes, and tried {len(seen)} connections")
    return expect.compare_tables(moment["tables"], tables) + expect.compare_knocks(knocks, seen)


def _tables(node: lab.Running) -> list[str]:
    listed = subprocess.run(node.enter("nft", "list", "tables"), capture_output=True, text=True, check=True)
    return [line.removeprefix("table ") for line in listed.stdout.splitlines()]


def _leftovers() -> list[str]:
    """Return what the lab has left in the sandbox's network."""
    listed = subprocess.run(["ip", "-json", "link", "show"], capture_output=True, text=True, check=True)
    names = [link["ifname"] for link in json.loads(listed.stdout)]
    return [f"interface {name} is still there" for name in names if name != "lo"]


def _read(report: Path) -> dict[str, Any]:
    content: dict[str, Any] = json.loads(report.read_text(encoding="utf-8"))
    return content


if __name__ == "__main__":
    sys.exit(inside() if sys.argv[1:] == [INSIDE] else main())
