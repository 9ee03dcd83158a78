# Copyright: (c) 2026, ck8s.ports contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The etcd cluster of the lab, to be written to and to be joined; in the sandbox, where the lab is up.

python3 -m tests.lab.etcd --inventory FILE --directory DIRECTORY write
    writes one key after the other, each over a connection of its own, until there is a file DIRECTORY/stop; then
    DIRECTORY/writes.json is {"term", "written": [key, ...], "errors": [...], "longest_gap": SECONDS}
python3 -m tests.lab.etcd --inventory FILE --directory DIRECTORY join NAME
    adds the host NAME as a member, starts etcd there and returns when it has the leader and every key of the others
"""

from __future__ import annotations

import argparse
import base64
import ctypes
import http.client
import itertools
import json
import ssl
import subprocess
import sys
import time
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from typing import Any

from tests.lab import lab
from tests.lab.guard import refuse_machine_namespace
from tests.lab.pki import Credentials
from tests.lab.programs import etcd_member
from tests.lab.topology import Host, read_hosts

LONGEST = 600
"""Seconds after which a writer ends that nobody stops."""
JOINING = 20
"""Seconds in which a member that joins must have caught up."""

PATIENCE = 10.0
"""Seconds for one write."""
PAUSE = 0.02

PREFIX = "write/"

_CLONE_NEWNET = 0x40000000


@dataclass(frozen=True)
class Etcd:
    """The cluster, as a client on one of its nodes sees it."""

    hosts: list[Host]
    directory: Path

    @property
    def members(self) -> dict[str, str]:
        """Name and address of those that are members from the beginning."""
        return dict(next(host.etcd_members for host in self.hosts if host.etcd_members))

    def credentials(self, name: str) -> Credentials:
        """Return the files that were issued to a host, or to C(client)."""
        return Credentials(
            *(str(self.directory / "pki" / each) for each in ("ca.pem", f"{name}.pem", f"{name}-key.pem"))
        )

    def ctl(self, *arguments: str, endpoints: tuple[str, ...] = ()) -> str:
        """Return what etcdctl prints; each time it makes new connections. Raises CalledProcessError, TimeoutExpired."""
        files = self.credentials("client")
        urls = ",".join(f"https://{address}:2379" for address in endpoints or self.members.values())
        options = (f"--endpoints={urls}", "--command-timeout=5s", "--dial-timeout=2s")
        tls = (f"--cacert={files.ca}", f"--cert={files.certificate}", f"--key={files.key}")
        command = self._running(next(iter(self.members))).enter("env", "ETCDCTL_API=3", "etcdctl", *options, *tls)
        return subprocess.run([*command, *arguments], check=True, capture_output=True, text=True, timeout=30).stdout

    def status(self, address: str) -> dict[str, Any]:
        """Return what one member says of itself."""
        (answer,) = json.loads(self.ctl("endpoint", "status", "--write-out=json", endpoints=(address,)))
        status: dict[str, Any] = answer["Status"]
        return status

    def keys(self, address: str) -> list[str]:
        """Return the written keys that one member itself holds."""
        return self.ctl("get", PREFIX, "--prefix", "--keys-only", "--consistency=s", endpoints=(address,)).split()

    def write(self) -> None:
        """Write until told to stop, to each member in turn, and note what came of it."""
        stop = self.directory / "stop"
        stop.unlink(missing_ok=True)
        addresses = list(self.members.values())
        term = self.status(addresses[0])["raftTerm"]
        files = self.credentials("client")
        context = ssl.create_default_context(cafile=files.ca)
        context.load_cert_chain(files.certificate, files.key)
        _enter_network_of(self._running(next(iter(self.members))))
        times: dict[str, float] = {}
        errors: list[str] = []
        end = time.monotonic() + LONGEST
        for number in itertools.count():
            if stop.exists() or time.monotonic() > end:
                break
            key = f"{PREFIX}{number:06}"
            try:
                _put(addresses[number % len(addresses)], context, key)
                times[key] = time.monotonic()
            except (OSError, http.client.HTTPException) as error:
                errors.append(f"{key}: {error!r}")
            time.sleep(PAUSE)
        gaps = [later - earlier for earlier, later in itertools.pairwise(times.values())]
        result = {"term": term, "written": list(times), "errors": errors, "longest_gap": max(gaps, default=0.0)}
        partial = self.directory / "writes.json.new"
        partial.write_text(json.dumps(result), encoding="utf-8")
        partial.rename(self.directory / "writes.json")

    def join(self, name: str) -> None:
        """Add a member and wait until it has caught up. Raises RuntimeError with its last words when it does not."""
        host = next(host for host in self.hosts if host.name == name)
        address = host.addresses[0]
        self.ctl("member", "add", name, f"--peer-urls=https://{address}:2380")
        members = {**self.members, name: address}
        command = etcd_member(host, self.credentials(name), members, "--initial-cluster-state=existing")
        log = self.directory / name / "etcd.log"
        with log.open("w") as output:
            subprocess.Popen(self._running(name).enter(*command), stdout=output, stderr=output, start_new_session=True)
        end = time.monotonic() + JOINING
        while time.monotonic() < end:
            if self._has_caught_up(address):
                return
            time.sleep(0.5)
        raise RuntimeError(f"{name} did not join: {log.read_text(errors='replace')[-2000:]}")

    def _has_caught_up(self, address: str) -> bool:
        other = next(iter(self.members.values()))
        try:
            return (self.status(address)["leader"], self.keys(address)) == (
                self.status(other)["leader"],
                self.keys(other),
            )
        except subprocess.CalledProcessError:
            return False

    def _running(self, name: str) -> lab.Running:
        (running,) = (each for each in lab.find(self.hosts) if each.host.name == name)
        return running


def _put(address: str, context: ssl.SSLContext, key: str) -> None:
    """Write one key over a connection of its own, by etcd's JSON gateway."""
    word = base64.b64encode(key.encode()).decode()
    connection = http.client.HTTPSConnection(address, 2379, timeout=PATIENCE, context=context)
    try:
        connection.request("POST", "/v3/kv/put", json.dumps({"key": word, "value": word}))
        answer = connection.getresponse()
        if answer.status != HTTPStatus.OK:
            raise http.client.HTTPException(f"{answer.status}: {answer.read(200)!r}")
        answer.read()
    finally:
        connection.close()


def _enter_network_of(node: lab.Running) -> None:
    """Put this process into a node's network: only control planes reach etcd."""
    with Path(f"/proc/{node.pid}/ns/net").open() as there:
        if ctypes.CDLL(None, use_errno=True).setns(there.fileno(), _CLONE_NEWNET) != 0:
            raise OSError(ctypes.get_errno(), f"cannot enter the network of {node.host.name}")
    refuse_machine_namespace()


def main() -> int:
    """Return 0 when what was asked for is done."""
    parser = argparse.ArgumentParser(prog="python3 -m tests.lab.etcd", description=__doc__)
    parser.add_argument("--inventory", type=Path, required=True)
    parser.add_argument("--directory", type=Path, required=True, help="the directory that the lab was given")
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("write")
    commands.add_parser("join").add_argument("name")
    arguments = parser.parse_args()
    etcd = Etcd(read_hosts(arguments.inventory), arguments.directory.absolute())
    if arguments.command == "write":
        etcd.write()
    else:
        etcd.join(arguments.name)
    return 0


if __name__ == "__main__":
    sys.exit(main())
