# Copyright: (c) 2026, ck8s.ports contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The last line of a terminal, kept apart from what is printed. Private to the collection.

As apt does it: the lines above are made the scrolling region (DECSTBM), in which everything else is printed, by
whomever, so that nobody who prints has to know of the last line. Control sequences: ECMA-48, and DEC's VT100 manual.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import TextIO

SAVE, RESTORE, CLEAR = "\x1b7", "\x1b8", "\x1b[K"


class LastLine:
    """The last line of the terminal that ``stream`` is: taken at the first text, given back by :meth:`close`."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._rows = 0
        """The height of the terminal for which the last line is taken; 0 while it is not."""

    @staticmethod
    def possible(stream: TextIO, environ: Mapping[str, str]) -> bool:
        """Whether ``stream`` is a terminal whose cursor can be moved, as TERM tells."""
        return stream.isatty() and environ.get("TERM", "dumb") != "dumb"

    def show(self, text: str) -> None:
        """Show ``text``, cut to the terminal's width and without what is not printable; nothing before the first."""
        if not text and not self._rows:
            return
        columns, rows = os.get_terminal_size(self._stream.fileno())
        taken = "" if rows == self._rows else self._take(rows)
        line = "".join(each for each in text if each.isprintable())[: columns - 1]
        self._write(f"{taken}{SAVE}\x1b[{rows};1H{CLEAR}{line}{RESTORE}")
        self._rows = rows

    def close(self) -> None:
        """Give the line back, empty."""
        if self._rows:
            self._write(f"{SAVE}\x1b[r\x1b[{self._rows};1H{CLEAR}{RESTORE}")
            self._rows = 0

    @staticmethod
    def _take(rows: int) -> str:
        """Return what makes the lines but the last one scroll; what stands on the last one moves up before that."""
        return f"\n{SAVE}\x1b[1;{rows - 1}r{RESTORE}\x1b[1A"

    def _write(self, text: str) -> None:
        self._stream.write(text)
        self._stream.flush()
