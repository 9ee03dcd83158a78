# Copyright: (c) 2026, ck8s.ports contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What was observed, without what may be secret. Private to the collection. Pure functions.

Of a command line the program and the names of its long options are kept, and no value at all: a secret cannot be told
from another word. Everywhere else what looks like a secret is hidden.
"""

from __future__ import annotations

import re
from typing import Any

HIDDEN = "(hidden)"

_OPTION = re.compile(r"--[A-Za-z][A-Za-z0-9-]{0,40}$")
_CONFIDENTIAL = (
    r"(?:pass(?:word|wd|phrase)?|secret|token|credentials?|api[-_]?key|private[-_]?key|authorization|cookie)"
)
_PATTERNS = (
    (re.compile(r"-----BEGIN [^-]*-----.*?(?:-----END [^-]*-----|$)", re.DOTALL), HIDDEN),
    (re.compile(r"\beyJ[A-Za-z0-9_-]{8,}(?:\.[A-Za-z0-9_-]*){0,4}"), HIDDEN),
    (re.compile(r"\b(Bearer|Basic)\s+[^\s\"',;]+", re.IGNORECASE), rf"\1 {HIDDEN}"),
    (re.compile(r"(://)[^/\s@]*:[^/\s@]*@"), rf"\1{HIDDEN}@"),
    (
        re.compile(rf"([\w-]*{_CONFIDENTIAL}[\w-]*[\"']?\s*[=:]\s*)(\"[^\"]*\"|'[^']*'|\S+)", re.IGNORECASE),
        rf"\1{HIDDEN}",
    ),
    (re.compile(rf"(--?[\w-]*{_CONFIDENTIAL}[\w-]*\s+)(?!\(hidden\))\S+", re.IGNORECASE), rf"\1{HIDDEN}"),
)


def text(value: str) -> str:
    """C(value) with what looks like a secret hidden: keys, tokens, and what stands behind such a name."""
    for pattern, replacement in _PATTERNS:
        value = pattern.sub(replacement, value)
    return value


def command_line(words: list[str]) -> list[str]:
    """The program's name and the names of the options, values hidden; a title that a process gave itself is cut."""
    if not words:
        return []
    program = words[0].split(" ", 1)[0].rsplit("/", 1)[-1]
    return [text(program), *(_word(word) for word in words[1:])]


def _word(word: str) -> str:
    name, equals, _value = word.partition("=")
    if not _OPTION.match(name):
        return HIDDEN
    return f"{name}={HIDDEN}" if equals else name


def redact(value: Any) -> Any:
    """C(value), plain data, without what may be secret. C(cmdline) of a process is a command line wherever it is."""
    if isinstance(value, str):
        return text(value)
    if isinstance(value, list):
        return [redact(item) for item in value]
    if isinstance(value, dict):
        return {
            text(str(key)): command_line([str(word) for word in item])
            if key == "cmdline" and isinstance(item, list)
            else HIDDEN
            if re.fullmatch(rf"{_CONFIDENTIAL}", str(key), re.IGNORECASE) and isinstance(item, str)
            else redact(item)
            for key, item in value.items()
        }
    return value
