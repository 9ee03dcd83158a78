# Copyright: (c) 2026, ck8s.ports contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Audit mode: what is loaded in place of drops, and what its sets say."""

from __future__ import annotations

from ansible_collections.ck8s.ports.plugins.module_utils._nft_audit import (
    SETS,
    SIZE,
    is_full,
    learned,
    render_sets,
    without_learned,
)
from ansible_collections.ck8s.ports.plugins.module_utils._nft_listing import set_names, with_sets_sorted
from ansible_collections.ck8s.ports.plugins.module_utils._nft_render import render_missing_sets, render_switch
from ansible_collections.ck8s.ports.plugins.module_utils._policy import AUDIT, parse_policy

RULES = [{"id": "etcd-peer", "protocol": "tcp", "ports": [2380], "verdict": "drop"}]
ENFORCED = parse_policy({"enforcement": "ports", "rules": RULES})
AUDITED = parse_policy({"enforcement": "ports", "mode": AUDIT, "rules": RULES})

# nftables 1.0.6, Debian 12, 2026-11-23, and the same in the order that later versions print, without /etc/protocols.
LISTING = """\
table inet ck8s_ports { # handle 1
\tset learned_v4 { # handle 3
\t\ttype ipv4_addr . inet_proto . inet_service
\t\tsize 4096
\t\tflags dynamic,timeout
\t\ttimeout 7d
\t\telements = { 192.0.2.99 . udp . 8472 counter packets 1 bytes 29 expires 6d23h59m59s984ms,
\t\t\t     192.0.2.9 . tcp . 2380 counter packets 2 bytes 120 expires 59s984ms,
\t\t\t     192.0.2.100 . 6 . 2380 expires 2h counter packets 7 bytes 420 }
\t}

\tset learned_v6 { # handle 4
\t\ttype ipv6_addr . inet_proto . inet_service
\t\tsize 4096
\t\tflags dynamic,timeout
\t\ttimeout 7d
\t\telements = { 2001:db8::7 . tcp . 2380 counter packets 1 bytes 80 expires 984ms }
\t}

\tset nodes_v4_6d3a0f52 { # handle 5
\t\ttype ipv4_addr
\t\tflags interval
\t\telements = { 192.0.2.0/28 }
\t}

\tchain input { # handle 1
\t\ttcp dport 2380 counter packets 3 bytes 200 goto learn comment "etcd-peer" # handle 6
\t}
}
"""


def entry(source: str, protocol: str, port: int, packets: int, expires: int) -> dict[str, object]:
    return {"source": source, "protocol": protocol, "port": port, "packets": packets, "expires": expires}


def test_what_was_learned_is_read_back_in_order() -> None:
    assert learned(LISTING) == [
        entry("192.0.2.9", "tcp", 2380, 2, 59),
        entry("192.0.2.100", "tcp", 2380, 7, 7200),
        entry("2001:db8::7", "tcp", 2380, 1, 0),
        entry("192.0.2.99", "udp", 8472, 1, 604799),
    ]
    assert not is_full(LISTING)


def test_what_was_learned_is_no_part_of_the_rules() -> None:
    stripped = without_learned(LISTING)
    assert learned(stripped) == []
    assert "elements = { 192.0.2.0/28 }" in stripped
    assert stripped.count("elements") == 1
    assert set_names(stripped) == set_names(LISTING)
    assert without_learned(stripped) == stripped
    assert with_sets_sorted(stripped) == stripped


def test_nothing_learned() -> None:
    assert learned("") == []
    assert without_learned("") == ""


def test_full_is_full() -> None:
    elements = ",\n".join(f"10.0.{number // 256}.{number % 256} . tcp . 2380 expires 1h" for number in range(SIZE))
    block = f"\tset learned_v4 {{\n\t\tflags dynamic,timeout\n\t\telements = {{ {elements} }}\n\t}}\n"
    assert is_full(block)
    assert not is_full(block.replace("10.0.0.0 . tcp . 2380 expires 1h,\n", ""))


def test_from_audit_to_enforcement_in_one_script() -> None:
    script = render_switch(ENFORCED, [*SETS])
    assert "goto" not in script
    assert script.index("flush chain inet ck8s_ports input") < script.index("delete chain inet ck8s_ports learn")
    assert script.endswith("delete set inet ck8s_ports learned_v4\ndelete set inet ck8s_ports learned_v6\n")


def test_from_enforcement_to_audit_with_the_sets_before() -> None:
    assert set_names(render_missing_sets(AUDITED, [])) == list(SETS)
    script = render_switch(AUDITED, [])
    assert "goto learn" in script and " drop " not in script
    assert "delete" not in script and "flush chain inet ck8s_ports learn" not in script


def test_another_policy_in_audit_mode_keeps_what_was_learned() -> None:
    assert set_names(render_missing_sets(AUDITED, list(render_sets()))) == []
    script = render_switch(AUDITED, [*SETS])
    assert "delete" not in script
    assert script.index("flush chain inet ck8s_ports learn") < script.index("update @learned_v4")
