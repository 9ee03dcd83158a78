# Copyright: (c) 2026, ck8s.ports contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Try one TCP connection: ``python knock.py ADDRESS PORT`` prints ``open``, ``refused`` or ``silent``.

Not the collection's port_probe, on purpose: the demo checks that one with it. Standard library only; run by path.
"""

from __future__ import annotations

import socket
import sys

PATIENCE = 2.0
"""Seconds without an answer that count as silence."""


def knock(address: str, port: int) -> str:
    """Return what became of a connection; raise OSError for anything but the three outcomes."""
    try:
        socket.create_connection((address, port), timeout=PATIENCE).close()
    except ConnectionRefusedError:
        return "refused"
    except TimeoutError:
        return "silent"
    return "open"


if __name__ == "__main__":
    print(knock(sys.argv[1], int(sys.argv[2])))
