# Copyright: (c) 2026, ck8s.ports contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A controller and a node whose changes are harmed: killed, cut off, slowed down."""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.netns.topology import Host, Network

REPOSITORY = Path(__file__).parents[3]
ANSIBLE = str(Path(sys.executable).with_name("ansible"))
RUN = Path("/run/ck8s-ports")
"""The sandbox's: the hosts of these tests differ in their networks only."""
TABLE = ("list", "table", "inet", "ck8s_ports")
TIMEOUT = 5
"""The shortest confirm_timeout that there is, in seconds: for changes that are to be taken back."""
LONG_TIMEOUT = 30
"""That of changes that are to stay, however busy this machine is."""
PATIENCE = 60


def policy(*, ssh_from: str = "10.88.0.0/24", port: int = 2379) -> dict[str, Any]:
    """Return a policy that lets C(ssh_from) use SSH, and C(port) be used by nobody."""
    return {
        "enforcement": "ports",
        "sets": {"admins": [ssh_from]},
        "rules": [
            {"id": "ssh", "protocol": "tcp", "ports": [22], "verdict": "accept", "sources": ["admins"]},
            {"id": "ssh", "protocol": "tcp", "ports": [22], "verdict": "drop"},
            {"id": "closed", "protocol": "tcp", "ports": [port], "verdict": "drop"},
        ],
    }


def wait_until(what: Callable[[], bool], patience: float = PATIENCE) -> None:
    """Return as soon as C(what) is so; fail when it is not so in time."""
    deadline = time.monotonic() + patience
    while not what():
        assert time.monotonic() < deadline, "not in time"
        time.sleep(0.005)


def kill_with_descendants(pid: int) -> None:
    """Kill a process and all that it has started, as a power cut of the controller does."""
    family = [pid]
    for member in family:  # grows meanwhile; stopped first, so that none starts another
        with contextlib.suppress(ProcessLookupError):
            os.kill(member, signal.SIGSTOP)
        with contextlib.suppress(FileNotFoundError):
            for task in Path(f"/proc/{member}/task").iterdir():
                family += [int(child) for child in (task / "children").read_text().split()]
    for member in family:
        with contextlib.suppress(ProcessLookupError):
            os.kill(member, signal.SIGKILL)


def waiting_processes() -> list[str]:
    """The processes on the sandbox's machine that would take a change back."""
    found = []
    for cmdline in Path("/proc").glob("[0-9]*/cmdline"):
        with contextlib.suppress(OSError):
            if str(RUN).encode() in (words := cmdline.read_bytes()) and b"restore.sh" in words:
                found.append(cmdline.parent.name)
    return found


class Node:
    """The node, and a controller: over SSH from its peer's network, or over a local connection in its own."""

    def __init__(self, network: Network, home: Path, ssh: tuple[str, ...] = ()) -> None:
        self.network = network
        self._where: Host = network.peer if ssh else network.node
        self._options = ssh or ("--connection=local",)
        # What these policies cut is cut on purpose: the module must not keep the tests from doing harm.
        self.on_impact = "ignore"
        self.environment = {
            **os.environ,
            "HOME": str(home),
            "ANSIBLE_SSH_CONTROL_PATH_DIR": f"{home}/cp",
            "ANSIBLE_HOME": str(home),
            "ANSIBLE_COLLECTIONS_PATH": str(REPOSITORY / "collections"),
            "ANSIBLE_HOST_KEY_CHECKING": "false",
            "ANSIBLE_LOCALHOST_WARNING": "false",
            "ANSIBLE_NOCOLOR": "1",
            "ANSIBLE_PIPELINING": "true",
            "ANSIBLE_TIMEOUT": "2",
            "COLUMNS": "1000",
        }

    def start(self, wanted: dict[str, Any] | None, *options: str, timeout: int = LONG_TIMEOUT) -> subprocess.Popen[str]:
        """Start a task that puts C(wanted) in force, or removes everything."""
        arguments = {"state": "absent"} if wanted is None else {"policy": wanted, "on_impact": self.on_impact}
        command = [
            "nsenter", f"--net={self._where.netns}", "--",
            ANSIBLE, "node", "--inventory=node,", *self._options, f"--extra-vars=ansible_host={self.network.node.ipv4}",
            f"--extra-vars=ansible_python_interpreter={sys.executable}", "--module-name=ck8s.ports.port_policy",
            f"--args={json.dumps({**arguments, 'confirm_timeout': timeout})}", *options,
        ]  # fmt: skip
        return subprocess.Popen(
            command,
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def run(self, wanted: dict[str, Any] | None, *options: str, timeout: int = LONG_TIMEOUT) -> dict[str, Any]:
        """Return the result of such a task; C(failed) tells whether it did, C(shown) is what the user sees."""
        with self.start(wanted, *options, timeout=timeout) as process:
            shown, _ = process.communicate(timeout=PATIENCE)
        answer = re.search(r"^node \| (\w+)!? => (\{\n.*^\})$", shown, re.MULTILINE | re.DOTALL)
        assert answer, shown
        result: dict[str, Any] = json.loads(answer.group(2))
        return {**result, "failed": answer.group(1) == "FAILED", "shown": shown}

    def kill_between_change_and_confirmation(self, wanted: dict[str, Any] | None, timeout: int = TIMEOUT) -> None:
        """Start a task and kill its controller as soon as the rules are the wanted ones."""
        before = self.rules()
        with self.start(wanted, timeout=timeout) as process:
            wait_until(lambda: self.rules() != before)
            # The change must be whole: its lock is free when the module has done its part.
            subprocess.run(["flock", str(RUN / "change/token"), "true"], check=True, timeout=10)
            kill_with_descendants(process.pid)
        assert (RUN / "change").is_dir(), "it had been confirmed already"
        assert self.rules() != before

    def rules(self) -> str:
        """The node's rules, all of them, as the kernel prints them."""
        return self.network.node.run("nft", "--stateless", "list", "ruleset").stdout


@pytest.fixture
def node(network: Network, tmp_path: Path) -> Iterator[Node]:
    """Yield a node without rules, which a controller reaches by a local connection; all is as before afterwards."""
    yield from clean(Node(network, tmp_path))


def clean(node: Node) -> Iterator[Node]:
    assert node.rules() == ""
    assert not RUN.exists()
    yield node
    for pid in waiting_processes():
        with contextlib.suppress(ProcessLookupError):
            os.kill(int(pid), signal.SIGKILL)
    node.network.node.run("nft", "flush", "ruleset")
    subprocess.run(["rm", "-rf", str(RUN)], check=True)


@pytest.fixture
def ssh_node(network: Network, tmp_path: Path) -> Iterator[Node]:
    """Yield the same node, with an SSH server on it, which a controller in its peer's network uses."""
    if Path("/proc/self/setgroups").read_text().strip() == "deny":
        pytest.skip("sshd needs a second user id for its unprivileged part; here is one only. Run it as root")
    for key in ("host", "user"):
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(tmp_path / key)], check=True)
    Path("/run/sshd").mkdir(mode=0o755, exist_ok=True)
    server = subprocess.Popen([
        "nsenter", f"--net={network.node.netns}", "--", "/usr/sbin/sshd", "-D", "-f", "/dev/null",
        f"-oHostKey={tmp_path / 'host'}", f"-oAuthorizedKeysFile={tmp_path / 'user.pub'}", "-oStrictModes=no",
        "-oPidFile=none", "-oUsePAM=no",
    ], stderr=subprocess.DEVNULL)  # fmt: skip
    try:
        yield from clean(
            Node(network, tmp_path, ("--user=root", f"--private-key={tmp_path / 'user'}", "--connection=ssh"))
        )
    finally:
        server.kill()
        server.wait()


class FaultyNft:
    """An nft before the real one on PATH, which does harm to loads of rules from a certain one on."""

    def __init__(self, node: Node, directory: Path) -> None:
        directory.mkdir()
        self._directory = directory
        self._real = subprocess.run(["which", "nft"], capture_output=True, text=True, check=True).stdout.strip()
        node.environment["PATH"] = f"{directory}:{node.environment['PATH']}"

    def from_load(self, number: int, harm: str) -> None:
        """Have C(harm), a line of shell with the real nft as $nft, done instead of the load with this number."""
        program = self._directory / "nft"
        program.write_text(
            f"#!/bin/sh\nnft={self._real}\ncount={self._directory}/count\n"
            '[ "$*" = "--file -" ] || exec $nft "$@"\n'
            f'echo >>$count\n[ $(wc -l <$count) -ge {number} ] || exec $nft "$@"\n{harm}\n'
        )
        program.chmod(0o755)


@pytest.fixture
def nft(node: Node, tmp_path: Path) -> FaultyNft:
    """An nft that can be made to fail; the first load of a run is that of its comparison, in a scratch namespace."""
    return FaultyNft(node, tmp_path / "bin")
