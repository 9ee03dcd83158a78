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
PROTOCOLS = ("tcp", "udp")
MOST_DATAGRAMS = 16


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
        if target["protocol"] not in PROTOCOLS:
            faults.append(f"{where}: protocol: {target['protocol']!r} cannot be tried; give {' or '.join(PROTOCOLS)}")
    return faults


def timeout_faults(timeout: float) -> list[str]:
    """Return what is wrong with ``timeout``, in seconds."""
    if math.isfinite(timeout) and 0 < timeout <= LONGEST_TIMEOUT:
        return []
    return [f"timeout: {timeout:g} is not a time to wait; give seconds, more than 0 and at most {LONGEST_TIMEOUT:g}"]


def ipv4_faults(targets: Sequence[dict[str, Any]]) -> list[str]:
    """Return which of ``targets`` have an IPv6 address where only IPv4 can be tried."""
    return [
        f"targets[{index}]: host: {target['host']!r} is an IPv6 address; give the neighbour's IPv4 address (the kernel "
        "drops packets from the wire for ::1 by itself)"
        for index, target in enumerate(targets)
        if ":" in target["host"]
    ]


def reset_wait_faults(seconds: float) -> list[str]:
    """Return what is wrong with ``reset_wait``, in seconds."""
    if math.isfinite(seconds) and 0 <= seconds <= LONGEST_TIMEOUT:
        return []
    return [f"reset_wait: {seconds:g} is not a time to wait; give seconds from 0 to {LONGEST_TIMEOUT:g}"]


def datagrams_faults(count: int) -> list[str]:
    """Return what is wrong with ``datagrams``."""
    if 1 <= count <= MOST_DATAGRAMS:
        return []
    return [f"datagrams: {count} cannot be sent to a port; give a number from 1 to {MOST_DATAGRAMS}"]


def _is_address(host: str) -> bool:
    address, _unused, _zone = host.partition("%")  # ipaddress knows zones from Python 3.9 on
    try:
        ipaddress.ip_address(address)
    except ValueError:
        return False
    return True
