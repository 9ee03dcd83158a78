# Copyright: (c) 2026, ck8s.ports contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The few fields of a certificate, against certificates that the library cryptography has made, and damaged ones."""

from __future__ import annotations

import datetime
import ssl

import pytest
import trustme
from cryptography import x509

from ansible_collections.ck8s.ports.plugins.module_utils._x509 import CertificateError, read_certificate

NAMES = ("node1.example", "10.0.0.11", "fd00::11")


@pytest.fixture(scope="module")
def der() -> bytes:
    made = trustme.CA().issue_cert(*NAMES, common_name="node1", not_after=datetime.datetime(2051, 2, 3, 4, 5, 6))
    return ssl.PEM_cert_to_DER_cert(made.cert_chain_pems[0].bytes().decode())


def test_the_fields_are_those_that_another_reader_sees(der: bytes) -> None:
    read, reference = read_certificate(der), x509.load_der_x509_certificate(der)
    assert read.common_name == "node1"
    assert sorted(read.names) == sorted(NAMES)
    assert read.expires == reference.not_valid_after_utc


def test_a_year_of_two_digits_is_of_this_century() -> None:
    soon = trustme.CA().issue_cert("x.example", not_after=datetime.datetime(2031, 2, 3, 4, 5, 6))
    read = read_certificate(ssl.PEM_cert_to_DER_cert(soon.cert_chain_pems[0].bytes().decode()))
    assert (read.expires.year, read.common_name) == (2031, "")


@pytest.mark.parametrize("cut", [0, 1, 2, 5, 50, 200])
def test_half_a_certificate_is_an_error_and_nothing_else(der: bytes, cut: int) -> None:
    with pytest.raises(CertificateError):
        read_certificate(der[:cut])


def test_no_damage_is_more_than_an_error(der: bytes) -> None:
    for position in range(len(der)):
        damaged = bytearray(der)
        damaged[position] ^= 0xFF
        try:
            read_certificate(bytes(damaged))
        except CertificateError:
            continue


@pytest.mark.parametrize("garbage", [b"\x30\x84\xff\xff\xff\xff", b"\x30\x80", b"\xff" * 64, b"GET / HTTP/1.1\r\n"])
def test_garbage_is_an_error(garbage: bytes) -> None:
    with pytest.raises(CertificateError):
        read_certificate(garbage)
