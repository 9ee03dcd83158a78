# Copyright: (c) 2026, ck8s.ports contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One chain of iptables: its rules, and changes of them in one transaction. Private to the collection."""

from __future__ import annotations

import re
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import Sequence

from ansible_collections.ck8s.ports.plugins.module_utils._program import find_program, run_program

_COUNTERS = re.compile(r" -c (\d+) (\d+)\b")
LOCK_WAIT = "5"
"""Seconds that iptables may wait for another one that is at work."""


@dataclass(frozen=True)
class KernelRule:
    """A rule as `iptables -S` prints it, without "-A CHAIN ", and what it has counted."""

    text: str
    packets: int
    bytes: int


class Chain:
    """A chain of the table filter. Each method raises :class:`_firewall.FirewallError`."""

    def __init__(self, program: str, name: str, timeout: float) -> None:
        """``program`` is iptables or ip6tables; ``timeout`` is in seconds, for each call."""
        self.name = name
        self.program = find_program(program, "iptables")
        self._timeout = timeout

    def rules(self) -> list[KernelRule]:
        """Return the rules in their order."""
        prefix = f"-A {self.name} "
        listing = self._run([self.program, "-w", LOCK_WAIT, "-v", "-S", self.name])
        return [_rule(line[len(prefix) :]) for line in listing.splitlines() if line.startswith(prefix)]

    def restore(self, script: str) -> None:
        """Have the kernel take ``script`` (for iptables-restore, one table) as a whole, or not at all."""
        self._run([f"{self.program}-restore", "-w", LOCK_WAIT, "-n"], script)

    def _run(self, command: list[str], text: str = "") -> str:
        return run_program(
            command,
            timeout=self._timeout,
            text=text,
            if_it_hangs="The kernel takes a change as a whole or not at all: run in check mode to see which. Another "
            "program may hold the lock of iptables",
            if_it_fails="See whether iptables works on this host at all (`iptables -S`, as root)",
        )


def transaction(chain: str, start: int, found: Sequence[str], wanted: Sequence[str]) -> str:
    """Return the script that makes ``wanted`` of ``found``, which are the rules of ``chain`` from number ``start`` on.

    Rules that stay keep their counters. From the end to the beginning, so that the numbers before stay right.
    """
    lines = []
    matcher = SequenceMatcher(a=found, b=wanted, autojunk=False)
    for what, i1, i2, j1, j2 in reversed(matcher.get_opcodes()):
        if what == "equal":
            continue
        lines += [f"-D {chain} {start + index}" for index in reversed(range(i1, i2))]
        lines += [f"-I {chain} {start + i1} {rule}" for rule in reversed(wanted[j1:j2])]
    return "*filter\n" + "".join(f"{line}\n" for line in lines) + "COMMIT\n"


def _rule(line: str) -> KernelRule:
    counted = _COUNTERS.search(line)
    packets, octets = (int(counted.group(1)), int(counted.group(2))) if counted else (0, 0)
    return KernelRule(_COUNTERS.sub("", line, count=1), packets, octets)
