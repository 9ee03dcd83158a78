# Copyright: (c) 2026, ck8s.ports contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What port_policy's look at live connections adds to a run, in milliseconds.

    python3 -m tests.lab.sandbox -- .venv/bin/python -m benchmarks.impact [CONNECTIONS]

CONNECTIONS (20,000) come from as many addresses, all to one port: the worst case. Medians of the time on the processor,
that of the kernel included, so that the figures do not depend on what else the machine does. Writes to standard output.
Runs in a sandbox only: it fills a network namespace.
"""

from __future__ import annotations

import os
import resource
import signal
import socket
import statistics
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "collections"))

from ansible_collections.ck8s.ports.plugins.module_utils._live_impact import look
from ansible_collections.ck8s.ports.plugins.module_utils._policy import Policy, parse_policy
from tests.lab.guard import refuse_machine_namespace

CONNECTIONS = 20_000
ROUNDS = 9
BUSY, QUIET = 6443, 2380
NOBODY = "203.0.113.0/24"


def policy(port: int, *sources: str) -> Policy:
    """Return a policy that lets only C(sources) use C(port); loopback addresses are those of the load."""
    rule: dict[str, Any] = {"id": "port", "protocol": "tcp", "ports": [port]}
    rules = [{**rule, "verdict": "accept", "sources": ["them"]}, {**rule, "verdict": "drop"}]
    return parse_policy({"enforcement": "ports", "sets": {"them": [*sources]}, "rules": rules})


def connect(listener: socket.socket, first: int, count: int) -> int:
    """Have a child make connections, from an address each, and keep them; return its process id."""
    ready, told = os.pipe()
    child = os.fork()
    if child == 0:
        kept = []
        for number in range(first, first + count):
            client = socket.create_connection(
                ("10.99.0.1", BUSY), 10, (f"10.99.{8 + number // 250}.{1 + number % 250}", 0)
            )
            kept += [client, listener.accept()[0]]
        os.write(told, b"x")
        signal.pause()
    os.close(told)
    with os.fdopen(ready, "rb") as pipe:
        if pipe.read(1) != b"x":
            raise RuntimeError("the load could not be made")
    return child


def milliseconds(wanted: Policy) -> tuple[float, int]:
    """The median time of a look at the connections, and how many peers would be refused."""
    spent = []
    for _ in range(ROUNDS):
        began = time.process_time()
        found = look(wanted)
        spent.append(time.process_time() - began)
    return statistics.median(spent) * 1000, len(found.refused)


def main() -> None:
    """Measure without load and with it."""
    refuse_machine_namespace()
    connections = int(sys.argv[1]) if sys.argv[1:] else CONNECTIONS
    subprocess.run(["ip", "address", "add", "10.99.0.1/16", "dev", "lo"], check=True)
    limit = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (limit, limit))
    each = min(connections, limit // 2 - 100)
    listeners = [socket.create_server(("10.99.0.1", port), backlog=4096) for port in (QUIET, BUSY)]
    children: list[int] = []
    try:
        for load in (0, connections):
            for first in range(0, load, each):
                children.append(connect(listeners[1], first, min(each, load - first)))
            for label, wanted in (
                ("to a port that the policy does not refuse", policy(QUIET, NOBODY)),
                ("to a port with sources, all let in", policy(BUSY, "10.99.0.0/16", NOBODY)),
                ("to a port with sources, all refused", policy(BUSY, NOBODY)),
            ):
                median, refused = milliseconds(wanted)
                print(f"{load:6} connections {label}: {median:7.1f} ms, {refused} peers refused")
    finally:
        for child in children:
            os.kill(child, signal.SIGKILL)


if __name__ == "__main__":
    main()
