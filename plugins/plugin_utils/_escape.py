# Copyright: (c) 2026, ck8s.ports contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Text of others, made harmless. Process names and host names are chosen by whoever runs the process."""

from __future__ import annotations

import html
import unicodedata

_HIDDEN = ("Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp")
"""Unicode categories without a glyph: control characters, escapes, bidirectional overrides, line separators."""


def printable(text: str) -> str:
    """C(text) with everything that a terminal could obey, or that hides, written as an escape such as \\x1b."""
    return "".join(char if unicodedata.category(char) not in _HIDDEN else _escape(char) for char in text)


def markdown(text: str) -> str:
    """C(text) for a Markdown page, in a table as well as outside: no markup in it means anything."""
    escaped = html.escape(printable(text), quote=False)
    return "".join(f"\\{char}" if char in "\\`*_{}[]()#+!|~" else char for char in escaped)


def markdown_code(text: str) -> str:
    """C(text) as inline code in a Markdown page."""
    fence = "`" * (_longest_run(text, "`") + 1)
    pad = " " if "`" in text else ""
    return f"{fence}{pad}{printable(text)}{pad}{fence}"


def spreadsheet(text: str) -> str:
    """C(text) for a cell of a spreadsheet: printable, and never a formula."""
    shown = printable(text)
    return f"'{shown}" if shown.startswith(("=", "+", "-", "@")) else shown


def _escape(char: str) -> str:
    return char.encode("unicode_escape", "surrogatepass").decode("ascii")


def _longest_run(text: str, char: str) -> int:
    longest = current = 0
    for each in text:
        current = current + 1 if each == char else 0
        longest = max(longest, current)
    return longest
