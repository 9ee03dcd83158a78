# Copyright: (c) 2026, ck8s.ports contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Words and flags, compared with those of bash, which reads the files of args/ on a node."""

from __future__ import annotations

import random
import subprocess
from pathlib import Path

import pytest

from ansible_collections.ck8s.ports.plugins.module_utils._snap_args import Flags, from_file, split
from ansible_collections.ck8s.ports.plugins.module_utils._snap_files import Unreadable

VARIABLES = {"SNAP_COMMON": "/var/snap/k8s/common", "SNAP": "/snap/k8s/4162"}

# As in k8s/lib.sh of k8s-snap, with the words printed instead of passed on.
_WRAPPER = 'declare -a args="($(cat "$0"))"; [ ${#args[@]} = 0 ] || printf "%s\\0" "${args[@]}"'


def words_of_bash(text: str, place: Path) -> list[str]:
    place.write_text(text, encoding="utf-8")
    answer = subprocess.run(
        ["bash", "-f", "-c", _WRAPPER, str(place)],
        capture_output=True,
        check=True,
        env={"PATH": "/usr/bin:/bin", "LC_ALL": "C.UTF-8", **VARIABLES},
        timeout=20,
    )
    assert not answer.stderr, answer.stderr
    return answer.stdout.decode().split("\0")[:-1]


@pytest.mark.parametrize(
    "text",
    [
        '--secure-port="6443"\n',
        "--secure-port=6443 --bind-address 127.0.0.1",
        '--a="${SNAP_COMMON}/x y" --b=$SNAP_COMMON/z --c=\'${SNAP_COMMON}\' --d="$SNAP""$SNAP"\n',
        '# a comment with "quotes" and \'more\n--a=1 # and another\n--b=c#d\n',
        "--empty=\"\" '' --after=1",
        "--eviction-hard='memory.available<100Mi,nodefs.available<1Gi'",
        '--a="one\\"two\\\\three\\four" --b=five\\ six --c=sev\\\nen',
        "--a=\t1\n",
        "--price=5$ --b='it'\"'\"'s'",
        '--a="b\nc"',
        '--tls-cipher-suites="TLS_AES_128_GCM_SHA256,TLS_CHACHA20_POLY1305_SHA256"\n' * 3,
        "--name=knöten",
        "",
    ],
)
def test_same_words_as_bash(text: str, tmp_path: Path) -> None:
    words, unknown = split(text, VARIABLES)
    assert words == words_of_bash(text, tmp_path / "args")
    assert unknown == {}


def test_same_words_as_bash_for_random_texts(tmp_path: Path) -> None:
    """Three hundred files made of what matters to a shell."""
    pieces = ["--a", "=", '"', "'", " ", "\n", "\\", "#", "x", "${SNAP}", "$SNAP_COMMON", "-", "1", "ü", "\t"]
    generator = random.Random(6443)
    compared = 0
    for _number in range(1500):
        text = "".join(generator.choice(pieces) for _ in range(generator.randint(1, 14)))
        try:
            words, unknown = split(text, VARIABLES)
        except Unreadable:
            continue
        if text.rstrip("\n").endswith("\\") or unknown:  # a backslash that escapes nothing; `$SNAPx`
            continue
        if compared < 300:
            assert words == words_of_bash(text, tmp_path / "args"), repr(text)
            compared += 1
    assert compared == 300


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("--a=$(hostname)", "depends on a command or an expression of the shell"),
        ("--a=`hostname`", "depends on a command or an expression of the shell"),
        ('--a="${SNAP_COMMON:-/x}"', "depends on a command or an expression of the shell"),
        ("--a=$HOME/x", "depends on the variable HOME"),
        ("--a $HOME", "depends on the variable HOME"),
    ],
)
def test_value_that_only_the_shell_knows(text: str, reason: str) -> None:
    flags = from_file(f"{text}\n--b=1", VARIABLES)
    assert flags.get("b") == "1"
    with pytest.raises(Unreadable, match=f"--a {reason}"):
        flags.get("a")


def test_known_value_after_an_unknown_one() -> None:
    assert from_file("--a=$HOME --a=1", {}).get("a") == "1"


@pytest.mark.parametrize("text", ['--a="1', "--a='1", '--a="1\n--b=2\n'])
def test_quote_without_end(text: str) -> None:
    with pytest.raises(Unreadable, match="has no end"):
        from_file(text, {})


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["--port=1", "--port=2"], "2"),
        (["--port", "1"], "1"),
        (["-port=1"], "1"),
        (["--port=1=2"], "1=2"),
        (["--other", "--port=1"], "1"),
        (["--other", "value", "--port", "3"], "3"),
        (["stray", "--port=4", "stray"], "4"),
        (["--ports=1"], None),
        (["--port="], ""),
        ([], None),
    ],
)
def test_flags_of_a_command_line(words: list[str], expected: str | None) -> None:
    assert Flags(words).get("port") == expected


def test_line_ends_of_another_system() -> None:
    """bash would keep the carriage return, and no service would start with it: what is meant is told."""
    assert from_file("--a=1\r\n--b=2\r\n", {}).get("a") == "1"


def test_large_file_of_one_word_takes_no_time() -> None:
    words, _unknown = split("x" * 1024 * 1024, {})
    assert len(words[0]) == 1024 * 1024
