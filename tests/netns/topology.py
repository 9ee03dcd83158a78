# Copyright: (c) 2026, ck8s.ports contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A network for tests: a node, its peer and an outsider, each a network namespace, on one bridge with both families.

    with three_hosts() as network:
        with network.node.entered():            # this thread is in the node's network
            NftablesBackend().apply(...)
        with listening(network.node, "tcp", "0.0.0.0", 6443):
            assert tcp_fate(network.peer, network.node.ipv4, 6443) == "open"
        network.peer.run("nft", "list", "ruleset")

Sockets stay in the namespace they were made in, so one test has both ends of a connection in its hands.
"""

from __future__ import annotations

import contextlib
import ctypes
import itertools
import os
import socket
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ansible_collections.ck8s.ports.plugins.module_utils._probe import Target, probe
from tests.lab.guard import refuse_machine_namespace

ARRIVED = "arrived"
LOST = "lost"

_CLONE_NEWNET = 0x40000000
_NUMBERS = itertools.count(1)
_HOSTS = {"node": 11, "peer": 12, "outsider": 99}
"""The number at the end of each one's addresses."""
_ANSWER_WAIT = 0.3
"""Seconds after which a packet on a bridge inside one kernel is taken for lost; it needs some millionths of one."""


@dataclass(frozen=True)
class Host:
    """A network namespace with the interface eth0 in 10.88.0.0/24 and fd88::/64, and lo up."""

    name: str
    netns: Path
    ipv4: str
    ipv6: str

    @property
    def addresses(self) -> tuple[str, str]:
        """The addresses on eth0, one of each family."""
        return (self.ipv4, self.ipv6)

    def run(self, *command: str, check: bool = True, **options: Any) -> subprocess.CompletedProcess[str]:
        """Run a command in this network; everything else (files, processes) is the caller's."""
        options = {"capture_output": True, "text": True, "timeout": 120, **options}
        completed = subprocess.run(["nsenter", f"--net={self.netns}", "--", *command], check=False, **options)
        if check and completed.returncode != 0:
            raise AssertionError(f"{self.name}: {' '.join(command)}: {completed.stderr or completed.stdout}")
        return completed

    @contextlib.contextmanager
    def entered(self) -> Iterator[None]:
        """Put the calling thread, and the processes that it starts, into this network for the duration."""
        with Path("/proc/thread-self/ns/net").open() as back, self.netns.open() as there:
            _enter(there.fileno())
            try:
                refuse_machine_namespace()
                yield
            finally:
                _enter(back.fileno())

    def sysctl(self, name: str, value: str) -> None:
        """Set a sysctl of this network, ``name`` below net/ with slashes."""
        with self.entered():
            Path("/proc/sys/net", name).write_text(value, encoding="ascii")


@dataclass(frozen=True)
class Network:
    """Three hosts that can reach each other; nothing can reach them, and they can reach nothing else."""

    node: Host
    peer: Host
    outsider: Host


@contextlib.contextmanager
def three_hosts() -> Iterator[Network]:
    """Make the network, and remove it whatever happened in between. Refuses to work outside the sandbox."""
    with some_hosts(_HOSTS) as hosts:
        yield Network(**hosts)


@contextlib.contextmanager
def some_hosts(numbers: dict[str, int]) -> Iterator[dict[str, Host]]:
    """Make a network of hosts with these names, each with the number that its addresses end in, and remove it."""
    refuse_machine_namespace()
    suffix = f"{os.getpid()}-{next(_NUMBERS)}"
    wire = f"wire-{suffix}"
    names = {role: f"{role}-{suffix}" for role in numbers}
    with contextlib.ExitStack() as stack:
        for name in (wire, *names.values()):
            _ip("netns", "add", name)
            stack.callback(_ip, "netns", "delete", name)
            _ip("-n", name, "link", "set", "lo", "up")
        _ip("-n", wire, "link", "add", "bridge", "up", "type", "bridge")
        yield {role: _join(wire, role, names[role], number) for role, number in numbers.items()}


def _join(wire: str, role: str, name: str, number: int) -> Host:
    host = Host(name=role, netns=Path("/run/netns", name), ipv4=f"10.88.0.{number}", ipv6=f"fd88::{number}")
    _ip(
        "-n", wire, "link", "add", role, "up", "master", "bridge", "type", "veth", "peer", "name", "eth0", "netns", name
    )
    _ip("-n", name, "address", "add", f"{host.ipv4}/24", "dev", "eth0")
    _ip("-n", name, "address", "add", f"{host.ipv6}/64", "dev", "eth0", "nodad")
    _ip("-n", name, "link", "set", "eth0", "addrgenmode", "eui64", "up")
    return host


def _ip(*arguments: str) -> None:
    subprocess.run(["ip", *arguments], check=True, timeout=30)


def _enter(namespace: int) -> None:
    libc = ctypes.CDLL(None, use_errno=True)  # os.setns() exists from Python 3.12 on
    if libc.setns(namespace, _CLONE_NEWNET) != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))


def family_of(address: str) -> socket.AddressFamily:
    """Return the address family of a literal address."""
    return socket.AF_INET6 if ":" in address else socket.AF_INET


@contextlib.contextmanager
def listening(host: Host, protocol: str, address: str, port: int) -> Iterator[socket.socket]:
    """Yield a socket that listens on ``host``: tcp or udp, on one address; an IPv6 one takes no IPv4."""
    kind = socket.SOCK_STREAM if protocol == "tcp" else socket.SOCK_DGRAM
    with host.entered():
        listener = socket.socket(family_of(address), kind)
    with listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if listener.family == socket.AF_INET6:
            listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        listener.bind((address, port))
        if protocol == "tcp":
            listener.listen(1024)
        yield listener


def tcp_fate(source: Host, address: str, port: int, timeout: float = _ANSWER_WAIT) -> str:
    """Return what a connection attempt from ``source`` meets: open, refused, silent, unreachable or error."""
    with source.entered():
        (outcome,) = probe([Target(address, port)], timeout)
    return outcome.status


def udp_fate(source: Host, listener: socket.socket, address: str, port: int, timeout: float = _ANSWER_WAIT) -> str:
    """Return whether a datagram from ``source`` to ``address`` arrives at ``listener``: arrived or lost."""
    word = os.urandom(8)
    with source.entered(), socket.socket(family_of(address), socket.SOCK_DGRAM) as sender:
        sender.sendto(word, (address, port))
    listener.settimeout(timeout)
    try:
        while listener.recv(64) != word:
            pass
    except TimeoutError:
        return LOST
    return ARRIVED
