# Copyright: (c) 2026, ck8s.ports contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Addresses, networks and ports as settings have them."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from ansible_collections.ck8s.ports.plugins.module_utils import _snap_addresses
from ansible_collections.ck8s.ports.plugins.module_utils._snap_files import Unreadable


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("10.0.0.1:6400", ("10.0.0.1", 6400)),
        ("[fd00:0::1]:6400", ("fd00::1", 6400)),
        ("[fd00::1]", ("fd00::1", None)),
        ("fd00::1", ("fd00::1", None)),
        ("127.0.0.1", ("127.0.0.1", None)),
        (":6443", (None, 6443)),
        ("[::]:10249", ("::", 10249)),
    ],
)
def test_endpoint(text: str, expected: tuple[str | None, int | None]) -> None:
    assert _snap_addresses.endpoint(text) == expected


@pytest.mark.parametrize(
    ("read", "text"),
    [
        *((_snap_addresses.endpoint, text) for text in ("", "node:6400", "1.2.3.4:x", "[::1]6", "1.2.3.4:0", "[::1")),
        *((_snap_addresses.port, text) for text in ("", "0", "65536", "-1", "+1", "1 ", "٣", "1.0", "1" * 5000)),
        *((_snap_addresses.address, text) for text in ("", "1.2.3", "fe80::1%eth0", "node", "[::1]", "1.2.3.4/24")),
        *((_snap_addresses.networks, text) for text in ("", "10.0.0.0/33", "10.0.0.0/8,", "auto")),
        *(
            (_snap_addresses.urls, text)
            for text in ("", "https://10.0.0.1", "unix:///x", "https://10.0.0.1:x", "https://[::1:2379", "//1.1.1.1:1",
                         "https://localhost:2379", "https://10.0.0.1:2379,", "https://10.0.0.1:99999")
        ),
    ],
)  # fmt: skip
def test_what_is_none_is_refused(read: Callable[[str], object], text: str) -> None:
    with pytest.raises(Unreadable):
        read(text)


def test_urls() -> None:
    assert _snap_addresses.urls("https://10.0.0.1:2379, http://[FD00::1]:2380/") == [
        ("10.0.0.1", 2379),
        ("fd00::1", 2380),
    ]


def test_networks_of_both_families() -> None:
    assert _snap_addresses.networks("10.1.2.3/16,fd01::/108") == ["10.1.0.0/16", "fd01::/108"]


def test_order() -> None:
    assert _snap_addresses.in_order({"fd00::2", "10.0.0.10", "10.0.0.9"}) == ["10.0.0.9", "10.0.0.10", "fd00::2"]
