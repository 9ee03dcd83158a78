# Copyright: (c) 2026, ck8s.ports contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Connections that come about, and what the other side then does with them."""

from __future__ import annotations

import contextlib
import socket
import struct
import threading
from collections.abc import Callable, Iterator

import pytest

from ansible_collections.ck8s.ports.plugins.module_utils._probe import Outcome, Target, probe
from tests.netns.topology import Network, listening

PORT = 6443
ENDED = "right after the handshake"


def reset(connection: socket.socket) -> None:
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.close()


def close(connection: socket.socket) -> None:
    connection.close()


def greet(connection: socket.socket) -> None:
    connection.sendall(b"SSH-2.0-OpenSSH_9.2p1\r\n")
    wait(connection)


def wait(connection: socket.socket) -> None:
    connection.settimeout(5)
    with contextlib.suppress(OSError):
        connection.recv(64)
    connection.close()


@contextlib.contextmanager
def serving(network: Network, serve: Callable[[socket.socket], None]) -> Iterator[None]:
    """A server on the node that does one thing with its first client."""
    with listening(network.node, "tcp", network.node.ipv4, PORT) as listener:
        listener.settimeout(5)
        server = threading.Thread(target=lambda: serve(listener.accept()[0]), daemon=True)
        server.start()
        yield
        server.join(timeout=5)
        assert not server.is_alive()


def attempt(network: Network, reset_wait: float) -> Outcome:
    with network.peer.entered():
        (outcome,) = probe([Target(network.node.ipv4, PORT)], timeout=2.0, reset_wait=reset_wait)
    return outcome


@pytest.mark.parametrize(
    ("serve", "status", "detail"),
    [
        (reset, "reset", ENDED),
        (close, "reset", f"closed by the other side {ENDED}"),
        (greet, "open", ""),
        (wait, "open", ""),
    ],
)
def test_what_the_other_side_does(
    network: Network, serve: Callable[[socket.socket], None], status: str, detail: str
) -> None:
    with serving(network, serve):
        outcome = attempt(network, reset_wait=0.5)
    assert outcome.status == status
    assert detail in outcome.detail
    assert outcome.elapsed < 0.3


def test_without_watching_a_connection_is_open(network: Network) -> None:
    with serving(network, close):
        assert attempt(network, reset_wait=0.0).status == "open"
