# Copyright: (c) 2026, ck8s.ports contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What `nft -a list table` prints, as rules. Pure; private to the collection."""

from __future__ import annotations

import re

from ansible_collections.ck8s.ports.plugins.module_utils._firewall import LiveRule

# Only rules end with a handle and begin two tabs deep. A comment made by hand may hold anything but a quote, even a
# newline.
_RULE = re.compile(r"^\t\t(?P<rule>[^\t\n](?:[^\"\n]|\"[^\"]*\")*) # handle [0-9]+$", re.MULTILINE)
_SET = re.compile(r"^\tset (\S+) \{", re.MULTILINE)
_COMMENT = re.compile(r" comment \"(?P<comment>[^\"]*)\"$")
_COUNTER = re.compile(r"\bcounter packets (?P<packets>[0-9]+) bytes (?P<bytes>[0-9]+)")


def parse_rules(listing: str) -> list[LiveRule]:
    """Return the rules in ``listing``, the text of `nft -a list table`, in their order.

    The id is the rule's comment, None without one; ``text`` is the rule as nft prints it without the state of its
    counter; packets and bytes are None without a counter.
    """
    return [_rule(match.group("rule")) for match in _RULE.finditer(listing)]


def set_names(listing: str) -> list[str]:
    """Return the names of the sets in ``listing``, the text of `nft list table`."""
    return _SET.findall(listing)


def with_sets_sorted(listing: str) -> str:
    """Return ``listing``, the text of `nft list table`, with its sets in the order of their names.

    nft prints them in the order in which they were made, which says nothing of what they do.
    """
    blocks = listing.split("\n\n")
    # The first one has the table's own line above it.
    head, _unused, first = blocks[0].partition("\n")
    sets: list[str] = []
    others: list[str] = []
    for block in [first, *blocks[1:]]:
        (sets if _SET.match(block) else others).append(block)
    return f"{head}\n" + "\n\n".join([*sorted(sets), *others])


def _rule(text: str) -> LiveRule:
    comment = _COMMENT.search(text)
    end = comment.start() if comment else len(text)
    statement, rest = text[:end], text[end:]
    counter = _COUNTER.search(statement)
    return {
        "id": comment.group("comment") if comment else None,
        "text": _COUNTER.sub("counter", statement) + rest,
        "packets": int(counter.group("packets")) if counter else None,
        "bytes": int(counter.group("bytes")) if counter else None,
    }
