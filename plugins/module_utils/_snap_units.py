# Copyright: (c) 2026, ck8s.ports contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What systemd says of the snap's services. Private to the collection.

A running systemd is asked once for all of them, `systemctl show`, whose answer is made for programs (systemctl(1)). Of
a system that does not run, only what is enabled can be told: the links that `systemctl enable` makes.
"""

from __future__ import annotations

import os
import re
import subprocess

from ansible_collections.ck8s.ports.plugins.module_utils._snap_files import Missing, Tree, Unreadable, shown

SERVICES = (
    "containerd", "etcd", "k8s-apiserver-proxy", "k8s-dqlite", "k8sd", "kube-apiserver", "kube-controller-manager",
    "kube-proxy", "kube-scheduler", "kubelet"
)  # fmt: skip
"""The services of the snap in one release or another (snap/snapcraft.yaml of k8s-snap)."""

_DIRECTORY = "/etc/systemd/system"  # where snapd writes units, and systemctl the links of enabled ones
_PROPERTIES = "Id,LoadState,ActiveState,UnitFileState,MainPID"
_PATIENCE = 10
"""Seconds. systemd answers in milliseconds, unless it is stuck."""
_RUNS = ("active", "activating", "reloading", "refreshing")


def unit_of(service: str) -> str:
    """The name that snapd gives the unit of a service of the snap k8s."""
    return f"snap.k8s.{service}.service"


class Unit:
    """The state of one unit. main_pid: its main process, 0 when it has none."""

    def __init__(self, properties: dict[str, str]) -> None:
        self.active = properties["ActiveState"] in _RUNS
        self.enabled = properties["UnitFileState"] in ("enabled", "enabled-runtime")
        self.main_pid = int(properties.get("MainPID") or 0)


def ask() -> dict[str, Unit]:
    """The state of each service of SERVICES, by its name. Raises Unreadable when systemd cannot be asked."""
    command = ["systemctl", "--no-pager", "show", f"--property={_PROPERTIES}", *map(unit_of, SERVICES)]
    try:
        answer = subprocess.run(
            command,
            check=False,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=_PATIENCE,
            env={**os.environ, "LC_ALL": "C"},
        )
    except FileNotFoundError:
        raise Unreadable("there is no systemctl on this host") from None
    except subprocess.TimeoutExpired:
        raise Unreadable(f"systemctl show did not answer in {_PATIENCE} seconds") from None
    except OSError as exc:
        raise Unreadable(f"systemctl cannot be started ({exc.strerror or exc})") from None
    if answer.returncode != 0:
        words = " ".join(answer.stderr.decode("utf-8", "backslashreplace").split())
        raise Unreadable(f"systemctl show failed with {answer.returncode}: {words or 'no message'}")
    return parse(answer.stdout.decode("utf-8", "backslashreplace"))


def parse(text: str) -> dict[str, Unit]:
    """The states in what `systemctl show` wrote, by service: a block for each unit, with an empty line between.

    Raises Unreadable when a unit of SERVICES is not in it, or not with every property.
    """
    blocks: dict[str, dict[str, str]] = {}
    for block in re.split(r"\n\s*\n", text):
        properties = dict(line.split("=", 1) for line in block.splitlines() if "=" in line)
        blocks[properties.get("Id", "")] = properties
    try:
        return {service: Unit(blocks[unit_of(service)]) for service in SERVICES}
    except (KeyError, ValueError) as exc:
        raise Unreadable(f"systemctl show did not tell what was asked for: {exc}") from None


def is_enabled(tree: Tree, service: str) -> tuple[bool, str]:
    """Whether a service is started at boot, and the path that shows it, from the files of a system.

    Raises Unreadable when there is no such unit, or the directories cannot be read.
    """
    unit = unit_of(service)
    for name in tree.names(_DIRECTORY):
        if name.endswith(".wants"):
            link = f"{_DIRECTORY}/{name}/{unit}"
            if tree.exists(link):
                return True, shown(link)
    path = f"{_DIRECTORY}/{unit}"
    if not tree.exists(path):
        raise Missing(f"{path} does not exist")
    return False, path
