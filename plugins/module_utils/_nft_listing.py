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
_COMMENT = re.compile(r" comment \"(?P<comment>[^\"]*)\"$")
_COUNTER = re.compile(r"\bcounter packets (?P<packets>[0-9]+) bytes (?P<bytes>[0-9]+)")


def parse_rules(listing: str) -> list[LiveRule]:
    """Return the rules in ``listing``, the text of `nft -a list table`, in their order.

    The id is the rule's comment, None without one; ``text`` is the rule as nft prints it without the state of its
    counter; packets and bytes are None without a counter.
    """
    return [_rule(match.group("rule")) for match in _RULE.finditer(listing)]


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
