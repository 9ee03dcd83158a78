# Copyright: (c) 2026, ck8s.ports contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How each service is started: the command lines of the real programs and of the stand-ins."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from tests.lab.pki import Credentials
from tests.lab.services import Listener, Service
from tests.lab.topology import Host

STAND_IN = Path(__file__).with_name("stand_in.py")

CONTAINERD_CONFIG = """\
version = 2
root = "/run/lab/containerd/root"
state = "/run/lab/containerd/state"
[grpc]
  address = "{socket}"
[plugins."io.containerd.internal.v1.opt"]
  path = "/run/lab/containerd/opt"
"""


@dataclass(frozen=True)
class Start:
    """What a node does to start one service: run ``prepare`` to their ends, then ``process`` for good."""

    name: str
    prepare: tuple[tuple[str, ...], ...] = ()
    files: tuple[tuple[str, str], ...] = ()
    """Files to write first: path and text."""
    process: tuple[str, ...] = ()
    """Empty where the kernel does the listening."""


def start_of(service: Service, credentials: Credentials, host: Host, python: str = sys.executable) -> Start:
    """Return how to start ``service`` on ``host``, which has ``python`` and to which ``credentials`` were issued."""
    if service.program == "stand_in":
        return _stand_in(service, credentials, python)
    return _PROGRAMS[service.program](service, credentials, host)


def _etcd(service: Service, credentials: Credentials, host: Host) -> Start:
    clients = _urls(service, 2379)
    peers = _urls(service, 2380)
    members = {name: f"https://{_in_url(address)}:2380" for name, address in host.etcd_members} or {host.name: peers}
    return Start(service.name, process=_etcd_command(host.name, credentials, clients, peers, members))


def etcd_member(host: Host, credentials: Credentials, members: dict[str, str], *options: str) -> tuple[str, ...]:
    """Return how to start etcd on a host that joins; ``members`` are the addresses of all by name, its own included."""
    own = _in_url(members[host.name])
    urls = {name: f"https://{_in_url(address)}:2380" for name, address in members.items()}
    clients = f"https://{own}:2379,https://127.0.0.1:2379"
    return (*_etcd_command(host.name, credentials, clients, urls[host.name], urls), *options)


def _etcd_command(
    name: str, credentials: Credentials, clients: str, peers: str, members: dict[str, str]
) -> tuple[str, ...]:
    """Debian's etcd, with the options that the k8s snap gives it (k8s-snap, src/k8s/pkg/k8sd/setup/etcd.go)."""
    return (
        "etcd",
        f"--name={name}",
        "--data-dir=/run/lab/etcd",
        f"--listen-client-urls={clients}",
        f"--advertise-client-urls={clients}",
        f"--listen-peer-urls={peers}",
        f"--initial-advertise-peer-urls={peers}",
        f"--initial-cluster={','.join(f'{member}={url}' for member, url in members.items())}",
        "--client-cert-auth",
        f"--trusted-ca-file={credentials.ca}",
        f"--cert-file={credentials.certificate}",
        f"--key-file={credentials.key}",
        "--peer-client-cert-auth",
        f"--peer-trusted-ca-file={credentials.ca}",
        f"--peer-cert-file={credentials.certificate}",
        f"--peer-key-file={credentials.key}",
    )


def _urls(service: Service, port: int) -> str:
    listeners = [listener for listener in service.listeners if listener.port == port]
    return ",".join(f"https://{str(listener).removesuffix('/tcp')}" for listener in listeners)


def _in_url(address: str) -> str:
    return f"[{address}]" if ":" in address else address


def _containerd(service: Service, credentials: Credentials, host: Host) -> Start:
    config = "/run/lab/containerd/config.toml"
    return Start(
        service.name,
        files=((config, CONTAINERD_CONFIG.format(socket=service.socket)),),
        process=("containerd", "--config", config),
    )


def _vxlan(service: Service, credentials: Credentials, host: Host) -> Start:
    """A device as Cilium makes it: it takes the tunnel's ends from each packet, so it needs both families' sockets."""
    port = str(service.listeners[0].port)
    return Start(
        service.name,
        prepare=(
            ("ip", "link", "add", service.name, "type", "vxlan", "external", "dstport", port),
            ("ip", "link", "set", service.name, "up"),
        ),
    )


def _stand_in(service: Service, credentials: Credentials, python: str) -> Start:
    description = {
        "comm": service.comm,
        "pki": credentials.as_dict(),
        "listeners": [_as_json(listener) for listener in service.listeners],
    }
    return Start(service.name, process=(python, "-I", "-S", str(STAND_IN), json.dumps(description)))


def _as_json(listener: Listener) -> dict[str, object]:
    return {
        "address": listener.address,
        "port": listener.port,
        "dual_stack": listener.dual_stack,
        "speaks": listener.speaks,
        "answers": dict(listener.answers),
        "otherwise": listener.otherwise,
    }


_PROGRAMS: dict[str, Callable[[Service, Credentials, Host], Start]] = {
    "etcd": _etcd,
    "containerd": _containerd,
    "vxlan": _vxlan,
}
