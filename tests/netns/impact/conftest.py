# Copyright: (c) 2026, ck8s.ports contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Each test has a network of its own: what the kernel remembers of the connections of one would be seen by the next."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.netns.topology import Network, three_hosts


@pytest.fixture
def network() -> Iterator[Network]:
    """A node, its peer and an outsider on one bridge."""
    with three_hosts() as made:
        yield made
