# Copyright: (c) 2026, ck8s.ports contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A network namespace for one test of what listens in it, the sockets in it, and three accounts of them: the module's,
that of ``ss`` and that of psutil."""

from __future__ import annotations

import contextlib
import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tests.lab.guard import refuse_machine_namespace

_ROOT = Path(__file__).resolve().parents[3]
_HOLDER = Path(__file__).with_name("holder.py")
# The Python that stands for the node's; test_interpreters.py goes through all that there are.
NODE_PYTHON = os.environ.get("CK8S_NODE_PYTHON") or sys.executable
_COLLECT = (
    "import json, sys; from ansible_collections.ck8s.ports.plugins.module_utils._listening import collect;"
    " json.dump(collect(json.loads(sys.argv[1])), sys.stdout)"
)

_PSUTIL = """
import json, psutil, sys
seen = psutil.net_connections(kind=sys.argv[1])
if sys.argv[1] == "unix":
    print(json.dumps([[one.laddr, one.pid] for one in seen]))
else:
    listening = [one for one in seen if one.status == "LISTEN" or (one.type == 2 and not one.raddr)]
    print(json.dumps([[one.family, one.type, *one.laddr, one.pid] for one in listening]))
"""


class Held:
    """A process with sockets: its pid, those of its children, and the sockets' inode numbers and ports."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        assert process.stdout is not None
        line = process.stdout.readline()
        assert line, f"the holder of the sockets ended with {process.wait(timeout=10)}"
        told = json.loads(line)
        self.pid: int = told["pid"]
        self.children: list[int] = told["children"]
        self.inodes: list[int] = [one["inode"] for one in told["sockets"]]
        self.ports: list[int] = [one["port"] for one in told["sockets"]]


class Space:
    """A network namespace with lo up and the two ends of a veth, eth0 (192.0.2.1, 2001:db8::1) and eth1."""

    def __init__(self, pid: int) -> None:
        self.pid = pid
        self.enter = ["nsenter", "--target", str(pid), "--net", "--"]

    def run(self, *command: str, check: bool = True, **options: Any) -> str:
        """The standard output of a command in this network."""
        options = {"timeout": 120, **options}
        completed = subprocess.run([*self.enter, *command], check=False, capture_output=True, text=True, **options)
        assert not check or completed.returncode == 0, f"{command}: {completed.stderr}"
        return str(completed.stdout)

    @contextlib.contextmanager
    def holding(self, *sockets: dict[str, Any], run_as: list[str] | None = None, **process: Any) -> Iterator[Held]:
        """A process with these sockets (see holder.py), for the duration of a ``with``."""
        told = json.dumps({"sockets": sockets, **process})
        command = [*self.enter, *(run_as or []), sys.executable, "-I", "-S", str(_HOLDER), told]
        with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as running:
            try:
                yield Held(running)
            finally:
                assert running.stdin is not None
                running.stdin.close()
                running.wait(timeout=30)

    def collect(
        self, *, python: str = sys.executable, run_as: list[str] | None = None, **options: Any
    ) -> dict[str, Any]:
        """The module's answer in this network, from a process of its own under the given interpreter."""
        environment = {**os.environ, "PYTHONPATH": str(_ROOT / "collections"), "PYTHONDONTWRITEBYTECODE": "1"}
        command = [*(run_as or []), python, "-S", "-W", "error", "-c", _COLLECT, json.dumps(options)]
        answer: dict[str, Any] = json.loads(self.run(*command, env=environment))
        return answer

    def psutil(self, kind: str) -> list[list[Any]]:
        """What psutil tells: [path, pid] of unix sockets; [family, type, address, port, pid] of listening others."""
        answer: list[list[Any]] = json.loads(self.run(sys.executable, "-c", _PSUTIL, kind))
        return answer

    def ss(self, *arguments: str) -> list[dict[str, Any]]:
        """What ``ss`` tells of listening sockets, of two types at least: otherwise it leaves the type out.

        [{protocol, local, send_queue, inode, uid, cgroup, v6only, pids}]
        """
        lines = self.run("ss", "-H", "-O", "-n", "-l", "-p", "-e", "--cgroup", *arguments).splitlines()
        return [_parse_ss(line) for line in lines if line.strip()]


def _parse_ss(line: str) -> dict[str, Any]:
    protocol, _state, _receive_queue, send_queue, local, _peer = line.split()[:6]

    def find(pattern: str) -> str | None:
        found = re.search(pattern, line)
        return found.group(1) if found else None

    return {
        "protocol": protocol,
        "local": local,
        "send_queue": int(send_queue),
        "inode": int(find(r" ino:(\d+)") or 0),
        "uid": int(find(r" uid:(\d+)") or 0),
        "cgroup": find(r" cgroup:(\S+)"),
        "v6only": None if (found := find(r" v6only:(\d)")) is None else found == "1",
        "pids": sorted({int(pid) for pid in re.findall(r"pid=(\d+)", line)}),
    }


def local_of(row: dict[str, Any]) -> str:
    """The local address and port of one of the module's rows, as ss prints them."""
    address = row["address"]
    if row["dual_stack"]:
        address = "*"
    elif ":" in address:
        address = f"[{address}]"
    return f"{address}{'%' + row['interface'] if row['interface'] else ''}:{row['port']}"


@contextlib.contextmanager
def new_space() -> Iterator[Space]:
    """A Space that ends with the ``with``."""
    refuse_machine_namespace()
    command = ["unshare", "--net", "--kill-child", "--fork", "sh", "-c", "echo $$; exec cat"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            space = Space(int(process.stdout.readline()))
            for step in (
                "ip link set lo up",
                "ip link add eth0 type veth peer name eth1",
                "ip address add 192.0.2.1/24 dev eth0",
                "ip address add 2001:db8::1/64 dev eth0 nodad",
                "ip link set eth0 addrgenmode none",
                "ip address add fe80::1/64 dev eth0 nodad",
                "ip link set eth0 up",
                "ip link set eth1 up",
            ):
                space.run(*step.split())
            yield space
        finally:
            process.stdin.close()
            process.wait(timeout=10)
