# Copyright: (c) 2026, ck8s.ports contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The table of cases, read: a case becomes a node, and the judgement of it a finding.

The tests hold the finding to the case, and scripts/checks_page.py shows both in docs/checks.md.
"""

from __future__ import annotations

import datetime
from collections.abc import Callable
from pathlib import Path
from typing import Any

import yaml

from ansible_collections.ck8s.ports.plugins.plugin_utils import _catalogue, _waivers
from ansible_collections.ck8s.ports.plugins.plugin_utils._findings import Finding, failed
from ansible_collections.ck8s.ports.plugins.plugin_utils._firewall_policy import policy
from ansible_collections.ck8s.ports.plugins.plugin_utils._judgement import judge, judge_together, unreached
from ansible_collections.ck8s.ports.plugins.plugin_utils._node import Node

Case = dict[str, Any]

TABLE: dict[str, Any] = yaml.safe_load((Path(__file__).parent / "cases.yml").read_text(encoding="utf-8"))
COULD_NOT_LOOK = {"error": "Could not be looked at: no rights."}
TODAY = datetime.date(2026, 6, 15)
PROFILE = {"edition": "2025-08", "role": "control_plane", "addresses": [], "ports": [], "unix_sockets": []}


def finding_of(case: Case) -> Finding:
    """What the judgement says of a case: the one finding of its check."""
    made = MAKERS.get(case["check"], _of_port)(case)
    (finding,) = [finding for finding in made if finding.check == case["check"] and finding.subject != "policy"]
    return finding


def given_of(case: Case) -> dict[str, Any]:
    """What is given in a case, by name."""
    return {name: value for name, value in case.items() if name not in ("check", "gives")}


def usual_port(name: str) -> dict[str, Any]:
    """The port that a case calls by this name."""
    port: dict[str, Any] = TABLE["usual"][name]
    return port


def _of_port(case: Case) -> list[Finding]:
    port = _expected(case)
    profile = {**PROFILE, "addresses": case.get("addresses", []), "ports": [port]}
    made = policy(profile, {port["id"]: case["sources"]} if "sources" in case else {})
    node = Node(
        name="node1",
        profile=profile,
        policy=made,
        sockets=_sockets(case, port),
        firewall=_firewall(case, made, port["id"]),
        unix_sockets={},
        probes=[_probe(text, port) for text in case.get("probes", [])],
        wire_probes=[_wire_probe(text, port["id"]) for text in case.get("wire", [])],
        temporary=[_temporary(text, port) for text in case.get("temporary", [])],
        counts=_counts(case, port),
        answers=[_answer(case["answer"], port)] if "answer" in case else [],
    )
    return judge(node)


def _expected(case: Case) -> dict[str, Any]:
    usual = {
        "presence": "required",
        "kernel": False,
        "units": [],
        "pods": [],
        "notes": [],
        "claims": {},
        "documented": {"edition": "2025-08", "line": 1},
    }
    port = {**usual, **usual_port(case["port"])}
    changed: dict[str, Any] = {key: case[key] for key in ("presence", "comm", "binding") if key in case}
    if "known" in case:
        about, verdict = case["known"].split(" ")
        changed["notes"] = [{"about": about, "verdict": verdict, "text": "Known.", "source": "The page."}]
    return {**port, "binding": {"external": "host", "localhost": "loopback"}[port["scope"]], **changed}


def _sockets(case: Case, port: dict[str, Any]) -> dict[str, Any]:
    texts = case.get("sockets", [])
    return COULD_NOT_LOOK if texts == "unseen" else {"sockets": [_socket(text, port) for text in texts]}


def _socket(text: str, port: dict[str, Any]) -> dict[str, Any]:
    address, exposure, holder = text.split(" ")
    return {
        "protocol": port["protocol"],
        "port": port["port"],
        "family": "ipv6" if ":" in address else "ipv4",
        "address": address,
        "exposure": exposure,
        **_holder(holder),
    }


def _holder(text: str) -> dict[str, Any]:
    name, _, place = text.partition("@")
    seen = name not in ("kernel", "unseen")
    return {
        "kernel": name == "kernel",
        "processes": [{"pid": 7, "name": name, "cmdline": [f"/usr/bin/{name}", "--flag"]}] if seen else [],
        "unit": (f"cri-containerd-{'0' * 64}.scope" if place == "pod" else place) or None,
        "container": {"runtime": "containerd", "id": "0" * 64, "pod_uid": "1"} if place == "pod" else None,
    }


def _probe(text: str, port: dict[str, Any]) -> dict[str, Any]:
    prober, source, status, *tracked = text.split(" ")
    datagrams = 3 if port["protocol"] == "udp" and source != "-" else 0
    return {
        "prober": prober,
        "id": port["id"],
        "host": "10.0.0.1",
        "port": port["port"],
        "source": None if source == "-" else source,
        "status": status,
        "detail": "no route to host" if status == "error" else "",
        "sent": datagrams,
        "size": 24 if datagrams else 0,
        "tracked": {"tracked": True, "untracked": False}[tracked[0]] if tracked else None,
    }


def _wire_probe(text: str, port_id: str) -> dict[str, Any]:
    prober, port, status = text.split(" ")
    return {"prober": prober, "id": port_id, "host": "10.0.0.1", "port": int(port), "status": status}


def _temporary(text: str, port: dict[str, Any]) -> dict[str, Any]:
    address, became = text.split(" ")
    details = {
        "lived": "",
        "ended": "it ended before the probes did",
        "not_started": "nothing is started in check mode",
    }
    place = {"protocol": port["protocol"], "address": address, "port": port["port"]}
    return {**place, "lived": became == "lived", "clients": 1, "detail": details[became]}


def _counts(case: Case, port: dict[str, Any]) -> dict[str, Any]:
    if "counted" not in case:
        return {"error": "No policy is in force, so no rule counts."}
    rules = []
    for verdict, counted in case["counted"].items():
        packets, size = (None, None) if counted == "uncounted" else (int(number) for number in counted.split(" "))
        text = f"{verdict} {port['port']}"
        rules.append({"id": port["id"], "text": text, "verdict": verdict, "packets": packets, "bytes": size})
    return {"rules": rules}


def _answer(text: str, port: dict[str, Any]) -> dict[str, Any]:
    outcome, spoken, status, *more = text.split(" ")
    tls = spoken.startswith("TLS")
    certificate = {"common_name": "node1", "expires": "2026-01-01T00:00:00Z", "expired": "expired" in more}
    return {
        "label": port["id"],
        "host": "127.0.0.1",
        "port": port["port"],
        "path": "/",
        "outcome": outcome,
        "detail": "" if outcome == "answered" else outcome,
        "tls": {"plain": False, "none": None}.get(spoken, True),
        "version": spoken if tls else None,
        "status": None if status == "-" else int(status),
        "certificate": certificate if tls else None,
    }


LEARNED = [{"source": "10.0.0.2", "protocol": "tcp", "port": 10248, "packets": 3, "expires": 600_000}]
"""What the firewall of every case in audit mode has noted: someone used the localhost port."""


def _firewall(case: Case, made: dict[str, Any], name: str) -> dict[str, Any]:
    wanted = [{"id": rule["id"], "text": f"{rule['verdict']} {rule['ports']}"} for rule in made["rules"]]
    live = case.get("live", "none")
    if live == "unseen":
        return COULD_NOT_LOOK
    as_wanted = live in ("wanted", "audit")
    held = wanted if as_wanted else [{"id": name, "text": text} for text in live if live != "none"]
    return {
        "live": {
            "present": live != "none",
            "mode": "audit" if live == "audit" else "enforce",
            "rules": [{**rule, "packets": 0} for rule in held],
            "learned": LEARNED if live == "audit" else [],
            "learned_all": True,
        },
        "wanted": {"rules": wanted},
        "changed": not as_wanted,
        "difference": ["only in the policy: something"],
    }


def _of_localnet(case: Case) -> list[Finding]:
    on = case["route_localnet"]
    settings = {name: name in on for name in ("all", "default", "eth0", "lo")}
    guard = case.get("guard", "no_policy")
    does = {"in_force": "drop", "audit": "goto learn"}.get(guard)
    text = f'ip daddr 127.0.0.0/8 counter {does} comment "loopback-guard"'
    rules = [{"id": "loopback-guard", "text": text, "packets": 3}] if does else []
    firewall = {"live": {"present": guard != "no_policy", "rules": rules}, "wanted": {"rules": []}}
    node = Node(
        name="node1",
        profile=PROFILE,
        policy={"enforcement": "ports", "rules": []},
        sockets={"sockets": []},
        firewall=COULD_NOT_LOOK if guard == "unseen" else {**firewall, "changed": False, "difference": []},
        unix_sockets={},
        sysctls=COULD_NOT_LOOK if on == "unseen" else {"route_localnet": settings},
        wire_probes=[_wire_probe(probe, "kubelet-healthz") for probe in case.get("wire", [])],
    )
    return judge(node)


def _of_listener(case: Case) -> list[Finding]:
    """A listener on a port that is not documented."""
    port = {"protocol": case.get("protocol", "tcp"), "port": case["listens_on"]}
    made = {
        "enforcement": case.get("enforcement", "ports"),
        "mode": case.get("mode", "enforce"),
        "sets": {"admins": ["10.0.0.0/24"]},
        "rules": [{"protocol": port["protocol"], "ports": [port["port"]], **rule} for rule in case.get("policy", [])],
    }
    node = Node(
        name="node1",
        profile=PROFILE,
        policy=made,
        sockets=_sockets(case, port),
        firewall=_firewall(case, made, "mine"),
        unix_sockets={},
        allow=case.get("allow", []),
        companions=_catalogue.companions(),
    )
    return judge(node)


def _of_unix_socket(case: Case) -> list[Finding]:
    entry = {**usual_port("containerd"), "documented": {"edition": "2025-08", "line": 49}}
    file = case["file"]
    if file == "unseen":
        seen: dict[str, Any] = COULD_NOT_LOOK
    elif file == "missing":
        seen = {"exists": False}
    else:
        kind, owner, group, mode = file.split(" ")
        seen = {"exists": True, "type": kind, "owner": owner, "group": group, "mode": mode}
    listeners = case.get("listeners", [])
    known = None if listeners == "unseen" else [_unix_listener(text, entry["path"]) for text in listeners]
    node = Node(
        name="node1",
        profile={**PROFILE, "unix_sockets": [entry]},
        policy={"enforcement": "ports", "rules": []},
        sockets={"sockets": []},
        firewall=COULD_NOT_LOOK,
        unix_sockets={entry["path"]: {**seen, "listeners": known}},
    )
    return judge(node)


def _unix_listener(text: str, path: str) -> dict[str, Any]:
    kind, status, holder = text.split(" ")
    return {"type": kind, "path": path, "path_status": None if status == "-" else status, **_holder(holder)}


def _of_replicas(case: Case) -> list[Finding]:
    port = {**_expected({"port": case["port"]}), "presence": "one_node"}
    nodes = [
        Node(
            name=name,
            profile={**PROFILE, "ports": [port]},
            policy={"enforcement": "ports", "rules": []},
            sockets={"sockets": [_socket(f"0.0.0.0 wildcard {port['comm'][0]}", port)]},
            firewall=COULD_NOT_LOOK,
            unix_sockets={},
        )
        for name in case["nodes"]
    ]
    return judge_together(nodes)[:1]


def _of_waiver(case: Case) -> list[Finding]:
    severe = failed("high", "Listens on 0.0.0.0:10248.", "Documented as localhost.", "Bind it to 127.0.0.1.")
    about = Finding("kubelet-healthz/bind", "node3", "bind", "10248/tcp kubelet-healthz", "Loopback.", severe)
    waiver = {"id": "monitoring", "reason": "Until the agent is there.", "who": "Ada", **case["waiver"]}
    return _waivers.apply([about], [waiver], TODAY)


MAKERS: dict[str, Callable[[Case], list[Finding]]] = {
    "sysctl": _of_localnet,
    "unix_socket": _of_unix_socket,
    "undocumented": _of_listener,
    "companion": _of_listener,
    "replicas": _of_replicas,
    "observed": lambda case: [unreached("node1", case["reason"])],
    "waiver": _of_waiver,
}
"""By check; the checks that are not here are those of every expected port."""
