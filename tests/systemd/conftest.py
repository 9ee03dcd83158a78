# Copyright: (c) 2026, ck8s.ports contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A node with systemd and sshd, in a container inside the sandbox. Its image, made of packages, is kept in .cache/.

Runs as root, with podman, runc and mmdebstrap: python3 -m tests.lab.sandbox .venv/bin/pytest tests/systemd
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.lab.guard import MachineNamespaceError, refuse_machine_namespace

try:
    refuse_machine_namespace()
except MachineNamespaceError as refusal:
    raise pytest.UsageError(
        f"{refusal}\ntests/systemd makes networks: python3 -m tests.lab.sandbox .venv/bin/pytest tests/systemd"
    ) from None

REPOSITORY = Path(__file__).parents[2]
IMAGE = REPOSITORY / ".cache/systemd-node.tar"
PACKAGES = "systemd,systemd-sysv,dbus,iproute2,nftables,openssh-server,python3,procps"
ANSIBLE = str(Path(sys.executable).with_name("ansible"))
NAME, CONTROLLER, ADDRESS = "ck8s-systemd-node", "10.79.0.1", "10.79.0.11"
TIMEOUT = 8
"""confirm_timeout of changes that are to be taken back, in seconds."""
LONG_TIMEOUT = 30
PATIENCE = 60
FILES = (
    "/etc/ck8s-ports",
    "/run/ck8s-ports",
    "/etc/systemd/system/ck8s-ports.service",
    "/etc/systemd/system/sysinit.target.wants/ck8s-ports.service",
)

# Options of runc and limits: what systemd needs where the cgroups are hybrid and CAP_SYS_RESOURCE is missing.
RUN = (
    "--systemd=always", "--cgroupns=host", "--ulimit=nofile=20000:20000", "--ulimit=nproc=30000:30000",
    "--cap-add=NET_ADMIN,NET_RAW,SYS_ADMIN,SYS_PTRACE",
)  # fmt: skip


def command(*words: str, **options: Any) -> str:
    """Return what a command prints; fail with its words when it fails."""
    completed = subprocess.run(words, capture_output=True, text=True, timeout=PATIENCE * 5, check=False, **options)
    assert completed.returncode == 0, f"{' '.join(words)}: {completed.stdout}{completed.stderr}"
    return str(completed.stdout)


class Node:
    """The container, and a controller that reaches it over SSH."""

    def __init__(self, home: Path) -> None:
        self._home = home
        self._podman = (
            "podman", f"--root={home}/podman", f"--runroot={home}/podman-run",
            f"--network-config-dir={home}/networks", "--runtime=runc",
        )  # fmt: skip

    def podman(self, *words: str, **options: Any) -> str:
        return command(*self._podman, *words, **options)

    def create(self) -> None:
        # podman's network plugins keep their addresses here, and would find those of an earlier sandbox.
        Path("/var/lib/cni").mkdir(exist_ok=True)
        command("mount", "-t", "tmpfs", "tmpfs", "/var/lib/cni")
        self.podman("import", str(IMAGE), "systemd-node")
        self.podman("network", "create", "--internal", "--disable-dns", "--subnet=10.79.0.0/24", "nodes")
        self.podman("run", "--detach", f"--name={NAME}", "--hostname=n1", *RUN, "--network=nodes", f"--ip={ADDRESS}",
                    "systemd-node", "/sbin/init")  # fmt: skip
        command("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(self._home / "key"))
        key = (self._home / "key.pub").read_text()
        self.shell("mkdir -p /root/.ssh && cat >/root/.ssh/authorized_keys && chmod 600 /root/.ssh/*", input=key)
        self._came_up()

    def _came_up(self) -> None:
        # The bridge of an internal network gets no address, and is made anew for each start.
        bridges = json.loads(command("ip", "-json", "link", "show", "type", "bridge"))
        if CONTROLLER not in command("ip", "address"):
            command("ip", "address", "add", f"{CONTROLLER}/24", "dev", bridges[0]["ifname"])
        deadline = time.monotonic() + PATIENCE
        while self.shell("systemctl is-system-running; systemctl is-active ssh; true").split() != ["running", "active"]:
            assert time.monotonic() < deadline, self.shell("systemctl list-jobs; systemctl --failed; true")
            time.sleep(0.2)

    def shell(self, script: str, **options: Any) -> str:
        """Return what a script prints that runs on the node, beside all connections."""
        return self.podman("exec", "--interactive", NAME, "sh", "-c", script, **options)

    def power_cut(self) -> None:
        """End everything on the node at once, and start it again."""
        self.podman("kill", "--signal=KILL", NAME)
        # Its network goes with it, and with that the rules; start would go on with what is still there.
        self.podman("wait", "--condition=exited", NAME)
        self.podman("container", "cleanup", NAME)
        self.podman("start", NAME)
        self._came_up()

    def start(self, wanted: dict[str, Any] | None, *options: str, timeout: int = LONG_TIMEOUT) -> subprocess.Popen[str]:
        """Start a task that puts C(wanted) in force, or removes everything."""
        arguments = {"state": "absent"} if wanted is None else {"policy": wanted}
        environment = {
            **os.environ,
            "HOME": str(self._home),
            "ANSIBLE_HOME": str(self._home),
            "ANSIBLE_COLLECTIONS_PATH": str(REPOSITORY / "collections"),
            "ANSIBLE_HOST_KEY_CHECKING": "false",
            "ANSIBLE_NOCOLOR": "1",
            "ANSIBLE_PIPELINING": "true",
            "ANSIBLE_TIMEOUT": "2",
            "COLUMNS": "1000",
        }
        words = [
            ANSIBLE, "n1", "--inventory=n1,", "--user=root", f"--private-key={self._home / 'key'}",
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
    if not IMAGE.exists():
        IMAGE.parent.mkdir(exist_ok=True)
        suite = re.search(r"VERSION_CODENAME=(\w+)", Path("/etc/os-release").read_text())
        assert suite
        command("mmdebstrap", "--variant=minbase", f"--include={PACKAGES}", suite.group(1), f"{IMAGE}.new.tar")
        Path(f"{IMAGE}.new.tar").rename(IMAGE)
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
