# Copyright: (c) 2026, ck8s.ports contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Without any inventory `verify` looks at this machine; every other run on nothing is an error."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import tarfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.netns.playbooks.terminal import at_a_terminal

CHECKOUT = Path(__file__).parents[3]
ANSIBLE_PLAYBOOK = str(Path(sys.executable).with_name("ansible-playbook"))
SAYS_SO = "No inventory was given: this looks at this machine alone (localhost)"
REFUSES = "No host of this run is a node"
PORT = 8099


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    """Something that no document has, open to everyone."""
    with socket.create_server(("0.0.0.0", PORT)) as listening:
        yield listening


def environment(home: Path, **more: str) -> dict[str, str]:
    """Nobody's Ansible settings: only what a fresh account with the collection has."""
    own = {name: value for name, value in os.environ.items() if not name.startswith("ANSIBLE_")}
    return {**own, "ANSIBLE_COLLECTIONS_PATH": str(CHECKOUT / "collections"), "HOME": str(home), **more}


def play(home: Path, name: str, *options: str, prefix: tuple[str, ...] = (), **more: str) -> tuple[int, str]:
    completed = subprocess.run(
        [*prefix, ANSIBLE_PLAYBOOK, f"ck8s.ports.{name}", *options],
        cwd=home, env=environment(home, **more), capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    return completed.returncode, " ".join((completed.stdout + completed.stderr).split())


def statuses(home: Path) -> dict[str, str]:
    report = json.loads((home / "ck8s-ports-report/report.json").read_text(encoding="utf-8"))
    assert {finding["host"] for finding in report["findings"]} == {"localhost"}
    return {finding["id"]: finding["status"] for finding in report["findings"]}


def test_verify_without_an_inventory_looks_at_this_machine(tmp_path: Path, listener: socket.socket) -> None:
    before = subprocess.check_output(["nft", "list", "ruleset"], text=True)
    status, output = play(tmp_path, "verify", "-e", "node_verify_debug_bundle=debug.tar.gz")
    assert status == 2, output  # the machine is no node of a cluster
    assert SAYS_SO in output
    assert "neither the inventory nor the node says which role it has; it is judged as one of control_plane" in output
    found = statuses(tmp_path)
    assert found["kube-apiserver/bind"] == "fail"
    assert [status for name, status in found.items() if f"{PORT}" in name] == ["fail"], found
    assert " changed=0 " in output
    with tarfile.open(tmp_path / "debug.tar.gz") as archive:
        assert [Path(name).name for name in archive.getnames()] == ["run.json", "report.json", "0000-localhost.json"]
    assert subprocess.check_output(["nft", "list", "ruleset"], text=True) == before


def test_without_root_it_says_what_it_could_not_see(tmp_path: Path, listener: socket.socket) -> None:
    # Root without any capability may not read other processes or the firewall, as any other user.
    less = ("setpriv", "--bounding-set=-all", "--inh-caps=-all", "--no-new-privs")
    status, output = play(tmp_path, "verify", prefix=less)
    assert status == 2, output
    found = statuses(tmp_path)
    assert found["policy/firewall"] == "unknown", output


@pytest.mark.parametrize("name", ["firewall", "site", "remove"])
def test_what_changes_something_wants_an_inventory(tmp_path: Path, name: str) -> None:
    status, output = play(tmp_path, name)
    assert status == 2, output
    assert REFUSES in output
    assert SAYS_SO not in output


@pytest.mark.parametrize(
    ("options", "more"),
    [
        (("-i", "mistyped.yml"), {}),
        (("-i", "empty.yml"), {}),
        (("-i", "elsewhere.yml"), {}),
        ((), {"ANSIBLE_INVENTORY": "mistyped.yml"}),
        ((), {"ANSIBLE_CONFIG": "ansible.cfg"}),
    ],
)
def test_an_inventory_without_nodes_is_an_error(tmp_path: Path, options: tuple[str, ...], more: dict[str, str]) -> None:
    (tmp_path / "empty.yml").write_text("", encoding="utf-8")
    (tmp_path / "elsewhere.yml").write_text("webservers: {hosts: {localhost: {}}}\n", encoding="utf-8")
    (tmp_path / "ansible.cfg").write_text("[defaults]\ninventory = mistyped.yml\n", encoding="utf-8")
    status, output = play(tmp_path, "verify", *options, prefix=(), **more)
    assert status == 2, output
    assert REFUSES in output
    assert SAYS_SO not in output
    assert not (tmp_path / "ck8s-ports-report").exists()


@pytest.mark.parametrize(("more", "coloured"), [({}, True), ({"NO_COLOR": "1"}, False)])
def test_colours_on_a_terminal_unless_unwanted(tmp_path: Path, more: dict[str, str], coloured: bool) -> None:
    shown = at_a_terminal([ANSIBLE_PLAYBOOK, "ck8s.ports.verify"], tmp_path, environment(tmp_path, **more))
    assert (b"\x1b[" in shown) == coloured, shown
