# Copyright: (c) 2026, ck8s.ports contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The same answer under every Python from 3.8 that is found on this machine.

Beside those on PATH and pyenv's, CK8S_PYTHONS may name more, separated by colons. The other tests of this directory use
the one that CK8S_NODE_PYTHON names.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.netns.sockets.space import Space, new_space
from tests.netns.sockets.test_inet import ZOO, tcp
from tests.netns.sockets.test_unix import unix

_ROOT = Path(__file__).resolve().parents[3]
_OLDEST, _NEWEST = 8, 14


def interpreters() -> list[str]:
    """The path of one interpreter of each version, oldest first."""
    candidates = [sys.executable, *os.environ.get("CK8S_PYTHONS", "").split(":"), "/usr/bin/python3"]
    candidates += [shutil.which(f"python3.{minor}") or "" for minor in range(_OLDEST, _NEWEST + 1)]
    pyenv = Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv")
    candidates += map(str, sorted(pyenv.glob("versions/*/bin/python")) if os.access(pyenv, os.X_OK) else [])
    found: dict[tuple[int, int], str] = {}
    for candidate in filter(None, candidates):
        version = _version(candidate)
        if version is not None and version >= (3, _OLDEST):
            found.setdefault(version, candidate)
    return [found[version] for version in sorted(found)]


def _version(python: str) -> tuple[int, int] | None:
    try:
        completed = subprocess.run([python, "-V"], check=True, capture_output=True, text=True, timeout=20)
    except (OSError, subprocess.SubprocessError):
        return None
    match = re.match(r"Python (\d+)\.(\d+)", completed.stdout)
    return (int(match[1]), int(match[2])) if match else None


PYTHONS = interpreters()


@pytest.mark.parametrize("python", PYTHONS)
def test_same_sockets(space: Space, tmp_path: Path, python: str) -> None:
    protocols = ["tcp", "udp", "udplite", "sctp", "dccp", "raw", "unix", "vsock"]
    zoo = (*ZOO, unix("stream", tmp_path / "sock"))
    with space.holding(*zoo, fork=2), new_space() as other, other.holding(tcp("127.0.0.1", 1)) as held:
        expected = space.collect(protocols=protocols)
        assert space.collect(python=python, protocols=protocols) == expected
        (row,) = space.collect(python=python, netns=[str(number_of(other))])["sockets"]
    assert row["inode"] == held.inodes[0]


def number_of(space: Space) -> int:
    return Path(f"/proc/{space.pid}/ns/net").stat().st_ino


@pytest.mark.parametrize("python", PYTHONS)
def test_as_ansible_runs_it(space: Space, python: str) -> None:
    """Packed and started by Ansible, with this Python as the node's."""
    environment = {**os.environ, "ANSIBLE_COLLECTIONS_PATH": str(_ROOT / "collections"), "ANSIBLE_NOCOLOR": "1"}
    options = json.dumps({"ports": ["10250"]})
    command = [sys.executable, "-m", "ansible", "adhoc", "localhost", "-c", "local", "-o"]
    command += ["-m", "ck8s.ports.listening_sockets_info", "-a", options, "--check"]
    command += ["-e", json.dumps({"ansible_python_interpreter": python})]
    with space.holding(*ZOO) as held:
        output = space.run(*command, env=environment)
    result = json.loads(output[output.index("=> ") + 3 :])
    assert result["changed"] is False
    (row,) = result["sockets"]
    assert (row["port"], row["dual_stack"]) == (10250, True)
    assert [process["pid"] for process in row["processes"]] == [held.pid]
    assert "ansible_facts" not in result
