# Copyright: (c) 2026, ck8s.ports contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The lab as full nodes: ``python3 -m tests.lab.full_nodes up|power-cut|down``.

The hosts of an inventory, each a container with systemd and sshd; the services of tests/lab/services.yml run as units
under the names that the k8s snap gives them.
"""

from __future__ import annotations

import argparse
import shlex
import sys
import time
from pathlib import Path

from tests.lab.containers import NOT_BY_ITSELF, REPOSITORY, ContainerError, Containers
from tests.lab.guard import MachineNamespaceError
from tests.lab.lab import Running
from tests.lab.pki import Authority
from tests.lab.programs import STAND_IN, Start, start_of
from tests.lab.services import read_services, services_of
from tests.lab.topology import Host, read_hosts

INVENTORY = Path(__file__).parent / "inventories" / "full_nodes.yml"
DIRECTORY = REPOSITORY / "build" / "full-nodes"
PROGRAMS = "/usr/local/lib/lab"
PATIENCE = 30
"""Seconds until everything must listen."""

UNIT = """\
[Unit]
Description=%(name)s of the lab
After=network.target
[Service]
Type=%(type)s
RemainAfterExit=%(remains)s
ExecStart=%(program)s
[Install]
WantedBy=multi-user.target
"""


def up(hosts: list[Host], directory: Path = DIRECTORY) -> None:
    """Start the nodes and what runs on them. Raises ContainerError, and MachineNamespaceError outside the sandbox."""
    containers = Containers(directory / "engine")
    containers.create_network()
    authority = Authority(directory / "pki")
    authority.issue("client", "client")
    image = containers.image()
    for host in hosts:
        credentials = authority.issue(host.name, *host.addresses, "127.0.0.1", "::1", "localhost", host.name)
        containers.start(host.name, host.addresses[0], image, directory / "pki", STAND_IN)
        services = services_of(host, read_services())
        starts = [start_of(service, credentials, host, python="/usr/bin/python3") for service in services]
        containers.shell(host.name, installation(starts))
    for host in hosts:
        _wait_for_listeners(containers, host)


def power_cut(host: Host, directory: Path = DIRECTORY) -> None:
    """Cut the node's power, and return when everything on it listens again."""
    containers = Containers(directory / "engine")
    containers.power_cut(host.name)
    _wait_for_listeners(containers, host)


def installation(starts: list[Start]) -> str:
    """Return the script that installs a unit for each service, and starts them."""
    lines = ["set -eu", f"systemctl disable --now --quiet {NOT_BY_ITSELF} 2>/dev/null || true", f"mkdir -p {PROGRAMS}"]
    for start in starts:
        unit, program = unit_of(start.name), f"{PROGRAMS}/{start.name}"
        kind = {"type": "exec", "remains": "no"} if start.process else {"type": "oneshot", "remains": "yes"}
        lines += _file(program, _program(start))
        lines += [f"chmod +x {program}"]
        lines += _file(f"/etc/systemd/system/{unit}", UNIT % {"name": start.name, "program": program, **kind})
    lines += ["systemctl daemon-reload", *(f"systemctl enable --now --quiet {unit_of(start.name)}" for start in starts)]
    return "\n".join(lines)


def unit_of(service: str) -> str:
    """Return the unit of a service: the snap's where it is the snap's, ours for what runs in a pod or in the kernel."""
    return f"lab-{service}.service" if service.startswith("cilium") else f"snap.k8s.{service}.service"


def _program(start: Start) -> str:
    lines = ["#!/bin/sh", "set -eu", "mkdir -p /run/lab"]
    for path, text in start.files:
        lines += [f"mkdir -p {Path(path).parent}", *_file(path, text)]
    lines += [shlex.join(words) for words in start.prepare]
    if start.process:
        lines.append(f"exec {shlex.join(start.process)}")
    return "\n".join(lines) + "\n"


def _file(path: str, text: str) -> list[str]:
    end = f"END-OF-{Path(path).name}"
    return [f"cat >{shlex.quote(path)} <<'{end}'", text.removesuffix("\n"), end]


def _wait_for_listeners(containers: Containers, host: Host) -> None:
    node = Running(host, containers.pid(host.name), services_of(host, read_services()))
    deadline = time.monotonic() + PATIENCE
    while waiting := [f"{service.name} at {what}" for service, what in node.missing()]:
        if time.monotonic() > deadline:
            failed = containers.shell(host.name, "systemctl --failed; journalctl --no-pager --lines=30; true")
            raise ContainerError(f"{host.name}: after {PATIENCE} s nothing listens for {', '.join(waiting)}\n{failed}")
        time.sleep(0.1)


def main() -> int:
    """Return 0 when what was asked for is so, 1 when not, 2 for a bad command line."""
    parser = argparse.ArgumentParser(prog="python3 -m tests.lab.full_nodes", description=__doc__)
    parser.add_argument("command", choices=["up", "power-cut", "down"])
    parser.add_argument("node", nargs="?", help="whose power is cut")
    parser.add_argument("--inventory", type=Path, default=INVENTORY, help="which hosts there are (%(default)s)")
    arguments = parser.parse_args()
    hosts = {host.name: host for host in read_hosts(arguments.inventory)}
    if arguments.command == "power-cut" and arguments.node not in hosts:
        parser.error(f"node: {arguments.node!r} is none of {', '.join(hosts)}")
    try:
        if arguments.command == "up":
            up(list(hosts.values()))
        elif arguments.command == "power-cut":
            power_cut(hosts[arguments.node])
        else:
            Containers(DIRECTORY / "engine").remove(*hosts)
    except (ContainerError, MachineNamespaceError) as error:
        print(f"full_nodes: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
