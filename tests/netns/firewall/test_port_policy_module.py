# Copyright: (c) 2026, ck8s.ports contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The module through Ansible itself: check, do, check, do; bad input; and hosts on which it cannot work."""

from __future__ import annotations

import json
import os
import re
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.netns.topology import Host, Network

REPOSITORY = Path(__file__).parents[3]
ANSIBLE = str(Path(sys.executable).with_name("ansible"))
POLICY: dict[str, Any] = {
    "enforcement": "ports",
    "sets": {"nodes": ["10.88.0.0/24", "fd88::/64"]},
    "rules": [
        {"id": "etcd-client", "protocol": "tcp", "ports": [2379], "verdict": "accept", "sources": ["nodes"]},
        {"id": "etcd-client", "protocol": "tcp", "ports": [2379], "verdict": "drop"},
    ],
}

# Programs that take something away from what they run.
WITHOUT_CAPABILITIES = ("setpriv", "--bounding-set=-all", "--inh-caps=-all", "--")
WITHOUT_SYS_ADMIN = ("setpriv", "--bounding-set=-sys_admin", "--inh-caps=-sys_admin", "--")
WITHOUT_NFT = (
    "unshare", "--mount", "--propagation=private", "sh", "-c",
    "for directory in /usr/local/sbin /usr/local/bin /usr/sbin /usr/bin /sbin /bin; do"
    ' [ ! -x "$directory/nft" ] || mount --bind /dev/null "$directory/nft"; done; exec "$@"',
    "sh",
)  # fmt: skip


class Task:
    """One task of Ansible on the host that it runs on; the host is a namespace, so that is not the machine."""

    def __init__(self, host: Host, home: Path) -> None:
        self.host = host
        self.environment = {
            **os.environ,
            "HOME": str(home),
            "ANSIBLE_HOME": str(home),
            "ANSIBLE_COLLECTIONS_PATH": str(REPOSITORY / "collections"),
            "ANSIBLE_LOCALHOST_WARNING": "false",
            "ANSIBLE_NOCOLOR": "1",
            "COLUMNS": "1000",
        }

    def run(
        self, arguments: dict[str, Any], *options: str, under: tuple[str, ...] = (), python: str = sys.executable
    ) -> dict[str, Any]:
        """Return the result of ck8s.ports.port_policy with ``arguments``; ``failed`` tells whether it did."""
        output = self.host.run(
            *under, ANSIBLE, "localhost", "--inventory", "localhost,", "--connection", "local",
            "--extra-vars", f"ansible_python_interpreter={python}",
            "--module-name", "ck8s.ports.port_policy", "--args", json.dumps(arguments), *options,
            check=False, env=self.environment,
        )  # fmt: skip
        answer = re.search(r"^localhost \| (\w+)!? => (\{\n.*^\})$", output.stdout, re.MULTILINE | re.DOTALL)
        assert answer, output.stdout + output.stderr
        result: dict[str, Any] = json.loads(answer.group(2))
        return {**result, "failed": answer.group(1) == "FAILED", "shown": output.stdout + output.stderr}


@pytest.fixture
def task(network: Network, tmp_path: Path) -> Task:
    return Task(network.node, tmp_path)


def test_check_do_check_do(task: Task, firewall: Any) -> None:
    check = task.run({"policy": POLICY}, "--check")
    assert firewall.nft("list", "ruleset") == ""
    do = task.run({"policy": POLICY})
    loaded = firewall.nft("--handle", "list", "ruleset")
    check_again = task.run({"policy": POLICY}, "--check")
    do_again = task.run({"policy": POLICY})

    assert [result["changed"] for result in (check, do, check_again, do_again)] == [True, True, False, False]
    assert firewall.nft("--handle", "list", "ruleset") == loaded
    assert 'tcp dport 2379 counter packets 0 bytes 0 drop comment "etcd-client"' in loaded
    assert check["live"] == do["live"]
    assert (check["live"]["present"], check["live"]["rules"]) == (False, [])
    assert [rule["id"] for rule in do_again["live"]["rules"]] == [
        *("established", "loopback", "loopback-guard", "pod-proxy"),
        *("etcd-client", "etcd-client", "etcd-client"),
    ]
    assert (do["backend"], do["state"]) == ("nftables", "present")


def test_absent_check_do_check_do(task: Task, firewall: Any) -> None:
    firewall.apply(POLICY)
    absent = {"state": "absent"}
    results = [task.run(absent, "--check"), task.run(absent), task.run(absent, "--check"), task.run(absent)]
    assert [result["changed"] for result in results] == [True, True, False, False]
    assert results[0]["live"]["present"] and not results[2]["live"]["present"]
    assert firewall.nft("list", "ruleset") == ""


def test_the_diff_shows_the_rule_that_is_missing(task: Task, firewall: Any) -> None:
    firewall.apply({**POLICY, "rules": POLICY["rules"][:1]})
    shown = task.run({"policy": POLICY}, "--check", "--diff")["shown"]
    assert [line for line in shown.splitlines() if re.match(r"[+-]\t", line)] == [
        '+\t\ttcp dport 2379 counter drop comment "etcd-client"'
    ]


def test_a_policy_that_is_not_valid_never_leaves_the_controller(task: Task, firewall: Any) -> None:
    bad = {
        **POLICY,
        "sets": {"nodes": ["fd88::1/64"]},
        "rules": [{**POLICY["rules"][1], "ports": [70000], "sources": []}],
    }
    result = task.run({"policy": bad}, python="/nonexistent/python")
    assert result["failed"]
    assert result["faults"] == [
        "policy.sets.nodes: 'fd88::1/64' has host bits set; the network is 'fd88::/64', the host alone is 'fd88::1'",
        "policy.rules[0] (etcd-client): ports: 70000 is not a port; give a number from 1 to 65535",
        "policy.rules[0] (etcd-client): sources: [] is nobody; name at least one set, or leave sources out for anyone",
    ]
    assert all(fault in result["msg"] for fault in result["faults"])
    assert firewall.nft("list", "ruleset") == ""


def test_a_missing_policy_is_not_an_empty_one(task: Task, firewall: Any) -> None:
    firewall.apply(POLICY)
    before = firewall.nft("list", "ruleset")
    result = task.run({"state": "present"})
    assert result["failed"] and "policy" in result["msg"]
    assert firewall.nft("list", "ruleset") == before


@pytest.mark.parametrize("options", [(), ("--check",)], ids=["do", "check"])
@pytest.mark.parametrize(
    ("under", "message"),
    [
        (WITHOUT_CAPABILITIES, r"neither read nor changed without CAP_NET_ADMIN; run as root \(become: true\)"),
        (WITHOUT_SYS_ADMIN, r"scratch network namespace: it takes CAP_SYS_ADMIN, .*\(nothing was changed\)"),
        (WITHOUT_NFT, r"nft was not found on .*; install the package nftables on this host"),
    ],
    ids=["no capabilities", "no namespaces", "no nft"],
)
def test_where_it_cannot_work_it_says_why_and_does_nothing(
    task: Task, firewall: Any, under: tuple[str, ...], message: str, options: tuple[str, ...]
) -> None:
    result = task.run({"policy": POLICY}, *options, under=under)
    assert result["failed"]
    assert re.search(message, result["msg"]), result["msg"]
    assert firewall.nft("list", "ruleset") == ""


def test_a_user_namespace_without_a_network_of_its_own_is_refused_by_the_kernel(task: Task, firewall: Any) -> None:
    """All capabilities there, but none over this network: only the kernel can tell."""
    result = task.run({"policy": POLICY}, under=("unshare", "--user", "--map-root-user"))
    assert result["failed"]
    assert "Operation not permitted" in result["msg"]
    assert firewall.nft("list", "ruleset") == ""


def test_in_a_user_namespace_with_a_network_of_its_own_no_root_is_needed(task: Task, firewall: Any) -> None:
    under = ("unshare", "--user", "--map-root-user", "--net")
    assert task.run({"policy": POLICY}, under=under)["changed"]
    assert firewall.nft("list", "ruleset") == ""  # it was another network
