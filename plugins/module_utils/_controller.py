# Copyright: (c) 2026, ck8s.ports contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The connection over which the controller has reached this host. Private to the collection.

sshd leaves it in the environment of what it starts, as SSH_CONNECTION (ssh(1)). sudo takes it out of the module's own
environment, but not out of those of the processes above.
"""

from __future__ import annotations

import ipaddress
import os
from typing import Callable, NamedTuple

from ansible_collections.ck8s.ports.plugins.module_utils import _processes
from ansible_collections.ck8s.ports.plugins.module_utils._policy import LAST_PORT

_NAME = b"SSH_CONNECTION="
_DEEPEST = 100
"""Generations that are looked at, at most; there are about eight between sshd and a module."""


class Connection(NamedTuple):
    """A TCP connection, as this host sees it."""

    peer: str
    peer_port: int
    local: str
    port: int


def controllers_connection(
    is_open: Callable[[str, int, str, int], bool], proc: str = "/proc", pid: int | None = None
) -> Connection | None:
    """Return the connection that this process (or ``pid``) has been started over; None where there is no such.

    It is the one that the nearest of the processes above tells of and that ``is_open`` in this network namespace. A
    local connection has none, nor has one into a container; an SSH session in which someone has started Ansible with a
    local connection counts, since it is how they reach this host. Raises OSError as ``is_open`` does.
    """
    generation = os.getpid() if pid is None else pid
    for _unused in range(_DEEPEST):
        if generation <= 0:
            break
        connection = _connection_of(generation, proc)
        if connection is not None and is_open(*connection):
            return connection
        generation = _processes.family_of(generation, proc).parent
    return None


def _connection_of(pid: int, proc: str) -> Connection | None:
    for variable in _processes.environment_of(pid, proc):
        if variable.startswith(_NAME):
            return _parsed(_processes.text(variable[len(_NAME) :]))
    return None


def _parsed(value: str) -> Connection | None:
    """``PEER PORT LOCAL PORT``; the environment is the user's own to change, so it may hold anything."""
    try:
        peer, peer_port, local, port = value.split(" ")
        return Connection(_address(peer), _port(peer_port), _address(local), _port(port))
    except ValueError:
        return None


def _address(text: str) -> str:
    return str(ipaddress.ip_address(text.partition("%")[0]))


def _port(text: str) -> int:
    number = int(text)
    if not 0 < number <= LAST_PORT:
        raise ValueError(f"{number} is not a port")
    return number
