# Copyright: (c) 2026, ck8s.ports contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is asked for what the document claims of a port, and where. Pure; private to the collection."""

from __future__ import annotations

from typing import Any, Iterable, Sequence

QUESTION = {
    "port": {"type": "int", "required": True},
    "path": {"type": "str", "default": "/"},
    "tls": {"type": "bool", "default": True},
    "label": {"type": "str"},
}
"""The argument spec of one question: the suboptions that port_claims and port_evidence share."""
TIMEOUT = {"type": "float", "default": 3}
"""That of their option timeout."""

_LOOPBACK = ("127.0.0.1", "::1")


def claim_targets(questions: Iterable[dict[str, Any]], sockets: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return those of ``questions`` (port, path, tls, label) that can be asked here, each with the ``host`` to ask.

    ``sockets`` are the listening ones, as listening_sockets_info returns them. A port on which nothing listens is left
    out. Of several addresses the loopback one is taken: there no firewall is in between.
    """
    targets = []
    for question in questions:
        held = [socket for socket in sockets if (socket["protocol"], socket["port"]) == ("tcp", question["port"])]
        if held:
            host = min((_reachable(socket) for socket in held), key=lambda address: (address not in _LOOPBACK, address))
            targets.append({"host": host, **question})
    return targets


def _reachable(socket: dict[str, Any]) -> str:
    """An address by which the host itself reaches ``socket``."""
    if socket["exposure"] == "wildcard":
        return "127.0.0.1" if socket["family"] == "ipv4" or socket["dual_stack"] is not False else "::1"
    scoped = socket["exposure"] == "link_local" and socket["interface"]
    return f"{socket['address']}%{socket['interface']}" if scoped else str(socket["address"])
