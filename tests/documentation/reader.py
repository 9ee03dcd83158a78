# Copyright: (c) 2026, ck8s.ports contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A reader who does what a page says: one shell for the page, in a folder and with a HOME of its own."""

from __future__ import annotations

import doctest
import os
import re
import secrets
import shlex
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.documentation.pages import Run, Write
from tests.documentation.repository import CHECKOUT

PATIENCE = 600
"""Seconds that the commands of one page may take together."""
COLUMNS = 100
OWN_STATUS = "echo $?"
"""The command by which a page tells that the one before it does not end with 0."""


@dataclass(frozen=True)
class Ended:
    """How a command ended, and what it printed."""

    run: Run
    status: int
    output: str


def environment(home: Path) -> dict[str, str]:
    """Return a new account's environment: nothing of Ansible's is set but how the hosts of the lab are reached."""
    own = {name: value for name, value in os.environ.items() if not name.startswith(("ANSIBLE_", "MAKE", "MFLAGS"))}
    lab = CHECKOUT / "tests/lab"
    return {
        **own,
        "HOME": str(home),
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        "COLUMNS": str(COLUMNS),
        "ANSIBLE_TRANSPORT": "lab_node",
        "ANSIBLE_CONNECTION_PLUGINS": str(lab / "connection"),
        "ANSIBLE_PYTHON_INTERPRETER": sys.executable,
        "ANSIBLE_REMOTE_TMP": "/run/ansible",
        "ANSIBLE_ASYNC_DIR": "/run/ansible/async",
        "ANSIBLE_PIPELINING": "true",
    }


def follow(steps: list[Write | Run], folder: Path, variables: dict[str, str]) -> Iterator[Ended]:
    """Do what the steps say, in ``folder``, and yield how each command ended, until one ends otherwise than said."""
    mark = secrets.token_hex(8)
    script = ["status=0"]
    for number, step in enumerate(steps):
        if isinstance(step, Write):
            path = shlex.quote(step.path)
            script += [f"mkdir -p $(dirname {path}); cat >{path} <<'{mark}'", step.text.rstrip("\n"), mark]
            continue
        # So that $? is the status of the command before this one, and a page can show it.
        script += [f"echo {mark} {number}", "(exit $status)", step.command, f"status=$?; echo {mark} ended $status"]
        said = isinstance(following := next(iter(steps[number + 1 :]), None), Run) and following.command == OWN_STATUS
        if not said:
            script.append("[ $status = 0 ] || exit 1")
    completed = subprocess.run(
        ["bash", "-c", "\n".join(script)], cwd=folder, env=variables, stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=PATIENCE, check=False,
    )  # fmt: skip
    for found in re.finditer(rf"{mark} (\d+)\n(.*?){mark} ended (\d+)\n", completed.stdout, re.DOTALL):
        run = steps[int(found.group(1))]
        assert isinstance(run, Run)
        yield Ended(run, int(found.group(3)), found.group(2))


def difference(ended: Ended) -> str | None:
    """Return how the output differs from what the page shows, None when it does not or when nothing is shown."""
    if ended.run.shown is None:
        return None
    wanted, got = _trimmed(ended.run.shown), _trimmed(ended.output)
    if doctest.OutputChecker().check_output(wanted, got, doctest.ELLIPSIS):
        return None
    return f"shown:\n{textwrap.indent(wanted, ' ' * 4)}printed:\n{textwrap.indent(got, ' ' * 4)}"


def _trimmed(text: str) -> str:
    return "".join(f"{line.rstrip()}\n" for line in text.strip("\n").splitlines())
