# Copyright: (c) 2026, ck8s.ports contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a page of the documentation tells its reader to write and to run, in its order.

A page says by the language of a block what it is:

    sh        commands, whose output is not shown
    console   commands behind "$ " (continued behind "> "), and what they print; "..." stands for anything
    yaml      a file where the first line is its name as a comment, as in "# waivers.yml"; else a part of one
    text      nothing to do: a picture, or what is printed elsewhere

Commands in running text count, too, when they begin with one of :data:`PROGRAMS`.
"""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import yaml
from markdown_it import MarkdownIt

PROGRAMS = ("ansible-playbook", "ansible-doc", "ansible-galaxy", "apt-get", "make")
_FILE = re.compile(r"# ([\w./-]+\.ya?ml)")


class PageError(ValueError):
    """A block of a page is none of what this module's documentation lists; the message has page, line and remedy."""


@dataclass(frozen=True)
class Write:
    """A file that the reader is told to have."""

    line: int
    path: str
    text: str


@dataclass(frozen=True)
class Run:
    """A command that the reader is told to run; ``shown`` is what the page says that it prints, None for nothing."""

    line: int
    command: str
    shown: str | None = None
    inline: bool = False
    """Whether it stands in running text."""


def steps(page: Path) -> Iterator[Write | Run]:
    """Yield what ``page`` tells its reader to do. Raises PageError for a block whose language is missing or unknown."""
    for token in MarkdownIt().parse(page.read_text(encoding="utf-8")):
        line = token.map[0] + 1 if token.map else 0
        if token.type == "fence":
            # Sphinx' own blocks, such as {toctree}, are checked by Sphinx.
            if not token.info.startswith("{"):
                yield from _block(page, line, token.info.strip(), token.content)
        elif token.type == "inline":
            for child in token.children or ():
                if child.type == "code_inline" and child.content.split(" ")[0] in PROGRAMS and " " in child.content:
                    yield Run(line, child.content, inline=True)


def _block(page: Path, line: int, language: str, text: str) -> Iterator[Write | Run]:
    if language == "sh":
        for number, command in enumerate(textwrap.dedent(text).splitlines(), line + 1):
            yield Run(number, command)
    elif language == "console":
        yield from _console(page, line + 1, textwrap.dedent(text))
    elif language == "yaml":
        text = textwrap.dedent(text)
        yaml.safe_load(text)  # whether it is a file or a part of one
        if name := _FILE.match(text):
            yield Write(line, name.group(1), text)
    elif language != "text":
        raise PageError(f"{page}:{line}: the block's language is {language!r}; make it sh, console, yaml or text")


def _console(page: Path, line: int, text: str) -> Iterator[Run]:
    for block in re.split(r"^(?=\$ )", text, flags=re.MULTILINE):
        if not block.startswith("$ "):
            if block.strip():
                raise PageError(f"{page}:{line}: a console block begins with a command, as in '$ make demo'")
            continue
        command, _, shown = block.removeprefix("$ ").partition("\n")
        while shown.startswith("> "):
            more, _, shown = shown.removeprefix("> ").partition("\n")
            command += f"\n{more}"
        yield Run(line, command, shown if shown.strip() else None)
        line += block.count("\n")
