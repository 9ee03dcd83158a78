# Copyright: (c) 2026, ck8s.ports contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The table, as nft prints it, as the policy that it was made from."""

from __future__ import annotations

import pytest

from ansible_collections.ck8s.ports.plugins.module_utils._nft_reading import policy_in_force
from ansible_collections.ck8s.ports.plugins.module_utils._verdict import Decision, decide

# nftables 1.0.6, Debian 12, 2026-11-23: `nft --stateless list table inet ck8s_ports`.
LISTING = """\
table inet ck8s_ports {
\tset nodes_v4_6d3a0f52 {
\t\ttype ipv4_addr
\t\tflags interval
\t\telements = { 10.77.0.8/29, 192.0.2.7,
\t\t\t     198.51.100.0/24 }
\t}

\tset nodes_v6_0f52aaaa {
\t\ttype ipv6_addr
\t\tflags interval
\t\telements = { fd77::10/124 }
\t}

\tchain input {
\t\ttype filter hook input priority filter - 10; policy accept;
\t\tct state established,related accept comment "established"
\t\tiifname "lo" accept comment "loopback"
\t\tip daddr 127.0.0.0/8 counter drop comment "loopback-guard"
\t\tmeta mark & 0x00000f00 == 0x00000200 accept comment "pod-proxy"
\t\tip saddr @nodes_v4_6d3a0f52 tcp dport { 2379, 2380 } counter accept comment "etcd"
\t\tip6 saddr @nodes_v6_0f52aaaa tcp dport { 2379, 2380 } counter accept comment "etcd"
\t\tiifname "lxc*" ip saddr @nodes_v4_6d3a0f52 tcp dport 10250 counter accept comment "kubelet"
\t\ttcp dport { 2379, 2380 } counter drop comment "etcd"
\t\tudp dport 8472 counter drop comment "vxlan"
\t}
}
"""


@pytest.mark.parametrize(
    ("protocol", "port", "source", "wanted"),
    [
        ("tcp", 2380, "192.0.2.7", Decision("accept", "etcd", 0)),
        ("tcp", 2379, "198.51.100.9", Decision("accept", "etcd", 0)),
        ("tcp", 2380, "fd77::11", Decision("accept", "etcd", 1)),
        ("tcp", 2380, "192.0.2.8", Decision("drop", "etcd", 3)),
        ("tcp", 10250, "192.0.2.7", Decision("accept", "kubelet", 2)),
        ("udp", 8472, "192.0.2.7", Decision("drop", "vxlan", 4)),
        ("tcp", 6443, "192.0.2.7", Decision("none")),
    ],
)
def test_what_the_rules_in_force_do(protocol: str, port: int, source: str, wanted: Decision) -> None:
    policy = policy_in_force(LISTING)
    assert policy is not None
    assert (policy.enforcement, policy.mode) == ("ports", "enforce")
    assert decide(policy, protocol, port, source) == wanted


def test_default_deny_and_audit_mode() -> None:
    rest = '\t\tcounter drop comment "default-deny"\n'
    denying = policy_in_force(LISTING.replace('"vxlan"\n', f'"vxlan"\n{rest}'))
    assert denying is not None
    assert decide(denying, "tcp", 6443, "192.0.2.7") == Decision("drop", "default-deny")
    audited = policy_in_force(LISTING.replace(" drop ", " goto learn "))
    assert audited is not None
    assert (audited.mode, decide(audited, "udp", 8472, "192.0.2.7").verdict) == ("audit", "drop")


@pytest.mark.parametrize(
    "by_hand",
    [
        "\t\ttcp dport 22 accept\n",
        '\t\ttcp dport 22 accept comment "mine"\n',
        '\t\tip saddr 192.0.2.7 tcp dport 22 counter accept comment "mine"\n',
        '\t\tip saddr @elsewhere tcp dport 22 counter accept comment "mine"\n',
        '\t\ttcp dport 22-23 counter accept comment "mine"\n',
        "\t\tjump elsewhere\n",
    ],
)
def test_with_a_rule_by_hand_it_is_not_known(by_hand: str) -> None:
    assert policy_in_force(LISTING.replace('"vxlan"\n', f'"vxlan"\n{by_hand}')) is None


@pytest.mark.parametrize(
    "listing", ["", "table inet ck8s_ports {\n}\n", LISTING.replace("192.0.2.7,", "192.0.2.1-192.0.2.6,")]
)
def test_what_is_no_table_of_ours_is_no_policy(listing: str) -> None:
    assert policy_in_force(listing) is None
