# Copyright: (c) 2026, ck8s.ports contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A network of its own for each test of what listens in it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.netns.sockets.space import Space, new_space


@pytest.fixture
def space() -> Iterator[Space]:
    with new_space() as made:
        yield made
