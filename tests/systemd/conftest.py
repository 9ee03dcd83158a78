# Copyright: (c) 2026, ck8s.ports contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A node with systemd and sshd, in a container inside the sandbox (as root: make systemd)."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.lab.containers import GATEWAY, PATIENCE, REPOSITORY, Containers
from tests.lab.guard import MachineNamespaceError, refuse_machine_namespace

try:
    refuse_machine_namespace()
except MachineNamespaceError as refusal:
    raise pytest.UsageError(
        f"{refusal}\ntests/systemd makes networks: python3 -m tests.lab.sandbox .venv/bin/pytest tests/systemd"
    ) from None

ANSIBLE = str(Path(sys.executable).with_name("ansible"))
NAME, CONTROLLER, ADDRESS = "n1", GATEWAY, "10.79.0.11"
TIMEOUT = 8
"""confirm_timeout of changes that are to be taken back, in seconds."""
LONG_TIMEOUT = 30
FILES = (
    "/etc/ck8s-ports",
    "/run/ck8s-ports",
    "/etc/systemd/system/ck8s-ports.service",
    "/etc/systemd/system/sysinit.target.wants/ck8s-ports.service",
)


class Node:
    """The container, and a controller that reaches it over SSH."""

    def __init__(self, home: Path) -> None:
        self._home = home
        self._containers = Containers(home / "engine")

    def create(self) -> None:
        self._containers.create_network()
        self._containers.start(NAME, ADDRESS, self._containers.image())

    def shell(self, script: str, **options: Any) -> str:
        """Return what a script prints that runs on the node, beside all connections."""
        return self._containers.shell(NAME, script, **options)

    def power_cut(self) -> None:
        """End everything on the node at once, and start it again."""
        self._containers.power_cut(NAME)

    def start(self, wanted: dict[str, Any] | None, *options: str, timeout: int = LONG_TIMEOUT) -> subprocess.Popen[str]:
        """Start a task that puts C(wanted) in force, or removes everything."""
        # That a policy would refuse the controller itself is what is tried here.
        arguments = {"state": "absent"} if wanted is None else {"policy": wanted, "on_impact": "ignore"}
        environment = {
            **os.environ,
            "HOME": str(self._home),
            "ANSIBLE_HOME": str(self._home),
            "ANSIBLE_SSH_CONTROL_PATH_DIR": str(self._home / "cp"),
            "ANSIBLE_COLLECTIONS_PATH": str(REPOSITORY / "collections"),
            "ANSIBLE_HOST_KEY_CHECKING": "false",
            "ANSIBLE_NOCOLOR": "1",
            "ANSIBLE_PIPELINING": "true",
            "ANSIBLE_TIMEOUT": "2",
            "COLUMNS": "1000",
        }
        words = [
            ANSIBLE, "n1", "--inventory=n1,", "--user=root", f"--private-key={self._containers.key}",
            f"--extra-vars=ansible_host={ADDRESS}", "--extra-vars=ansible_python_interpreter=/usr/bin/python3",
            "--module-name=ck8s.ports.port_policy", f"--args={json.dumps({**arguments, 'confirm_timeout': timeout})}",
        ]  # fmt: skip
        return subprocess.Popen(
            [*words, *options], env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )

    def run(self, wanted: dict[str, Any] | None, *options: str) -> dict[str, Any]:
        """Return the result of such a task; C(failed) tells whether it did, C(shown) is what the user sees."""
        with self.start(wanted, *options) as process:
            shown, _ = process.communicate(timeout=PATIENCE)
        answer = re.search(r"^n1 \| (\w+)!? => (\{\n.*^\})$", shown, re.MULTILINE | re.DOTALL)
        assert answer, shown
        return {**json.loads(answer.group(2)), "failed": answer.group(1) == "FAILED", "shown": shown}

    def rules(self) -> str:
        """All rules, as the kernel prints them."""
        return self.shell("nft --stateless list ruleset")

    def files(self) -> str:
        """Names, targets and text of all files that port_policy may leave, without their times."""
        show = "find $each -printf '%p %l\\n' -type f -exec cat {} +"
        return self.shell(f"for each in {' '.join(FILES)}; do {show}; done 2>/dev/null; true")


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory) -> Node:
    node = Node(tmp_path_factory.mktemp("systemd"))
    node.create()
    return node


@pytest.fixture
def node(built: Node) -> Iterator[Node]:
    """Yield the node without rules and files of ours."""
    assert built.rules() == built.files() == ""
    yield built
    built.shell("nft flush ruleset; systemctl stop ck8s-ports.service 'ck8s-ports-restore-*'; true")
    built.shell(f"rm -rf {' '.join(FILES)}; systemctl daemon-reload")
