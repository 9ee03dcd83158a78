# Copyright: (c) 2026, ck8s.ports contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The shapes of YAML that are read, compared with a YAML library, and those that are refused."""

from __future__ import annotations

import pytest
import yaml

from ansible_collections.ck8s.ports.plugins.module_utils._snap_files import Unreadable
from ansible_collections.ck8s.ports.plugins.module_utils._snap_yaml import entries, flat


@pytest.mark.parametrize(
    "text",
    [
        "address: 10.0.0.11:6400\n",
        "---\n# comment\naddress:   10.0.0.11:6400   \n\nname: x\n",
        "address: '[fd77::11]:6400'\nservers: {}\n",
        'address: "10.0.0.11:6400"\r\nname: x\r\n',
        "name: |-\n  address: wrong\n\n  more\naddress: right\nlist:\n- a: 1\n- b\nmore:\n  address: wrong\n",
        "address: it''s\n",
        "address: 'it''s'\n",
        "address: a#b\n",
        "address: a:b\n",
    ],
)
def test_same_value_as_a_library(text: str) -> None:
    assert flat(text, "f").get("address") == yaml.safe_load(text)["address"]


@pytest.mark.parametrize(
    "value",
    ["", " {}", " []", " [a]", " {a: b}", " &a b", " *a", " !!str b", " |\n  b", " >\n  b", " a # b", " a: b", " 'a' b",
     ' "a\\tb"', ' "a" "b"', "\n  b", "\n- b", " a\n  b", " - b", " @b", " `b`", " %b", " ? b"],
)  # fmt: skip
def test_value_of_another_shape_is_not_given(value: str) -> None:
    found = flat(f"name: x\naddress:{value}\n", "/f")
    assert found.get("name") == "x"
    with pytest.raises(Unreadable, match="address in /f is not a single value"):
        found.get("address")


@pytest.mark.parametrize(
    "text",
    ["address\n", "- a\n", "  a: b\n", "a: b\nc\n", "a: 1\na: 2\n", "? a\n: b\n", "a:b\n", "'a': b\n", "{a: b}\n",
     "a: b\n---\na: c\n", "<<: b\n", "\ta: b\n"],
)  # fmt: skip
def test_document_of_another_shape_is_refused(text: str) -> None:
    with pytest.raises(Unreadable, match=r"/f is not understood: line \d+"):
        flat(text, "/f")


def test_key_that_is_not_there() -> None:
    with pytest.raises(Unreadable, match="/f has no address"):
        flat("", "/f").get("address")


def test_entries() -> None:
    text = "- Address: 10.0.0.11:6400\n  ID: 1\n- ID: 2\n  Address: '[::1]:1'\n"
    assert [entry.get("Address") for entry in entries(text, "/f")] == [one["Address"] for one in yaml.safe_load(text)]


@pytest.mark.parametrize("text", ["a: b\n", "- a\n", "- a: b\nc: d\n", "- a: b\n c: d\n", "- - a: b\n", "-a: b\n"])
def test_list_of_another_shape_is_refused(text: str) -> None:
    with pytest.raises(Unreadable, match="/f is not understood"):
        entries(text, "/f")
