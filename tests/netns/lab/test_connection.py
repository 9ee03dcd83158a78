# Copyright: (c) 2026, ck8s.ports contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The connection plugin lab_node: Ansible reaches a host of the lab and its files, and no other network."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.lab import lab

CHECKOUT = Path(__file__).parents[3]
ANSIBLE = Path(sys.executable).with_name("ansible")
UNREACHABLE = 4
"""Exit status of ansible when a host could not be reached."""

Nodes = dict[str, lab.Running]


def ansible(
    host: str, module: str, arguments: str = "", *options: str, environ: dict[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("ANSIBLE_")}
    environment |= {"ANSIBLE_CONFIG": "tests/lab/ansible.cfg", "NO_COLOR": "1"} | (environ or {})
    return subprocess.run(
        [str(ANSIBLE), host, "-m", module, "-a", arguments, *options],
        cwd=CHECKOUT,
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@contextmanager
def pid_file_of(node: str, content: str | None) -> Iterator[None]:
    """Put another content into a host's pid file, or take it away, for a moment."""
    path = lab.STATE / f"{node}.pid"
    before = path.read_text()
    if content is None:
        path.unlink()
    else:
        path.write_text(content)
    yield
    path.write_text(before)


@pytest.mark.parametrize("options", [(), ("--become",), ("-e", "ansible_pipelining=false")], ids=" ".join)
def test_a_command_runs_in_the_host(nodes: Nodes, options: tuple[str, ...]) -> None:
    outcome = ansible("node1", "ansible.builtin.shell", "hostname; id -u; stat -Lc %i /proc/self/ns/net", *options)
    net = Path(f"/proc/{nodes['node1'].pid}/ns/net").stat().st_ino
    assert outcome.returncode == 0, outcome.stdout + outcome.stderr
    assert outcome.stdout.splitlines()[1:] == ["node1", "0", str(net)]


def test_files_go_to_the_hosts_own_file_system_and_back(nodes: Nodes, tmp_path: Path) -> None:
    content = bytes(range(256)) * 1000
    (tmp_path / "there").write_bytes(content)
    sent = ansible("node2", "ansible.builtin.copy", f"src={tmp_path}/there dest='/run/lab/a file'")
    assert sent.returncode == 0, sent.stdout + sent.stderr
    assert Path(f"/proc/{nodes['node2'].pid}/root/run/lab/a file").read_bytes() == content
    fetched = ansible("node2", "ansible.builtin.fetch", f"src='/run/lab/a file' dest={tmp_path}/back flat=true")
    assert fetched.returncode == 0, fetched.stdout + fetched.stderr
    assert (tmp_path / "back").read_bytes() == content


def test_a_file_that_cannot_be_written_is_an_error(nodes: Nodes) -> None:
    outcome = ansible("node1", "ansible.builtin.copy", "content=x dest=/usr/ck8s-ports-lab")
    assert outcome.returncode != 0
    assert not Path("/usr/ck8s-ports-lab").exists()


def test_outside_the_sandbox_nothing_is_reached(nodes: Nodes) -> None:
    outcome = ansible("node1", "ansible.builtin.ping", environ={"CK8S_MACHINE_NETNS": ""})
    assert outcome.returncode == UNREACHABLE
    assert "CK8S_MACHINE_NETNS is not set" in outcome.stdout + outcome.stderr


def test_a_host_that_is_not_there_is_named_with_the_way_to_build_it(nodes: Nodes) -> None:
    with pid_file_of("node1", None):
        outcome = ansible("node1", "ansible.builtin.ping")
    assert outcome.returncode == UNREACHABLE
    assert "no running host node1" in outcome.stdout + outcome.stderr
    assert "tests.lab up" in outcome.stdout + outcome.stderr


@pytest.mark.parametrize("whose", ["the controller's", "the machine's"])
def test_a_network_to_keep_away_from_is_refused(nodes: Nodes, whose: str) -> None:
    # PID 1 here shares the controller's network. For the other case, node2's network is declared the machine's.
    pid, environ = "1", {}
    if whose == "the machine's":
        pid = str(nodes["node2"].pid)
        environ = {"CK8S_MACHINE_NETNS": str(Path(f"/proc/{pid}/ns/net").stat().st_ino)}
    with pid_file_of("node1", pid):
        outcome = ansible("node1", "ansible.builtin.command", "touch /run/lab/was-here", environ=environ)
    assert outcome.returncode == UNREACHABLE
    assert "refused" in outcome.stdout + outcome.stderr
    assert not Path(f"/proc/{pid}/root/run/lab/was-here").exists()


def test_a_mistyped_host_is_an_error(nodes: Nodes) -> None:
    outcome = ansible("node11", "ansible.builtin.ping")
    assert outcome.returncode != 0
    assert "node11" in outcome.stderr
