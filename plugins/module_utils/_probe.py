# Copyright: (c) 2026, ck8s.ports contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Connection attempts to many TCP ports at once, without a thread for each. Private to the collection."""

from __future__ import annotations

import errno
import os
import resource
import selectors
import socket
import time
from collections import deque
from dataclasses import dataclass
from typing import Iterable

OPEN = "open"
REFUSED = "refused"
SILENT = "silent"
UNREACHABLE = "unreachable"
ERROR = "error"

# What connect() itself, or an answer to it, becomes. ICMP errors: icmp_err_convert (net/ipv4/icmp.c) and tab_unreach
# (net/ipv6/icmp.c) in the kernel. Before the handshake is complete, a reset is ECONNREFUSED and nothing else.
_STATUSES = {
    0: OPEN,
    errno.ECONNRESET: OPEN,
    errno.EPIPE: OPEN,
    errno.ECONNREFUSED: REFUSED,
    errno.ETIMEDOUT: SILENT,
    errno.EHOSTUNREACH: UNREACHABLE,
    errno.ENETUNREACH: UNREACHABLE,
    errno.EHOSTDOWN: UNREACHABLE,
    errno.ENONET: UNREACHABLE,
    errno.ENOPROTOOPT: UNREACHABLE,
    errno.EPROTO: UNREACHABLE,
    errno.EACCES: UNREACHABLE,
}
_REMARKS = {
    errno.ECONNRESET: "closed by the other side right after the handshake",
    errno.EPIPE: "closed by the other side right after the handshake",
    errno.EACCES: "administratively prohibited (ICMPv6)",
}
_FORBIDDEN_HERE = (errno.EACCES, errno.EPERM)
_NO_DESCRIPTOR = (errno.EMFILE, errno.ENFILE)

_BURST = 64
"""Attempts begun before the answers to the ones before are looked at, so that their times stay true."""

_SPARE_DESCRIPTORS = 32
"""Of the limit on open files, what is left to the rest of the process."""


@dataclass(frozen=True)
class Target:
    """One TCP port. ``host`` is an IPv4 or IPv6 address, a link-local one with its zone (``fe80::1%eth0``)."""

    host: str
    port: int


@dataclass(frozen=True)
class Outcome:
    """What became of one attempt: one of the statuses above, the reason in words, and its time in seconds.

    ``source`` is the address that the attempt was made from, None where it did not come to that.
    """

    status: str
    detail: str
    elapsed: float
    source: str | None = None


def probe(targets: Iterable[Target], timeout: float) -> list[Outcome]:
    """Try to connect to every target and return the outcomes in the same order.

    Each attempt gets ``timeout`` seconds of its own. All run at once as far as the limit on open files allows (the soft
    limit of this process is raised where need be); beyond that one begins when another ends. Names are not looked up.
    A connection that comes about is closed at once, without a byte having been sent.
    """
    prober = _Prober(list(targets), timeout)
    try:
        return prober.run()
    finally:
        prober.close()


@dataclass
class _Attempt:
    index: int
    socket: socket.socket
    started: float
    source: str | None = None


class _Prober:
    def __init__(self, targets: list[Target], timeout: float) -> None:
        self._targets = targets
        self._timeout = timeout
        self._waiting = deque(range(len(targets)))
        self._active: dict[int, _Attempt] = {}  # by file descriptor, oldest first, which is the order of the deadlines
        self._outcomes: dict[int, Outcome] = {}
        self._selector = selectors.DefaultSelector()
        self._limit = _attempts_at_once(len(targets))

    def run(self) -> list[Outcome]:
        while self._waiting or self._active:
            for _ in range(min(_BURST, len(self._waiting), self._limit - len(self._active))):
                self._begin(self._waiting.popleft())
            for key, _ in self._selector.select(self._patience()):
                attempt = self._active[key.fd]
                self._end(attempt, *_judge(attempt.socket.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)))
            self._give_up_overdue()
        return [self._outcomes[index] for index in range(len(self._targets))]

    def close(self) -> None:
        for attempt in self._active.values():
            attempt.socket.close()
        self._selector.close()

    def _begin(self, index: int) -> None:
        started = time.monotonic()
        target = self._targets[index]
        try:
            family, kind, protocol, _, address = socket.getaddrinfo(
                target.host, target.port, type=socket.SOCK_STREAM, flags=socket.AI_NUMERICHOST
            )[0]
            connection = socket.socket(family, kind | socket.SOCK_NONBLOCK | socket.SOCK_CLOEXEC, protocol)
        except socket.gaierror as error:
            self._outcomes[index] = Outcome(ERROR, f"not an address that can be used here: {error.strerror}", 0.0)
            return
        except OSError as error:
            if error.errno in _NO_DESCRIPTOR and self._active:
                self._limit = len(self._active)
                self._waiting.appendleft(index)
            else:
                self._outcomes[index] = Outcome(ERROR, _named(error.errno), 0.0)
            return
        attempt = _Attempt(index, connection, started)
        self._active[connection.fileno()] = attempt
        number = connection.connect_ex(address)
        if number in (0, errno.EINPROGRESS):
            # Asked now: a refusal takes the address away again.
            attempt.source = connection.getsockname()[0]
        if number == errno.EINPROGRESS:
            self._selector.register(connection, selectors.EVENT_WRITE)
        else:
            self._end(attempt, *_judge(number, at_once=True))

    def _end(self, attempt: _Attempt, status: str, detail: str) -> None:
        self._outcomes[attempt.index] = Outcome(status, detail, time.monotonic() - attempt.started, attempt.source)
        descriptor = attempt.socket.fileno()
        if descriptor in self._selector.get_map():
            self._selector.unregister(attempt.socket)
        del self._active[descriptor]
        attempt.socket.close()

    def _patience(self) -> float:
        """Return the seconds to wait for answers: none while more attempts can begin, else until the next deadline."""
        if not self._active or (self._waiting and len(self._active) < self._limit):
            return 0.0
        oldest = next(iter(self._active.values()))
        return max(0.0, oldest.started + self._timeout - time.monotonic())

    def _give_up_overdue(self) -> None:
        now = time.monotonic()
        for attempt in list(self._active.values()):
            if attempt.started + self._timeout > now:
                break
            self._end(attempt, SILENT, f"no answer in {self._timeout:g} s")


def _judge(number: int, at_once: bool = False) -> tuple[str, str]:
    """Return status and detail for the error number of a connection attempt, 0 for success.

    ``at_once``: connect() itself said so, not an answer from the network.
    """
    if number == 0:
        return OPEN, ""
    if at_once and number in _FORBIDDEN_HERE:
        return ERROR, f"{_named(number)}: forbidden on this host, before anything was sent"
    remark = _REMARKS.get(number)
    detail = _named(number) if remark is None else f"{_named(number)}: {remark}"
    return _STATUSES.get(number, ERROR), detail


def _named(number: int | None) -> str:
    if number is None:
        return "unknown error"
    return f"{errno.errorcode.get(number, number)} ({os.strerror(number)})"


def _attempts_at_once(wanted: int) -> int:
    """Return how many attempts the limit on open files allows, having raised it towards what ``wanted`` needs."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    needed = wanted + _SPARE_DESCRIPTORS
    if soft != resource.RLIM_INFINITY and soft < needed:
        raised = needed if hard == resource.RLIM_INFINITY else min(needed, hard)
        resource.setrlimit(resource.RLIMIT_NOFILE, (raised, hard))
        soft = raised
    return wanted if soft == resource.RLIM_INFINITY else max(1, min(wanted, soft - _SPARE_DESCRIPTORS))
