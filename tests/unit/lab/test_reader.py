# Copyright: (c) 2026, ck8s.ports contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The reader who follows the documentation notices what is wrong in it."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.documentation.pages import PageError, Run, steps
from tests.documentation.reader import difference, follow


@pytest.mark.parametrize(("shown", "wrong"), [("one\n", False), ("...\n", False), ("two\n", True), (None, False)])
def test_what_is_printed_is_compared(tmp_path: Path, shown: str | None, wrong: bool) -> None:
    (ended,) = follow([Run(1, "echo one", shown)], tmp_path, dict(os.environ))
    assert (difference(ended) is not None) == wrong


def test_a_command_that_fails_is_the_last_one_unless_its_status_is_shown(tmp_path: Path) -> None:
    assert len(list(follow([Run(1, "false"), Run(2, "echo more")], tmp_path, dict(os.environ)))) == 1
    ended = list(follow([Run(1, "exit 2 | cat; (exit 2)"), Run(2, "echo $?", "2\n")], tmp_path, dict(os.environ)))
    assert [difference(each) for each in ended] == [None, None]


def test_a_block_that_does_not_say_what_it_is_is_refused(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("```\nmake demo\n```\n", encoding="utf-8")
    with pytest.raises(PageError, match="make it sh, console, yaml or text"):
        list(steps(page))
