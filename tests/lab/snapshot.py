# Copyright: (c) 2026, ck8s.ports contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The network settings of this network namespace at one moment, to prove afterwards that nothing has changed them.

What changes by itself is left out: lifetimes of addresses and routes, counters, and settings that count.
"""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

COMMANDS = {
    "interface or address": ["ip", "-json", "address", "show"],
    "IPv4 route": ["ip", "-json", "-4", "route", "show", "table", "all"],
    "IPv6 route": ["ip", "-json", "-6", "route", "show", "table", "all"],
    "IPv4 rule": ["ip", "-json", "-4", "rule", "show"],
    "IPv6 rule": ["ip", "-json", "-6", "rule", "show"],
}
FIREWALL = ["nft", "--stateless", "list", "ruleset"]
DYNAMIC_FIELDS = frozenset({"valid_life_time", "preferred_life_time", "expires"})
SETTINGS = Path("/proc/sys/net")
DYNAMIC_SETTINGS = frozenset({"nf_conntrack_count"})

Snapshot = dict[str, str]
"""What there is, by a name that says what it is; readable in a message as it stands."""


def take_snapshot() -> Snapshot:
    """Return the addresses, routes, rules, firewall and sysctls of this network namespace.

    The firewall is left out where this user may not read it (only root may), sysctls likewise one by one.
    """
    snapshot = {}
    for kind, command in COMMANDS.items():
        listed = subprocess.run(command, capture_output=True, text=True, check=True)
        for item in json.loads(listed.stdout or "[]"):
            text = json.dumps(_without_dynamic_fields(item))
            if "ifname" in item:
                snapshot[f"{kind} {item['ifname']}"] = text
            else:
                snapshot[f"{kind} {text}"] = "present"
    firewall = subprocess.run(FIREWALL, capture_output=True, text=True, check=False)
    if firewall.returncode == 0:
        snapshot["firewall"] = firewall.stdout
    for setting in sorted(SETTINGS.rglob("*")):
        if setting.name in DYNAMIC_SETTINGS or not setting.is_file():
            continue
        try:
            snapshot[f"sysctl net.{setting.relative_to(SETTINGS)}"] = setting.read_text(errors="replace").strip()
        except OSError:
            continue  # write-only, or not for this user
    return snapshot


def differences(before: Snapshot, after: Snapshot) -> list[str]:
    """Return a line for each thing that changed, appeared or went.

    A new sysctl is no difference: settings appear when the kernel loads a module, in every namespace at once.
    """
    lines = []
    for name in sorted(before.keys() | after.keys()):
        old, new = before.get(name), after.get(name)
        if old == new or (old is None and name.startswith("sysctl ")):
            continue
        lines.append(f"{name}: was {old or 'absent'}, is {new or 'absent'}")
    return lines


def _without_dynamic_fields(item: Any) -> Any:
    if isinstance(item, dict):
        return {key: _without_dynamic_fields(value) for key, value in item.items() if key not in DYNAMIC_FIELDS}
    if isinstance(item, list):
        return [_without_dynamic_fields(element) for element in item]
    return item
