# Copyright: (c) 2026, ck8s.ports contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The script that takes back a change of our rules in ufw. Pure; private to the collection."""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from typing import Sequence

from ansible_collections.ck8s.ports.plugins.module_utils._firewall import Load
from ansible_collections.ck8s.ports.plugins.module_utils._iptables import LOCK_WAIT


@dataclass(frozen=True)
class Change:
    """Our rules in one chain before and after a change, as `iptables -S` prints them."""

    program: str
    chain: str
    before: Sequence[str]
    after: Sequence[str]


# The chain may have become another one meanwhile: others may have added rules, or had ufw load its file, which has the
# rules from before the change. So it is decided when the script runs which of ours are there. They stand together, and
# a chain that holds the longer of the two lists holds that one. All of it goes to the kernel in one transaction.
_SCRIPT = r"""#!/bin/sh
# Written by ck8s.ports.port_policy.
status=0
restore() {
    # Without the chain, ufw has been stopped: nothing of ours is in force, and its file has the rules from before.
    CURRENT=$("$1" -w @wait@ -S "$2" 2>/dev/null) || return 0
    export CURRENT BEFORE AFTER
    changes=$(awk -v chain="$2" '
        function find(block, size,    i, j) {
            for (i = 1; size > 0 && i + size - 1 <= count; i++) {
                for (j = 1; j <= size && rule[i + j - 1] == block[j]; j++);
                if (j > size) return i
            }
            return 0
        }
        BEGIN {
            befores = split(ENVIRON["BEFORE"], before, "\n")
            afters = split(ENVIRON["AFTER"], after, "\n")
            lines = split(ENVIRON["CURRENT"], line, "\n")
            prefix = "-A " chain " "
            for (i = 1; i <= lines; i++)
                if (index(line[i], prefix) == 1) rule[++count] = substr(line[i], length(prefix) + 1)
            before_at = find(before, befores)
            after_at = find(after, afters)
            if (afters >= befores ? !after_at && (before_at || !befores) : before_at) exit
            for (i = count; i >= 1; i--) {
                ours = after_at && i >= after_at && i < after_at + afters
                if (!after_at) {
                    # Someone has taken them apart: each that is one of ours goes, once.
                    for (j = 1; j <= afters && !ours; j++)
                        if (rule[i] == after[j] && !(j in used)) { used[j]; ours = 1 }
                    for (j = 1; j <= befores && !ours; j++)
                        if (rule[i] == before[j] && !((afters + j) in used)) { used[afters + j]; ours = 1 }
                }
                if (ours) print "-D", chain, i
                else left[++others] = rule[i]
            }
            place = after_at
            if (!place) {
                # As _ufw_rules.place_of_ours has it; left[] is from the last to the first.
                for (place = 1; place <= others; place++)
                    if (left[others + 1 - place] ~ / -j (ACCEPT|ufw6?-user-limit-accept)$/) break
                while (place <= others && place > 1 && left[others + 2 - place] !~ / -j (DROP|REJECT)/) place--
            }
            for (i = 1; i <= befores; i++) print "-I", chain, place + i - 1, before[i]
        }')
    [ -z "$changes" ] || printf '*filter\n%s\nCOMMIT\n' "$changes" | "$1-restore" -w @wait@ -n || status=1
}
@calls@exit $status
"""


def render_ufw_restore(changes: Sequence[Change]) -> Load:
    """Return what takes ``changes`` back, whether they have been made or not."""
    calls = "".join(
        f"BEFORE={_lines(change.before)}\nAFTER={_lines(change.after)}\n"
        f"restore {shlex.quote(change.program)} {shlex.quote(change.chain)}\n"
        for change in changes
    )
    return Load(["/bin/sh"], _SCRIPT.replace("@wait@", LOCK_WAIT).replace("@calls@", calls))


def _lines(rules: Sequence[str]) -> str:
    return shlex.quote("\n".join(rules))
