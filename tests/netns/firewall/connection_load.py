# Copyright: (c) 2026, ck8s.ports contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Connections without a pause, for a test that changes the rules meanwhile. Runs as a program, in a host's network.

connection_load.py serve ADDRESS PORT...       accepts and closes, until killed
connection_load.py ADDRESS ALLOWED REFUSED     connects to both ports in turn until its standard input ends, then prints
                                               {"allowed": {"tried", "failed", "slowest"}, "refused": {"tried", "open"}}
"""

from __future__ import annotations

import json
import select
import socket
import struct
import sys
import time

PATIENCE = 5.0
"""Seconds for an allowed connection; a lost packet shows as a second or more."""

HANDSHAKE = 0.002
"""Seconds in which a handshake on a bridge inside one kernel is surely over; it needs some ten millionths of one."""

RESET_ON_CLOSE = struct.pack("ii", 1, 0)


def serve(address: str, ports: list[int]) -> None:
    listeners = [socket.create_server((address, port), backlog=4096) for port in ports]
    while True:
        for listener in select.select(listeners, [], [])[0]:
            listener.accept()[0].close()


def load(address: str, allowed: int, refused: int) -> dict[str, dict[str, float]]:
    counts: dict[str, dict[str, float]] = {
        "allowed": {"tried": 0, "failed": 0, "slowest": 0.0},
        "refused": {"tried": 0, "open": 0},
    }
    while not select.select([sys.stdin], [], [], 0)[0]:
        started = time.monotonic()
        counts["allowed"]["failed"] += not connects(address, allowed, PATIENCE)
        counts["allowed"]["slowest"] = max(counts["allowed"]["slowest"], time.monotonic() - started)
        counts["allowed"]["tried"] += 1
        counts["refused"]["open"] += connects(address, refused, HANDSHAKE)
        counts["refused"]["tried"] += 1
    return counts


def connects(address: str, port: int, patience: float) -> bool:
    with socket.socket() as client:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET_ON_CLOSE)  # else the ports run out
        client.settimeout(patience)
        try:
            client.connect((address, port))
        except OSError:
            return False
        return True


if __name__ == "__main__":
    if sys.argv[1] == "serve":
        serve(sys.argv[2], [int(port) for port in sys.argv[3:]])
    else:
        print(json.dumps(load(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))))
