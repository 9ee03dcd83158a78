# Copyright: (c) 2026, ck8s.ports contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Addresses, networks and ports as they are written in the settings of Kubernetes. Private to the collection. Pure.

Each raises Unreadable for what is not one, with the value.
"""

from __future__ import annotations

import ipaddress
from urllib.parse import urlsplit

from ansible_collections.ck8s.ports.plugins.module_utils._snap_files import Unreadable


def address(text: str) -> str:
    """An IPv4 or IPv6 address in its usual form, without brackets."""
    try:
        if "%" in text:
            raise ValueError
        return str(ipaddress.ip_address(text))
    except ValueError:
        raise Unreadable(f"{text!r} is not an IP address") from None


def is_unspecified(text: str) -> bool:
    """Whether an address stands for all or any of them: 0.0.0.0 and ::."""
    return ipaddress.ip_address(text).is_unspecified


def is_loopback(text: str) -> bool:
    """Whether an address is one of the host's loopback."""
    return ipaddress.ip_address(text).is_loopback


def networks(text: str) -> list[str]:
    """CIDRs, separated by commas, in the order given."""
    try:
        return [str(ipaddress.ip_network(part.strip(), strict=False)) for part in text.split(",")]
    except ValueError:
        raise Unreadable(f"{text!r} is not a list of CIDRs") from None


def port(text: str) -> int:
    """A port number, 1 to 65535."""
    if not (text.isascii() and text.isdigit() and len(text) <= 5 and 1 <= int(text) <= 65535):
        raise Unreadable(f"{text!r} is not a port between 1 and 65535")
    return int(text)


def endpoint(text: str) -> tuple[str | None, int | None]:
    """An address, a port or both: `10.0.0.1:6400`, `[fd00::1]:6400`, `:6443`, `127.0.0.1`, `::1`.

    None stands for what is not given.
    """
    if text.startswith("["):
        host, bracket, rest = text[1:].partition("]")
        if not bracket or (rest and not rest.startswith(":")):
            raise Unreadable(f"{text!r} is not an address with a port")
        number = rest[1:]
    elif text.count(":") == 1:
        host, _colon, number = text.partition(":")
    else:
        host, number = text, ""
    if not host and not number:
        raise Unreadable(f"{text!r} is neither an address nor a port")
    return (address(host) if host else None), (port(number) if number else None)


def urls(text: str) -> list[tuple[str, int]]:
    """The address and port of each of the URLs, separated by commas."""
    found = []
    for part in text.split(","):
        try:
            url = urlsplit(part.strip())
            host, number = url.hostname, url.port
        except ValueError:
            host = number = None
        if host is None or number is None or url.scheme not in ("http", "https"):
            raise Unreadable(f"{part.strip()!r} is not a URL with an address and a port")
        found.append((address(host), number))
    return found


def in_order(addresses: set[str]) -> list[str]:
    """IPv4 before IPv6, each by number."""
    return sorted(addresses, key=lambda one: (ipaddress.ip_address(one).version, int(ipaddress.ip_address(one))))
