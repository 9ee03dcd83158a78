# Copyright: (c) 2026, ck8s.ports contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""firewalld, asked and told over D-Bus by `busctl`. Private to the collection.

`firewall-cmd` does the same in 0.2 seconds a call, of which most is the start of its interpreter; `busctl` takes five
thousandths. The methods are those of firewalld.dbus(5).
"""

from __future__ import annotations

import json
import os
from typing import Any

from ansible_collections.ck8s.ports.plugins.module_utils._firewall import FirewallError
from ansible_collections.ck8s.ports.plugins.module_utils._program import find_program, run_program

NAME = "org.fedoraproject.FirewallD1"
PATH = "/org/fedoraproject/FirewallD1"
CONFIG = f"{PATH}/config"
BUSCTL = ("busctl", "--system", "--auto-start=no")
"""Without the option, asking would start a firewalld that is not running."""

_SEE_LOG = "see its log (journalctl -u firewalld)"

_SOCKET = "run/dbus/system_bus_socket"
_TRACES = ("etc/firewalld", "usr/lib/firewalld")


class Firewalld:
    """firewalld on this host, for one run. Each method raises :class:`FirewallError`."""

    def __init__(self, timeout: float, root: str = "/") -> None:
        """``timeout`` is in seconds, for each call."""
        self._timeout = timeout
        self._root = root
        self._runs: bool | None = None
        self._used: list[str] | None = None

    def runs(self) -> bool:
        """Return whether a firewalld is there to be asked."""
        if self._runs is None:
            self._runs = self._answers()
        return self._runs

    def _answers(self) -> bool:
        if not os.path.exists(os.path.join(self._root, _SOCKET)):
            return False
        if not any(os.path.isdir(os.path.join(self._root, trace)) for trace in _TRACES):
            return False
        bus = "org.freedesktop.DBus"
        return bool(self._call(bus, "/org/freedesktop/DBus", bus, "NameHasOwner", "s", NAME))

    def zones(self) -> list[str]:
        """Return all zones."""
        return list(self._call(NAME, PATH, f"{NAME}.zone", "getZones"))

    def used_zones(self) -> list[str]:
        """Return the zones that packets get into: those with interfaces or sources, and the default one."""
        if self._used is None:
            active = self._call(NAME, PATH, f"{NAME}.zone", "getActiveZones")
            self._used = sorted({*active, self._call(NAME, PATH, NAME, "getDefaultZone")})
        return self._used

    def rich_rules(self, zone: str) -> list[str]:
        """Return the rich rules of a zone that are in force."""
        return list(self._call(NAME, PATH, f"{NAME}.zone", "getRichRules", "s", zone))

    def add(self, zone: str, rule: str) -> None:
        """Put a rich rule in force."""
        self._call(NAME, PATH, f"{NAME}.zone", "addRichRule", "ssi", zone, rule, "0")

    def remove(self, zone: str, rule: str) -> None:
        """Remove a rich rule from what is in force."""
        self._call(NAME, PATH, f"{NAME}.zone", "removeRichRule", "ss", zone, rule)

    def permanent_rich_rules(self, zone: str) -> list[str]:
        """Return the rich rules that a zone has after a restart."""
        return list(self._call(NAME, self._permanent(zone), f"{NAME}.config.zone", "getRichRules"))

    def set_permanent_rich_rules(self, zone: str, rules: list[str]) -> None:
        """Set all the rich rules that a zone is to have after a restart; firewalld writes its file once."""
        path = self._permanent(zone)
        self._call(NAME, path, f"{NAME}.config.zone", "setRichRules", "as", str(len(rules)), *rules)

    def _permanent(self, zone: str) -> str:
        return str(self._call(NAME, CONFIG, f"{NAME}.config", "getZoneByName", "s", zone))

    def _call(self, *words: str) -> Any:
        """Return the first value of the answer, None without one."""
        answer = run_program(
            [find_program(BUSCTL[0], "systemd"), *BUSCTL[1:], "--json=short", "call", "--", *words],
            timeout=self._timeout,
            if_it_hangs=f"firewalld does not answer; {_SEE_LOG}",
            if_it_fails=f"This is what firewalld answered; {_SEE_LOG}",
        )
        try:
            return json.loads(answer)["data"][0] if answer.strip() else None
        except (ValueError, LookupError, TypeError) as error:
            raise FirewallError(
                f"busctl printed what is no answer of firewalld to {words[3]}: {answer[:80]!r}; {_SEE_LOG}"
            ) from error
