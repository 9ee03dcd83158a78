"""A report with one of everything."""

from __future__ import annotations

from typing import Any

import pytest

from tests.unit.report import samples


@pytest.fixture
def report() -> dict[str, Any]:
    return samples.small()
