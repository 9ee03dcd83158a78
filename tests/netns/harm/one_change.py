# Copyright: (c) 2026, ck8s.ports contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One half of a change, as the module makes it on a host, without Ansible around it.

one_change.py OFFSET make SECONDS POLICY     makes the change, and prints what names it
one_change.py OFFSET confirm CHANGE POLICY   confirms it, and prints what has become of it

OFFSET is by how many seconds the wall clock is wrong for this process. (libfaketime would do it from outside; with it,
Python cannot even sleep.)
"""

from __future__ import annotations

import json
import sys
import time

from ansible_collections.ck8s.ports.plugins.module_utils._boot import Boot
from ansible_collections.ck8s.ports.plugins.module_utils._nftables import NftablesBackend
from ansible_collections.ck8s.ports.plugins.module_utils._policy import parse_policy
from ansible_collections.ck8s.ports.plugins.module_utils._safe_change import SafeChange
from ansible_collections.ck8s.ports.plugins.module_utils._unconfirmed import RUN, Waiting

REAL, REAL_GMTIME = time.time, time.gmtime


def shift_wall_clock(offset: float) -> None:
    """Make every reading of the wall clock wrong; the monotonic one stays what it is, as it does when a clock jumps."""
    time.time = lambda: REAL() + offset
    time.gmtime = lambda seconds=None: REAL_GMTIME(REAL() + offset if seconds is None else seconds)


def main(offset: str, step: str, argument: str, text: str) -> None:
    shift_wall_clock(float(offset))
    boot = Boot(RUN)
    change = SafeChange(NftablesBackend(), boot, Waiting(boot, RUN))
    wanted = parse_policy(json.loads(text))
    if step == "confirm":
        print(change.confirm(argument, wanted))
        return
    plan, boot_plan = change.plan(wanted)
    print(change.make(plan, boot_plan, "the test", int(argument))["change"])


if __name__ == "__main__":
    main(*sys.argv[1:])
