# Copyright: (c) 2026, ck8s.ports contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whatever keeps a change from being confirmed: the rules before it come back by themselves, and a run tells of it."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from pathlib import Path

import pytest

from ansible_collections.ck8s.ports.plugins.module_utils._unconfirmed import GRACE
from tests.netns.safety.conftest import (
    RUN,
    TIMEOUT,
    FaultyNft,
    Node,
    kill_with_descendants,
    policy,
    wait_until,
    waiting_processes,
)
from tests.netns.topology import tcp_fate

OLD, NEW = policy(port=2379), policy(port=2380)
NOBODY = policy(ssh_from="192.0.2.1/32")
"""A policy that lets nobody of this network use SSH."""


@pytest.mark.parametrize(("before", "wanted"), [(None, NEW), (OLD, NEW), (OLD, None)], ids=["first", "next", "removal"])
def test_killed_controller(node: Node, before: dict[str, object] | None, wanted: dict[str, object] | None) -> None:
    if before is not None:
        assert node.run(before)["confirmed_over"] == "same_host"
    rules = node.rules()
    node.kill_between_change_and_confirmation(wanted)
    wait_until(lambda: node.rules() == rules, patience=TIMEOUT + 10)
    wait_until(lambda: not waiting_processes(), patience=10)

    for options in (["--check"], []):
        told = node.run(before, *options)
        assert (told["failed"], told["changed"], told["taken_back"]["reason"]) == (False, False, "not_confirmed")
        assert "was not confirmed in time and has been taken back" in told["shown"]
        assert "look for what the policy says about the port of this connection (SSH)" in " ".join(
            told["shown"].split()
        )
    assert node.rules() == rules
    assert not RUN.exists()


def test_killed_timer(node: Node) -> None:
    """Nobody is left on the node to take the change back: the next run does, before anything else."""
    node.kill_between_change_and_confirmation(NEW)
    for pid in waiting_processes():
        os.kill(int(pid), signal.SIGKILL)
    time.sleep(TIMEOUT + GRACE)
    assert node.rules() != ""
    told = node.run(None)
    assert (told["failed"], told["changed"], told["taken_back"]["reason"]) == (False, False, "not_confirmed")
    assert node.rules() == ""
    assert not RUN.exists()


def test_while_a_change_waits_another_run_is_told_whose_it_is(node: Node) -> None:
    timeout = 3 * TIMEOUT  # two runs are to find it waiting
    node.kill_between_change_and_confirmation(NEW, timeout)
    waiting = node.run(NEW)
    assert waiting["failed"]
    assert f"another change of this firewall, by root@{os.uname().nodename} (pid " in waiting["msg"]
    assert time.strftime("%Y-%m-%dT", time.gmtime()) in waiting["msg"]
    assert node.run(NEW, "--check")["taken_back"] is None  # it only looks, and there is nothing to tell yet
    wait_until(lambda: node.rules() == "", patience=timeout + 10)

    done = node.run(NEW)
    assert (done["changed"], done["taken_back"]["reason"]) == (True, "not_confirmed")
    assert node.run(NEW)["taken_back"] is None, "told twice"


def test_a_policy_that_cuts_ssh(ssh_node: Node) -> None:
    done = ssh_node.run(OLD)
    assert (done["failed"], done["changed"], done.get("confirmed_over")) == (False, True, "new_connection"), done
    rules = ssh_node.rules()
    assert ssh_node.run(OLD)["changed"] is False  # and its connection stays open for others to use (ControlPersist)

    cut = ssh_node.run(NOBODY, timeout=TIMEOUT)
    assert cut["failed"] and "the host has taken it back" in cut["msg"], cut
    assert ssh_node.rules() == rules
    again = ssh_node.run(OLD)
    assert (again["changed"], again["taken_back"]["reason"]) == (False, "not_confirmed")


def test_killed_controller_after_a_policy_that_cuts_ssh(ssh_node: Node) -> None:
    address = ssh_node.network.node.ipv4
    with ssh_node.start(NOBODY, timeout=TIMEOUT) as process:
        wait_until(lambda: tcp_fate(ssh_node.network.peer, address, 22, timeout=0.1) == "silent")
        kill_with_descendants(process.pid)
    wait_until(lambda: tcp_fate(ssh_node.network.peer, address, 22, timeout=0.1) == "open", patience=TIMEOUT + 10)
    assert ssh_node.rules() == ""
    assert ssh_node.run(OLD)["taken_back"]["reason"] == "not_confirmed"


def test_nft_fails_in_the_middle(node: Node, nft: FaultyNft) -> None:
    node.run(OLD)
    rules = node.rules()
    # Loads: comparison, new sets, new rules, all of it. The sets are there when the rules fail, for a bad element.
    nft.from_load(3, "(cat; echo add element inet ck8s_ports admins { 192.0.2.300 }) | exec $nft --file -")
    failed = node.run(policy(ssh_from="10.88.0.12/32"))
    assert failed["failed"] and "`nft --file -` failed with status 1" in failed["msg"]
    assert "the rules are the previous ones again" in failed["msg"]
    assert node.rules() == rules
    wait_until(lambda: not waiting_processes(), patience=10)
    assert not RUN.exists()


def test_nft_hangs(node: Node, nft: FaultyNft) -> None:
    node.run(OLD)
    rules = node.rules()
    nft.from_load(3, "sleep 60; exec $nft --file -")
    began = time.monotonic()
    failed = node.run(policy(ssh_from="10.88.0.12/32"), timeout=8)
    assert time.monotonic() - began < 30
    assert failed["failed"] and "did not end in 2 seconds and was killed" in failed["msg"]
    assert "the rules are the previous ones again" in failed["msg"]
    assert node.rules() == rules
    assert not RUN.exists()


def test_everything_is_killed_while_nft_hangs(node: Node, nft: FaultyNft) -> None:
    """Controller and module die in the middle of the change; the nft that they leave must not make it later."""
    node.run(OLD)
    rules = node.rules()
    (RUN).mkdir(exist_ok=True)
    nft.from_load(3, f"touch {RUN}/hangs; sleep 6; exec $nft --file -")
    with node.start(policy(ssh_from="10.88.0.12/32"), timeout=8) as process:
        wait_until((RUN / "hangs").exists)
        for pid in [child for child in descendants(process.pid) if not is_nft(child)]:
            os.kill(pid, signal.SIGKILL)
    (RUN / "hangs").unlink()
    wait_until(lambda: not (RUN / "change").exists(), patience=15)
    assert node.rules() == rules
    time.sleep(1)
    assert node.rules() == rules


def descendants(pid: int) -> list[int]:
    output = subprocess.run(["ps", "-eo", "pid=,ppid="], capture_output=True, text=True, check=True).stdout
    parents = {int(child): int(parent) for child, parent in (line.split() for line in output.splitlines())}
    family = {pid}
    while grown := {child for child, parent in parents.items() if parent in family} - family:
        family |= grown
    return sorted(family)


def is_nft(pid: int) -> bool:
    words = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
    return words[0] == b"sleep" or any(word.endswith(b"/bin/nft") for word in words)


def test_a_host_on_which_nothing_can_be_written_is_not_changed(node: Node) -> None:
    RUN.mkdir()
    for options, remedy in (("size=4k,nr_inodes=3", "make room there"), ("ro", "mount it for writing")):
        subprocess.run(["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(RUN)], check=True)
        try:
            failed = node.run(NEW)
        finally:
            subprocess.run(["umount", str(RUN)], check=True)
        assert failed["failed"] and "cannot prepare to take the change back: " in failed["msg"]
        assert remedy in failed["msg"]
        assert "(nothing was changed)" in failed["msg"]
        assert node.rules() == ""
    RUN.rmdir()


def test_two_controllers_at_once(node: Node) -> None:
    with node.start(OLD) as one, node.start(NEW) as other:
        shown = [process.communicate(timeout=60)[0] for process in (one, other)]
    changed = [text for text in shown if "node | CHANGED" in text]
    refused = [text for text in shown if "node | FAILED" in text]
    assert len(changed) == 1 or "waits for its confirmation" not in "".join(refused), shown
    for text in refused:
        assert "another change of this firewall, by" in text or "changed by something else meanwhile" in text
    assert [node.run(wanted, "--check")["changed"] for wanted in (OLD, NEW)].count(False) == 1, "a mixture"
    assert not RUN.exists()


@pytest.mark.parametrize("seconds", [0, 4, 3601])
def test_there_is_no_change_without_a_way_back(node: Node, seconds: int) -> None:
    refused = node.run(NEW, timeout=seconds)
    assert (
        refused["failed"] and f"confirm_timeout: {seconds} is not a number of seconds from 5 to 3600" in refused["msg"]
    )
    assert node.rules() == ""


def test_remote_processes(node: Node) -> None:
    """An unchanged run starts one process on the host, as any module does; a changed one starts two."""

    def started(wanted: dict[str, object]) -> int:
        return str(node.run(wanted, "-vvv")["shown"]).count("EXEC /bin/sh -c")

    assert started(NEW) == 2
    assert started(NEW) == 1
    assert not RUN.exists()
