# Copyright: (c) 2026, ck8s.ports contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is asked of every backend, with chains of others present: kube-proxy's, a container network's, an engine's."""

from __future__ import annotations

import contextlib
import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ansible_collections.ck8s.ports.plugins.module_utils._backends import Chosen, choose
from ansible_collections.ck8s.ports.plugins.module_utils._firewall import Load, Plan
from ansible_collections.ck8s.ports.plugins.module_utils._policy import parse_policy
from tests.netns.topology import Host, Network, listening, tcp_fate

LOAD = Path(__file__).parents[1] / "netns/firewall/connection_load.py"
ALLOWED, REFUSED = 6443, 2380

OTHERS = """
*nat
:KUBE-SERVICES - [0:0]
:KUBE-SVC-NPX46M4PTMTKRN6Y - [0:0]
-A PREROUTING -m comment --comment "kubernetes service portals" -j KUBE-SERVICES
-A KUBE-SERVICES -d 10.152.183.1/32 -p tcp -m tcp --dport 443 -j KUBE-SVC-NPX46M4PTMTKRN6Y
-A KUBE-SVC-NPX46M4PTMTKRN6Y -p tcp -m tcp -j DNAT --to-destination 10.88.0.11:6443
COMMIT
*filter
:KUBE-FIREWALL - [0:0]
:CILIUM_INPUT - [0:0]
-I INPUT -m comment --comment "cilium-feeder: CILIUM_INPUT" -j CILIUM_INPUT
-I INPUT -j KUBE-FIREWALL
-A KUBE-FIREWALL ! -s 127.0.0.0/8 -d 127.0.0.0/8 -m conntrack ! --ctstate RELATED,ESTABLISHED,DNAT -j DROP
-A CILIUM_INPUT -m mark --mark 0x200/0xf00 -m comment --comment "cilium: ACCEPT for proxy traffic" -j ACCEPT
COMMIT
"""
OTHERS6 = """
*filter
:CILIUM_INPUT - [0:0]
-I INPUT -m comment --comment "cilium-feeder: CILIUM_INPUT" -j CILIUM_INPUT
-A CILIUM_INPUT -m mark --mark 0x200/0xf00 -j ACCEPT
COMMIT
"""
ENGINE = """table ip engine {
    chain published { type nat hook prerouting priority -90; tcp dport 8080 counter redirect to :80; }
}"""


def policy(sources: list[str], ports: tuple[int, ...] = (2379,)) -> dict[str, Any]:
    """A policy that opens 6443 to all and C(ports) to C(sources), and closes 2380 and the rest of C(ports)."""
    return {
        "enforcement": "ports",
        "sets": {"nodes": sources},
        "rules": [
            *(
                {"id": f"p{port}", "protocol": "tcp", "ports": [port], "verdict": verdict, **who}
                for port in ports
                for verdict, who in (("accept", {"sources": ["nodes"]}), ("drop", {}))
            ),
            {"id": "kube-apiserver", "protocol": "tcp", "ports": [ALLOWED], "verdict": "accept"},
            {"id": "vxlan", "protocol": "udp", "ports": [8472], "verdict": "accept", "sources": ["nodes"]},
            {"id": "closed", "protocol": "tcp", "ports": [REFUSED], "verdict": "drop"},
        ],
    }


PEER = ["10.88.0.12/32", "fd88::12/128"]
BOTH = [*PEER, "10.88.0.99/32", "fd88::99/128", "192.0.2.0/24"]
FIRST, SECOND = policy(PEER), policy(BOTH, ports=(2379, 10250))


def add_others(node: Host) -> None:
    node.run("iptables-restore", "-n", input=OTHERS)
    node.run("ip6tables-restore", "-n", input=OTHERS6)
    node.run("nft", "-f", "-", input=ENGINE)


_COUNTERS = re.compile(r"packets \d+ bytes \d+|\[\d+:\d+\]|^#.*$", re.MULTILINE)


def rules_of_all(node: Host) -> str:
    """All rules of all firewalls of the node, without counters and times."""
    listings = [
        node.run(*words).stdout for words in (("iptables-save",), ("ip6tables-save",), ("nft", "list", "ruleset"))
    ]
    return _COUNTERS.sub("", "\n".join(listings))


@contextlib.contextmanager
def connections(network: Network) -> Iterator[dict[str, Any]]:
    """Connect from the peer to an allowed and a refused port without a pause; yield the counts, complete afterwards."""
    counts: dict[str, Any] = {}
    ports = [str(ALLOWED), str(REFUSED)]
    enter = ["nsenter", f"--net={network.node.netns}", "--"]
    leave = ["nsenter", f"--net={network.peer.netns}", "--"]
    with subprocess.Popen([*enter, sys.executable, LOAD, "serve", network.node.ipv4, *ports]) as server:
        try:
            network.node.run("sh", "-c", f"until ss -ltnH | grep -q :{REFUSED}; do sleep 0.05; done")
            with subprocess.Popen(
                [*leave, sys.executable, LOAD, network.node.ipv4, *ports],
                stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
            ) as load:  # fmt: skip
                try:
                    yield counts
                finally:
                    counts.update(json.loads(load.communicate("", timeout=60)[0]))
        finally:
            server.kill()


class Firewall:
    """The firewall of the node, and the backend that is chosen for it."""

    def __init__(self, network: Network) -> None:
        self.network = network
        self.node = network.node

    def plan(self, wanted: dict[str, Any] | None, backend: str = "auto", timeout: float = 30) -> tuple[Chosen, Plan]:
        with self.node.entered():
            chosen = choose(backend, timeout)
            return chosen, chosen.plan(None if wanted is None else parse_policy(wanted))

    def apply(self, wanted: dict[str, Any] | None, backend: str = "auto", *, keep: bool = True) -> Load:
        """Put it in force; return what would take it back."""
        chosen, plan = self.plan(wanted, backend)
        with self.node.entered():
            back = chosen.previous(plan)
            if plan.changed:
                chosen.apply(plan)
            if keep:
                chosen.keep(plan.policy)()
        return back

    def take_back(self, load: Load) -> None:
        self.node.run(*load.command, "/dev/stdin", input=load.text)

    def unchanged(self, wanted: dict[str, Any] | None) -> bool:
        chosen, plan = self.plan(wanted)
        with self.node.entered():
            return not plan.changed and not chosen.kept(plan.policy).changed


def fates(network: Network, port: int) -> dict[str, str]:
    """What the peer and the outsider meet, over both families."""
    seen = {}
    for family, anywhere in (("ipv4", "0.0.0.0"), ("ipv6", "::")):
        with listening(network.node, "tcp", anywhere, port):
            for who in ("peer", "outsider"):
                address = getattr(network.node, family)
                seen[f"{who} {family}"] = tcp_fate(getattr(network, who), address, port)
    return seen


def everyone(fate: str) -> dict[str, str]:
    return {f"{who} {family}": fate for who in ("peer", "outsider") for family in ("ipv4", "ipv6")}
