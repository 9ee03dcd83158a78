# Copyright: (c) 2026, ck8s.ports contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a client without credentials gets from a TCP port. Private to the collection.

The targets are asked by a few threads, since TLS without threads would be a state machine of our own. What a server can
cost is bounded: one deadline for all that is done with a target, 16 KiB of answer, and OpenSSL's own limit of 100 KiB
for a chain of certificates.
"""

from __future__ import annotations

import concurrent.futures
import contextlib
import datetime
import re
import socket
import ssl
import time
from dataclasses import dataclass
from typing import Any, Iterable, Sequence

from ansible_collections.ck8s.ports.plugins.module_utils._x509 import Certificate, CertificateError, read_certificate

ANSWERED = "answered"
REFUSED = "refused"
CLOSED = "closed"
SILENT = "silent"
NO_HTTP = "no_http"
ERROR = "error"

_AT_ONCE = 16
_LONGEST_ANSWER = 16 * 1024
_STATUS_LINE = re.compile(rb"HTTP/[0-9.]{1,3} ([0-9]{3})[ \r\n]")
_PATH = re.compile(r"/[!-~]*\Z")

# Alerts by which a server says that it wants a certificate (RFC 8446, section 6.2; RFC 5246, 7.2.2): with TLS 1.3 at
# the first read after the handshake, before that in it. Go's TLS says bad_certificate where one is missing.
_CERTIFICATE_ALERTS = ("CERTIFICATE_REQUIRED", "BAD_CERTIFICATE", "HANDSHAKE_FAILURE", "CERTIFICATE_UNKNOWN")
_NOT_TLS = (
    "WRONG_VERSION_NUMBER",
    "PACKET_LENGTH_TOO_LONG",
    "UNKNOWN_PROTOCOL",
    "HTTP_REQUEST",
    "RECORD_LAYER_FAILURE",
)


@dataclass(frozen=True)
class Question:
    """Where to ask, for which path, and whether to try TLS before plain text."""

    host: str
    port: int
    path: str = "/"
    tls: bool = True


@dataclass
class Answer:
    """What came back.

    ``outcome``: answered (HTTP, with ``status``), refused (the server wants a certificate), closed (the connection
    ended without an answer), silent (no answer until the deadline), no_http (something else came), error (no
    connection).
    ``tls`` is None where it did not come to that; ``version`` and ``certificate`` are of the TLS connection.
    """

    outcome: str = ERROR
    detail: str = ""
    tls: bool | None = None
    version: str | None = None
    status: int | None = None
    certificate: Certificate | None = None


def results(targets: Sequence[dict[str, Any]], timeout: float) -> list[dict[str, Any]]:
    """Ask every target (host, port, path, tls, label), and return what came back as port_claims does.

    ``timeout`` is in seconds, for each. In the order of the targets.
    """
    questions = [Question(target["host"], target["port"], target["path"], target["tls"]) for target in targets]
    return [
        {**{name: target[name] for name in ("host", "port", "path", "label")}, **_described(answer)}
        for target, answer in zip(targets, ask(questions, timeout))
    ]


def _described(answer: Answer) -> dict[str, Any]:
    certificate = answer.certificate
    return {
        "outcome": answer.outcome,
        "detail": answer.detail,
        "tls": answer.tls,
        "version": answer.version,
        "status": answer.status,
        "certificate": certificate
        and {
            "common_name": certificate.common_name,
            "names": certificate.names,
            "expires": certificate.expires.strftime("%Y-%m-%dT%H:%M:%SZ"),
            "expired": has_expired(certificate),
        },
    }


def path_faults(paths: Iterable[str]) -> list[str]:
    """Return what is wrong with ``paths``, which stand in a request as they are."""
    return [
        f"targets[{index}]: path: {path!r} is no path; give one such as /healthz, of visible ASCII characters"
        for index, path in enumerate(paths)
        if not _PATH.match(path)
    ]


def ask(questions: Iterable[Question], timeout: float) -> list[Answer]:
    """Ask every question, and return the answers in the same order; ``timeout`` is in seconds, for each."""
    with concurrent.futures.ThreadPoolExecutor(_AT_ONCE) as pool:
        return list(pool.map(lambda question: _ask(question, timeout), questions))


def _ask(question: Question, timeout: float) -> Answer:
    started = time.monotonic()
    answer = Answer(outcome="")
    try:
        if question.tls:
            _ask_tls(question, answer, started + timeout / 2)
        if not answer.outcome:
            _ask_plainly(question, answer, started + timeout)
    except socket.timeout:
        answer.outcome, answer.detail = SILENT, f"no answer in {timeout:g} s"
    except OSError as error:
        answer.outcome, answer.detail = ERROR, str(error)
    return answer


def _ask_tls(question: Question, answer: Answer, deadline: float) -> None:
    """Fill C(answer), or leave its outcome empty where the port does not speak TLS, or is silent when spoken to."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE  # whom the certificate is for is reported, not believed
    with _connected(question, deadline) as connection:
        try:
            with context.wrap_socket(connection) as secure:
                answer.tls, answer.version = True, secure.version()
                answer.certificate = _certificate(secure)
                _request(question, secure, answer, deadline)
        except socket.timeout:
            if answer.tls:
                raise
        except ssl.SSLError as error:
            reason = error.reason or str(error)
            answer.detail = reason.lower().replace("_", " ")
            if any(alert in reason for alert in _CERTIFICATE_ALERTS):
                answer.tls, answer.outcome = True, REFUSED
            elif answer.tls or not any(sign in reason for sign in _NOT_TLS):
                answer.outcome = CLOSED
        except ConnectionError as error:
            answer.outcome, answer.detail = CLOSED, str(error)


def _ask_plainly(question: Question, answer: Answer, deadline: float) -> None:
    with _connected(question, deadline) as connection:
        try:
            _request(question, connection, answer, deadline)
        except ConnectionError as error:
            answer.outcome, answer.detail = CLOSED, str(error)
    if answer.outcome in (ANSWERED, NO_HTTP):
        answer.tls = False


def _request(question: Question, connection: socket.socket, answer: Answer, deadline: float) -> None:
    request = f"GET {question.path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nUser-Agent: ck8s.ports\r\n\r\n"
    connection.settimeout(_left(deadline))
    # A server that refuses has often gone already; why is still there to be read.
    with contextlib.suppress(ssl.SSLEOFError, ConnectionError):
        connection.sendall(request.encode("ascii"))
    received = b""
    while len(received) < _LONGEST_ANSWER and b"\n" not in received:
        connection.settimeout(_left(deadline))
        chunk = connection.recv(1024)
        if not chunk:
            break
        received += chunk
    match = _STATUS_LINE.match(received)
    if match:
        answer.outcome, answer.detail, answer.status = ANSWERED, "", int(match.group(1))
    elif received:
        answer.outcome, answer.detail = NO_HTTP, f"begins with {received[:16].hex()}"
    else:
        answer.outcome, answer.detail = CLOSED, "closed without an answer"


def _connected(question: Question, deadline: float) -> socket.socket:
    connection = socket.create_connection((question.host, question.port), timeout=_left(deadline))
    connection.settimeout(_left(deadline))
    return connection


def _left(deadline: float) -> float:
    left = deadline - time.monotonic()
    if left <= 0:
        raise socket.timeout("timed out")
    return left


def _certificate(secure: ssl.SSLSocket) -> Certificate | None:
    der = secure.getpeercert(binary_form=True)
    try:
        return read_certificate(der) if der else None
    except CertificateError:
        return None


def has_expired(certificate: Certificate) -> bool:
    """Return whether ``certificate`` is past its end, by the clock of this host."""
    return certificate.expires < datetime.datetime.now(datetime.timezone.utc)
