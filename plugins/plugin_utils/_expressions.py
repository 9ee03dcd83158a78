# Copyright: (c) 2026, ck8s.ports contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""JMESPath expressions that users write in their variables and files. Private to the collection. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ansible_collections.ck8s.ports.plugins.plugin_utils._libraries import library

NEEDED_BY = "a JMESPath expression"


def fault(expression: str, sample: Any) -> str | None:
    """What is wrong with C(expression); None where nothing is.

    It is also tried on C(sample), data such as it is meant for with every field set, so that a function that does not
    exist or does not take such a value is found before anything runs. Raises InputError without
    jmespath.
    """
    jmespath = library("jmespath", NEEDED_BY)
    try:
        compiled = jmespath.compile(expression)
        known = library("jmespath.functions", NEEDED_BY).Functions.FUNCTION_TABLE
        unknown = sorted(set(_functions(compiled.parsed)) - set(known))
        if unknown:
            return f"there is no function {unknown[0]}()"
        compiled.search(sample)
    except jmespath.exceptions.JMESPathError as error:
        return str(error).splitlines()[0]
    return None


def holds(expression: str, data: Any) -> bool:
    """Whether C(expression) is true of C(data), in JMESPath's sense: neither false, null nor empty.

    Where it cannot be evaluated (a function meets a null) it does not hold.
    """
    jmespath = library("jmespath", NEEDED_BY)
    try:
        found = jmespath.search(expression, data)
    except jmespath.exceptions.JMESPathError:
        return False
    return found is not None and found is not False and found not in ("", [], {})


def _functions(node: Any) -> Iterator[str]:
    """The names of the functions that a parsed expression calls."""
    if node["type"] == "function_expression":
        yield node["value"]
    for child in node["children"]:
        if isinstance(child, dict):
            yield from _functions(child)
