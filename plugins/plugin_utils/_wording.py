# Copyright: (c) 2026, ck8s.ports contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How sockets, rules and probes read in a sentence or as evidence. Private to the collection."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

Data = dict[str, Any]

APPLY = "Run the playbook ck8s.ports.firewall on this node."
AS_ROOT = "Make the task work on this node, as root (become: true), then verify again."

LONGEST_CMDLINE = 120
"""Characters of a command line that evidence shows: enough to know the program, too few for most of its secrets."""


def join(parts: Iterable[str]) -> str:
    """The different C(parts) in their order, with commas."""
    return ", ".join(dict.fromkeys(parts))


def subject(port: Data) -> str:
    """What a person calls a documented port: 2380/tcp etcd-peer."""
    return f"{port['port']}/{port['protocol']} {port['id']}"


def address(socket: Data) -> str:
    """127.0.0.1:2380 or [::1]:2380."""
    host = f"[{socket['address']}]" if socket["family"] == "ipv6" else socket["address"]
    return f"{host}:{socket['port']}"


def holder(socket: Data) -> str:
    """Who holds C(socket): its processes, or the kernel."""
    if socket["kernel"]:
        return "the kernel"
    return join(f"{process['name']} (pid {process['pid']})" for process in socket["processes"]) or "an unseen process"


def culprit(socket: Data) -> str:
    """Who holds C(socket) though it should not: with process number, place and command line."""
    place = _place(socket)
    if socket["kernel"] or not socket["processes"]:
        return f"{holder(socket)}{place}"
    cmdline = _cmdline(socket["processes"])
    return f"{holder(socket)}{place}{f': {cmdline}' if cmdline else ''}"


def listener(socket: Data) -> str:
    """C(socket) as evidence: protocol, address, exposure, holder, place and the beginning of a command line."""
    words = [socket["protocol"], address(socket), socket["exposure"], f"{holder(socket)}{_place(socket)}"]
    return " ".join([*words, _cmdline(socket["processes"])]).rstrip()


def unix_listener(socket: Data) -> str:
    """A listening unix C(socket) as evidence."""
    file = {"same": "its file", "replaced": "its file was replaced", "missing": "its file is gone"}
    status = file.get(socket["path_status"], "its file is not known")
    words = ["unix", socket["type"], socket["path"], f"({status})", f"{holder(socket)}{_place(socket)}"]
    return " ".join([*words, _cmdline(socket["processes"])]).rstrip()


def _place(socket: Data) -> str:
    """The unit or the container that a socket belongs to, where that is known. A container's own unit is a scope."""
    unit, container = socket.get("unit"), socket.get("container")
    if container and (unit is None or unit.endswith(".scope")):
        return f" in container {container['id'][:12]}"
    return f" in {unit}" if unit else ""


def _cmdline(processes: list[Data]) -> str:
    """The beginning of the first command line there is."""
    words: list[str] = next((process["cmdline"] for process in processes if process.get("cmdline")), [])
    cmdline = " ".join(words)
    return cmdline if len(cmdline) <= LONGEST_CMDLINE else f"{cmdline[: LONGEST_CMDLINE - 1]}…"


def rule(policy_rule: Data) -> str:
    """A rule of the policy: accept tcp 2379 from etcd-client."""
    sources = f" from {join(policy_rule['sources'])}" if policy_rule.get("sources") else ""
    ports = join(str(port) for port in policy_rule["ports"])
    return f"{policy_rule['verdict']} {policy_rule['protocol']} {ports}{sources}"


def live_rule(kernel_rule: Data) -> str:
    """A rule as the kernel prints it, with what its counter says."""
    return f"{kernel_rule['text']} ({kernel_rule['packets']} packets)"


def probe(result: Data) -> str:
    """A probe and its result: node2 to 10.0.0.11 port 2380: silent."""
    detail = f" ({result['detail']})" if result.get("detail") else ""
    return f"{result['prober']} to {result['host']} port {result['port']}: {result['status']}{detail}"


def temporary(listener: Data) -> str:
    """A listener of temporary_listeners, as evidence."""
    where = f"{listener['address']} port {listener['port']}"
    if listener["lived"]:
        return f"a temporary listener on {where} during the probes ({listener['clients']} clients)"
    return f"no temporary listener on {where} during the probes: {listener['detail']}"


def wire_probe(result: Data) -> str:
    """A probe of localnet_probe and its result: node2 to 127.0.0.1 of 10.0.0.11 port 10248: silent."""
    return f"{result['prober']} to 127.0.0.1 of {result['host']} port {result['port']}: {result['status']}"


def sentence(answer: Data) -> str:
    """What a client without credentials got, as a sentence."""
    spoken = {True: answer["version"] or "TLS", False: "plain text", None: "no protocol known"}[answer["tls"]]
    if answer["status"] is not None:
        return f"HTTP {answer['status']} over {spoken}."
    words = {
        "refused": "Refused without a certificate",
        "closed": "Closed without an answer",
        "no_http": "An answer that is not HTTP",
    }
    return f"{words.get(answer['outcome'], 'No answer')} ({spoken}; {answer['detail']})."


def answer(result: Data) -> str:
    """A result of port_claims as evidence."""
    certificate = result["certificate"]
    shown = f" Certificate {certificate['common_name']} until {certificate['expires']}." if certificate else ""
    return f"{result['host']} port {result['port']} {result['path']}: {sentence(result)}{shown}"


def learned(entry: Data) -> str:
    """Who would have been refused, as a firewall in audit mode has noted it."""
    packets = "" if entry["packets"] is None else f", {entry['packets']} packets"
    return f"would have been refused: {entry['source']} to {entry['port']}/{entry['protocol']}{packets}"
