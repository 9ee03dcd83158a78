"""docs/safety.md names a test for each fault; they exist, and no fault is without one."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
ROWS = [
    line
    for line in (ROOT / "docs/safety.md").read_text(encoding="utf-8").partition("## Faults")[2].splitlines()
    if line.startswith("| ") and not line.startswith(("| fault", "| ---"))
]
UNLESS_NAMED = "tests/netns/safety/test_unconfirmed.py"


def named(row: str) -> list[tuple[str, str]]:
    """File and name of each test in a row: `FILE::NAME`, or `::NAME` of the file before it in the row."""
    file = UNLESS_NAMED
    found = []
    for path, name in re.findall(r"`([\w/.]*)(?:::(\w+))?`", row.split("|")[3]):
        file = path or file
        found.append((file, name))
    return found


def file_of(path: str) -> Path:
    if (ROOT / path).exists():
        return ROOT / path
    (found,) = [*(ROOT / "tests").rglob(path)]
    return found


def test_there_are_faults() -> None:
    assert len(ROWS) > 20


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.split("|")[1].strip()[:60])
def test_each_fault_is_shown_by_tests_that_exist(row: str) -> None:
    tests = named(row)
    assert tests, "no test"
    for path, name in tests:
        assert name == "" or f"def {name}(" in file_of(path).read_text(encoding="utf-8"), (path, name)
