# Copyright: (c) 2026, ck8s.ports contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""PID 1 of a lab node: gives the node its own file systems, then the network and services it is told to start.

Started by :mod:`tests.lab.lab` in new network, mount, PID and UTS namespaces as ``python node_init.py NAME LOGS``.
Prints ``ready`` when the file systems are in place, then reads from standard input, to its end, JSON of the form::

    {"commands": [["ip", ...]],
     "services": [{"name": ..., "files": [[path, text]], "prepare": [[...]], "process": [...]}]}

Each service's output goes to LOGS/SERVICE.log; LOGS/SERVICE.ended holds the exit status of one that ended. Anything
that goes wrong here is a traceback in LOGS/init.log and the end of the node. Standard library only; run by path.
"""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

READ_ONLY = ("/", "/home", "/opt", "/srv", "/usr", "/var")
"""Directories of the machine that a node must not write to, where they are mounts."""

IDLE_SECONDS = 0.5


def main(name: str, logs: Path) -> None:
    """Never returns as long as the node exists."""
    socket.sethostname(name)
    make_file_systems_private(logs)
    print("ready", flush=True)
    plan = json.load(sys.stdin)
    with (logs / "init.log").open("w") as log:
        os.dup2(log.fileno(), sys.stdout.fileno())
        os.dup2(log.fileno(), sys.stderr.fileno())
    for command in plan["commands"]:
        subprocess.run(command, check=True)
    running = {}
    for service in plan["services"]:
        if process := start(service, logs):
            running[process.pid] = service["name"]
    while True:
        try:
            pid, status = os.wait()
        except ChildProcessError:
            time.sleep(IDLE_SECONDS)  # nothing runs here now, but orphans may still be handed to PID 1
            continue
        if service_name := running.pop(pid, None):
            (logs / f"{service_name}.ended").write_text(f"{os.waitstatus_to_exitcode(status)}\n")


def make_file_systems_private(logs: Path) -> None:
    """Give the node its own /run and /etc and a /sys of its network; leave the rest of the machine's disk read-only."""
    mount("-t", "tmpfs", "-o", "mode=755", "tmpfs", "/run")
    # A copy of /etc, so that a role may write there. What an ordinary user cannot read stays out of it.
    subprocess.run(["cp", "-a", "/etc", "/run/etc"], stderr=subprocess.DEVNULL, check=False)
    for directory in ("/run/lock", "/run/lab"):
        Path(directory).mkdir()
    for directory in ("/tmp", str(logs)):
        mount("--bind", directory, directory)
    for directory, options in mounts().items():
        if directory in READ_ONLY:
            mount("-o", ",".join(["remount", "bind", *("ro" if o == "rw" else o for o in options)]), directory)
    mount("--bind", "/run/etc", "/etc")
    show_own_network_in_sys()


def show_own_network_in_sys() -> None:
    """Mount a /sys of the node's network namespace, keeping the cgroups that are mounted below the old one."""
    kept = Path("/run/cgroup")
    kept.mkdir()
    mount("--rbind", "/sys/fs/cgroup", str(kept))
    # Some containers forbid it. Then /sys/class/net is the machine's, and only Ansible's facts notice.
    own = subprocess.run(["mount", "-t", "sysfs", "sysfs", "/sys"], stderr=subprocess.DEVNULL, check=False)
    if own.returncode == 0:
        mount("--rbind", str(kept), "/sys/fs/cgroup")
    subprocess.run(["umount", "--lazy", str(kept)], check=True)
    kept.rmdir()


def mounts() -> dict[str, list[str]]:
    """Return the options of each mount point (of the one on top, where several are stacked)."""
    # Fields: proc_pid_mountinfo(5). The options have to be given again: leaving one out would mean to take it away,
    # which the kernel refuses in a user namespace.
    lines = (line.split(" ") for line in Path("/proc/self/mountinfo").read_text().splitlines())
    return {fields[4]: fields[5].split(",") for fields in lines}


def mount(*arguments: str) -> None:
    """Call mount(8)."""
    subprocess.run(["mount", *arguments], check=True)


def start(service: dict[str, Any], logs: Path) -> subprocess.Popen[bytes] | None:
    """Start one service; None where no process belongs to it."""
    for path, text in service["files"]:
        Path(path).parent.mkdir(parents=True, exist_ok=True)
        Path(path).write_text(text)
    with (logs / f"{service['name']}.log").open("w") as log:
        for command in service["prepare"]:
            subprocess.run(command, stdout=log, stderr=log, check=True)
        if not service["process"]:
            return None
        return subprocess.Popen(
            service["process"], stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd="/", start_new_session=True
        )


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
