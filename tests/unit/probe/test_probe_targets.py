# Copyright: (c) 2026, ck8s.ports contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What may be given to port_probe, and how errors of the kernel are read."""

from __future__ import annotations

import errno
from typing import Any

import pytest

from ansible_collections.ck8s.ports.plugins.module_utils._icmp_errors import IcmpError
from ansible_collections.ck8s.ports.plugins.module_utils._probe_answers import judge_error, judge_icmp
from ansible_collections.ck8s.ports.plugins.module_utils._probe_targets import (
    datagrams_faults,
    reset_wait_faults,
    target_faults,
    timeout_faults,
)


def target(**changes: Any) -> dict[str, Any]:
    return {"host": "192.0.2.1", "port": 22, "protocol": "tcp", "label": None, **changes}


@pytest.mark.parametrize("host", ["192.0.2.1", "2001:db8::1", "::1", "fe80::1%eth0", "::ffff:192.0.2.1"])
def test_addresses_are_targets(host: str) -> None:
    assert target_faults([target(host=host)]) == []


@pytest.mark.parametrize("host", ["node1", "", "192.0.2", "192.0.2.1:22", "[::1]", "192.0.2.0/24"])
def test_everything_else_is_not(host: str) -> None:
    (fault,) = target_faults([target(), target(host=host)])
    assert fault.startswith(f"targets[1]: host: {host!r} is not an IPv4 or IPv6 address; names are not looked up")


@pytest.mark.parametrize("port", [0, -1, 65536, 70000])
def test_a_port_is_a_number_from_1_to_65535(port: int) -> None:
    assert target_faults([target(port=port)]) == [
        f"targets[0]: port: {port} is not a port; give a number from 1 to 65535"
    ]


def test_tcp_and_udp_are_tried_and_others_refused_with_their_label() -> None:
    assert target_faults([target(protocol="udp")]) == []
    (fault,) = target_faults([target(protocol="sctp", label="x\n")])
    assert fault == "targets[0] ('x\\n'): protocol: 'sctp' cannot be tried; give tcp or udp"


@pytest.mark.parametrize("timeout", [0.01, 2, 300])
def test_times_to_wait(timeout: float) -> None:
    assert timeout_faults(timeout) == []


@pytest.mark.parametrize("timeout", [0, -1, 301, float("inf"), float("nan")])
def test_times_that_are_none(timeout: float) -> None:
    (fault,) = timeout_faults(timeout)
    assert fault.endswith("is not a time to wait; give seconds, more than 0 and at most 300")


@pytest.mark.parametrize(
    ("number", "at_once", "status", "name"),
    [
        (0, True, "open", ""),
        (errno.ECONNREFUSED, True, "refused", "ECONNREFUSED"),
        (errno.ECONNREFUSED, False, "refused", "ECONNREFUSED"),
        (errno.ETIMEDOUT, False, "silent", "ETIMEDOUT"),
        (errno.EHOSTUNREACH, False, "unreachable", "EHOSTUNREACH"),
        (errno.ENETUNREACH, True, "unreachable", "ENETUNREACH"),
        (errno.ECONNRESET, False, "reset", "ECONNRESET"),
        (errno.EPIPE, False, "reset", "EPIPE"),
        (errno.EACCES, True, "error", "EACCES"),
        (errno.EACCES, False, "unreachable", "EACCES"),
        (errno.EPERM, True, "error", "EPERM"),
        (errno.EADDRNOTAVAIL, True, "error", "EADDRNOTAVAIL"),
        (99999, False, "error", "99999"),
    ],
)
def test_what_an_error_of_the_kernel_means(number: int, at_once: bool, status: str, name: str) -> None:
    judged, detail = judge_error(number, at_once)
    assert judged == status
    assert detail.split(" ")[0] == name


@pytest.mark.parametrize("seconds", [0, 0.2, 300])
def test_times_to_watch_a_connection(seconds: float) -> None:
    assert reset_wait_faults(seconds) == []


@pytest.mark.parametrize("seconds", [-0.1, 301, float("inf"), float("nan")])
def test_times_to_watch_that_are_none(seconds: float) -> None:
    (fault,) = reset_wait_faults(seconds)
    assert fault.endswith("is not a time to wait; give seconds from 0 to 300")


def test_a_few_datagrams_are_sent_and_never_many() -> None:
    assert [count for count in (-1, 0, 1, 16, 17) if not datagrams_faults(count)] == [1, 16]


@pytest.mark.parametrize(
    ("version", "message_type", "code", "status", "words"),
    [
        (4, 3, 3, "refused", "ICMP port unreachable (type 3, code 3) from 192.0.2.1"),
        (4, 3, 1, "unreachable", "ICMP host unreachable (type 3, code 1) from 192.0.2.1"),
        (4, 3, 13, "unreachable", "ICMP administratively prohibited (type 3, code 13) from 192.0.2.1"),
        (4, 11, 0, "unreachable", "ICMP error (type 11, code 0) from 192.0.2.1"),
        (6, 1, 4, "refused", "ICMPv6 port unreachable (type 1, code 4) from 192.0.2.1"),
        (6, 1, 1, "unreachable", "ICMPv6 administratively prohibited (type 1, code 1) from 192.0.2.1"),
        (6, 3, 4, "unreachable", "ICMPv6 error (type 3, code 4) from 192.0.2.1"),
    ],
)
def test_what_an_icmp_error_means(version: int, message_type: int, code: int, status: str, words: str) -> None:
    assert judge_icmp(IcmpError(version, message_type, code, "192.0.2.1")) == (status, words)
