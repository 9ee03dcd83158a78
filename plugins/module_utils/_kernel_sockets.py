# Copyright: (c) 2026, ck8s.ports contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Sockets that the kernel itself serves, and for what. Private to the collection.

Without this, the search for their owners would look into every process in vain.
"""

from __future__ import annotations

from ansible_collections.ck8s.ports.plugins.module_utils import _tunnels
from ansible_collections.ck8s.ports.plugins.module_utils._sockets import Socket

# The sockets of the NFS server, one 'tcp 2049' per line (fs/nfsd/nfsctl.c), and the ports that its lock manager has
# been told to use (fs/lockd/svc.c); 0 is one that the kernel picked.
_NFSD_PORTS = "/proc/fs/nfsd/portlist"
_LOCKD_PORTS = {"tcp": "/proc/sys/fs/nfs/nlm_tcpport", "udp": "/proc/sys/fs/nfs/nlm_udpport"}


def name_tunnels(sockets: list[Socket]) -> list[str]:
    """Set kernel_owner of those UDP sockets of this namespace that serve a network device.

    Returns what could not be told, in words.
    """
    try:
        tunnels = _tunnels.tunnels()
    except OSError as exc:
        return [f"the list of network devices was refused ({exc.strerror or exc})"]
    problems = []
    owners: dict[int, tuple[str, set[str]]] = {}
    for tunnel in tunnels:
        port = tunnel.port
        if tunnel.kind == "wireguard":
            from ansible_collections.ck8s.ports.plugins.module_utils import _wireguard  # noqa: PLC0415  (rare)

            try:
                port = _wireguard.listen_port(tunnel.index)
            except OSError as exc:
                advice = ": run as root" if isinstance(exc, PermissionError) else ""
                problems.append(
                    f"the port of the WireGuard interface {tunnel.name} was refused ({exc.strerror or exc}){advice}"
                )
        if port is not None:
            owners.setdefault(port, (tunnel.kind, set()))[1].add(tunnel.name)
    for sock in sockets:
        if sock.port in owners:
            kind, devices = owners[sock.port]
            sock.kernel_owner = {"kind": kind, "devices": sorted(devices)}
    return problems


def name_nfs(
    protocol: str, sockets: list[Socket], nfsd: str = _NFSD_PORTS, lockd: dict[str, str] | None = None
) -> None:
    """Set kernel_owner of those TCP or UDP sockets of this namespace that belong to the kernel's NFS server.

    The lock manager's are told only where it was given a fixed port.
    """
    try:
        with open(nfsd, encoding="ascii") as lines:
            listed = [line.split() for line in lines]
    except (OSError, ValueError):  # no NFS server, or not root
        return
    owners = {int(words[1]): "nfsd" for words in listed if len(words) == 2 and words[0].startswith(protocol)}
    if listed:  # while the server runs, so does the lock manager
        try:
            with open((lockd or _LOCKD_PORTS)[protocol], encoding="ascii") as file:
                owners.setdefault(int(file.read()), "lockd")
        except (OSError, ValueError):
            pass
    for sock in sockets:
        if sock.port in owners and sock.port:
            sock.kernel_owner = {"kind": owners[sock.port], "devices": []}
