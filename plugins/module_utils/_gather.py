# Copyright: (c) 2026, ck8s.ports contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every wanted socket of one network namespace: the one that the caller is in. Private to the collection."""

from __future__ import annotations

from ansible_collections.ck8s.ports.plugins.module_utils import _ephemeral, _sock_diag, _tunnels
from ansible_collections.ck8s.ports.plugins.module_utils._selection import Selection
from ansible_collections.ck8s.ports.plugins.module_utils._sockets import Socket

SOCK_DIAG = "sock_diag"
PROCFS = "procfs"


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
        # Whether a UDP socket is a client's is told by its neighbours of both families.
        families = ("ipv4", "ipv6") if protocol == "udp" else selection.families
        sockets = _listening(protocol, families, gathering)
        if protocol == "udp":
            _name_tunnels(sockets, gathering)
            if not selection.udp_clients:
                servers = _ephemeral.without_clients(sockets, _ephemeral.ephemeral_ports())
                gathering.udp_clients_left_out += len(sockets) - len(servers)
                sockets = servers
        gathering.sockets.extend(sock for sock in sockets if selection.wants(sock))
    return gathering


def _listening(protocol: str, families: tuple[str, ...], gathering: Gathering) -> list[Socket]:
    sockets: list[Socket] = []
    try:
        for family in families:
            found, consistent = _sock_diag.listening(protocol, family)
            sockets += found
            if not consistent:
                gathering.missing("sockets", f"the kernel's table of {family} {protocol} sockets kept changing", None)
        gathering.sources[protocol] = SOCK_DIAG
    except OSError as exc:
        sockets = _from_procfs(protocol, families, gathering, exc)
        gathering.sources[protocol] = PROCFS
    return sockets


def _from_procfs(protocol: str, families: tuple[str, ...], gathering: Gathering, why: OSError) -> list[Socket]:
    from ansible_collections.ck8s.ports.plugins.module_utils import _procnet  # noqa: PLC0415  (hardly ever needed)

    sockets = [sock for family in families for sock in _procnet.listening(protocol, family)]
    gathering.missing(
        "details",
        f"NETLINK_SOCK_DIAG does not answer for {protocol} ({why.strerror or why}), and /proc/net does not tell"
        " interface, backlog, dual_stack and cgroup",
        len(sockets),
    )
    return sockets


def _name_tunnels(sockets: list[Socket], gathering: Gathering) -> None:
    if not sockets:
        return
    try:
        tunnels = _tunnels.tunnel_ports()
    except OSError as exc:
        gathering.missing("kernel_owner", "the list of network devices was refused (%s)" % (exc.strerror or exc), None)
        return
    for sock in sockets:
        tunnel = tunnels.get(sock.port or 0)
        if tunnel is not None:
            sock.kernel_owner = {"kind": tunnel.kind, "devices": tunnel.devices}
