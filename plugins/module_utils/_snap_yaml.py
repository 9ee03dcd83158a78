# Copyright: (c) 2026, ck8s.ports contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The few shapes of YAML that k8sd and snapd write on a node. Private to the collection.

There is no YAML in Python's standard library. These files are flat: keys with one value each, or a list of such. What
is asked for must have that shape; a value of another shape (a certificate, a list) can be there and not be asked for.
Whatever else YAML can do is refused rather than read wrongly.
"""

from __future__ import annotations

import re

from ansible_collections.ck8s.ports.plugins.module_utils._snap_files import Unreadable, shown

_KEY = re.compile(r"([A-Za-z_][\w.-]*):(?:[ \t]+(.*))?$", re.ASCII)
# What a value that is written without quotes may not start with, and what may not be in it (YAML 1.2, 7.3.3).
_INDICATORS = "-?:,[]{}#&*!|>'\"%@`"
_NOT_PLAIN = re.compile(r": |:$| #")


class Flat:
    """Keys and values at the top level of one document."""

    def __init__(self, path: str, values: dict[str, str | None]) -> None:
        """values: None for those that are not one value on one line."""
        self._path = shown(path)
        self._values = values

    def get(self, key: str) -> str:
        """The value of a key. Raises Unreadable when it is not there, or is not a single value."""
        if key not in self._values:
            raise Unreadable(f"{self._path} has no {key}")
        value = self._values[key]
        if value is None:
            raise Unreadable(f"{key} in {self._path} is not a single value")
        return value


def flat(text: str, path: str) -> Flat:
    """A document of keys and values. path is for messages. Raises Unreadable for any other document."""
    values: dict[str, str | None] = {}
    last: str | None = None
    for number, line in enumerate(text.split("\n"), 1):
        if not line.strip() or line.startswith("#") or (line.rstrip() == "---" and not values):
            continue
        if last is not None and (line[0] in " \t" or re.match(r"-( |$)", line)):
            values[last] = None  # it goes on: a block, a list, a mapping
            continue
        last = _read(line, values, path, number)
    return Flat(path, values)


def entries(text: str, path: str) -> list[Flat]:
    """A list of documents like those of flat(), each begun by a dash. Raises Unreadable for anything else."""
    found: list[dict[str, str | None]] = []
    for number, line in enumerate(text.split("\n"), 1):
        if not line.strip() or line.startswith("#") or (line.rstrip() == "---" and not found):
            continue
        if line.startswith("- "):
            found.append({})
        elif not line.startswith("  ") or not found:
            raise _refusal(path, number)
        _read(line[2:], found[-1], path, number)
    return [Flat(path, values) for values in found]


def _read(line: str, values: dict[str, str | None], path: str, number: int) -> str:
    match = _KEY.match(line.rstrip())
    if not match or match.group(1) in values:
        raise _refusal(path, number)
    key, value = match.group(1), match.group(2) or ""
    values[key] = _scalar(value)
    return key


def _scalar(text: str) -> str | None:
    """A value on one line; None when it is something else."""
    if len(text) >= 2 and text[0] == text[-1] == "'":
        inner = text[1:-1].replace("''", "\0")
        return None if "'" in inner else inner.replace("\0", "'")
    if len(text) >= 2 and text[0] == text[-1] == '"':
        inner = text[1:-1]
        return None if '"' in inner or "\\" in inner else inner
    if not text or text[0] in _INDICATORS or _NOT_PLAIN.search(text):
        return None
    return text


def _refusal(path: str, number: int) -> Unreadable:
    return Unreadable(f"{shown(path)} is not understood: line {number} is not KEY: VALUE, or the key is there twice")
