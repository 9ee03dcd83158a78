# Copyright: (c) 2026, ck8s.ports contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Attempts at many TCP and UDP ports at once, without a thread for each. Private to the collection."""

from __future__ import annotations

import errno
import resource
import selectors
import socket
import time
from collections import deque
from dataclasses import dataclass
from typing import Iterable

from ansible_collections.ck8s.ports.plugins.module_utils._icmp_errors import ask_for_errors, read_error
from ansible_collections.ck8s.ports.plugins.module_utils._probe_answers import (
    ERROR,
    OPEN,
    RESET,
    SILENT,
    UNKNOWN,
    judge_error,
    judge_icmp,
    named,
)

DATAGRAM = bytes(8) + b"ck8s.ports probe"
"""What is sent to a UDP port. To a VXLAN device its first eight bytes are a header without the flag I, "valid network
identifier"; such a packet is dropped (RFC 7348, section 5; vxlan_rcv in drivers/net/vxlan/vxlan_core.c). An empty one
would stay: the kernel puts it in the queue of the device's socket, where nobody takes it out."""

DATAGRAMS = 3
"""To each UDP port: so many that one lost by chance does not decide, and few enough for any port."""

_NO_DESCRIPTOR = (errno.EMFILE, errno.ENFILE)

_BURST = 64
"""Attempts begun before the answers to the ones before are looked at, so that their times stay true."""

_SPARE_DESCRIPTORS = 32
"""Of the limit on open files, what is left to the rest of the process."""

_ROOM = 4096
"""Bytes read of what the other side says of itself, so that closing the connection is no reset."""


@dataclass(frozen=True)
class Target:
    """One port. ``host`` is an IPv4 or IPv6 address, a link-local one with its zone (``fe80::1%eth0``)."""

    host: str
    port: int
    protocol: str = "tcp"


@dataclass(frozen=True)
class Outcome:
    """What became of one attempt: a status of _probe_answers, the reason in words, and its time in seconds.

    ``source`` and ``source_port`` are where the attempt was made from, None where it did not come to that. ``sent`` is
    the number of datagrams that left, 0 for TCP.
    """

    status: str
    detail: str
    elapsed: float
    source: str | None = None
    source_port: int | None = None
    sent: int = 0


def probe(
    targets: Iterable[Target], timeout: float, reset_wait: float = 0.0, datagrams: int = DATAGRAMS
) -> list[Outcome]:
    """Try every target and return the outcomes in the same order.

    Each attempt gets ``timeout`` seconds of its own. All run at once as far as the limit on open files allows (the soft
    limit of this process is raised where need be); beyond that one begins when another ends. Names are not looked up.

    A TCP connection that comes about is watched for ``reset_wait`` seconds, whether the other side ends it, and closed;
    not a byte is sent. A UDP port is sent ``datagrams`` times DATAGRAM; without an answer its status is unknown.
    """
    prober = _Prober(list(targets), timeout, reset_wait, datagrams)
    try:
        return prober.run()
    finally:
        prober.close()


@dataclass
class _Attempt:
    index: int
    socket: socket.socket
    started: float
    deadline: float
    overdue: tuple[str, str]  # status and detail once the deadline has passed
    source: str | None = None
    source_port: int | None = None
    sent: int = 0
    connected: float | None = None
    over: bool = False

    @property
    def is_udp(self) -> bool:
        return self.socket.type == socket.SOCK_DGRAM


class _Prober:
    def __init__(self, targets: list[Target], timeout: float, reset_wait: float, datagrams: int) -> None:
        self._targets = targets
        self._timeout = timeout
        self._reset_wait = reset_wait
        self._datagrams = datagrams
        self._waiting = deque(range(len(targets)))
        self._active: dict[int, _Attempt] = {}  # by file descriptor
        # The attempts without an answer, and the connections that are watched: each has one patience for all in it, so
        # the first that is not over has the next deadline.
        self._trying: deque[_Attempt] = deque()
        self._watching: deque[_Attempt] = deque()
        self._outcomes: dict[int, Outcome] = {}
        self._selector = selectors.DefaultSelector()
        self._limit = _attempts_at_once(len(targets))

    def run(self) -> list[Outcome]:
        while self._waiting or self._active:
            for _unused in range(min(_BURST, len(self._waiting), self._limit - len(self._active))):
                self._begin(self._waiting.popleft())
            for key, _unused in self._selector.select(self._patience()):
                self._look(self._active[key.fd])
            self._give_up_overdue()
        return [self._outcomes[index] for index in range(len(self._targets))]

    def close(self) -> None:
        for attempt in self._active.values():
            attempt.socket.close()
        self._selector.close()

    def _begin(self, index: int) -> None:
        started = time.monotonic()
        target = self._targets[index]
        kind = socket.SOCK_DGRAM if target.protocol == "udp" else socket.SOCK_STREAM
        try:
            family, kind, protocol, _unused, address = socket.getaddrinfo(
                target.host, target.port, type=kind, flags=socket.AI_NUMERICHOST
            )[0]
            made = socket.socket(family, kind | socket.SOCK_NONBLOCK | socket.SOCK_CLOEXEC, protocol)
        except socket.gaierror as error:
            self._outcomes[index] = Outcome(ERROR, f"not an address that can be used here: {error.strerror}", 0.0)
            return
        except OSError as error:
            if error.errno in _NO_DESCRIPTOR and self._active:
                self._limit = len(self._active)
                self._waiting.appendleft(index)
            else:
                self._outcomes[index] = Outcome(ERROR, named(error.errno), 0.0)
            return
        attempt = _Attempt(index, made, started, started + self._timeout, (SILENT, self._no_answer()))
        self._active[made.fileno()] = attempt
        self._trying.append(attempt)
        number = made.connect_ex(address)
        if number in (0, errno.EINPROGRESS):
            # Asked now: a refusal takes the address away again.
            attempt.source, attempt.source_port = made.getsockname()[:2]
        if attempt.is_udp and number == 0:
            self._send(attempt)
        elif number in (0, errno.EINPROGRESS):
            # A connection that is there at once is looked at like one that takes its time.
            self._selector.register(made, selectors.EVENT_WRITE)
        else:
            self._end(attempt, *judge_error(number, at_once=True))

    def _send(self, attempt: _Attempt) -> None:
        attempt.overdue = (UNKNOWN, f"{self._no_answer()}, which UDP need not give")
        try:
            ask_for_errors(attempt.socket)
            for _unused in range(self._datagrams):
                attempt.socket.send(DATAGRAM)
                attempt.sent += 1
        except OSError as error:
            # The answer to the first datagram may be there before the last one is sent.
            icmp = read_error(attempt.socket)
            if icmp is not None:
                self._end(attempt, *judge_icmp(icmp))
                return
            if not attempt.sent:
                self._end(attempt, *judge_error(error.errno or errno.EIO, at_once=True))
                return
        self._selector.register(attempt.socket, selectors.EVENT_READ)

    def _look(self, attempt: _Attempt) -> None:
        """See what has come of an attempt that the selector has named."""
        if attempt.is_udp:
            self._look_at_datagrams(attempt)
        elif attempt.connected is not None:
            self._look_at_connection(attempt)
        else:
            number = attempt.socket.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
            if number == 0 and self._reset_wait > 0:
                self._watch(attempt)
            else:
                self._end(attempt, *judge_error(number))

    def _watch(self, attempt: _Attempt) -> None:
        attempt.connected = time.monotonic()
        attempt.deadline = attempt.connected + self._reset_wait
        attempt.overdue = (OPEN, "")
        self._watching.append(attempt)
        self._selector.modify(attempt.socket, selectors.EVENT_READ)

    def _look_at_connection(self, attempt: _Attempt) -> None:
        try:
            said = attempt.socket.recv(_ROOM)
        except BlockingIOError:
            return
        except OSError as error:
            self._end(attempt, *judge_error(error.errno or errno.EIO))
            return
        end = (RESET, "closed by the other side right after the handshake, without a byte")
        self._end(attempt, *((OPEN, "") if said else end))

    def _look_at_datagrams(self, attempt: _Attempt) -> None:
        icmp = read_error(attempt.socket)
        if icmp is not None:
            self._end(attempt, *judge_icmp(icmp))
            return
        try:
            said = attempt.socket.recv(_ROOM)
        except BlockingIOError:
            return
        except OSError as error:
            self._end(attempt, *judge_error(error.errno or errno.EIO))
            return
        self._end(attempt, OPEN, f"answered with {len(said)} bytes")

    def _end(self, attempt: _Attempt, status: str, detail: str) -> None:
        attempt.over = True
        ended = time.monotonic() if attempt.connected is None else attempt.connected
        self._outcomes[attempt.index] = Outcome(
            status, detail, ended - attempt.started, attempt.source, attempt.source_port, attempt.sent
        )
        descriptor = attempt.socket.fileno()
        if descriptor in self._selector.get_map():
            self._selector.unregister(attempt.socket)
        del self._active[descriptor]
        attempt.socket.close()

    def _patience(self) -> float:
        """Return the seconds to wait for answers: none while more attempts can begin, else until the next deadline."""
        if not self._active or (self._waiting and len(self._active) < self._limit):
            return 0.0
        deadlines = [queue[0].deadline for queue in self._queues() if queue]
        return max(0.0, min(deadlines) - time.monotonic())

    def _give_up_overdue(self) -> None:
        now = time.monotonic()
        for number in (0, 1):
            while (queue := self._queues()[number]) and queue[0].deadline <= now:
                self._end(queue[0], *queue[0].overdue)

    def _queues(self) -> tuple[deque[_Attempt], deque[_Attempt]]:
        """Return both queues, without those at their heads that are over or have gone on to the other one."""
        while self._trying and (self._trying[0].over or self._trying[0].connected is not None):
            self._trying.popleft()
        while self._watching and self._watching[0].over:
            self._watching.popleft()
        return self._trying, self._watching

    def _no_answer(self) -> str:
        return f"no answer in {self._timeout:g} s"


def _attempts_at_once(wanted: int) -> int:
    """Return how many attempts the limit on open files allows, having raised it towards what ``wanted`` needs."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    needed = wanted + _SPARE_DESCRIPTORS
    if soft != resource.RLIM_INFINITY and soft < needed:
        raised = needed if hard == resource.RLIM_INFINITY else min(needed, hard)
        resource.setrlimit(resource.RLIMIT_NOFILE, (raised, hard))
        soft = raised
    return wanted if soft == resource.RLIM_INFINITY else max(1, min(wanted, soft - _SPARE_DESCRIPTORS))
