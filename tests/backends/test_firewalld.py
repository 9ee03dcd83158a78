# Copyright: (c) 2026, ck8s.ports contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The backend firewalld at work with a real firewalld on a bus of its own: rich rules of ours among those of others."""

from __future__ import annotations

import signal
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.ck8s.ports.plugins.module_utils._firewall import FirewallError
from tests.backends.common import (
    ALLOWED,
    BOTH,
    FIRST,
    REFUSED,
    SECOND,
    connections,
    everyone,
    fates,
    rules_of_all,
)
from tests.backends.firewalls import Firewalld
from tests.netns.topology import Network, listening, udp_fate


def test_packets_meet_what_the_policy_says(firewalld: Firewalld, network: Network) -> None:
    firewalld("--zone=public", "--add-port=2379/tcp")  # of the user's, would open what the policy closes
    assert "open" not in fates(network, ALLOWED).values(), "firewalld rejects, some times a second"
    firewalld.apply(FIRST)
    assert fates(network, ALLOWED) == everyone("open")
    assert fates(network, REFUSED) == everyone("silent")
    assert fates(network, 2379) == {
        "peer ipv4": "open", "peer ipv6": "open", "outsider ipv4": "silent", "outsider ipv6": "silent",
    }  # fmt: skip
    with listening(network.node, "udp", network.node.ipv4, 8472) as listener:
        assert udp_fate(network.peer, listener, network.node.ipv4, 8472) == "arrived"
        assert udp_fate(network.outsider, listener, network.node.ipv4, 8472) == "lost"


def test_it_is_chosen_and_the_same_after_a_restart(firewalld: Firewalld, network: Network) -> None:
    assert firewalld.plan(FIRST)[0].name == "firewalld"
    firewalld.apply(FIRST)
    assert firewalld.unchanged(FIRST)
    rules, files = rules_of_all(firewalld.node), firewalld.files()
    firewalld.apply(FIRST)
    assert (rules_of_all(firewalld.node), firewalld.files()) == (rules, files)
    firewalld.restart()
    assert firewalld.unchanged(FIRST)
    assert fates(network, REFUSED) == everyone("silent")


def test_ids_are_told(firewalld: Firewalld) -> None:
    firewalld.apply(FIRST)
    _, plan = firewalld.plan(FIRST)
    ids = [rule["id"] for rule in plan.live.rules]
    assert ids == ["loopback-guard", "p2379", "p2379", "p2379", "kube-apiserver", "vxlan", "vxlan", "closed"]
    assert f'port port="{ALLOWED}" protocol="tcp" accept comment "kube-apiserver"\n' in plan.wanted


BY_HAND = {
    "rule removed": ("--zone=public", "--remove-rich-rule=RULE"),
    "rule added in our range": (
        "--zone=public",
        '--add-rich-rule=rule priority="-27999" port port="1" protocol="tcp" drop',
    ),
    "another zone in use": ("--zone=work", "--add-source=10.88.0.12"),
    "another default zone": ("--set-default-zone=home",),
}


@pytest.mark.parametrize("change", BY_HAND.values(), ids=list(BY_HAND))
def test_a_change_by_hand_is_found_shown_and_mended(
    firewalld: Firewalld, network: Network, change: tuple[str, ...]
) -> None:
    firewalld.apply(FIRST)
    rule = next(line for line in firewalld("--zone=public", "--list-rich-rules").splitlines() if f'"{REFUSED}"' in line)
    firewalld(*(word.replace("RULE", rule) for word in change))
    _, plan = firewalld.plan(FIRST)
    assert plan.changed and plan.live.text != plan.wanted
    firewalld.apply(FIRST)
    assert firewalld.unchanged(FIRST)
    assert fates(network, REFUSED) == everyone("silent")
    assert fates(network, ALLOWED) == everyone("open")


def test_rules_of_others_are_byte_for_byte_the_same(firewalld: Firewalld) -> None:
    """After applying, applying again, changing, taking back and removing; those of firewalld's user included."""
    rules, files = rules_of_all(firewalld.node), firewalld.files()
    firewalld.apply(FIRST)
    with_first = rules_of_all(firewalld.node), firewalld.files()
    back = firewalld.apply(SECOND, keep=False)
    assert rules_of_all(firewalld.node) != with_first[0]
    assert firewalld.files() == with_first[1], "the files only change once the change is confirmed"
    firewalld.take_back(back)
    assert (rules_of_all(firewalld.node), firewalld.files()) == with_first
    added = {line for line in with_first[0].splitlines() if line not in rules.splitlines()}
    assert added and [line for line in with_first[0].splitlines() if line not in added] == [
        line for line in rules.splitlines() if line not in added
    ]
    firewalld.apply(None)
    assert (rules_of_all(firewalld.node), firewalld.files()) == (rules, files)


MEANWHILE = {
    "nothing": "",
    "a rule of others is added": "firewall-cmd --zone=public --add-port=7777/tcp",
    "firewalld is reloaded": "firewall-cmd --reload",
    "some of ours are removed": "firewall-cmd --list-rich-rules | grep -m2 -e -2 | while read -r rule; do"
    ' firewall-cmd "--remove-rich-rule=$rule"; done',
}


@pytest.mark.parametrize("made", ["not made", "made", "kept"])
@pytest.mark.parametrize("meanwhile", MEANWHILE.values(), ids=list(MEANWHILE))
@pytest.mark.parametrize(
    ("before", "after"), [(None, FIRST), (FIRST, SECOND), (SECOND, None)], ids=["first", "more", "removal"]
)
def test_taken_back_whatever_happened_meanwhile(
    firewalld: Firewalld, before: dict[str, Any] | None, after: dict[str, Any] | None, meanwhile: str, made: str
) -> None:
    """C(kept): also when the permanent rules had been changed, and the change was not confirmed after all."""
    if before:
        firewalld.apply(before)
    chosen, plan = firewalld.plan(after)
    with firewalld.node.entered():
        back = chosen.previous(plan)
        if made != "not made":
            chosen.apply(plan)
        if made == "kept":
            chosen.keep(plan.policy)
    firewalld.node.run("sh", "-c", meanwhile or "true")
    for _ in range(2):  # the second time nothing is left to do
        firewalld.take_back(back)
    assert firewalld.unchanged(before)


def test_no_connection_gets_another_verdict_while_the_rules_change(firewalld: Firewalld, network: Network) -> None:
    firewalld.apply(FIRST)
    with connections(network) as counts:
        for _ in range(5):
            firewalld.apply(SECOND)
            firewalld.take_back(firewalld.apply(FIRST, keep=False))
            firewalld.apply(FIRST)
    assert counts["allowed"]["tried"] > 50
    assert (counts["allowed"]["failed"], counts["refused"]["open"]) == (0, 0), counts
    assert counts["allowed"]["slowest"] < 0.9, counts


def test_from_nftables_to_firewalld_and_back(firewalld: Firewalld, network: Network) -> None:
    firewalld.apply(FIRST, backend="nftables")
    assert "filter_INPUT" in " ".join(firewalld.plan(FIRST, "nftables")[1].warnings)
    rules = rules_of_all(firewalld.node)
    back = firewalld.apply(FIRST, keep=False)
    assert "ck8s_ports" not in firewalld.node.run("nft", "list", "tables").stdout
    assert fates(network, ALLOWED) == everyone("open")
    firewalld.take_back(back)
    assert rules_of_all(firewalld.node) == rules
    firewalld.apply(FIRST)
    firewalld.apply(FIRST, backend="nftables")
    assert "ck8s_ports" in firewalld.node.run("nft", "list", "tables").stdout
    for options in ((), ("--permanent",)):
        assert f'"{REFUSED}"' not in firewalld(*options, "--zone=public", "--list-rich-rules")
    firewalld.apply(None)
    assert "ck8s_ports" not in firewalld.node.run("nft", "list", "tables").stdout


def test_a_refusal_of_the_users_that_no_longer_counts_is_named(firewalld: Firewalld) -> None:
    warnings = firewalld.plan(FIRST)[1].warnings
    assert len([warning for warning in warnings if "203.0.113.0/24" in warning and "no longer refuses" in warning]) == 1


def test_what_firewalld_cannot_express_is_refused(firewalld: Firewalld) -> None:
    rule = {"id": "pods", "protocol": "tcp", "ports": [1], "verdict": "accept", "interfaces": ["lxc*"]}
    with pytest.raises(
        FirewallError, match=r"rules for interfaces are not made for firewalld \(rule pods\); use backend"
    ):
        firewalld.plan({**FIRST, "rules": [rule]})


def test_a_firewalld_that_hangs_is_not_waited_for_without_end(firewalld: Firewalld) -> None:
    chosen, plan = firewalld.plan(FIRST, timeout=2)
    rules = rules_of_all(firewalld.node)
    back = chosen.previous(plan)
    firewalld.process.send_signal(signal.SIGSTOP)
    with firewalld.node.entered(), pytest.raises(FirewallError, match="firewalld does not answer"):
        chosen.apply(plan)
    firewalld.process.send_signal(signal.SIGCONT)
    firewalld("--state")
    firewalld.take_back(back)
    assert rules_of_all(firewalld.node) == rules


def test_with_ufw_active_too_it_is_not_decided_for_the_user(firewalld: Firewalld) -> None:
    settings = Path("/etc/ufw/ufw.conf")
    before = settings.read_text()
    settings.write_text("ENABLED=yes\n")
    try:
        with pytest.raises(FirewallError, match="both ufw and firewalld are active here"):
            firewalld.plan(FIRST)
    finally:
        settings.write_text(before)


def test_rules_left_in_a_firewalld_that_does_not_run_are_told(firewalld: Firewalld) -> None:
    firewalld.apply(FIRST)
    firewalld.stop()
    try:
        chosen, plan = firewalld.plan(FIRST)
        assert chosen.name == "nftables"
        assert "firewalld does not run, and its configuration" in " ".join(plan.warnings)
        with pytest.raises(FirewallError, match="firewalld does not run here"):
            firewalld.plan(FIRST, "firewalld")
    finally:
        firewalld.start()


def test_many_sources(firewalld: Firewalld) -> None:
    many = {
        "enforcement": "ports",
        "sets": {"many": [*BOTH, *(f"10.{n}.0.0/16" for n in range(0, 40, 2))]},
        "rules": [{"id": "many", "protocol": "tcp", "ports": [1, 2], "verdict": "accept", "sources": ["many"]}],
    }
    firewalld.apply(many)
    assert firewalld.unchanged(many)
