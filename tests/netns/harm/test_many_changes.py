# Copyright: (c) 2026, ck8s.ports contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Two hundred changes, each with its timer and its confirmation, while connections come in without a pause."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

from ansible_collections.ck8s.ports.plugins.module_utils._boot import Boot
from ansible_collections.ck8s.ports.plugins.module_utils._nftables import NftablesBackend
from ansible_collections.ck8s.ports.plugins.module_utils._policy import parse_policy
from ansible_collections.ck8s.ports.plugins.module_utils._safe_change import SafeChange
from ansible_collections.ck8s.ports.plugins.module_utils._unconfirmed import CONFIRMED, Waiting
from tests.netns.firewall.test_under_load import ALLOWED, REFUSED, policy, start
from tests.netns.safety.conftest import wait_until, waiting_processes
from tests.netns.topology import Network, tcp_fate

CHANGES = 200


def change(wanted: dict[str, Any] | None, run: Path) -> None:
    """Make a change and confirm it, as the module does in two calls."""
    boot = Boot(str(run))
    safe = SafeChange(NftablesBackend(), boot, Waiting(boot, str(run)))
    parsed = None if wanted is None else parse_policy(wanted)
    plan, boot_plan = safe.plan(parsed)
    assert plan.changed
    made = safe.make(plan, boot_plan, "the test", 60)
    assert safe.confirm(made["change"], parsed) == CONFIRMED


def test_no_allowed_connection_fails_and_no_refused_one_succeeds(network: Network, tmp_path: Path) -> None:
    address = network.node.ipv4
    server = start(network.node, "serve", address, ALLOWED, REFUSED)
    try:
        wait_until(lambda: tcp_fate(network.peer, address, REFUSED, timeout=0.05) == "open")
        with network.node.entered():
            change(policy(0), tmp_path / "run")
        client = start(network.peer, address, ALLOWED, REFUSED)
        try:
            for turn in range(1, CHANGES + 1):
                with network.node.entered():
                    change(policy(turn % 250), tmp_path / "run")
            output, _ = client.communicate(timeout=30)
        finally:
            client.kill()
            client.wait()
        with network.node.entered():
            change(None, tmp_path / "run")
        assert tcp_fate(network.peer, address, REFUSED) == "open"  # the rules refused it, nothing else did
    finally:
        server.kill()
        server.communicate()
    counts = json.loads(output)
    print(f"{CHANGES} changes, {counts}")
    assert counts["allowed"]["tried"] > CHANGES
    assert counts["allowed"]["failed"] == 0
    assert counts["refused"]["tried"] > CHANGES
    assert counts["refused"]["open"] == 0
    wait_until(lambda: not waiting_processes(), patience=10)
    assert subprocess.run(["ls", tmp_path / "run"], capture_output=True, check=False).stdout == b""
