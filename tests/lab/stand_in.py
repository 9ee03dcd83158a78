# Copyright: (c) 2026, ck8s.ports contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A process that looks like a service from outside: its name, its sockets, its answer to a client without credentials.

Run as ``python stand_in.py DESCRIPTION``, where DESCRIPTION is JSON::

    {"comm": "kubelet",
     "pki": {"certificate": PATH, "key": PATH, "ca": PATH},
     "listeners": [{"address": "127.0.0.1", "port": 10248, "dual_stack": false,
                    "speaks": "http", "answers": {"/healthz": 200}, "otherwise": 404}]}

``speaks`` is ``http``, ``https``, ``mtls`` (TLS that refuses a client without certificate) or ``tcp`` (accepts and is
silent). Standard library only; run by path, so it imports nothing of this package.
"""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import json
import os
import socket
import ssl
import sys
from http import HTTPStatus
from typing import Any

PR_SET_NAME = 15  # linux/prctl.h
COMM_LENGTH = 15
"""Characters of a process name that the kernel keeps (TASK_COMM_LEN less the closing zero)."""
CONNECTION_SECONDS = 10
"""How long one connection may take: a client that says nothing must not be kept for ever."""


def set_name(comm: str) -> None:
    """Give this process the name ``comm``, as /proc/PID/comm shows it."""
    name = comm.encode()
    if len(name) > COMM_LENGTH:
        raise ValueError(f"comm {comm!r} has {len(name)} bytes, the kernel keeps {COMM_LENGTH}")
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(PR_SET_NAME, ctypes.c_char_p(name), 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))


def bind(listener: dict[str, Any]) -> socket.socket:
    """Return a listening socket at the listener's address; with ``dual_stack`` one IPv6 socket that takes IPv4 too."""
    address = listener["address"]
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    # create_server makes an IPv6 socket IPv6-only unless it is told otherwise, whatever the system's default is.
    return socket.create_server(
        (address, listener["port"]), family=family, backlog=128, dualstack_ipv6=listener["dual_stack"]
    )


def tls_context(speaks: str, pki: dict[str, str]) -> ssl.SSLContext | None:
    """Return the TLS side of what a listener speaks, None where that is in the clear."""
    if speaks not in ("https", "mtls"):
        return None
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pki["certificate"], pki["key"])
    if speaks == "mtls":
        context.load_verify_locations(pki["ca"])
        context.verify_mode = ssl.CERT_REQUIRED
    return context


class Conversation:
    """What happens on a connection to one listener."""

    def __init__(self, listener: dict[str, Any]) -> None:
        self.is_http = listener["speaks"] in ("http", "https")
        self.answers: dict[str, int] = listener.get("answers", {})
        self.otherwise: int = listener.get("otherwise", HTTPStatus.NOT_FOUND)

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer one request, or wait in silence; then close."""
        with contextlib.suppress(OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError, TimeoutError):
            async with asyncio.timeout(CONNECTION_SECONDS):
                if self.is_http:
                    head = await reader.readuntil(b"\r\n\r\n")
                    writer.write(self.answer(head))
                    await writer.drain()
                else:
                    await reader.read()
        writer.close()

    def answer(self, head: bytes) -> bytes:
        """Return the HTTP response to a request, given its head."""
        words = head.split(b"\r\n", 1)[0].split(b" ")
        path = words[1].split(b"?")[0].decode("ascii", "replace") if len(words) > 1 else ""
        status = HTTPStatus(self.answers.get(path, self.otherwise))
        body = f"{status.phrase}\n".encode()
        return (
            f"HTTP/1.1 {status.value} {status.phrase}\r\n"
            f"Content-Type: text/plain\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n"
        ).encode() + body


async def serve(description: dict[str, Any]) -> None:
    """Bind every listener, then serve until the process is ended."""
    set_name(description["comm"])
    for listener in description["listeners"]:
        context = tls_context(listener["speaks"], description["pki"])
        await asyncio.start_server(Conversation(listener), sock=bind(listener), ssl=context)
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(serve(json.loads(sys.argv[1])))
