# Copyright: (c) 2026, ck8s.ports contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Names that somebody chose in order to break whoever reads them: through Ansible, from the process to the JSON."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.netns.sockets.space import Space
from tests.netns.sockets.test_inet import tcp
from tests.netns.sockets.test_unix import unix

_ROOT = Path(__file__).resolve().parents[3]

NAMES = {
    "newline": b"two\nlines",
    "escape": b"\x1b[31mred\x1b[0m",
    "parentheses": b"a) S 1 1 (b",
    "spaces": b" end ",
    "invalid UTF-8": b"\xff\xfe\x80",
    "jinja": b"{{ 7 * 7 }}",
    "quote": b'"\\": 1, "x',
}


def told(raw: bytes) -> str:
    """As documented: what is not UTF-8 becomes an escape of printable characters, all else stays as it is."""
    return raw.decode("utf-8", "backslashreplace")


@pytest.mark.parametrize("raw", NAMES.values(), ids=NAMES.keys())
def test_a_name_arrives_as_it_is(space: Space, raw: bytes) -> None:
    with space.holding(tcp("127.0.0.1", 80), name=list(raw)):
        (row,) = space.collect()["sockets"]
    assert row["processes"][0]["name"] == told(raw)
    assert row["processes"][0]["started"].startswith("20")


def through_ansible(space: Space, **options: Any) -> tuple[dict[str, Any], str]:
    """The result of the module as `ansible` prints it, and all of its output."""
    environment = {
        **os.environ,
        "ANSIBLE_COLLECTIONS_PATH": str(_ROOT / "collections"),
        "ANSIBLE_NOCOLOR": "1",
        "ANSIBLE_LOCALHOST_WARNING": "false",
    }
    command = [sys.executable, "-m", "ansible", "adhoc", "localhost", "-c", "local", "-m"]
    command += ["ck8s.ports.listening_sockets_info", "-a", json.dumps(options)]
    command += ["-e", json.dumps({"ansible_python_interpreter": sys.executable})]
    output = space.run(*command, env=environment)
    return json.loads(output[output.index("{") :]), output


def test_ansible_prints_them_harmlessly(space: Space, tmp_path: Path) -> None:
    every = b"\x1b]0;owned\x07\n\xff) ("
    path = tmp_path / "so\x1b[2Jck\net {{ lookup('pipe', 'id') }}"
    with space.holding(tcp("127.0.0.1", 80), unix("stream", path), name=list(every)):
        result, output = through_ansible(space, protocols=["tcp", "unix"])
    internet, local = result["sockets"]
    assert internet["processes"][0]["name"] == told(every)
    assert local["path"] == str(path)
    assert local["path_status"] == "same"
    assert not set(output) & {"\x1b", "\x07"}
