# Copyright: (c) 2026, ck8s.ports contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the caller asks for. Private to the collection.

Pure: options in, a Selection or a ValueError that names the option and the value out.
"""

from __future__ import annotations

from ansible_collections.ck8s.ports.plugins.module_utils._sockets import EXPOSURES, Socket

PROTOCOLS = ("tcp", "udp", "udplite", "sctp", "dccp", "raw", "unix", "vsock")
FAMILIES = ("ipv4", "ipv6", "unix", "vsock")
INTERNET = ("ipv4", "ipv6")
PROCESS_DETAILS = ("none", "names", "full")

_HIGHEST_PORT = 65535


class Selection:
    """Which sockets are wanted, and how much of them."""

    __slots__ = (
        "_ports",
        "all_holders",
        "exposures",
        "families",
        "netns",
        "paths",
        "processes",
        "protocols",
        "udp_clients",
    )

    def __init__(self, options: dict[str, object]) -> None:
        """options: the options of the module by name; one that is missing or None has its default.

        Raises ValueError for a value that is not valid.
        """
        self.protocols = _choices(options, "protocols", PROTOCOLS, ("tcp", "udp"))
        self.families = _choices(options, "families", FAMILIES, FAMILIES)
        self.exposures = frozenset(_choices(options, "exposure", EXPOSURES, EXPOSURES))
        self.processes = _choices(
            {"processes": [options.get("processes") or "full"]}, "processes", PROCESS_DETAILS, ()
        )[0]
        self.all_holders = bool(options.get("all_holders"))
        self.netns = _values(options, "netns") or ["own"]
        self.udp_clients = bool(options.get("udp_clients"))
        self.paths = _values(options, "paths")
        self._ports = [_port_range(value) for value in _values(options, "ports")]

    def wants(self, sock: Socket) -> bool:
        """Whether a socket of a wanted protocol is wanted. One without a port has none of the wanted ports."""
        if sock.family not in self.families:
            return False
        if sock.exposure not in self.exposures and len(self.exposures) < len(EXPOSURES):
            return False
        if not self._ports:
            return True
        port = sock.port
        return port is not None and any(low <= port <= high for low, high in self._ports)


def _values(options: dict[str, object], name: str) -> list[str]:
    values = options.get(name)
    if values is None:
        return []
    if not isinstance(values, (list, tuple)):
        raise ValueError(f"{name}: {values!r} is not a list")
    return [str(value) for value in values]


def _choices(
    options: dict[str, object], name: str, valid: tuple[str, ...], default: tuple[str, ...]
) -> tuple[str, ...]:
    """The values of a list option in the order of `valid`."""
    values = _values(options, name)
    for value in values:
        if value not in valid:
            raise ValueError(f"{name}: {value!r} is none of {', '.join(valid)}")
    return tuple(value for value in valid if value in values) if values else default


def _port_range(value: str) -> tuple[int, int]:
    """'443' or '30000-32767' as (lowest, highest)."""
    low, dash, high = value.partition("-")
    try:
        first, last = int(low), int(high if dash else low)
    except ValueError:
        raise ValueError(f"ports: {value!r} is neither a port nor a range such as 30000-32767") from None
    if not 0 <= first <= last <= _HIGHEST_PORT:
        raise ValueError(f"ports: {value!r} is not within 0-{_HIGHEST_PORT}, lowest first")
    return first, last
