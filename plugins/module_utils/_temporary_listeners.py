# Copyright: (c) 2026, ck8s.ports contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Listeners that exist for the time of a probe. Private to the collection.

They are held by a process of their own, which ends when it is told to, when its time is over, or when it is killed;
with it go the listeners. No file says that it is there: it is found, and told to end, by an abstract unix socket whose
name only its starter knows (unix(7)).
"""

from __future__ import annotations

import contextlib
import errno
import json
import os
import secrets
import selectors
import signal
import socket
import struct
import time
from typing import Any, Dict

from ansible_collections.ck8s.ports.plugins.module_utils import _sock_diag
from ansible_collections.ck8s.ports.plugins.module_utils._probe import DATAGRAM
from ansible_collections.ck8s.ports.plugins.module_utils._probe_answers import named

Data = Dict[str, Any]

LISTENING, IN_USE, FAILED, NOT_STARTED = "listening", "in_use", "failed", "not_started"
LIFETIMES = range(1, 601)
"""Seconds after which the listeners are gone, whatever happens."""

_NAME = "\0ck8s-ports/temporary-listeners/{}"
_STOP = b"stop"
_PATIENCE = 3.0
"""Seconds for the process to say that it has begun, or to end when told to; after that it is killed."""
_BACKLOG = 16
_MOST_CLIENTS = 64
"""Connections held at once; more are closed as they come."""
_NOBODY = 65534
_CREDENTIALS = struct.Struct("=iII")  # struct ucred: pid, uid, gid
_KINDS = {"tcp": socket.SOCK_STREAM, "udp": socket.SOCK_DGRAM}


def start(listeners: list[Data], lifetime: int) -> tuple[str | None, list[Data]]:
    """Begin to listen; return by what it can be stopped (None where nothing listens) and what became of each listener.

    Each of ``listeners`` has protocol (tcp, udp), address (an IP address; :: also takes IPv4) and port; each result has
    status (LISTENING, IN_USE, FAILED) and detail besides. A port on which anything listens, on whatever address, is
    left alone. ``lifetime`` is in seconds.
    """
    token = secrets.token_hex(16)
    told, tell = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(told)
        _become_holder(listeners, lifetime, token, tell)  # does not return
    os.close(tell)
    try:
        with os.fdopen(told, "rb") as pipe:
            said = _read_all(pipe.fileno(), _PATIENCE)
    finally:
        os.waitpid(child, 0)
    try:
        results: list[Data] = json.loads(said.decode("utf-8"))
    except ValueError:
        failed = {"status": FAILED, "detail": f"the process that was to listen did not begin in {_PATIENCE:g} seconds"}
        results = [{**listener, **failed} for listener in listeners]
    return (token if any(result["status"] == LISTENING for result in results) else None), results


def stop(token: str) -> list[Data] | None:
    """End the listeners that ``token`` was returned for; return how many clients each has had.

    The result is None where they were gone already. They are gone when this returns.
    """
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_CLOEXEC) as control:
        control.settimeout(_PATIENCE)
        try:
            control.connect(_NAME.format(token))
        except OSError:
            return None
        pid = _peer(control)[0]
        try:
            control.sendall(_STOP)
            said = _read_all(control.fileno(), _PATIENCE)
            clients: list[Data] = json.loads(said.decode("utf-8"))
        except (OSError, ValueError):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
            return None
    return clients


def _read_all(descriptor: int, patience: float) -> bytes:
    """Return what comes until the other side closes, or until ``patience`` seconds are over."""
    deadline = time.monotonic() + patience
    said = b""
    os.set_blocking(descriptor, False)
    with selectors.DefaultSelector() as selector:
        selector.register(descriptor, selectors.EVENT_READ)
        while selector.select(max(0.0, deadline - time.monotonic())):
            part = os.read(descriptor, 65536)
            if not part:
                break
            said += part
    return said


def _peer(connection: socket.socket) -> tuple[int, int]:
    """Return pid and uid of the other side of a unix socket."""
    data = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size)
    pid, uid, _unused = _CREDENTIALS.unpack(data)
    return int(pid), int(uid)


def _become_holder(listeners: list[Data], lifetime: int, token: str, tell: int) -> None:
    """In the forked process: detach, listen, say so, serve, end. Nothing of the module is to run on here."""
    status = 1
    try:
        os.setsid()
        if os.fork():
            os._exit(0)
        # The kernel's own alarm ends this process even if everything below hangs.
        signal.signal(signal.SIGALRM, signal.SIG_DFL)
        signal.signal(signal.SIGHUP, signal.SIG_IGN)
        signal.signal(signal.SIGPIPE, signal.SIG_IGN)
        signal.alarm(lifetime)
        _leave_everything_but(tell)
        held, results = _bind_all(listeners)
        if held:
            with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as control:
                control.bind(_NAME.format(token))
                control.listen(1)
                owner = os.geteuid()
                _drop_privileges()
                _say(tell, results)
                _Holder(held, control, owner).run()
        else:
            _say(tell, results)
        status = 0
    finally:
        os._exit(status)


def _leave_everything_but(kept: int) -> None:
    """Close what was inherited, so that nobody waits for the end of a pipe that this process holds open."""
    os.chdir("/")
    null = os.open(os.devnull, os.O_RDWR)
    for descriptor in (0, 1, 2):
        os.dup2(null, descriptor)
    for name in os.listdir("/proc/self/fd"):
        if int(name) not in (0, 1, 2, kept):
            with contextlib.suppress(OSError):
                os.close(int(name))


def _drop_privileges() -> None:
    """Become nobody where this is possible: what listens now has no need of more."""
    with contextlib.suppress(OSError):
        os.setgroups([])
        os.setgid(_NOBODY)
        os.setuid(_NOBODY)


def _say(tell: int, results: list[Data]) -> None:
    with os.fdopen(tell, "wb") as pipe:
        pipe.write(json.dumps(results).encode("utf-8"))


def _bind_all(listeners: list[Data]) -> tuple[list[tuple[Data, socket.socket]], list[Data]]:
    """Return the listeners that are there now with their sockets, and what became of each."""
    held = []
    results = []
    taken: dict[str, set[int | None]] = {}
    for listener in listeners:
        protocol = listener["protocol"]
        try:
            if protocol not in taken:
                taken[protocol] = _ports_in_use(protocol)
            if listener["port"] in taken[protocol]:
                results.append({**listener, "status": IN_USE, "detail": "something listens on this port"})
                continue
            held.append((listener, _bound(listener)))
            results.append({**listener, "status": LISTENING, "detail": ""})
        except OSError as error:
            status = IN_USE if error.errno == errno.EADDRINUSE else FAILED
            results.append({**listener, "status": status, "detail": named(error.errno)})
    return held, results


def _ports_in_use(protocol: str) -> set[int | None]:
    """Return the ports on which something listens, on whatever address; raises OSError where that cannot be seen."""
    return {sock.port for family in ("ipv4", "ipv6") for sock in _sock_diag.listening(protocol, family)[0]}


def _bound(listener: Data) -> socket.socket:
    """Listen exactly there. Without SO_REUSEADDR and SO_REUSEPORT: never beside another socket. Raises OSError."""
    family = socket.AF_INET6 if ":" in listener["address"] else socket.AF_INET
    made = socket.socket(family, _KINDS[listener["protocol"]] | socket.SOCK_NONBLOCK)
    try:
        if family == socket.AF_INET6:
            made.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, int(listener["address"] != "::"))
        made.bind((listener["address"], listener["port"]))
        if listener["protocol"] == "tcp":
            made.listen(_BACKLOG)
    except OSError:
        made.close()
        raise
    return made


class _Holder:
    """Takes connections and holds them until their other side ends them; answers the probe's datagram and no other."""

    def __init__(self, held: list[tuple[Data, socket.socket]], control: socket.socket, owner: int) -> None:
        self._held = held
        self._control = control
        self._owner = owner
        self._clients = [0] * len(held)
        self._connections: set[socket.socket] = set()
        self._selector = selectors.DefaultSelector()

    def run(self) -> None:
        """Serve until told to stop; the alarm ends it otherwise."""
        self._selector.register(self._control, selectors.EVENT_READ, None)
        for number, (_unused, listener) in enumerate(self._held):
            self._selector.register(listener, selectors.EVENT_READ, number)
        while True:
            for key, _events in self._selector.select():
                ready: socket.socket = key.fileobj  # type: ignore[assignment]
                if ready is self._control:
                    if self._is_told_to_stop():
                        return
                elif ready in self._connections:
                    self._look_at(ready)
                else:
                    self._serve(key.data, ready)

    def _is_told_to_stop(self) -> bool:
        connection, _unused = self._control.accept()
        with connection:
            connection.settimeout(_PATIENCE)
            try:
                if _peer(connection)[1] not in (0, self._owner) or connection.recv(len(_STOP)) != _STOP:
                    return False
                counted = zip(self._held, self._clients)
                clients = [{**listener, "clients": count} for (listener, _unused), count in counted]
                # First the ports, then the word that they are free.
                for _unused, listener_socket in self._held:
                    listener_socket.close()
                for held in self._connections:
                    held.close()
                connection.sendall(json.dumps(clients).encode("utf-8"))
            except OSError:
                return False
        return True

    def _serve(self, number: int, listener: socket.socket) -> None:
        with contextlib.suppress(OSError):
            if listener.type == socket.SOCK_DGRAM:
                said, client = listener.recvfrom(2048)
                self._clients[number] += 1
                if said == DATAGRAM:
                    listener.sendto(said, client)
                return
            connection, _unused = listener.accept()
            self._clients[number] += 1
            # Its end is a reset, however this process ends: else the kernel keeps the port for a minute.
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            if len(self._connections) >= _MOST_CLIENTS:
                connection.close()
                return
            connection.setblocking(False)
            self._connections.add(connection)
            self._selector.register(connection, selectors.EVENT_READ, None)

    def _look_at(self, connection: socket.socket) -> None:
        with contextlib.suppress(OSError):
            if connection.recv(2048):
                return
        self._selector.unregister(connection)
        self._connections.discard(connection)
        connection.close()
