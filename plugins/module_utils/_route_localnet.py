# Copyright: (c) 2026, ck8s.ports contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which interfaces take packets for 127.0.0.0/8 from the wire. Private to the collection.

Source: Documentation/networking/ip-sysctl.rst of Linux, `route_localnet`. An interface has it when its own value or
that of `all` is set (IN_DEV_ORCONF, include/linux/inetdevice.h). `default` is what interfaces to come begin with.
"""

from __future__ import annotations

import os

CONF = "/proc/sys/net/ipv4/conf"


def route_localnet(conf: str = CONF) -> dict[str, bool]:
    """Return each entry of ``conf``, `all` and `default` included, and whether it is set; raises OSError.

    An interface that goes away meanwhile is left out.
    """
    settings = {}
    for name in sorted(os.listdir(conf)):
        try:
            with open(os.path.join(conf, name, "route_localnet"), encoding="ascii") as setting:
                settings[name] = setting.read().strip() != "0"
        except FileNotFoundError:
            continue
    return settings
