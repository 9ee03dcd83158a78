# Copyright: (c) 2026, ck8s.ports contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Containers with systemd and sshd on a network of their own, under podman or docker.

In the sandbox the engine is podman, the network is the sandbox's, and the image is made of the distribution's packages:
``python3 -m tests.lab.containers`` makes it before, outside, where packages can be had, and keeps it in .cache/.
Elsewhere, on a laptop or a hosted runner, these variables choose:

    CK8S_LAB_ENGINE   the engine's command, such as "docker"; it is used outside the sandbox, with networks of its own
    CK8S_LAB_IMAGE    an image of Debian's or Ubuntu's to start from, such as one that others test roles with; what it
                      lacks is installed once, in a container, and kept by the engine
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import shlex
import shutil
import subprocess
import time
from ipaddress import ip_address
from pathlib import Path
from typing import Any

from tests.lab.guard import MACHINE_NETNS, refuse_machine_namespace

REPOSITORY = Path(__file__).parents[2]
CACHE = REPOSITORY / ".cache"

PACKAGES = (
    "systemd", "systemd-sysv", "dbus", "iproute2", "nftables", "iptables", "ufw", "firewalld", "openssh-server",
    "python3", "procps", "etcd-server", "etcd-client", "containerd", "netcat-openbsd", "iputils-ping",
)  # fmt: skip
NOT_BY_ITSELF = "etcd containerd ufw firewalld nftables"
"""Units that their packages enable: what runs in the lab is started by the lab."""
# In a preset file, too: systemd takes the first boot of an image for that of a new machine, and enables what it may.
CUSTOMIZE = (
    'mkdir -p "$1/etc/systemd/system-preset"; '
    f'printf "disable %s.service\\n" {NOT_BY_ITSELF} >"$1/etc/systemd/system-preset/00-lab.preset"; '
    f'chroot "$1" systemctl disable {NOT_BY_ITSELF}'
)
INSTALL = (
    "set -e; export DEBIAN_FRONTEND=noninteractive RUNLEVEL=1; apt-get update; "
    f"apt-get install --yes --no-install-recommends {' '.join(PACKAGES)}; set -- /; {CUSTOMIZE}"
)
"""What makes a node's image of one that is named in CK8S_LAB_IMAGE."""

IMAGE = "ck8s-lab-node"
NETWORK = "ck8s-lab"
SUBNET, GATEWAY = "10.79.0.0/24", "10.79.0.1"
PATIENCE = 60
"""Seconds until a node must be up; commands get several times that."""

# Limits and options that systemd needs where the cgroups are hybrid and CAP_SYS_RESOURCE is missing.
RUN = (
    "--cgroupns=host", "--ulimit=nofile=20000:20000", "--ulimit=nproc=30000:30000",
    *(f"--cap-add={capability}" for capability in ("NET_ADMIN", "NET_RAW", "SYS_ADMIN", "SYS_PTRACE")),
)  # fmt: skip

# What podman does by itself: what systemd needs, and a ::1. Not --privileged: a node could then write the machine's own
# sysctls.
IN_DOCKER = (
    "--tmpfs=/run", "--tmpfs=/run/lock", "--tmpfs=/tmp:exec", "--volume=/sys/fs/cgroup:/sys/fs/cgroup",
    "--security-opt=seccomp=unconfined", "--security-opt=apparmor=unconfined", "--stop-signal=SIGRTMIN+3",
    "--sysctl=net.ipv6.conf.all.disable_ipv6=0",
)  # fmt: skip


class ContainerError(RuntimeError):
    """A container, its image or its network could not be had; the message has the command and its words."""


def command(*words: str, **options: Any) -> str:
    """Return what a command prints. Raises :class:`ContainerError` with all its words when it fails."""
    completed = subprocess.run(words, capture_output=True, text=True, timeout=PATIENCE * 5, check=False, **options)
    if completed.returncode != 0:
        raise ContainerError(f"{shlex.join(words)}: {completed.stdout}{completed.stderr}")
    return str(completed.stdout)


def archive() -> Path:
    """Return the path of the image that is made so, whether it is there or not."""
    return CACHE / f"node-{hashlib.sha256(' '.join([*PACKAGES, CUSTOMIZE]).encode()).hexdigest()[:8]}.tar"


def make_image() -> None:
    """Make the image of the distribution's packages. Takes a minute; nothing is done where it, or another, is there."""
    if archive().exists() or "CK8S_LAB_IMAGE" in os.environ:
        return
    CACHE.mkdir(exist_ok=True)
    release = dict(re.findall(r'^(\w+)="?([^"\n]*)', Path("/etc/os-release").read_text(), re.MULTILINE))
    if "VERSION_CODENAME" not in release:
        raise ContainerError("/etc/os-release has no VERSION_CODENAME; name an image in CK8S_LAB_IMAGE")
    components = "main,universe" if release.get("ID") == "ubuntu" else "main"
    new = archive().with_suffix(".new.tar")
    command("mmdebstrap", "--variant=minbase", f"--components={components}", f"--include={','.join(PACKAGES)}",
            f"--customize-hook={CUSTOMIZE}", release["VERSION_CODENAME"], str(new))  # fmt: skip
    new.rename(archive())


class Containers:
    """The containers of one lab. ``home`` keeps what the engine stores, and the key that opens every node."""

    def __init__(self, home: Path) -> None:
        """Choose the engine. Raises MachineNamespaceError outside the sandbox, unless CK8S_LAB_ENGINE names one."""
        self._home = home.absolute()
        self.key = self._home / "key"
        self._in_sandbox = MACHINE_NETNS in os.environ
        if self._in_sandbox or "CK8S_LAB_ENGINE" not in os.environ:
            refuse_machine_namespace()
            runtime = ["--runtime=runc"] if shutil.which("runc") else []
            places = [f"--root={self._home}/store", f"--runroot={self._home}/run"]
            self._engine = ["podman", *places, f"--network-config-dir={self._home}/networks", *runtime]
        else:
            self._engine = shlex.split(os.environ["CK8S_LAB_ENGINE"])
        self._is_podman = "podman" in self._engine[0]

    def engine(self, *words: str, **options: Any) -> str:
        """Return what the engine prints for a command of its own."""
        return command(*self._engine, *words, **options)

    def create_network(self) -> None:
        """Make the network and the key; what an earlier lab left behind is removed."""
        if self._in_sandbox:
            # Where podman has run in this sandbox, its store is mounted on itself.
            subprocess.run(["umount", f"{self._home}/store/overlay"], capture_output=True, check=False)
            shutil.rmtree(self._home, ignore_errors=True)
            self._home.mkdir(parents=True)
            # podman's network plugins keep their addresses here, and would find those of an earlier sandbox.
            Path("/var/lib/cni").mkdir(exist_ok=True)
            command("mount", "-t", "tmpfs", "tmpfs", "/var/lib/cni")
            self.engine("network", "create", "--internal", "--disable-dns", f"--subnet={SUBNET}", NETWORK)
        else:
            self._home.mkdir(parents=True, exist_ok=True)
            self.key.unlink(missing_ok=True)
            self.engine("network", "create", f"--subnet={SUBNET}", NETWORK)
        command("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(self.key))

    def image(self) -> str:
        """Return the image to start from. Raises :class:`ContainerError` where none is named and none has been made."""
        named = os.environ.get("CK8S_LAB_IMAGE")
        if named:
            return self._with_packages(named)
        if not archive().exists():
            raise ContainerError(
                f"{archive()} is missing; make it, outside the sandbox: python3 -m tests.lab.containers"
            )
        return self.engine("import", str(archive()), IMAGE).split()[-1]

    def _with_packages(self, named: str) -> str:
        made = f"{IMAGE}:{hashlib.sha256(f'{named} {INSTALL}'.encode()).hexdigest()[:8]}"
        if not self.engine("images", "--quiet", made).strip():
            self.engine("run", f"--name={IMAGE}", "--entrypoint=/bin/sh", named, "-c", INSTALL)
            self.engine("commit", IMAGE, made)
            self.engine("rm", IMAGE)
        return made

    def start(self, name: str, address: str, image: str, *volumes: Path) -> None:
        """Start a node and wait until it can be reached. ``volumes`` are there under the same names, read-only."""
        mounts = [f"--volume={volume}:{volume}:ro" for volume in volumes]
        # The same after each start, as a machine's is: others on the network remember it.
        mac = ":".join(f"{byte:02x}" for byte in (2, 0x42, *ip_address(address).packed))
        more = ("--systemd=always",) if self._is_podman else IN_DOCKER
        self.engine("run", "--detach", f"--name={name}", f"--hostname={name}", *more, *RUN, *mounts,
                    f"--network={NETWORK}", f"--ip={address}", f"--mac-address={mac}", "--entrypoint=/sbin/init",
                    image)  # fmt: skip
        key = self.key.with_suffix(".pub").read_text()
        self.shell(name, "mkdir -p /root/.ssh && cat >/root/.ssh/authorized_keys && chmod 600 /root/.ssh/*", input=key)
        self._wait_until_up(name)

    def shell(self, name: str, script: str, **options: Any) -> str:
        """Return what a script prints that runs on the node, beside all connections."""
        return self.engine("exec", "--interactive", name, "sh", "-c", script, **options)

    def pid(self, name: str) -> int:
        """Return the number of the node's PID 1, as it is seen from here."""
        return int(self.engine("inspect", "--format={{.State.Pid}}", name))

    def power_cut(self, name: str) -> None:
        """End everything on the node at once, and start it again."""
        self.engine("kill", "--signal=KILL", name)
        if self._is_podman:
            # Its network goes with it, and with that the rules; start would go on with what is still there.
            self.engine("wait", "--condition=exited", name)
            self.engine("container", "cleanup", name)
        self.engine("start", name)
        self._wait_until_up(name)

    def remove(self, *names: str) -> None:
        """Remove the containers and the network, whichever of them exist."""
        there = self.engine("ps", "--all", "--format={{.Names}}").split()
        if gone := [name for name in names if name in there]:
            # docker ends them at once; podman would ask them to end first, and wait.
            self.engine("rm", "--force", *(["--time=0"] if self._is_podman else []), *gone)
        if NETWORK in self.engine("network", "ls", "--format={{.Name}}").split():
            self.engine("network", "rm", NETWORK)

    def _wait_until_up(self, name: str) -> None:
        if self._in_sandbox and GATEWAY not in command("ip", "address"):
            # The bridge of an internal network gets no address, and is made anew when its last container was gone.
            (bridge,) = json.loads(command("ip", "-json", "link", "show", "type", "bridge"))
            command("ip", "address", "add", f"{GATEWAY}/24", "dev", bridge["ifname"])
        deadline = time.monotonic() + PATIENCE
        while self.shell(name, "systemctl is-system-running; systemctl is-active ssh; true").split()[:2] != [
            "running",
            "active",
        ]:
            if time.monotonic() > deadline:
                raise ContainerError(
                    f"{name} is not up: {self.shell(name, 'systemctl list-jobs; systemctl --failed; true')}"
                )
            time.sleep(0.2)


if __name__ == "__main__":
    make_image()
