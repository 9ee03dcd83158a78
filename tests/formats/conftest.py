"""The reports that every format is tried with, and the demo's where it has been run."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.formats.chromium import Chromium
from tests.unit.report import samples

DEMO = Path(__file__).parents[2] / "build/demo/before/report.json"
REPORTS: dict[str, Callable[[], dict[str, Any]]] = {
    "small": samples.small,
    "hostile": samples.hostile,
    "large": lambda: samples.large(50),
    # Where `make demo` has been run here.
    **({"demo": lambda: json.loads(DEMO.read_text(encoding="utf-8"))} if DEMO.exists() else {}),
}


@pytest.fixture(params=REPORTS)
def report(request: pytest.FixtureRequest) -> dict[str, Any]:
    return REPORTS[request.param]()


@pytest.fixture(scope="session")
def chromium() -> Iterator[Chromium]:
    with Chromium.start() as browser:
        yield browser
