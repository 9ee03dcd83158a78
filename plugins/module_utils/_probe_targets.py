# Copyright: (c) 2026, ck8s.ports contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What can be tried by port_probe, and what cannot. Pure; private to the collection."""

from __future__ import annotations

import ipaddress
import math
from typing import Any, Sequence

LAST_PORT = 65535
LONGEST_TIMEOUT = 300.0  # seconds


def target_faults(targets: Sequence[dict[str, Any]]) -> list[str]:
    """Return what is wrong with ``targets`` (host, port, protocol, label), each fault with place, value and way out."""
    faults = []
    for index, target in enumerate(targets):
        where = f"targets[{index}]"
        if target.get("label"):
            where = f"{where} ({target['label']!r})"
        if not _is_address(target["host"]):
            faults.append(
                f"{where}: host: {target['host']!r} is not an IPv4 or IPv6 address; names are not looked up, give the "
                "address that is to be tried"
            )
        if not 1 <= target["port"] <= LAST_PORT:
            faults.append(f"{where}: port: {target['port']} is not a port; give a number from 1 to {LAST_PORT}")
        if target["protocol"] != "tcp":
            faults.append(
                f"{where}: protocol: {target['protocol']!r} cannot be tried; only tcp tells an open port from a closed "
                "one by a connection attempt"
            )
    return faults


def timeout_faults(timeout: float) -> list[str]:
    """Return what is wrong with ``timeout``, in seconds."""
    if math.isfinite(timeout) and 0 < timeout <= LONGEST_TIMEOUT:
        return []
    return [f"timeout: {timeout:g} is not a time to wait; give seconds, more than 0 and at most {LONGEST_TIMEOUT:g}"]


def _is_address(host: str) -> bool:
    address, _, _zone = host.partition("%")  # ipaddress knows zones from Python 3.9 on
    try:
        ipaddress.ip_address(address)
    except ValueError:
        return False
    return True
