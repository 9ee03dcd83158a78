# Copyright: (c) 2026, ck8s.ports contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The arguments of the snap's services: from a file in args/, or from a command line. Private to the collection.

Pure. The wrapper of a service lets bash split the file into words, `declare -a args="($(cat FILE))"`, with the snap's
environment (k8s/lib.sh of k8s-snap). So this reads words as bash does: quotes, backslashes, comments and variables.
"""

from __future__ import annotations

import re

from ansible_collections.ck8s.ports.plugins.module_utils._snap_files import Unreadable

_VARIABLE = re.compile(r"\$(?:(\w+)|\{(\w+)\})", re.ASCII)
_BLANK = " \t\r\n"


class Flags:
    """The flags that a service is started with. Where one is there twice, the last wins, as in the service."""

    def __init__(self, words: list[str], unknown: dict[int, str] | None = None) -> None:
        """words: without the name of the program. unknown: position of a word to why its value is not known."""
        unknown = unknown or {}
        self._values: dict[str, str] = {}
        self._unknown: dict[str, str] = {}
        position = 0
        while position < len(words):
            word = words[position]
            position += 1
            if not word.startswith("-"):
                continue
            name, equals, value = word.lstrip("-").partition("=")
            reason = unknown.get(position - 1)
            if not equals and position < len(words) and not words[position].startswith("-"):
                # `--flag value`. A switch is never followed by a value: none of these services takes other words.
                value = words[position]
                reason = reason or unknown.get(position)
                position += 1
            self._values[name] = value
            self._unknown.pop(name, None)
            if reason:
                self._unknown[name] = reason

    def get(self, name: str) -> str | None:
        """The value of a flag (its name without dashes); None when it is not given.

        Raises Unreadable when it is given and its value is not known.
        """
        if name in self._unknown:
            raise Unreadable(f"--{name} {self._unknown[name]}")
        return self._values.get(name)


def from_file(text: str, variables: dict[str, str]) -> Flags:
    """The flags in the text of a file in args/. variables: the environment of the snap, as far as it is known.

    Raises Unreadable when bash could not split it either.
    """
    words, unknown = split(text, variables)
    return Flags(words, unknown)


# One state machine, as it is in a shell: in parts, each would have to know the others' state.
def split(  # noqa: PLR0912
    text: str, variables: dict[str, str]
) -> tuple[list[str], dict[int, str]]:
    """The words that bash makes of `text`, and why some of them are not known: {position: reason}.

    Not known is what depends on a variable that is not in `variables`, or on a command. Raises Unreadable for a quote
    without its end.
    """
    words: list[str] = []
    unknown: dict[int, str] = {}
    pieces: list[str] = []
    inside = False  # of a word, which may have no pieces: ""
    quote = ""
    position = 0
    while position < len(text):
        start, character = position, text[position]
        position += 1
        if quote == "" and character in _BLANK:
            if inside:
                words.append("".join(pieces))
            pieces, inside = [], False
            continue
        if quote == "" and character == "#" and not inside:
            position = (text.find("\n", position) + 1) or len(text)
            continue
        if quote != "'" and text.startswith("\\\n", start):  # the line goes on
            position += 1
            continue
        inside = True
        if character == quote:
            quote = ""
        elif quote == "" and character in "'\"":
            quote = character
        elif quote == "'":
            pieces.append(character)
        elif character == "\\":
            escaped = text[position : position + 1]
            position += 1
            pieces.append(_unescaped(escaped, quote))
        elif character in "$`":
            value, position, reason = _expand(text, start, variables)
            pieces.append(value)
            if reason:
                unknown[len(words)] = reason
        else:
            pieces.append(character)
    if quote:
        raise Unreadable(f"a {quote} has no end")
    if inside:
        words.append("".join(pieces))
    return words, unknown


def _unescaped(character: str, quote: str) -> str:
    """What a backslash before a character stands for; in double quotes it stays before most of them."""
    return character if not quote or character in '"\\$`' else "\\" + character


def _expand(text: str, start: int, variables: dict[str, str]) -> tuple[str, int, str]:
    """What stands for the `$` or backquote at `start`, where the text goes on, and why it is not known, or ''."""
    variable = _VARIABLE.match(text, start)
    if variable:
        name = variable.group(1) or variable.group(2)
        if name in variables:
            return variables[name], variable.end(), ""
        return variable.group(), variable.end(), f"depends on the variable {name}"
    if text[start] == "`" or text[start + 1 : start + 2] in ("(", "{"):
        return text[start], start + 1, "depends on a command or an expression of the shell"
    return text[start], start + 1, ""
