# Copyright: (c) 2026, ck8s.ports contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The lab, built once for the tests of a file that ask for it, and taken down after them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.lab import lab
from tests.lab.topology import read_hosts

Nodes = dict[str, lab.Running]


@pytest.fixture(scope="module")
def lab_directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("lab")


@pytest.fixture(scope="module")
def nodes(lab_directory: Path) -> Iterator[Nodes]:
    hosts = read_hosts()
    lab.up(hosts, lab_directory)
    yield {node.host.name: node for node in lab.find(hosts)}
    lab.down()
