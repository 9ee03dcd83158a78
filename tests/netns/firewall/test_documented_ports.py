# Copyright: (c) 2026, ck8s.ports contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every documented port, tried from the node itself, from its peer and from an outsider, over both families.

The whole way is the real one: catalogue, profile, policy, table in the kernel, packets. What is expected comes from the
document's scope, not from the policy. Something listens on every address of every port, so that the rules alone decide.
"""

from __future__ import annotations

import contextlib
import itertools
from collections.abc import Iterator

import pytest

from ansible_collections.ck8s.ports.plugins.module_utils._nftables import NftablesBackend
from ansible_collections.ck8s.ports.plugins.module_utils._policy import parse_policy
from ansible_collections.ck8s.ports.plugins.module_utils._probe import Target, probe
from ansible_collections.ck8s.ports.plugins.plugin_utils._catalogue import load
from ansible_collections.ck8s.ports.plugins.plugin_utils._firewall_policy import policy
from ansible_collections.ck8s.ports.plugins.plugin_utils._profile import profile
from tests.netns.topology import ARRIVED, LOST, Host, Network, listening, three_hosts, udp_fate

EDITION = "2025-08"
HOSTS = ("node", "peer", "outsider")
FAMILIES = ("ipv4", "ipv6")
EXPOSURES = ("documented", "restricted")
"""documented: external ports are for everyone. restricted: for the peer only, by its addresses."""

# No control plane has k8s-dqlite beside etcd; this one does, so that all nineteen ports are tried at once.
NODE = {
    "edition": EDITION,
    "role": "control_plane",
    "datastore": "etcd",
    "features": ["kube-proxy"],
    "overrides": {"k8s-dqlite": {"presence": "required"}},
}
PORTS = {port["id"]: port for port in profile(NODE)["ports"]}

Fates = dict[tuple[str, str, str, str], str]


def test_all_nineteen_ports_are_tried() -> None:
    assert sorted(PORTS) == sorted(entry["id"] for entry in load(EDITION)["ports"])
    assert len(PORTS) == 19


@pytest.fixture(scope="module")
def fates() -> Iterator[Fates]:
    """What became of each attempt: by exposure, port, host and family."""
    with three_hosts() as network, contextlib.ExitStack() as stack:
        listeners = {
            (port["id"], family): stack.enter_context(
                listening(network.node, port["protocol"], {"ipv4": "0.0.0.0", "ipv6": "::"}[family], port["port"])
            )
            for port, family in itertools.product(PORTS.values(), FAMILIES)
        }
        seen: Fates = {}
        for exposure in EXPOSURES:
            apply(network, exposure)
            for host, family in itertools.product(HOSTS, FAMILIES):
                source: Host = getattr(network, host)
                address: str = getattr(network.node, family)
                tcp = [port for port in PORTS.values() if port["protocol"] == "tcp"]
                with source.entered():
                    outcomes = probe([Target(address, port["port"]) for port in tcp], timeout=0.5)
                for port, outcome in zip(tcp, outcomes, strict=True):
                    seen[exposure, port["id"], host, family] = outcome.status
                for port in PORTS.values():
                    if port["protocol"] == "udp":
                        fate = udp_fate(source, listeners[port["id"], family], address, port["port"])
                        seen[exposure, port["id"], host, family] = fate
        yield seen


def apply(network: Network, exposure: str) -> None:
    external = [port["id"] for port in PORTS.values() if port["scope"] == "external"]
    peer = [f"{network.peer.ipv4}/32", f"{network.peer.ipv6}/128"]
    sources = dict.fromkeys(external, peer) if exposure == "restricted" else {}
    with network.node.entered():
        backend = NftablesBackend()
        backend.apply(backend.plan(parse_policy(policy(profile(NODE), sources))))


def may_pass(exposure: str, scope: str, host: str) -> bool:
    if host == "node":
        return True
    return scope == "external" and (exposure == "documented" or host == "peer")


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("host", HOSTS)
@pytest.mark.parametrize("port_id", PORTS)
@pytest.mark.parametrize("exposure", EXPOSURES)
def test_a_packets_fate_is_what_the_document_says(
    fates: Fates, exposure: str, port_id: str, host: str, family: str
) -> None:
    port = PORTS[port_id]
    passed, stopped = {"tcp": ("open", "silent"), "udp": (ARRIVED, LOST)}[port["protocol"]]
    expected = passed if may_pass(exposure, port["scope"], host) else stopped
    assert fates[exposure, port_id, host, family] == expected
