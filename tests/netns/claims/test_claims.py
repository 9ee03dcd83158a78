# Copyright: (c) 2026, ck8s.ports contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a client without credentials gets: from real etcd, from servers of every kind, and from hostile ones."""

from __future__ import annotations

import contextlib
import resource
import socket
import ssl
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from ansible_collections.ck8s.ports.plugins.module_utils._claims import Answer, Question, ask, path_faults
from tests.lab.guard import refuse_machine_namespace
from tests.lab.pki import Authority

Handler = Callable[[socket.socket], None]
HTTP = b"HTTP/1.1 %d Status\r\nContent-Length: 0\r\n\r\n"
TIMEOUT = 1.0


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("pki"))


@contextlib.contextmanager
def serving(handle: Handler) -> Iterator[int]:
    """A server on a port of 127.0.0.1 that gives each connection to C(handle), in a thread."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def accept() -> None:
            while True:
                try:
                    connection, _ = listener.accept()
                except OSError:
                    return
                threading.Thread(target=_guarded, args=(handle, connection), daemon=True).start()

        threading.Thread(target=accept, daemon=True).start()
        yield listener.getsockname()[1]
        listener.shutdown(socket.SHUT_RDWR)


def _guarded(handle: Handler, connection: socket.socket) -> None:
    with connection, contextlib.suppress(OSError):  # the client may go at any moment
        handle(connection)


def asked(port: int, path: str = "/", tls: bool = True, timeout: float = TIMEOUT) -> Answer:
    (answer,) = ask([Question("127.0.0.1", port, path, tls)], timeout)
    return answer


def answering(status: int) -> Handler:
    def handle(connection: socket.socket) -> None:
        connection.recv(4096)
        connection.sendall(HTTP % status)

    return handle


def encrypted(context: ssl.SSLContext, handle: Handler) -> Handler:
    def wrapped(connection: socket.socket) -> None:
        with context.wrap_socket(connection, server_side=True) as secure:
            handle(secure)

    return wrapped


def server_context(authority: Authority, *names: str) -> ssl.SSLContext:
    issued = authority.issue("server", "127.0.0.1", *names)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(issued.certificate, issued.key)
    context.load_verify_locations(issued.ca)
    return context


def context_of(authority: Authority, *, version: ssl.TLSVersion, client_certificate: bool = False) -> ssl.SSLContext:
    context = server_context(authority)
    context.minimum_version = context.maximum_version = version
    context.verify_mode = ssl.CERT_REQUIRED if client_certificate else ssl.CERT_NONE
    return context


VERSIONS = [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3]


@pytest.mark.parametrize("version", VERSIONS)
def test_a_server_that_wants_a_certificate_refuses(authority: Authority, version: ssl.TLSVersion) -> None:
    context = context_of(authority, version=version, client_certificate=True)
    with serving(encrypted(context, answering(200))) as port:
        answer = asked(port)
    assert (answer.outcome, answer.tls, answer.status) == ("refused", True, None), answer


@pytest.mark.parametrize("version", VERSIONS)
def test_an_answer_over_tls_has_status_version_and_certificate(authority: Authority, version: ssl.TLSVersion) -> None:
    with serving(encrypted(context_of(authority, version=version), answering(401))) as port:
        answer = asked(port)
    assert (answer.outcome, answer.tls, answer.status) == ("answered", True, 401)
    assert answer.version == {ssl.TLSVersion.TLSv1_2: "TLSv1.2", ssl.TLSVersion.TLSv1_3: "TLSv1.3"}[version]
    assert answer.certificate is not None
    assert "127.0.0.1" in answer.certificate.names


@pytest.mark.parametrize("tls", [True, False])
def test_plain_text_is_told_whether_tls_is_tried_or_not(tls: bool) -> None:
    with serving(answering(200)) as port:
        answer = asked(port, tls=tls)
    assert (answer.outcome, answer.tls, answer.status) == ("answered", False, 200)


def test_plain_text_is_told_of_a_server_that_waits_for_a_whole_line() -> None:
    def patient(connection: socket.socket) -> None:
        received = b""
        while b"\n\r\n" not in received and (chunk := connection.recv(4096)):
            received += chunk
        connection.sendall(HTTP % 200)

    with serving(patient) as port:
        answer = asked(port)
    assert (answer.outcome, answer.tls) == ("answered", False)


def test_a_closed_port_is_an_error() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    answer = asked(port)
    assert answer.outcome == "error"
    assert "refused" in answer.detail


@contextlib.contextmanager
def etcd(authority: Authority, directory: Path, *options: str) -> Iterator[int]:
    refuse_machine_namespace()
    port, peers = 23790, 23800
    issued = authority.issue("etcd", "127.0.0.1")
    urls = [f"--listen-client-urls=https://127.0.0.1:{port}", f"--advertise-client-urls=https://127.0.0.1:{port}"]
    peer = f"http://127.0.0.1:{peers}"
    peer_urls = [f"--listen-peer-urls={peer}", f"--initial-advertise-peer-urls={peer}"]
    files = [f"--cert-file={issued.certificate}", f"--key-file={issued.key}"]
    command = ["etcd", f"--data-dir={directory}", f"--initial-cluster=default={peer}"]
    process = subprocess.Popen(
        [*command, *urls, *peer_urls, *files, *options], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        deadline = time.monotonic() + 10
        while time.monotonic() < deadline:
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
                break
            time.sleep(0.05)
        yield port
    finally:
        process.kill()
        process.wait()


def test_etcd_with_client_cert_auth_refuses_and_without_it_answers(authority: Authority, tmp_path: Path) -> None:
    trusted = f"--trusted-ca-file={authority.issue('client').ca}"
    with etcd(authority, tmp_path / "closed", "--client-cert-auth", trusted) as port:
        closed = asked(port, "/health", timeout=5)
    with etcd(authority, tmp_path / "open") as port:
        opened = asked(port, "/health", timeout=5)
    assert (closed.outcome, closed.tls, closed.status) == ("refused", True, None), closed
    assert (opened.outcome, opened.tls) == ("answered", True), opened
    assert opened.status in (200, 503)


def endless_banner(connection: socket.socket) -> None:
    while True:
        connection.sendall(b"220 welcome " * 1000)


def a_byte_a_minute(connection: socket.socket) -> None:
    while True:
        connection.sendall(b"H")
        time.sleep(0.4)  # a minute, as far as the timeout of the test is concerned


def huge_header(connection: socket.socket) -> None:
    connection.recv(4096)
    connection.sendall(b"HTTP/1.1 200 OK\r\nX: " + b"x" * (64 << 20))


def garbage(connection: socket.socket) -> None:
    connection.sendall(bytes(range(256)) * 64)


def silence(connection: socket.socket) -> None:
    connection.settimeout(10)
    while connection.recv(4096):
        pass


def reset(connection: socket.socket) -> None:
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\x00\x00\x00\x00\x00\x00\x00")


HOSTILE: dict[str, tuple[Handler, set[str]]] = {
    "endless banner": (endless_banner, {"no_http"}),
    "a byte a minute": (a_byte_a_minute, {"silent", "no_http"}),
    "a header of 64 MiB": (huge_header, {"answered"}),
    "garbage": (garbage, {"no_http", "closed"}),
    "silence": (silence, {"silent"}),
    "reset": (reset, {"closed", "error"}),
}


@pytest.mark.parametrize("tls", [True, False])
@pytest.mark.parametrize("kind", HOSTILE)
def test_a_hostile_server_costs_no_more_than_the_timeout_and_little_memory(kind: str, tls: bool) -> None:
    handle, outcomes = HOSTILE[kind]
    with serving(handle) as port:
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        started = time.monotonic()
        answer = asked(port, tls=tls)
        elapsed = time.monotonic() - started
    assert answer.outcome in outcomes, answer
    assert answer.tls is not True
    assert elapsed < TIMEOUT + 0.5
    if handle is not huge_header:  # that one needs its memory for itself: it is in this process
        assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 8 * 1024


def test_a_chain_of_certificates_of_10_mb_is_not_taken(authority: Authority) -> None:
    context = server_context(authority, *(f"{'long' * 12}-{n}.{'name' * 12}.example" for n in range(90_000)))
    started = time.monotonic()
    with serving(encrypted(context, answering(200))) as port:
        answer = asked(port, timeout=3)
    assert answer.outcome in ("closed", "silent"), answer
    assert time.monotonic() - started < 3.5


def test_many_are_asked_at_once() -> None:
    with serving(silence) as port:
        started = time.monotonic()
        answers = ask([Question("127.0.0.1", port, "/", False)] * 16, TIMEOUT)
        elapsed = time.monotonic() - started
    assert {answer.outcome for answer in answers} == {"silent"}
    assert elapsed < TIMEOUT + 0.5


def test_a_path_is_no_way_into_the_request() -> None:
    assert path_faults(["/healthz", "/core/1.0?x=%20"]) == []
    assert len(path_faults(["healthz", "/a b", "/a\r\nX: y", "/é", ""])) == 5
