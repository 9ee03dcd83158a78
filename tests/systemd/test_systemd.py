# Copyright: (c) 2026, ck8s.ports contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Changes and reboots of a node with systemd, over SSH."""

from __future__ import annotations

import time
from typing import Any

from tests.netns.safety.conftest import kill_with_descendants, wait_until
from tests.systemd.conftest import CONTROLLER, TIMEOUT, Node


def policy(ssh_from: str, port: int = 2379) -> dict[str, Any]:
    return {
        "enforcement": "ports",
        "sets": {"admins": [ssh_from]},
        "rules": [
            {"id": "ssh", "protocol": "tcp", "ports": [22], "verdict": "accept", "sources": ["admins"]},
            {"id": "ssh", "protocol": "tcp", "ports": [22], "verdict": "drop"},
            {"id": "closed", "protocol": "tcp", "ports": [port], "verdict": "drop"},
        ],
    }


OLD, NEW = policy(CONTROLLER), policy(CONTROLLER, port=2380)
CUT = policy("192.0.2.1/32")


def cut(node: Node) -> None:
    """Put a policy in force that nobody can confirm, and kill its controller."""
    before = node.rules()
    with node.start(CUT, timeout=TIMEOUT) as process:
        wait_until(lambda: node.rules() != before or process.poll() is not None)
        assert process.poll() is None, process.communicate()[0]
        node.shell("flock /run/ck8s-ports/change/token true")
        kill_with_descendants(process.pid)
    assert "192.0.2.1" in node.rules()


def test_confirmed_rules_are_there_before_the_network_after_a_power_cut(node: Node) -> None:
    done = node.run(OLD)
    assert (done["failed"], done["changed"], done["persistent"]) == (False, True, True), done
    assert done["confirmed_over"] == "new_connection"
    assert node.run(OLD)["changed"] is False
    assert node.shell("systemctl list-units --all 'ck8s-ports-restore-*' --no-legend") == "", "the timer is stopped"
    rules, files = node.rules(), node.files()

    node.power_cut()
    assert (node.rules(), node.files()) == (rules, files)
    show = "systemctl show --value -p ActiveEnterTimestampMonotonic "
    ours, network_pre = (int(node.shell(show + unit)) for unit in ("ck8s-ports.service", "network-pre.target"))
    assert 0 < ours < network_pre
    assert node.shell("systemd-analyze verify /etc/systemd/system/ck8s-ports.service 2>&1") == ""
    assert node.run(OLD)["changed"] is False

    removed = node.run(None)
    assert (removed["changed"], removed["confirmed_over"]) == (True, "new_connection")
    assert node.rules() == node.files() == ""
    assert node.run(None)["changed"] is False
    assert node.shell("systemctl list-units --all 'ck8s-ports*' --no-legend") == ""


def test_the_timer_takes_back_what_the_killed_controller_cannot_confirm(node: Node) -> None:
    node.run(OLD)
    rules, files = node.rules(), node.files()
    began = time.monotonic()
    cut(node)
    wait_until(lambda: node.rules() == rules, patience=TIMEOUT + 10)
    assert time.monotonic() - began > TIMEOUT - 3
    told = node.run(OLD)
    assert (told["changed"], told["taken_back"]["reason"]) == (False, "not_confirmed")
    assert node.files() == files


def test_power_cut_between_change_and_confirmation(node: Node) -> None:
    node.run(OLD)
    rules, files = node.rules(), node.files()
    cut(node)
    node.power_cut()
    assert node.rules() == rules
    for options in (["--check"], []):
        told = node.run(OLD, *options)
        assert (told["changed"], told["taken_back"]["reason"]) == (False, "restarted")
    assert node.files() == files
    assert node.run(OLD)["taken_back"] is None


def test_power_cut_before_the_first_change_is_confirmed(node: Node) -> None:
    cut(node)
    node.power_cut()
    assert node.rules() == ""
    assert node.run(None)["taken_back"]["reason"] == "restarted"
    assert node.files() == ""


def test_power_cut_before_the_confirmation_has_its_effect(node: Node) -> None:
    """The node waits for the lock of the change, which we hold, when its power goes."""
    node.run(OLD)
    rules, files = node.rules(), node.files()
    with node.start(NEW) as process:
        changed = "until nft list ruleset | grep -q 2380; do sleep 0.01; done"
        node.shell(f"{changed}; setsid flock /run/ck8s-ports/change/token sleep 60 >/dev/null 2>&1 &")
        wait_until(lambda: "->" in node.shell("cat /proc/locks"))  # someone waits for a lock: proc_locks(5)
        kill_with_descendants(process.pid)
    node.power_cut()
    assert node.rules() == rules
    assert node.run(OLD)["taken_back"]["reason"] == "restarted"
    assert node.files() == files


def test_power_cut_after_the_confirmation_had_its_effect(node: Node) -> None:
    """The file of the boot has been exchanged, the timer not yet stopped (systemctl hangs), when its power goes."""
    node.run(OLD)
    node.shell(
        "printf '#!/bin/sh\\nsleep 60\\n' >/run/hangs; chmod +x /run/hangs; mount --bind /run/hangs /usr/bin/systemctl"
    )
    with node.start(NEW) as process:
        wait_until(lambda: "2380" in node.shell("cat /etc/ck8s-ports/policy.nft") and not _waits(node))
        kill_with_descendants(process.pid)
    rules = node.rules()
    node.power_cut()
    assert "2380" in rules and node.rules() == rules
    assert node.run(NEW)["changed"] is False


def _waits(node: Node) -> bool:
    return node.shell("test ! -e /run/ck8s-ports/change || echo waits") != ""


def test_a_missing_or_different_file_is_found_shown_and_mended(node: Node) -> None:
    node.run(OLD)
    files = node.files()
    for harm, line in (
        ("rm /etc/ck8s-ports/policy.nft", "-at boot: /etc/ck8s-ports/policy.nft: none"),
        ("echo >>/etc/ck8s-ports/policy.nft", "-at boot: /etc/ck8s-ports/policy.nft: other than wanted"),
        ("rm /etc/systemd/system/*/ck8s-ports.service", "wants/ck8s-ports.service: none"),
        ("echo >/etc/systemd/system/ck8s-ports.service", "system/ck8s-ports.service: other than wanted"),
    ):
        node.shell(harm)
        predicted = node.run(OLD, "--check", "--diff")
        assert predicted["changed"] and line in predicted["shown"], predicted["shown"]
        assert node.run(OLD)["changed"]
        assert node.files() == files
        assert node.run(OLD)["changed"] is False


def test_what_cannot_be_made_permanent_is_not_done(node: Node) -> None:
    node.run(OLD)
    rules, files = node.rules(), node.files()
    for options in ("ro", "size=4k,nr_inodes=1"):
        node.shell(f"mount -t tmpfs -o {options} tmpfs /etc/ck8s-ports")
        refused = node.run(NEW)
        node.shell("umount /etc/ck8s-ports")
        assert refused["failed"] and "cannot prepare what the next boot loads" in refused["msg"]
        assert "then run again (nothing was changed)" in refused["msg"]
        assert (node.rules(), node.files()) == (rules, files)


def test_what_cannot_be_made_permanent_in_the_end_is_taken_back(node: Node) -> None:
    """The disk fails after the change: the unit's directory becomes read-only between change and confirmation."""
    node.shell("mount --bind /etc/systemd/system /etc/systemd/system && mount -o remount,bind,ro /etc/systemd/system")
    refused = node.run(NEW)
    node.shell("umount /etc/systemd/system")
    assert refused["failed"] and "the change cannot be made permanent: " in refused["msg"]
    assert "mount it for writing, then run again" in refused["msg"]
    assert "the rules are the previous ones again" in refused["msg"]
    assert node.rules() == node.files() == ""


def test_without_a_timer_there_is_no_change(node: Node) -> None:
    node.shell("mount --bind /bin/false /usr/bin/systemd-run")
    refused = node.run(OLD)
    node.shell("umount /usr/bin/systemd-run")
    assert refused["failed"] and "systemd cannot be asked to take the change back in time" in refused["msg"]
    assert "see `systemctl status` and `journalctl -b` on this host" in refused["msg"]
    assert "(nothing was changed)" in refused["msg"]
    assert node.rules() == node.files() == ""
