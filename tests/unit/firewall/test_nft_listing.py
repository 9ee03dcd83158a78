# Copyright: (c) 2026, ck8s.ports contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What nft prints, read back. The listings are recorded from `nft -a list table`, version as named."""

from __future__ import annotations

from ansible_collections.ck8s.ports.plugins.module_utils._nft_listing import parse_rules, set_names, with_sets_sorted

# nftables 1.0.6, Debian 12, 2026-11-22; the last three rules added by hand.
LISTING = """\
table inet ck8s_ports { # handle 2
\tset nodes_v4 { # handle 2
\t\ttype ipv4_addr
\t\tflags interval
\t\telements = { 10.0.0.0/8, 172.16.0.0/12,
\t\t\t     192.0.2.0/24, 192.168.1.5 }
\t}

\tchain input { # handle 1
\t\ttype filter hook input priority filter - 10; policy accept;
\t\tct state established,related accept comment "established" # handle 4
\t\tip saddr @nodes_v4 tcp dport 2379 counter packets 12 bytes 720 accept comment "etcd-client" # handle 7
\t\ttcp dport { 80, 443 } counter packets 3 bytes 180 drop comment "web" # handle 9
\t\ttcp dport 22 accept # handle 12
\t\ttcp dport 23 drop comment "counter packets 1 bytes 2" # handle 13
\t\ttcp dport 24 drop comment "two
lines # handle 1
and more" # handle 14
\t}
}
"""


def test_rules_with_and_without_counter_and_comment() -> None:
    assert parse_rules(LISTING) == [
        {
            "id": "established",
            "text": 'ct state established,related accept comment "established"',
            "packets": None,
            "bytes": None,
        },
        {
            "id": "etcd-client",
            "text": 'ip saddr @nodes_v4 tcp dport 2379 counter accept comment "etcd-client"',
            "packets": 12,
            "bytes": 720,
        },
        {"id": "web", "text": 'tcp dport { 80, 443 } counter drop comment "web"', "packets": 3, "bytes": 180},
        {"id": None, "text": "tcp dport 22 accept", "packets": None, "bytes": None},
        {
            "id": "counter packets 1 bytes 2",
            "text": 'tcp dport 23 drop comment "counter packets 1 bytes 2"',
            "packets": None,
            "bytes": None,
        },
        {
            "id": "two\nlines # handle 1\nand more",
            "text": 'tcp dport 24 drop comment "two\nlines # handle 1\nand more"',
            "packets": None,
            "bytes": None,
        },
    ]


def test_nothing_is_no_rules() -> None:
    assert parse_rules("") == []


def test_sets_come_in_the_order_of_their_names_and_all_else_stays() -> None:
    one, other = "\tset b {\n\t\ttype ipv4_addr\n\t}\n", "\tset a {\n\t\ttype ipv6_addr\n\t}\n"
    chains = "\tchain z {\n\t}\n\n\tchain input {\n\t\ttcp dport 1 drop\n\t}\n"
    made = f"table inet ck8s_ports {{\n{one}\n{other}\n{chains}}}\n"
    assert set_names(made) == ["b", "a"]
    assert with_sets_sorted(made) == f"table inet ck8s_ports {{\n{other}\n{one}\n{chains}}}\n"
    for listing in (with_sets_sorted(made), "table inet ck8s_ports {\n}\n", f"table inet ck8s_ports {{\n{chains}}}\n"):
        assert with_sets_sorted(listing) == listing
