# Copyright: (c) 2026, ck8s.ports contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Netlink answers that are cut short, interrupted, lost or hostile. The kernel's side is played by scripted datagrams:
no real kernel gives these on demand. The last tests talk to the real one."""

from __future__ import annotations

import errno
import os
import socket
import struct
from collections.abc import Callable
from typing import Any

import pytest

from ansible_collections.ck8s.ports.plugins.module_utils import _netlink
from ansible_collections.ck8s.ports.plugins.module_utils._netlink import (
    NETLINK_ROUTE,
    NETLINK_SOCK_DIAG,
    UnfinishedError,
    attribute,
    attributes,
    dump,
    split,
)

DONE, ERROR, ANSWER = 3, 2, 20
INTERRUPTED = 0x10
KERNEL, SOMEBODY = 0, 4711


def message(kind: int, body: bytes = b"", *, sequence: int = 1, flags: int = 2) -> bytes:
    length = 16 + len(body)
    return struct.pack("=IHHII", length, kind, flags, sequence, 0) + body + b"\0" * (-length % 4)


def done(code: int = 0, **more: Any) -> bytes:
    return message(DONE, struct.pack("=i", code), **more)


class Kernel:
    """Stands in for socket.socket. Each socket is one attempt: the datagrams (or exceptions) that it will get."""

    def __init__(self, *attempts: list[Any]) -> None:
        self.attempts = list(attempts)
        self.asked = 0

    def __call__(self, *_arguments: int) -> Any:
        self.asked += 1
        return _Attempt(self.attempts.pop(0) if len(self.attempts) > 1 else self.attempts[0], self.asked)


class _Attempt:
    def __init__(self, datagrams: list[Any], sequence: int) -> None:
        self._left = list(datagrams)
        self._sequence = sequence

    def __enter__(self) -> _Attempt:
        return self

    def __exit__(self, *_exception: object) -> None:
        pass

    def settimeout(self, _seconds: float) -> None:
        pass

    def bind(self, _address: object) -> None:
        pass

    def send(self, _data: bytes) -> None:
        pass

    def recvmsg(self, _size: int) -> tuple[bytes, list[Any], int, tuple[int, int]]:
        datagram = self._left.pop(0)
        if isinstance(datagram, Exception):
            raise datagram
        data, flags, sender = datagram if isinstance(datagram, tuple) else (datagram, 0, KERNEL)
        if callable(data):
            data = data(self._sequence)
        return data, [], flags, (sender, 0)


@pytest.fixture
def kernel(monkeypatch: pytest.MonkeyPatch) -> Callable[..., Kernel]:
    def play(*attempts: list[Any]) -> Kernel:
        played = Kernel(*attempts)
        monkeypatch.setattr("socket.socket", played)
        return played

    return play


def answer(body: bytes, **more: Any) -> Callable[[int], bytes]:
    """A whole dump of one message, in the sequence that was asked for."""
    return lambda sequence: message(ANSWER, body, sequence=sequence, **more) + done(sequence=sequence)


WHOLE = [answer(b"whole")]


def ask() -> _netlink.Dump:
    return dump(NETLINK_SOCK_DIAG, ANSWER, b"")


def test_a_dump_may_come_in_several_datagrams(kernel: Any) -> None:
    kernel([message(ANSWER, b"one1"), message(ANSWER, b"two2") + message(ANSWER, b"three"), done()])
    assert ask().messages == [(ANSWER, b"one1"), (ANSWER, b"two2"), (ANSWER, b"three")]


@pytest.mark.parametrize(
    "broken",
    [
        pytest.param((message(ANSWER, b"x" * 100)[:50], socket.MSG_TRUNC, KERNEL), id="truncated by the kernel"),
        pytest.param(message(ANSWER, b"x" * 100)[:50], id="message cut off"),
        pytest.param(message(ANSWER)[:7], id="header cut off"),
        pytest.param(struct.pack("=IHHII", 4, ANSWER, 0, 1, 0), id="length shorter than the header"),
        pytest.param(OSError(errno.ENOBUFS, "lost"), id="overrun"),
        pytest.param(socket.timeout(), id="no answer"),  # not TimeoutError before Python 3.10
    ],
)
def test_a_broken_answer_is_asked_for_again(kernel: Any, broken: object) -> None:
    played = kernel([broken], [broken], WHOLE)
    found = ask()
    assert (found.messages, found.consistent, played.asked) == ([(ANSWER, b"whole")], True, 3)


def test_what_came_before_the_break_is_not_kept(kernel: Any) -> None:
    kernel([message(ANSWER, b"half"), message(ANSWER, b"x" * 100)[:50]], WHOLE)
    assert ask().messages == [(ANSWER, b"whole")]


def test_an_answer_that_never_is_whole_is_an_error(kernel: Any) -> None:
    kernel([message(ANSWER)[:7]])
    with pytest.raises(OSError, match="not whole in 8 attempts: 7 bytes at offset 0 are less than a header"):
        ask()


@pytest.mark.parametrize("where", ["message", "end"])
def test_an_interrupted_dump_is_asked_for_again(kernel: Any, where: str) -> None:
    flags = (INTERRUPTED | 2, 2) if where == "message" else (2, INTERRUPTED | 2)
    interrupted = message(ANSWER, b"some", flags=flags[0]) + done(flags=flags[1])
    played = kernel([interrupted], WHOLE)
    found = ask()
    assert (found.messages, found.consistent, played.asked) == ([(ANSWER, b"whole")], True, 2)


def test_a_dump_that_is_always_interrupted_says_so(kernel: Any) -> None:
    played = kernel([answer(b"some", flags=INTERRUPTED | 2)])
    found = ask()
    assert (found.messages, found.consistent, played.asked) == ([(ANSWER, b"some")], False, 8)


def test_messages_of_other_senders_and_questions_are_not_taken(kernel: Any) -> None:
    forged = (message(ANSWER, b"forged") + done(), 0, SOMEBODY)
    kernel([forged, message(ANSWER, b"old", sequence=99), message(ANSWER, b"true") + done()])
    assert ask().messages == [(ANSWER, b"true")]


@pytest.mark.parametrize("kind", [ERROR, DONE])
def test_a_refusal_is_an_error_with_its_number(kernel: Any, kind: int) -> None:
    kernel([message(kind, struct.pack("=i", -errno.ENOENT))])
    with pytest.raises(FileNotFoundError):
        ask()


def test_split_takes_what_attribute_and_message_make() -> None:
    body = attribute(3, b"eth0\0") + attribute(0x8000 | 18, b"12")
    assert [(one[0], one[3]) for one in split(message(16, body) + message(17))] == [(16, body), (17, b"")]
    assert attributes(body) == {3: b"eth0\0", 18: b"12"}


@pytest.mark.parametrize("length", [0, 3, 9, 0xFFFF])
def test_an_attribute_of_an_impossible_length_ends_the_list(length: int) -> None:
    assert attributes(attribute(1, b"kept") + struct.pack("=HH", length, 2) + b"1234") == {1: b"kept"}


@pytest.mark.parametrize("size", [0, 1, 15])
def test_split_refuses_what_is_shorter_than_a_header(size: int) -> None:
    if size == 0:
        assert split(b"") == []
        return
    with pytest.raises(UnfinishedError):
        split(b"\1" * size)


def test_the_real_kernel_truncates_and_is_asked_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """A list of network devices is longer than 64 bytes, so the first attempts fail in earnest."""
    whole = dump(NETLINK_ROUTE, 18, struct.pack("=BxHiII", 0, 0, 0, 0, 0)).messages
    monkeypatch.setattr(_netlink, "_BUFFER_BYTES", 64)
    assert [kind for kind, _body in dump(NETLINK_ROUTE, 18, struct.pack("=BxHiII", 0, 0, 0, 0, 0)).messages] == [
        kind for kind, _body in whole
    ]


def test_a_protocol_that_the_kernel_does_not_know_is_an_error() -> None:
    with pytest.raises(OSError, match=os.strerror(errno.ENOENT)):
        dump(NETLINK_SOCK_DIAG, 20, struct.pack("=BBBBI48x", socket.AF_INET, 200, 0, 0, 1 << 10))
