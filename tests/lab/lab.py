# Copyright: (c) 2026, ck8s.ports contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Builds the lab's network and hosts in the sandbox, and takes them away again.

Each host is a set of namespaces (network, mount, PID, UTS) held by a process of its own, tests/lab/node_init.py, and
reached over a veth pair from a bridge. The bridge is in the sandbox's network, so what runs in the sandbox (Ansible,
tests) reaches every host, as a controller would. /run/ck8s-lab/NAME.pid holds the PID of a host's PID 1, and
/run/ck8s-lab/addresses/ADDRESS leads there, for an inventory that has the address in ansible_host.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

from tests.lab.guard import refuse_machine_namespace
from tests.lab.listening import inet_listeners, unix_listeners
from tests.lab.pki import Authority
from tests.lab.programs import Start, start_of
from tests.lab.services import Service, read_services, services_of
from tests.lab.topology import Host

STATE = Path("/run/ck8s-lab")
DIRECTORY = Path("build/lab")
"""Where logs and certificates go unless told otherwise."""

BRIDGE = "ck8s0"
GATEWAYS = {4: "10.77.0.1/24", 6: "fd77::1/64"}
"""The bridge's own addresses, and by that the networks that the hosts' addresses are in."""

PATIENCE = 20
"""Seconds until everything must listen."""
LOG_LINES = 15

_NAMESPACES = ("--net", "--mount", "--pid", "--uts", "--mount-proc", "--propagation=private")
_INIT = Path(__file__).with_name("node_init.py")


class LabError(RuntimeError):
    """The lab could not be built; the message names the host, the service and its last words."""


@dataclass(frozen=True)
class Running:
    """A host that exists."""

    host: Host
    pid: int
    services: list[Service]

    def enter(self, *command: str) -> list[str]:
        """Return the command line that runs ``command`` in the host."""
        return ["nsenter", f"--target={self.pid}", "--net", "--mount", "--pid", "--uts", "--", *command]

    def missing(self) -> Iterator[tuple[Service, str]]:
        """Yield each socket that should be there and is not, with the service it belongs to."""
        inet, unix = inet_listeners(self.pid), unix_listeners(self.pid)
        for service in self.services:
            for listener in service.listeners:
                if (listener.protocol, listener.address, listener.port) not in inet:
                    yield service, str(listener)
            if service.socket is not None and service.socket not in unix:
                yield service, service.socket


def up(hosts: list[Host], directory: Path = DIRECTORY) -> None:
    """Build the lab and return when everything in it listens.

    ``directory`` gets the logs, one directory per host, and the certificates. Raises :class:`LabError` when something
    does not come up, MachineNamespaceError outside the sandbox; nothing is left behind then.
    """
    refuse_machine_namespace()
    if STATE.exists():
        raise LabError(f"{STATE} exists: the lab is up already; take it down first: python3 -m tests.lab down")
    directory = directory.absolute()
    try:
        (STATE / "addresses").mkdir(parents=True)
        _make_bridge()
        _start(hosts, directory)
    except BaseException:
        down()
        raise


def down() -> None:
    """Take everything away that :func:`up` made, whatever state it is in."""
    refuse_machine_namespace()
    for pid_file in sorted(STATE.glob("*.pid")):
        with contextlib.suppress(ProcessLookupError):
            # PID 1 of its namespace: the kernel ends all others in it.
            os.kill(int(pid_file.read_text()), signal.SIGKILL)
        _delete_link(_veth(pid_file.stem))
        pid_file.unlink()
    _delete_link(BRIDGE)
    shutil.rmtree(STATE, ignore_errors=True)


def find(hosts: list[Host]) -> list[Running]:
    """Return those of ``hosts`` that exist, with what should run on each."""
    running = []
    for host in hosts:
        pid_file = STATE / f"{host.name}.pid"
        if pid_file.exists() and Path("/proc", pid_file.read_text().strip()).exists():
            running.append(Running(host, int(pid_file.read_text()), services_of(host, read_services())))
    return running


def _make_bridge() -> None:
    _ip(f"link add {BRIDGE} type bridge forward_delay 0 mcast_snooping 0")
    for gateway in GATEWAYS.values():
        _ip(f"address add {gateway} dev {BRIDGE} nodad" if ":" in gateway else f"address add {gateway} dev {BRIDGE}")
    _ip(f"link set {BRIDGE} up")


def _start(hosts: list[Host], directory: Path) -> None:
    holders = {host.name: _hold(host, directory / host.name) for host in hosts}
    authority = Authority(directory / "pki")
    authority.issue("client", "client")
    running = []
    for host in hosts:
        holder = holders[host.name]
        pid = _wait_for_pid_1(host, holder, directory)
        (STATE / f"{host.name}.pid").write_text(f"{pid}\n")
        for address in host.addresses:
            (STATE / "addresses" / address).symlink_to(f"../{host.name}.pid")
        _ip(f"link add {_veth(host.name)} master {BRIDGE} up type veth peer name eth0 netns {pid}")
        services = services_of(host, read_services())
        credentials = authority.issue(host.name, *host.addresses, "127.0.0.1", "::1", "localhost", host.name)
        _tell(holder, host, [start_of(service, credentials, host) for service in services])
        running.append(Running(host, pid, services))
    _wait_for_listeners(running, directory)


def _hold(host: Host, logs: Path) -> subprocess.Popen[str]:
    """Start the process that holds the host's namespaces; it outlives this one, but not the sandbox."""
    logs.mkdir(parents=True, exist_ok=True)
    for old in (*logs.glob("*.log"), *logs.glob("*.ended")):
        old.unlink()
    with (logs / "init.log").open("w") as log:
        return subprocess.Popen(
            [
                "unshare",
                *_NAMESPACES,
                "--fork",
                "--kill-child",
                sys.executable,
                "-I",
                "-S",
                str(_INIT),
                host.name,
                str(logs),
            ],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
            start_new_session=True,
        )


def _wait_for_pid_1(host: Host, holder: subprocess.Popen[str], directory: Path) -> int:
    """Wait until the host has its file systems; return the PID of its PID 1, which is the holder's only child."""
    assert holder.stdout is not None
    if holder.stdout.readline() != "ready\n":
        raise LabError(
            f"{host.name}: its namespaces could not be made{_last_words(directory / host.name / 'init.log')}"
        )
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            # "PID (COMM) STATE PPID ...", where COMM may hold spaces and brackets: proc_pid_stat(5).
            if int(stat.read_text().rpartition(")")[2].split()[1]) == holder.pid:
                return int(stat.parent.name)
    raise LabError(f"{host.name}: process {holder.pid} has no child")


def _tell(holder: subprocess.Popen[str], host: Host, starts: list[Start]) -> None:
    """Send the host its addresses and services; it needs no more from us then."""
    commands = ["ip link set lo up", "ip link set eth0 up"]
    for address in host.addresses:
        gateway, _, length = GATEWAYS[6 if ":" in address else 4].partition("/")
        commands.append(f"ip address add {address}/{length} dev eth0" + (" nodad" if ":" in address else ""))
        commands.append(f"ip route add default via {gateway}")
    plan = {"commands": [command.split() for command in commands], "services": [asdict(start) for start in starts]}
    assert holder.stdin is not None
    assert holder.stdout is not None
    with holder.stdin as stdin, holder.stdout:
        json.dump(plan, stdin)


def _wait_for_listeners(running: list[Running], directory: Path) -> None:
    deadline = time.monotonic() + PATIENCE
    try:
        while waiting := _waiting(running, directory):
            if time.monotonic() > deadline:
                raise LabError(_failure(waiting, directory))
            node, service, what = waiting[0]
            _show_progress(
                f"the lab: {len(waiting)} sockets are not there yet, {node.host.name}'s {service.name} {what}"
            )
            time.sleep(0.02)
    finally:
        _show_progress("")


def _waiting(running: list[Running], directory: Path) -> list[tuple[Running, Service, str]]:
    for node in running:
        _refuse_what_has_ended(node, directory / node.host.name)
    return [(node, service, missing) for node in running for service, missing in node.missing()]


def _show_progress(text: str) -> None:
    """Show how far the lab is, on a line that the next call replaces; on a terminal only."""
    if sys.stderr.isatty():
        print(f"\r\x1b[K{text}", end="", file=sys.stderr, flush=True)


def _refuse_what_has_ended(node: Running, logs: Path) -> None:
    if not Path("/proc", str(node.pid)).exists():
        raise LabError(f"{node.host.name}: ended while it started{_last_words(logs / 'init.log')}")
    for service in node.services:
        if (logs / f"{service.name}.ended").exists():
            words = _last_words(logs / f"{service.name}.log")
            raise LabError(f"{node.host.name}: {service.name} ended while it started{words}")


def _failure(waiting: list[tuple[Running, Service, str]], directory: Path) -> str:
    lines = [f"{node.host.name}: {service.name} does not listen on {what}" for node, service, what in waiting]
    node, service, _ = waiting[0]
    logs = directory / node.host.name
    log = logs / f"{service.name}.log"
    return "\n".join(lines) + _last_words(log if log.exists() else logs / "init.log")


def _last_words(log: Path) -> str:
    lines = log.read_text(errors="replace").splitlines()[-LOG_LINES:]
    return f"\nthe end of {log}:\n" + "\n".join(f"    {line}" for line in lines or ["(empty)"])


def _veth(name: str) -> str:
    """Return the name of the bridge's end of a host's cable."""
    return f"v-{name}"


def _delete_link(name: str) -> None:
    """Delete an interface, which may be gone already: a cable also goes, a little later, with the host at its end."""
    subprocess.run(["ip", "link", "delete", name], stderr=subprocess.DEVNULL, check=False)


def _ip(arguments: str) -> None:
    try:
        subprocess.run(["ip", *arguments.split()], check=True, capture_output=True, text=True)
    except subprocess.CalledProcessError as error:
        raise LabError(f"ip {arguments}: {error.stderr.strip()}") from error
