# Copyright: (c) 2026, ck8s.ports contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The program nft, our table through it, and a look at the chains of others. Private to the collection."""

from __future__ import annotations

from ansible_collections.ck8s.ports.plugins.module_utils._firewall import FirewallError
from ansible_collections.ck8s.ports.plugins.module_utils._nft_render import TABLE
from ansible_collections.ck8s.ports.plugins.module_utils._program import (
    SYSTEM_DIRECTORIES as _SYSTEM_DIRECTORIES,
)
from ansible_collections.ck8s.ports.plugins.module_utils._program import (
    find_program,
    run_program,
)

TIMEOUT = 30.0
"""Seconds that one call of nft may take. A change of a few hundred rules takes a few hundredths of one."""


def find_nft() -> str:
    """Return the path of nft; raises :class:`FirewallError` naming the package where there is none."""
    return find_program("nft", "nftables", _SYSTEM_DIRECTORIES)


class Nft:
    """Calls of nft, in the network namespace of the caller. Each method raises :class:`FirewallError`."""

    def __init__(self, program: str, timeout: float = TIMEOUT) -> None:
        self._program = program
        self._timeout = timeout

    def table(self) -> str:
        """Return our table as the kernel holds it, without the state of its counters; "" where there is none."""
        return self._list(["--stateless"])

    def table_with_counters(self) -> str:
        """Return our table with handles and counters; "" where there is none."""
        return self._list(["--handle"])

    def chains(self) -> str:
        """Return the declarations of all chains of all tables, without their rules."""
        return self._run(["list", "chains"])

    def chain(self, family: str, table: str, name: str) -> str:
        """Return one chain of any table, without the state of its counters."""
        return self._run(["--stateless", "list", "chain", family, table, name])

    def load(self, script: str) -> None:
        """Have the kernel take ``script`` in one transaction: all of it, or nothing."""
        self._run(["--file", "-"], script)

    def _list(self, options: list[str]) -> str:
        try:
            return self._run([*options, "list", "table", *TABLE.split()])
        except FirewallError:
            # Whether the table is missing is not for the wording of an error message to say.
            if f"table {TABLE}" in self._run(["list", "tables", "inet"]).splitlines():
                raise
            return ""

    def _run(self, arguments: list[str], script: str = "") -> str:
        return run_program(
            [self._program, *arguments],
            timeout=self._timeout,
            text=script,
            if_it_hangs="The kernel takes a change as a whole or not at all: run in check mode to see which. Another "
            "program may hold nftables' lock",
            if_it_fails="See whether nftables works on this host at all (`nft list ruleset`, as root)",
        )
