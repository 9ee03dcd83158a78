# Copyright: (c) 2026, ck8s.ports contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The judgement: what was observed on a node, compared with what is expected there. Private to the collection.

Pure functions over plain data: no clock, no network, no Ansible. Each check compares one expectation with the
observations of one party (socket, process, firewall, reachability) and gives one finding, never C(pass) for what could
not be looked at. Observations are the results of the modules as they are; one with the key C(error) could not be made.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from ansible_collections.ck8s.ports.plugins.plugin_utils._findings import Finding
from ansible_collections.ck8s.ports.plugins.plugin_utils._firewall_policy import verdict

Data = dict[str, Any]

FIREWALL_FIX = "Run the playbook ck8s.ports.firewall on this node."


@dataclass(frozen=True)
class Node:
    """All that is known of one node. C(probes): what others tried on it; C(allow): the listeners allowed besides."""

    name: str
    profile: Data
    policy: Data
    sockets: Data
    firewall: Data
    unix_sockets: Data
    probes: list[Data] = field(default_factory=list)
    allow: list[Data] = field(default_factory=list)


def judge(node: Node) -> list[Finding]:
    """Every finding about C(node), in the order of its expected ports."""
    findings: list[Finding] = []
    for port in node.profile["ports"]:
        sockets = [socket for socket in node.sockets.get("sockets", []) if _key(socket) == _key(port)]
        findings += [
            _bind(node, port, sockets),
            _owner(node, port, sockets),
            _firewall(node, port),
            _reach(node, port, sockets),
        ]
    findings += [_unix_socket(node, entry) for entry in node.profile["unix_sockets"]]
    findings += _undocumented(node)
    return findings


def judge_unreached(name: str, reason: str) -> Finding:
    """The finding about a node that could not be looked at at all."""
    return Finding(
        id="node/observed",
        host=name,
        check="observed",
        status="unknown",
        severity="high",
        subject="node",
        expected="The node can be looked at.",
        observed=reason,
        why="Nothing is known of this node.",
        fix="Make Ansible reach the node (ansible -m ping), then verify again.",
    )


def _bind(node: Node, port: Data, sockets: list[Data]) -> Finding:
    """Document against socket: does it listen, and where?"""
    wanted = {
        "localhost": "Listens on a loopback address only.",
        "external": "Listens on an address of the host interface, or on every address.",
    }[port["scope"]]
    found = {"expected": wanted, "evidence": [_describe(socket) for socket in sockets]}
    if "error" in node.sockets:
        return _finding(node, port, "bind", "unknown", "medium", observed=node.sockets["error"], **found)
    if not sockets:
        return _bind_absent(node, port, found)
    observed = f"Listens on {_join(_address(socket) for socket in sockets)}."
    exposed = [socket for socket in sockets if socket["exposure"] != "loopback"]
    if port["scope"] == "localhost" and exposed:
        return _finding(
            node,
            port,
            "bind",
            "fail",
            "high",
            observed=observed,
            why=_notes(port) or "Documented as localhost, but bound to an address that others can reach.",
            fix=f"Bind {port['service']} to 127.0.0.1 (or ::1); until then a firewall rule has to stand in for it.",
            **found,
        )
    if port["scope"] == "external" and not exposed:
        return _finding(
            node,
            port,
            "bind",
            "fail",
            "medium",
            observed=observed,
            why=_notes(port) or "Documented on the host interface, but bound to loopback: no other node can connect.",
            fix=f"Bind {port['service']} to the node's address, or set its scope in node_profile_overrides to localhost.",
            **found,
        )
    return _finding(node, port, "bind", "pass", "high", observed=observed, **found)


def _bind_absent(node: Node, port: Data, found: Data) -> Finding:
    if port["presence"] == "required":
        return _finding(
            node,
            port,
            "bind",
            "fail",
            "medium",
            observed="Nothing listens.",
            why=f"Every {node.profile['role'].replace('_', ' ')} node is expected to run {port['service']}.",
            fix=f"Start {port['service']}, or say in node_profile_overrides that it is absent on this node.",
            **found,
        )
    why = "One replica runs on any one node." if port["presence"] == "one_node" else "It need not run on this node."
    return _finding(node, port, "bind", "not_applicable", "low", observed="Nothing listens.", why=why, **found)


def _owner(node: Node, port: Data, sockets: list[Data]) -> Finding:
    """Document against process: is it the documented service that holds the port?"""
    expected = "Held by the kernel." if port["kernel"] else f"Held by {_join(port['comm']) or 'any process'}."
    found = {"expected": expected, "evidence": [_describe(socket) for socket in sockets]}
    if "error" in node.sockets:
        return _finding(node, port, "owner", "unknown", "medium", observed=node.sockets["error"], **found)
    if not sockets or not (port["comm"] or port["kernel"]):
        reason = "Nothing listens." if not sockets else "No owner is documented."
        return _finding(node, port, "owner", "not_applicable", "low", observed=reason, **found)
    strangers = [socket for socket in sockets if _is_stranger(port, socket)]
    if strangers:
        return _finding(
            node,
            port,
            "owner",
            "fail",
            "high",
            observed=f"Held by {_join(_holder(socket) for socket in strangers)}.",
            why="Another process holds the documented port.",
            fix="Find out what this process is; the documented service cannot listen here while it does.",
            **found,
        )
    unseen = [socket for socket in sockets if not socket["processes"] and not socket["kernel"]]
    if unseen:
        return _finding(
            node,
            port,
            "owner",
            "unknown",
            "medium",
            observed="The process could not be seen.",
            why=_incompleteness(node) or "No process was found that holds the socket.",
            fix="Verify as root (become: true): only root may see the processes of others.",
            **found,
        )
    observed = f"Held by {_join(_holder(socket) for socket in sockets)}."
    return _finding(node, port, "owner", "pass", "high", observed=observed, **found)


def _is_stranger(port: Data, socket: Data) -> bool:
    names = {process["name"] for process in socket["processes"]}
    return bool(names - set(port["comm"])) or (socket["kernel"] and not port["kernel"])


def _firewall(node: Node, port: Data) -> Finding:
    """Document against firewall: does the kernel hold the rules of the policy for this port?"""
    expected = _join(_rule(rule) for rule in node.policy["rules"] if rule["id"] == port["id"])
    if "error" in node.firewall:
        return _finding(
            node, port, "firewall", "unknown", "medium", expected=expected, observed=node.firewall["error"]
        )
    live = _rules(node.firewall["live"], port["id"])
    wanted = _rules(node.firewall["wanted"], port["id"])
    if not node.firewall["live"]["present"]:
        return _finding(
            node,
            port,
            "firewall",
            "warn",
            "medium" if port["scope"] == "localhost" else "low",
            expected=expected,
            observed="No policy is in force.",
            why="The table inet ck8s_ports does not exist: no rule of this collection governs the port.",
            fix=FIREWALL_FIX,
        )
    if live != wanted:
        return _finding(
            node,
            port,
            "firewall",
            "fail",
            "high",
            expected=expected,
            observed=f"The kernel holds {_join(live) or 'no rule for it'}.",
            why="The rules in force are not those of the policy.",
            fix=FIREWALL_FIX,
            evidence=live,
        )
    return _finding(
        node, port, "firewall", "pass", "high", expected=expected, observed="In force.", evidence=_counted(node, port)
    )


def _reach(node: Node, port: Data, sockets: list[Data]) -> Finding:
    """Document against what really arrives: who else could connect, and should have been able to?"""
    expected = (
        "No other host can connect."
        if port["scope"] == "localhost"
        else "Whom the policy lets in can connect, nobody else."
    )
    probes = [probe for probe in node.probes if probe["id"] == port["id"]]
    found = {"expected": expected, "evidence": [_probe(probe) for probe in probes]}
    if port["protocol"] != "tcp":
        why = "A datagram without an answer proves nothing."
        return _finding(node, port, "reach", "unknown", "low", observed="Not tried.", why=why, **found)
    if not probes:
        why = "No other node and no outsider took part in this run."
        return _finding(node, port, "reach", "unknown", "low", observed="Not tried.", why=why, **found)
    return _judge_probes(node, port, sockets, probes, found)


def _judge_probes(node: Node, port: Data, sockets: list[Data], probes: list[Data], found: Data) -> Finding:
    let_in = [probe for probe in probes if _is_let_in(node, port, probe)]
    kept_out = [probe for probe in probes if probe not in let_in]
    intruders = [probe for probe in kept_out if probe["status"] == "open"]
    shut_out = [probe for probe in let_in if probe["status"] in ("silent", "unreachable")]
    untold = [probe for probe in probes if probe["status"] == "error"]
    listens = any(socket["exposure"] != "loopback" for socket in sockets)
    if intruders:
        localhost = port["scope"] == "localhost"
        return _finding(
            node,
            port,
            "reach",
            "fail",
            "critical" if localhost else "high",
            observed=f"Open to {_join(sorted({probe['prober'] for probe in intruders}))}.",
            why="A port for the node itself is open to others." if localhost else "The policy keeps these sources out.",
            fix=FIREWALL_FIX,
            **found,
        )
    if shut_out:
        return _finding(
            node,
            port,
            "reach",
            "fail",
            "high",
            observed=f"No answer to {_join(sorted({probe['prober'] for probe in shut_out}))}.",
            why="The policy lets these sources in, yet something on the way drops their packets.",
            fix="Look for another firewall on the node or between the nodes (nft list ruleset, security groups).",
            **found,
        )
    if untold:
        observed = f"The probe failed: {untold[0]['detail']}."
        return _finding(node, port, "reach", "unknown", "medium", observed=observed, **found)
    if let_in and not listens and port["scope"] == "external":
        why = "Nothing listens there, so nobody can connect; see the check bind."
        return _finding(node, port, "reach", "not_applicable", "low", observed="Refused.", why=why, **found)
    statuses = sorted({probe["status"] for probe in probes})
    return _finding(
        node, port, "reach", "pass", "high", observed=f"{_join(statuses).capitalize()}, as it should be.", **found
    )


def _is_let_in(node: Node, port: Data, probe: Data) -> bool:
    if port["scope"] == "localhost":
        return False
    return verdict(node.policy, port["protocol"], port["port"], probe["source"]) == "accept"


def _unix_socket(node: Node, entry: Data) -> Finding:
    """Document against the file of the socket: is it there, a socket, and closed to others?"""
    seen = node.unix_sockets.get(entry["path"], {"error": "Not looked at."})
    expected = f"A socket of {entry['owner']}:{entry['group']} with mode {entry['mode']} or stricter."
    base = {"id": f"{entry['id']}/unix_socket", "host": node.name, "check": "unix_socket", "subject": entry["path"]}
    rest = {"expected": expected, "documented": entry["documented"]}
    if "error" in seen:
        return Finding(**base, **rest, status="unknown", severity="medium", observed=seen["error"])
    if not seen["exists"]:
        why = f"{entry['service']} is expected on every node."
        fix = f"Start {entry['service']}; is its base directory elsewhere (containerd-base-dir, strict confinement)?"
        return Finding(
            **base, **rest, status="fail", severity="medium", observed="Does not exist.", why=why, fix=fix
        )
    observed = f"{seen['type']} of {seen['owner']}:{seen['group']}, mode {seen['mode']}."
    if seen["type"] != "socket":
        return Finding(**base, **rest, status="fail", severity="high", observed=observed, why="It is not a socket.")
    too_open = int(seen["mode"], 8) & ~int(entry["mode"], 8)
    if too_open or seen["owner"] != entry["owner"]:
        why = "Whoever may write to this socket is root on the node."
        fix = f"chown {entry['owner']}:{entry['group']} and chmod {entry['mode']} {entry['path']}"
        return Finding(**base, **rest, status="fail", severity="high", observed=observed, why=why, fix=fix)
    return Finding(**base, **rest, status="pass", severity="high", observed=observed)


def _undocumented(node: Node) -> list[Finding]:
    """Sockets that others can reach and that neither the document nor the allow list has: one finding for each port."""
    base = {"host": node.name, "check": "undocumented"}
    expected = "Only documented ports, and those of node_verify_allow, listen on addresses that others can reach."
    if "error" in node.sockets:
        return [
            Finding(
                **base,
                id="listeners/undocumented",
                subject="listeners",
                status="unknown",
                severity="medium",
                expected=expected,
                observed=node.sockets["error"],
            )
        ]
    documented = {_key(port) for port in node.profile["ports"]}
    strangers: dict[tuple[str, int], list[Data]] = {}
    for socket in node.sockets["sockets"]:
        if socket["exposure"] != "loopback" and socket["port"] and _key(socket) not in documented:
            if not any(_is_allowed(entry, socket) for entry in node.allow):
                strangers.setdefault(_key(socket), []).append(socket)
    if not strangers:
        return [
            Finding(
                **base,
                id="listeners/undocumented",
                subject="listeners",
                status="pass",
                severity="medium",
                expected=expected,
                observed="None besides.",
            )
        ]
    return [
        Finding(
            **base,
            id=f"{protocol}-{number}/undocumented",
            subject=f"{number}/{protocol}",
            status="fail",
            severity="medium",
            expected=expected,
            observed=f"{_join(_holder(socket) for socket in sockets)} on {_join(_address(s) for s in sockets)}.",
            why=f"Edition {node.profile['edition']} documents no such port for this node, and no rule governs it.",
            fix="Stop it, bind it to loopback, add it to node_profile_extra_ports, or allow it in node_verify_allow.",
            evidence=[_describe(socket) for socket in sockets],
        )
        for (protocol, number), sockets in sorted(strangers.items(), key=lambda item: item[0][1])
    ]


def _is_allowed(entry: Data, socket: Data) -> bool:
    """Whether all that C(entry) names (port, protocol, process) is so for C(socket); an empty entry allows nothing."""
    names = {process["name"] for process in socket["processes"]}
    tests = {
        "port": lambda wanted: socket["port"] == wanted,
        "protocol": lambda wanted: socket["protocol"] == wanted,
        "process": lambda wanted: names == {wanted},
    }
    return bool(entry) and all(tests[key](value) for key, value in entry.items())


def _finding(node: Node, port: Data, check: str, status: str, severity: str, **rest: Any) -> Finding:
    return Finding(
        id=f"{port['id']}/{check}",
        host=node.name,
        check=check,
        status=status,
        severity=severity,
        subject=f"{port['port']}/{port['protocol']} {port['id']}",
        documented=port["documented"],
        **rest,
    )


def _key(thing: Data) -> tuple[str, int]:
    return thing["protocol"], thing["port"]


def _notes(port: Data) -> str:
    """What the catalogue knows of a difference between this edition of the page and the software."""
    return " ".join(note["text"] for note in port["notes"] if "editions" in note)


def _incompleteness(node: Node) -> str:
    return " ".join(f"{item['what']}: {item['reason']}." for item in node.sockets.get("incomplete", []))


def _address(socket: Data) -> str:
    address = f"[{socket['address']}]" if socket["family"] == "ipv6" else socket["address"]
    return f"{address}:{socket['port']}"


def _holder(socket: Data) -> str:
    if socket["kernel"]:
        return "the kernel"
    return _join(f"{process['name']} (pid {process['pid']})" for process in socket["processes"]) or "an unseen process"


def _describe(socket: Data) -> str:
    cmdlines = [f" {process['cmdline']}" for process in socket["processes"] if process.get("cmdline")]
    return f"{socket['protocol']} {_address(socket)} {socket['exposure']} {_holder(socket)}{''.join(cmdlines[:1])}"


def _rules(state: Data, port_id: str) -> list[str]:
    return [rule["text"] for rule in state["rules"] if rule["id"] == port_id]


def _counted(node: Node, port: Data) -> list[str]:
    rules = [rule for rule in node.firewall["live"]["rules"] if rule["id"] == port["id"]]
    return [f"{rule['text']} ({rule['packets']} packets)" for rule in rules]


def _rule(rule: Data) -> str:
    sources = f" from {_join(rule['sources'])}" if rule.get("sources") else ""
    return f"{rule['verdict']} {rule['protocol']} {_join(str(port) for port in rule['ports'])}{sources}"


def _probe(probe: Data) -> str:
    detail = f" ({probe['detail']})" if probe.get("detail") else ""
    return f"{probe['prober']} to {probe['host']} port {probe['port']}: {probe['status']}{detail}"


def _join(parts: Any) -> str:
    return ", ".join(dict.fromkeys(parts))
