# Copyright: (c) 2026, ck8s.ports contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every wanted socket of one network namespace: the one that the caller is in. Private to the collection."""

from __future__ import annotations

import os

from ansible_collections.ck8s.ports.plugins.module_utils import _sock_diag
from ansible_collections.ck8s.ports.plugins.module_utils._selection import INTERNET, Selection
from ansible_collections.ck8s.ports.plugins.module_utils._sockets import Socket

SOCK_DIAG = "sock_diag"
PROCFS = "procfs"
ABSENT = "absent"

# Where to import what few callers need: each of these would cost everybody a millisecond.
# ruff: noqa: PLC0415


class Gathering:
    """What one namespace has.

    sockets: the wanted ones. sources: protocol to where it was read. udp_clients_left_out: how many UDP sockets were
    taken for clients. incomplete: what could not be seen, as the module returns it.
    """

    def __init__(self) -> None:
        self.sockets: list[Socket] = []
        self.sources: dict[str, str] = {}
        self.udp_clients_left_out = 0
        self.incomplete: list[dict[str, object]] = []

    def missing(self, what: str, reason: str, count: int | None) -> None:
        self.incomplete.append({"what": what, "reason": reason, "count": count})


def gather(selection: Selection) -> Gathering:
    """Ask the kernel for what the selection wants. Raises OSError when neither of its sources can be read."""
    gathering = Gathering()
    for protocol in selection.protocols:
        if protocol == "unix":
            sockets = _unix(gathering) if "unix" in selection.families else []
            if selection.paths:
                sockets = _named(sockets, selection.paths)
        elif protocol == "vsock":
            sockets = _vsock(gathering) if "vsock" in selection.families else []
        else:
            sockets = _internet(protocol, selection, gathering)
        gathering.sockets += filter(selection.wants, sockets)
    return gathering


def _internet(protocol: str, selection: Selection, gathering: Gathering) -> list[Socket]:
    families = tuple(family for family in INTERNET if family in selection.families)
    if not families or not _is_present(protocol, gathering):
        return []
    if protocol in ("udp", "udplite"):
        # Whether such a socket is a client's is told by its neighbours of both families.
        families = INTERNET
    sockets = _read(protocol, families, gathering)
    if sockets:
        _name_kernel_owners(protocol, sockets, gathering)
        if protocol in ("udp", "udplite") and not selection.udp_clients:
            from ansible_collections.ck8s.ports.plugins.module_utils import _ephemeral

            servers = _ephemeral.without_clients(sockets)
            gathering.udp_clients_left_out += len(sockets) - len(servers)
            return servers
        if protocol == "raw":
            return [sock for sock in sockets if sock.port != 255]  # IPPROTO_RAW: can send only, raw(7)
    return sockets


def _is_present(protocol: str, gathering: Gathering) -> bool:
    if protocol in ("tcp", "udp"):
        return True
    from ansible_collections.ck8s.ports.plugins.module_utils import _protocols

    try:
        if _protocols.is_present(protocol):
            return True
    except OSError as exc:
        gathering.missing("sockets", f"the kernel does not say whether it has {protocol} ({exc.strerror or exc})", None)
    gathering.sources[protocol] = ABSENT
    return False


def _read(protocol: str, families: tuple[str, ...], gathering: Gathering) -> list[Socket]:
    sockets: list[Socket] = []
    try:
        for family in families:
            found, consistent = _sock_diag.listening(protocol, family)
            sockets += found
            _note_consistency(f"{family} {protocol}", consistent, gathering)
        gathering.sources[protocol] = SOCK_DIAG
    except OSError as exc:
        return _from_procfs(protocol, families, gathering, exc)
    return sockets


def _from_procfs(protocol: str, families: tuple[str, ...], gathering: Gathering, why: OSError) -> list[Socket]:
    from ansible_collections.ck8s.ports.plugins.module_utils import _procnet

    if protocol not in _procnet.PROTOCOLS:
        gathering.missing(
            "sockets",
            f"the kernel has {protocol} and does not list it ({why.strerror or why}): {_load_module(protocol)}",
            None,
        )
        return []
    sockets = [sock for family in families for sock in _procnet.listening(protocol, family)]
    gathering.sources[protocol] = PROCFS
    if sockets:
        gathering.missing(
            "details",
            f"NETLINK_SOCK_DIAG does not answer for {protocol} ({why.strerror or why}), and /proc/net does not tell"
            f" interface, backlog, dual_stack and cgroup: {_load_module(protocol)}",
            len(sockets),
        )
    return sockets


def _name_kernel_owners(protocol: str, sockets: list[Socket], gathering: Gathering) -> None:
    if protocol not in ("tcp", "udp"):
        return
    from ansible_collections.ck8s.ports.plugins.module_utils import _kernel_sockets

    _kernel_sockets.name_nfs(protocol, sockets)
    if protocol == "udp":
        for problem in _kernel_sockets.name_tunnels(sockets):
            gathering.missing("kernel_owner", problem, None)


def _unix(gathering: Gathering) -> list[Socket]:
    from ansible_collections.ck8s.ports.plugins.module_utils import _unix_sockets

    try:
        sockets, consistent = _unix_sockets.listening()
    except OSError as exc:
        from ansible_collections.ck8s.ports.plugins.module_utils import _procnet

        sockets = _procnet.unix_listening()
        gathering.sources["unix"] = PROCFS
        if sockets:
            gathering.missing(
                "details",
                f"NETLINK_SOCK_DIAG does not answer for unix ({exc.strerror or exc}), and /proc/net/unix does not tell"
                " uid, backlog, the file, and whether a datagram socket is connected: " + _load_module("unix"),
                len(sockets),
            )
        return sockets
    gathering.sources["unix"] = SOCK_DIAG
    _note_consistency("unix", consistent, gathering)
    return sockets


def _named(sockets: list[Socket], paths: list[str]) -> list[Socket]:
    from ansible_collections.ck8s.ports.plugins.module_utils import _unix_files

    def is_wanted(sock: Socket) -> bool:
        name = os.fsdecode(sock.path or b"")
        return any(_unix_files.is_named(name, path) for path in paths)

    return list(filter(is_wanted, sockets))


def _vsock(gathering: Gathering) -> list[Socket]:
    if not _is_present("vsock", gathering):
        return []
    from ansible_collections.ck8s.ports.plugins.module_utils import _vsock as vsock

    try:
        sockets, consistent = vsock.listening()
    except OSError as exc:
        gathering.missing(
            "sockets",
            f"the kernel has vsock and does not list it ({exc.strerror or exc}): {_load_module('vsock')}",
            None,
        )
        return []
    gathering.sources["vsock"] = SOCK_DIAG
    _note_consistency("vsock", consistent, gathering)
    return sockets


def _load_module(protocol: str) -> str:
    """What to do where the kernel does not list a protocol."""
    module = {"udplite": "udp"}.get(protocol, protocol)
    return f"if that is needed, load the kernel module {module}_diag"


def _note_consistency(what: str, consistent: bool, gathering: Gathering) -> None:
    if not consistent:
        gathering.missing(
            "sockets", f"the kernel's table of {what} sockets kept changing while it was read: run again", None
        )
