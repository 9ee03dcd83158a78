# Copyright: (c) 2026, ck8s.ports contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Document against the unix socket: its file, and who listens. Private to the collection. Pure."""

from __future__ import annotations

from typing import Any

from ansible_collections.ck8s.ports.plugins.plugin_utils._findings import Outcome, failed, passed

Data = dict[str, Any]


def expected(entry: Data) -> str:
    """What C(entry) is to be, as a sentence."""
    return f"A socket of {entry['owner']}:{entry['group']}, mode {entry['mode']} or stricter."


def unix_socket(entry: Data, seen: Data) -> Outcome:
    """Document against the file of the socket: is it there, a socket, and closed to others?"""
    if not seen["exists"]:
        why = f"{entry['service']} is expected on every node."
        fix = f"Start {entry['service']}; or is its base directory elsewhere (containerd-base-dir, strict confinement)?"
        return failed("medium", "Does not exist.", why, fix)
    observed = f"{seen['type'].capitalize()} of {seen['owner']}:{seen['group']}, mode {seen['mode']}."
    if seen["type"] != "socket":
        return failed("high", observed, "It is not a socket.", f"Remove it and restart {entry['service']}.")
    if int(seen["mode"], 8) & ~int(entry["mode"], 8) or seen["owner"] != entry["owner"]:
        fix = f"chown {entry['owner']}:{entry['group']} and chmod {entry['mode']} {entry['path']}"
        return failed("high", observed, "Whoever may write to this socket is root on the node.", fix)
    return passed(observed)
