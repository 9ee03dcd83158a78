# Copyright: (c) 2026, ck8s.ports contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Refuse to go on in the network of the machine.

Everything that applies firewall rules, addresses or routes for a test calls :func:`refuse_machine_namespace` first. A
default-deny policy in the wrong namespace would cut the machine off, so anything that cannot be proved is a refusal.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

MACHINE_NETNS = "CK8S_MACHINE_NETNS"
"""Environment variable: inode numbers, space separated, of the network namespaces that must never be touched."""

MACHINE_PIDNS = "CK8S_MACHINE_PIDNS"
"""Environment variable: inode number of the PID namespace the sandbox was started from."""

HOW_TO = "run it in the sandbox: python3 -m tests.lab.sandbox COMMAND"


class MachineNamespaceError(RuntimeError):
    """This process is, or may be, in the network namespace of the machine."""


def namespace_inode(kind: str, process: int | str = "self") -> int:
    """Return the inode number of a namespace of a process.

    ``kind`` is a name from /proc/PID/ns (``net``, ``pid``, ...); ``process`` a PID or ``self``. Raises OSError where
    the kernel refuses the look (another user's process, or one with more capabilities).
    """
    return Path(f"/proc/{process}/ns/{kind}").stat().st_ino


def refuse_machine_namespace(environ: Mapping[str, str] = os.environ, proc: Path = Path("/proc")) -> None:
    """Return when this process has a network of its own; raise :class:`MachineNamespaceError` in every other case."""
    named = environ.get(MACHINE_NETNS, "").split()
    if not named:
        raise MachineNamespaceError(f"{MACHINE_NETNS} is not set, so this is not the sandbox; {HOW_TO}")

    own = (proc / "self/ns/net").stat().st_ino
    if str(own) in named:
        raise MachineNamespaceError(
            f"this process is in net:[{own}], which {MACHINE_NETNS} lists as the machine's network; {HOW_TO}"
        )

    # The variable can be stale or made up. Where PID 1 is still the machine's init, what it sees settles the matter;
    # /proc/1/net is readable also where /proc/1/ns/net is not. In a PID namespace of our own PID 1 is one of us.
    machine_pidns = environ.get(MACHINE_PIDNS)
    if machine_pidns and machine_pidns != str((proc / "self/ns/pid").stat().st_ino):
        return
    try:
        same_network = (proc / "1/net/dev").stat().st_ino == (proc / "self/net/dev").stat().st_ino
    except OSError as error:
        raise MachineNamespaceError(f"cannot compare this network with the one of PID 1 ({error}); {HOW_TO}") from error
    if same_network:
        raise MachineNamespaceError(f"this process shares its network namespace net:[{own}] with PID 1; {HOW_TO}")
