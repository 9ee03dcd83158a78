# Copyright: (c) 2026, ck8s.ports contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the kernel lets this process do. Private to the collection."""

from __future__ import annotations

from pathlib import Path

from ansible_collections.ck8s.ports.plugins.module_utils._firewall import FirewallError

CAP_NET_ADMIN = 12  # include/uapi/linux/capability.h


def has_capability(number: int, status: Path = Path("/proc/self/status")) -> bool:
    """Return whether capability ``number`` is effective here. uid 0 may lack it, another user may have it.

    Raises OSError without /proc.
    """
    for line in status.read_text(encoding="ascii", errors="replace").splitlines():
        key, _unused, value = line.partition(":")
        if key == "CapEff":
            return bool(int(value, 16) >> number & 1)
    raise OSError(f"{status} has no line CapEff")


def require_net_admin() -> None:
    """Raise :class:`FirewallError` where this process may not read and change the firewall."""
    try:
        allowed = has_capability(CAP_NET_ADMIN)
    except OSError as error:
        raise FirewallError(f"cannot tell what this user may do: {error}; is /proc mounted?") from error
    if not allowed:
        raise FirewallError(
            "the firewall can be neither read nor changed without CAP_NET_ADMIN; run as root (become: true)"
        )
