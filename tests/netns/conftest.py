# Copyright: (c) 2026, ck8s.ports contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Tests with real sockets, real rules and real packets. They run in the sandbox or not at all."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.lab.guard import MachineNamespaceError, refuse_machine_namespace
from tests.netns.topology import Network, three_hosts

# While this file is imported, so before any test or fixture, however pytest was called.
try:
    refuse_machine_namespace()
except MachineNamespaceError as refusal:
    raise pytest.UsageError(
        f"{refusal}\ntests/netns makes and breaks networks: python3 -m tests.lab.sandbox .venv/bin/pytest tests/netns"
    ) from None


@pytest.fixture(scope="module")
def network() -> Iterator[Network]:
    """A node, its peer and an outsider on one bridge, for the tests of one file."""
    with three_hosts() as made:
        yield made
