# Copyright: (c) 2026, ck8s.ports contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The few fields of an X.509 certificate that tell whose it is and until when. Private to the collection. Pure.

Python's ssl module shows the fields of a certificate only after it has verified it, and a certificate that nobody has
verified is what is looked at here. DER: ITU-T X.690; the structure: RFC 5280, section 4.1.
"""

from __future__ import annotations

import datetime
import socket
from typing import Iterator, NamedTuple

_UTC_TIME = 0x17
_VERSION, _EXTENSIONS = 0xA0, 0xA3
_DNS_NAME, _IP_ADDRESS = 0x82, 0x87
_COMMON_NAME = bytes((0x55, 0x04, 0x03))  # 2.5.4.3
_SUBJECT_ALT_NAME = bytes((0x55, 0x1D, 0x11))  # 2.5.29.17


class CertificateError(ValueError):
    """The bytes are no certificate that can be read."""


class Certificate(NamedTuple):
    """Whose it is: common name (empty without one), DNS names and IP addresses. Until when: UTC."""

    common_name: str
    names: list[str]
    expires: datetime.datetime


class _Element(NamedTuple):
    tag: int
    content: bytes


def read_certificate(der: bytes) -> Certificate:
    """Return the fields of the certificate C(der). Raises :class:`CertificateError`."""
    try:
        (certificate,) = _elements(der)
        body = next(_elements(certificate.content))
        fields = [element for element in _elements(body.content) if element.tag != _VERSION]
        # serial number, signature algorithm, issuer, validity, subject, public key, ...
        validity, subject = fields[3], fields[4]
        extensions = next((field for field in fields if field.tag == _EXTENSIONS), None)
        return Certificate(
            common_name=_common_name(subject.content),
            names=_names(extensions.content) if extensions else [],
            expires=_time(list(_elements(validity.content))[1]),
        )
    except (IndexError, ValueError, StopIteration) as error:
        raise CertificateError(f"not a certificate that can be read: {error or 'it ends too early'}") from error


def _elements(data: bytes) -> Iterator[_Element]:
    """Yield the elements that stand one behind the other in C(data)."""
    position = 0
    while position < len(data):
        tag, length = data[position], data[position + 1]
        position += 2
        if length & 0x80:
            size = length & 0x7F
            length = int.from_bytes(data[position : position + size], "big")
            position += size
        if position + length > len(data):
            raise ValueError("an element is longer than what holds it")
        yield _Element(tag, data[position : position + length])
        position += length


def _common_name(subject: bytes) -> str:
    for relative_name in _elements(subject):
        for attribute in _elements(relative_name.content):
            kind, value = list(_elements(attribute.content))[:2]
            if kind.content == _COMMON_NAME:
                return value.content.decode("utf-8", "backslashreplace")
    return ""


def _names(extensions: bytes) -> list[str]:
    (listed,) = _elements(extensions)
    for extension in _elements(listed.content):
        parts = list(_elements(extension.content))
        if parts[0].content == _SUBJECT_ALT_NAME:
            (names,) = _elements(parts[-1].content)
            return [name for name in map(_name, _elements(names.content)) if name]
    return []


def _name(element: _Element) -> str:
    if element.tag == _DNS_NAME:
        return element.content.decode("ascii", "backslashreplace")
    if element.tag == _IP_ADDRESS:
        family = {4: socket.AF_INET, 16: socket.AF_INET6}.get(len(element.content))
        return socket.inet_ntop(family, element.content) if family else ""
    return ""


def _time(element: _Element) -> datetime.datetime:
    """UTCTime has two digits for the year: 50 to 99 are of the last century (RFC 5280, 4.1.2.5.1)."""
    text = element.content.decode("ascii")
    if element.tag == _UTC_TIME:
        text = ("19" if text >= "50" else "20") + text
    return datetime.datetime.strptime(text, "%Y%m%d%H%M%SZ").replace(tzinfo=datetime.timezone.utc)
