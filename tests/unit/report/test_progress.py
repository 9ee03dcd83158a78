# Copyright: (c) 2026, ck8s.ports contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How far a run is: the words, and the last line of a terminal that they are shown on (pyte plays the terminal)."""

from __future__ import annotations

import fcntl
import os
import struct
import termios
from collections.abc import Iterator
from pathlib import Path

import pyte
import pytest

from ansible_collections.ck8s.ports.plugins.plugin_utils._last_line import LastLine
from ansible_collections.ck8s.ports.plugins.plugin_utils._task_progress import TaskProgress

ROWS, COLUMNS = 6, 30


class Terminal:
    """A pseudo terminal and the screen that a person would see."""

    def __init__(self) -> None:
        self._ours, theirs = os.openpty()
        self.stream = os.fdopen(theirs, "w", encoding="utf-8")
        self.screen = pyte.Screen(COLUMNS, ROWS)
        self._parser = pyte.Stream(self.screen)
        self.resize(ROWS, COLUMNS)

    def resize(self, rows: int, columns: int) -> None:
        fcntl.ioctl(self.stream, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
        self.screen.resize(rows, columns)

    def print(self, text: str) -> None:
        self.stream.write(f"{text}\n")
        self.stream.flush()

    def lines(self) -> list[str]:
        os.set_blocking(self._ours, False)
        try:
            while True:
                self._parser.feed(os.read(self._ours, 65536).decode())
        except BlockingIOError:
            return [line.rstrip() for line in self.screen.display]

    def close(self) -> None:
        self.stream.close()
        os.close(self._ours)


@pytest.fixture
def terminal() -> Iterator[Terminal]:
    made = Terminal()
    yield made
    made.close()


def test_what_is_printed_scrolls_above_and_stays_whole(terminal: Terminal) -> None:
    line = LastLine(terminal.stream)
    for number in range(9):
        terminal.print(f"printed {number}")
        line.show(f"{number} of 9")
    assert terminal.lines() == ["printed 5", "printed 6", "printed 7", "printed 8", "", "8 of 9"]
    line.close()
    terminal.print("the end")
    assert terminal.lines() == ["printed 5", "printed 6", "printed 7", "printed 8", "the end", ""]


def test_nothing_is_shown_before_there_is_something_to_say(terminal: Terminal) -> None:
    line = LastLine(terminal.stream)
    line.show("")
    line.close()
    terminal.print("printed")
    assert terminal.lines() == ["printed", "", "", "", "", ""]


def test_a_long_or_hostile_text_is_one_line(terminal: Terminal) -> None:
    line = LastLine(terminal.stream)
    line.show("\x1b[2J\nab\x07" + "c" * 100)
    assert terminal.lines()[-1] == "[2Jab" + "c" * (COLUMNS - 1 - 5)
    line.close()


def test_another_size_of_the_terminal(terminal: Terminal) -> None:
    line = LastLine(terminal.stream)
    line.show("before")
    assert terminal.lines()[-1] == "before"
    terminal.resize(ROWS + 4, COLUMNS)
    line.show("after")
    assert terminal.lines()[-1] == "after"
    line.close()
    assert terminal.lines()[-1] == ""


def test_only_a_terminal_that_can_move_its_cursor(terminal: Terminal) -> None:
    assert LastLine.possible(terminal.stream, {"TERM": "xterm"})
    assert not LastLine.possible(terminal.stream, {"TERM": "dumb"})
    assert not LastLine.possible(terminal.stream, {})
    with Path(os.devnull).open("w", encoding="utf-8") as null:
        assert not LastLine.possible(null, {"TERM": "xterm"})


def test_hosts_and_probes_are_counted() -> None:
    progress = TaskProgress()
    assert progress.text() == ""
    progress.play(40)
    progress.task("Look at the node")
    for _ in range(12):
        progress.host({"changed": False})
    assert progress.text() == "Look at the node: 12 of 40 hosts"
    progress.task("Plan who tries whom", run_once=True)
    progress.host({"ansible_facts": {"__node_verify_probe_plan": {"count": 3200}}})
    assert progress.text() == "", "one host is no progress to watch"
    progress.task("Try the ports of others", probing=True)
    assert progress.text() == "Try the ports of others: 0 of 40 hosts, 0 of 3200 probes"
    progress.host({"results": [{}] * 80})
    progress.host({"skipped": True})
    assert progress.text() == "Try the ports of others: 2 of 40 hosts, 80 of 3200 probes"
    progress.task("See what the firewall has counted meanwhile")
    assert progress.text() == "See what the firewall has counted meanwhile: 0 of 40 hosts"
