# Copyright: (c) 2026, ck8s.ports contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The backend ufw at work with a real ufw: its rules among the user's, in the kernel and in ufw's files."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.ck8s.ports.plugins.module_utils._backends import choose
from ansible_collections.ck8s.ports.plugins.module_utils._firewall import FirewallError
from ansible_collections.ck8s.ports.plugins.module_utils._policy import parse_policy
from tests.backends.common import (
    ALLOWED,
    FIRST,
    REFUSED,
    SECOND,
    connections,
    everyone,
    fates,
    rules_of_all,
)
from tests.backends.firewalls import FILES, Ufw
from tests.netns.topology import Network, listening, udp_fate


def test_packets_meet_what_the_policy_says(ufw: Ufw, network: Network) -> None:
    ufw("allow", "2379/tcp")  # a rule of the user's that would open what the policy closes
    before = fates(network, ALLOWED)
    assert before == everyone("silent"), "ufw's default"
    ufw.apply(FIRST)
    assert fates(network, ALLOWED) == everyone("open")
    assert fates(network, REFUSED) == everyone("silent")
    assert fates(network, 2379) == {
        "peer ipv4": "open", "peer ipv6": "open", "outsider ipv4": "silent", "outsider ipv6": "silent",
    }  # fmt: skip
    with listening(network.node, "udp", network.node.ipv4, 8472) as listener:
        assert udp_fate(network.peer, listener, network.node.ipv4, 8472) == "arrived"
        assert udp_fate(network.outsider, listener, network.node.ipv4, 8472) == "lost"


def test_who_is_kept_out_by_the_user_stays_out(ufw: Ufw, network: Network) -> None:
    ufw("prepend", "deny", "from", network.outsider.ipv4)
    ufw.apply(FIRST)
    seen = fates(network, ALLOWED)
    assert (seen["outsider ipv4"], seen["peer ipv4"]) == ("silent", "open")


def test_a_refusal_of_the_users_that_no_longer_counts_is_named(ufw: Ufw) -> None:
    ufw("deny", "from", "198.51.100.7", "to", "any", "port", str(ALLOWED), "proto", "tcp")
    ufw("deny", "1234/tcp")
    warnings = ufw.plan(FIRST)[1].warnings
    assert len([warning for warning in warnings if "198.51.100.7" in warning and "no longer refuses" in warning]) == 1
    assert not [warning for warning in warnings if "1234" in warning]


def test_ufw_shows_keeps_and_deletes_our_rules(ufw: Ufw) -> None:
    ufw.apply(FIRST)
    assert "# ck8s.ports:kube-apiserver" in ufw("status")
    chains = ufw.chains()
    ours = [line for text in ufw.files() for line in text.splitlines() if "comment=" in line]
    ufw("allow", "9999/tcp")
    ufw("delete", "allow", "9999/tcp")  # loads the files anew
    assert ufw.chains() == chains
    assert [line for text in ufw.files() for line in text.splitlines() if "comment=" in line] == ours
    assert ufw.unchanged(FIRST)
    ufw("delete", "allow", f"{ALLOWED}/tcp")
    assert not ufw.unchanged(FIRST)
    ufw.apply(FIRST)
    assert ufw.chains() == chains


def test_the_second_time_nothing_changes_not_even_a_counter(ufw: Ufw, network: Network) -> None:
    ufw.apply(FIRST)
    fates(network, REFUSED)
    counted = ufw.node.run("iptables-save", "-c", "-t", "filter").stdout.splitlines()[1:-1]
    files = [(file.stat().st_ino, file.stat().st_mode) for file in FILES]
    assert ufw.unchanged(FIRST)
    ufw.apply(FIRST)
    assert ufw.node.run("iptables-save", "-c", "-t", "filter").stdout.splitlines()[1:-1] == counted
    assert [(file.stat().st_ino, file.stat().st_mode) for file in FILES] == files


BY_HAND = {
    "rule deleted": ("iptables", "-D", "ufw-user-input", "-p", "tcp", "--dport", str(REFUSED), "-j", "DROP"),
    "rule before ours": ("iptables", "-I", "ufw-user-input", "-p", "tcp", "--dport", str(REFUSED), "-j", "ACCEPT"),
    "rule between ours": ("iptables", "-I", "ufw-user-input", "4", "-p", "tcp", "--dport", "1", "-j", "ACCEPT"),
    "rule of ufw before ours": ("ufw", "prepend", "allow", str(REFUSED)),
    "rule of ours deleted with ufw": ("ufw", "delete", "deny", f"{REFUSED}/tcp"),
    "all rules gone": ("ip6tables", "-F", "ufw6-user-input"),
}


@pytest.mark.parametrize("change", BY_HAND.values(), ids=list(BY_HAND))
def test_a_change_by_hand_is_found_shown_and_mended(ufw: Ufw, network: Network, change: tuple[str, ...]) -> None:
    ufw.apply(FIRST)
    ufw.node.run(*change)
    _, plan = ufw.plan(FIRST)
    assert plan.changed and plan.live.text != plan.wanted
    ufw.apply(FIRST)
    assert ufw.unchanged(FIRST)
    assert fates(network, REFUSED) == everyone("silent")


def test_rules_of_others_are_byte_for_byte_the_same(ufw: Ufw) -> None:
    """After applying, applying again, changing, taking back and removing; those of ufw's user included."""
    rules, files = rules_of_all(ufw.node), ufw.files()

    ufw.apply(FIRST)
    with_first = rules_of_all(ufw.node), ufw.files()
    ufw.apply(FIRST)
    assert (rules_of_all(ufw.node), ufw.files()) == with_first
    back = ufw.apply(SECOND, keep=False)
    assert rules_of_all(ufw.node) != with_first[0]
    assert ufw.files() == with_first[1], "the files only change once the change is confirmed"
    ufw.take_back(back)
    assert (rules_of_all(ufw.node), ufw.files()) == with_first
    added = {line for line in with_first[0].splitlines() if line not in rules.splitlines()}
    assert added and [line for line in with_first[0].splitlines() if line not in added] == [
        line for line in rules.splitlines() if line not in added
    ]
    ufw.apply(None)
    assert (rules_of_all(ufw.node), ufw.files()) == (rules, files)
    assert not [file for file in Path("/etc/ufw").iterdir() if "ck8s" in file.name]


MEANWHILE = {
    "nothing": (),
    "a rule is added": (("ufw", "allow", "7777/tcp"),),
    "ufw loads its files": (("ufw", "prepend", "deny", "from", "192.0.2.66"),),
    "ours are taken apart": (("iptables", "-I", "ufw-user-input", "4", "-p", "tcp", "--dport", "1", "-j", "ACCEPT"),),
    "some of ours are deleted": (("iptables", "-D", "ufw-user-input", "3"),),
    "ufw is stopped": (("ufw", "disable"),),
}


@pytest.mark.parametrize("made", [True, False], ids=["made", "not made"])
@pytest.mark.parametrize("meanwhile", MEANWHILE.values(), ids=list(MEANWHILE))
@pytest.mark.parametrize(
    ("before", "after"), [(None, FIRST), (FIRST, SECOND), (SECOND, FIRST), (SECOND, None)],
    ids=["first", "more", "less", "removal"],
)  # fmt: skip
def test_taken_back_whatever_happened_meanwhile(
    ufw: Ufw, before: dict[str, Any] | None, after: dict[str, Any] | None, meanwhile: Any, made: bool
) -> None:
    if before:
        ufw.apply(before)
    chosen, plan = ufw.plan(after)
    with ufw.node.entered():
        back = chosen.previous(plan)
        if made:
            chosen.apply(plan)
    for command in meanwhile:
        ufw.node.run(*command, check=False)
    for _ in range(2):  # the second time nothing is left to do
        ufw.take_back(back)
    if ("ufw", "disable") in meanwhile:
        assert not ufw.node.run("iptables", "-S", "ufw-user-input", check=False).stdout.count("-A ")
    else:
        _, plan = ufw.plan(before)
        assert not plan.changed, (plan.live.text, plan.wanted)


def test_no_connection_gets_another_verdict_while_the_rules_change(ufw: Ufw, network: Network) -> None:
    ufw.apply(FIRST)
    with connections(network) as counts:
        for _ in range(5):
            ufw.apply(SECOND)
            ufw.take_back(ufw.apply(FIRST, keep=False))
            ufw.apply(FIRST)
    assert counts["allowed"]["tried"] > 50
    assert (counts["allowed"]["failed"], counts["refused"]["open"]) == (0, 0), counts
    assert counts["allowed"]["slowest"] < 0.9, counts


def test_from_nftables_to_ufw_and_back(ufw: Ufw, network: Network) -> None:
    ufw.apply(FIRST, backend="nftables")
    assert "INPUT" in " ".join(ufw.plan(FIRST, "nftables")[1].warnings)
    rules = rules_of_all(ufw.node)
    back = ufw.apply(FIRST, keep=False)
    assert "ck8s_ports" not in ufw.node.run("nft", "list", "tables").stdout
    assert fates(network, ALLOWED) == everyone("open")
    ufw.take_back(back)
    assert rules_of_all(ufw.node) == rules
    ufw.apply(FIRST)
    ufw.apply(FIRST, backend="nftables")
    assert "ck8s_ports" in ufw.node.run("nft", "list", "tables").stdout
    assert "ck8s" not in ufw("status") and "comment=" not in "".join(ufw.files())
    ufw.apply(None)
    assert "ck8s_ports" not in ufw.node.run("nft", "list", "tables").stdout


def test_what_ufw_cannot_express_is_refused(ufw: Ufw) -> None:
    sctp = {**FIRST, "rules": [{"id": "s", "protocol": "sctp", "ports": [1], "verdict": "drop"}]}
    with pytest.raises(FirewallError, match=r"ufw has no rules for sctp \(rule s\); use backend: nftables"):
        ufw.plan(sctp)


def test_without_an_active_ufw(ufw: Ufw) -> None:
    ufw("disable")
    assert ufw.plan(FIRST)[0].name == "nftables"
    with pytest.raises(FirewallError, match="ufw is not active here"):
        ufw.plan(FIRST, "ufw")
    ufw.node.run("sed", "-i", "s/ENABLED=no/ENABLED=yes/", "/etc/ufw/ufw.conf")
    ufw.node.run("nft", "flush", "ruleset")
    with pytest.raises(FirewallError, match="its chains are not in the kernel"):
        ufw.plan(FIRST)


def test_many_ports_sources_and_interfaces(ufw: Ufw) -> None:
    rule = {"protocol": "tcp", "verdict": "accept", "sources": ["many"]}
    many = {
        "enforcement": "ports",
        "sets": {"many": [f"10.{n}.0.0/16" for n in range(0, 40, 2)]},
        "rules": [
            {**rule, "id": "many", "ports": list(range(1000, 1040))},
            {**rule, "id": "pods", "ports": [10250], "interfaces": ["lxc*", "cilium_host"]},
        ],
    }
    ufw.apply(many)
    assert ufw.unchanged(many)
    assert ufw.chains().count("multiport --dports 1000,") == 20
    assert ufw.chains().count("-i lxc+") == ufw.chains().count("-i cilium_host") == 20
    ufw("allow", "9999/tcp")  # reads and writes the file
    ufw("delete", "allow", "9999/tcp")
    assert ufw.unchanged(many)
    for text in ufw.files():
        for comment in re.findall("comment=([0-9a-f]+)", text):
            assert b"cilium" not in bytes.fromhex(comment)


def test_a_ufw_that_holds_its_lock_is_not_waited_for_without_end(ufw: Ufw) -> None:
    hold = (
        "import fcntl, time; file = open('/run/ufw.lock', 'w'); fcntl.lockf(file, fcntl.LOCK_EX);"
        "print('', flush=True); time.sleep(60)"
    )
    with ufw.node.entered():
        chosen = choose("auto", timeout=0.5)
        plan = chosen.plan(parse_policy(FIRST))
        with subprocess.Popen(["python3", "-c", hold], stdout=subprocess.PIPE, text=True) as holder:
            assert holder.stdout and holder.stdout.readline()
            try:
                with pytest.raises(FirewallError, match=r"another `ufw` has held .*ufw.lock for 0\.5 seconds"):
                    chosen.apply(plan)
            finally:
                holder.kill()
        assert not chosen.read().present
