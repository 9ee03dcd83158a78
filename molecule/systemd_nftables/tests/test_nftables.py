# Copyright: (c) 2026, ck8s.ports contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Our table and the unit that loads it, seen with nft and systemctl."""

from __future__ import annotations

from typing import Any

testinfra_hosts = ["ansible://control_plane?force_ansible=True", "ansible://worker?force_ansible=True"]

Host = Any


def test_our_table_is_the_only_one(host: Host) -> None:
    # docker has one of its own in a container, for its names.
    tables = set(host.run("nft list tables").stdout.splitlines()) - {"table ip nat"}
    assert tables == {"table inet ck8s_ports"}


def test_it_is_loaded_before_the_network(host: Host) -> None:
    unit = host.service("ck8s-ports")
    assert unit.is_enabled
    if host.backend.host == "node2":  # which has lost its power
        show = "systemctl show --value --property=ActiveEnterTimestampMonotonic "
        ours, network_pre = (int(host.run(show + name).stdout) for name in ("ck8s-ports", "network-pre.target"))
        assert 0 < ours < network_pre


def test_nothing_waits_to_be_confirmed(host: Host) -> None:
    assert host.run("systemctl list-units --all --no-legend 'ck8s-ports-restore-*'").stdout == ""
