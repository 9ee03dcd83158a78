# Copyright: (c) 2026, ck8s.ports contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Rules replaced while connections come in: no allowed one fails, no refused one gets through."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from tests.netns.topology import Host, Network, tcp_fate

LOAD = Path(__file__).with_name("connection_load.py")
ALLOWED, REFUSED = 6443, 10248
REPLACEMENTS = 60


def start(host: Host, *arguments: object) -> subprocess.Popen[str]:
    command = ["nsenter", f"--net={host.netns}", "--", sys.executable, str(LOAD), *map(str, arguments)]
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


def policy(turn: int) -> dict[str, Any]:
    """Return a policy with the same decisions each time, both by a look into a set, and other rules and networks.

    Every other one closes all that it does not open.
    """
    return {
        "enforcement": ("ports", "default_deny")[turn % 2],
        "sets": {f"nodes{turn}": ["10.88.0.0/24", f"192.0.2.{turn}"]},
        "rules": [
            {"id": "web", "protocol": "tcp", "ports": [ALLOWED], "verdict": "accept", "sources": [f"nodes{turn}"]},
            {"id": "web", "protocol": "tcp", "ports": [ALLOWED], "verdict": "drop"},
            {"id": "healthz", "protocol": "tcp", "ports": [REFUSED], "verdict": "drop", "sources": [f"nodes{turn}"]},
            {"id": "healthz", "protocol": "tcp", "ports": [REFUSED], "verdict": "accept"},
            {"id": f"extra-{turn}", "protocol": "tcp", "ports": [1 + turn], "verdict": "drop"},
        ],
    }


def test_neither_a_hole_nor_a_gap(network: Network, firewall: Any) -> None:
    address = network.node.ipv4
    server = start(network.node, "serve", address, ALLOWED, REFUSED)
    try:
        for _ in range(200):
            if tcp_fate(network.peer, address, REFUSED, timeout=0.05) == "open":
                break
        firewall.apply(policy(0))
        client = start(network.peer, address, ALLOWED, REFUSED)
        try:
            for turn in range(1, REPLACEMENTS + 1):
                assert firewall.apply(policy(turn)).changed
            output, _ = client.communicate(timeout=30)
        finally:
            client.kill()
            client.wait()
        firewall.apply(None)
        assert tcp_fate(network.peer, address, REFUSED) == "open"  # the rules refused it, nothing else did
    finally:
        server.kill()
        server.communicate()

    counts = json.loads(output)
    assert counts["allowed"]["tried"] > 5 * REPLACEMENTS
    assert counts["allowed"]["failed"] == 0
    assert counts["allowed"]["slowest"] < 1.0, "a packet was lost and sent again"
    assert counts["refused"]["open"] == 0
