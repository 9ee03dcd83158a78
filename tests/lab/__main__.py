# Copyright: (c) 2026, ck8s.ports contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""``python3 -m tests.lab up|down|status``, in the sandbox: the lab by hand."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from tests.lab import lab
from tests.lab.guard import MachineNamespaceError
from tests.lab.topology import INVENTORY, Host, read_hosts


def main() -> int:
    """Return 0 when what was asked for is so, 1 when not, 2 for a bad command line."""
    parser = argparse.ArgumentParser(prog="python3 -m tests.lab", description=__doc__)
    parser.add_argument("command", choices=["up", "down", "status"])
    parser.add_argument("--inventory", type=Path, default=INVENTORY, help="which hosts there are (%(default)s)")
    parser.add_argument("--directory", type=Path, default=lab.DIRECTORY, help="logs and certificates (%(default)s)")
    parser.add_argument("--without-faults", action="store_true", help="leave out the faults of lab_faults")
    arguments = parser.parse_args()
    hosts = read_hosts(arguments.inventory, with_faults=not arguments.without_faults)
    try:
        if arguments.command == "up":
            lab.up(hosts, arguments.directory)
        elif arguments.command == "down":
            lab.down()
        else:
            return _status(hosts)
    except (lab.LabError, MachineNamespaceError) as error:
        print(f"lab: {error}", file=sys.stderr)
        return 1
    return 0


def _status(hosts: list[Host]) -> int:
    """Print a line per host; return 0 when all of them exist and everything listens."""
    running = {node.host.name: node for node in lab.find(hosts)}
    complete = len(running) == len(hosts)
    for host in hosts:
        if host.name not in running:
            print(f"{host.name}: does not exist")
            continue
        node = running[host.name]
        missing = [f"{service.name} {what}" for service, what in node.missing()]
        complete = complete and not missing
        print(f"{host.name}: pid {node.pid}, {'missing: ' + ', '.join(missing) if missing else 'everything listens'}")
    return 0 if complete else 1


if __name__ == "__main__":
    sys.exit(main())
