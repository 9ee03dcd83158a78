"""The judgement, case by case: cases.yml is the table, this file reads it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from ansible_collections.ck8s.ports.plugins.plugin_utils._findings import STATUSES, Finding
from ansible_collections.ck8s.ports.plugins.plugin_utils._firewall_policy import policy
from ansible_collections.ck8s.ports.plugins.plugin_utils._judgement import judge
from ansible_collections.ck8s.ports.plugins.plugin_utils._node import Node

TABLE = yaml.safe_load((Path(__file__).parent / "cases.yml").read_text(encoding="utf-8"))
COULD_NOT_LOOK = {"error": "Could not be looked at."}


def expected_port(case: dict[str, Any]) -> dict[str, Any]:
    usual = {
        "presence": "required",
        "kernel": False,
        "notes": [],
        "claims": {},
        "documented": {"edition": "2025-08", "line": 1},
    }
    port = {**usual, **TABLE["usual"][case["port"]]}
    changed: dict[str, Any] = {key: case[key] for key in ("presence", "comm", "binding") if key in case}
    if "known" in case:
        about, verdict = case["known"].split(" ")
        changed["notes"] = [{"about": about, "verdict": verdict, "text": "Known.", "source": "The page."}]
    return {**port, "binding": {"external": "host", "localhost": "loopback"}[port["scope"]], **changed}


def socket(text: str, port: dict[str, Any]) -> dict[str, Any]:
    address, exposure, holder = text.split(" ")
    seen = holder not in ("kernel", "unseen")
    return {
        "protocol": port["protocol"],
        "port": port["port"],
        "family": "ipv6" if ":" in address else "ipv4",
        "address": address,
        "exposure": exposure,
        "kernel": holder == "kernel",
        "processes": [{"pid": 7, "name": holder, "cmdline": [f"/usr/bin/{holder}"]}] if seen else [],
    }


def probe(text: str, port: dict[str, Any]) -> dict[str, Any]:
    prober, source, status = text.split(" ")
    return {
        "prober": prober,
        "id": port["id"],
        "host": "10.0.0.1",
        "port": port["port"],
        "source": None if source == "-" else source,
        "status": status,
        "detail": "",
    }


def answer(text: str, port: dict[str, Any]) -> dict[str, Any]:
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


def firewall(case: dict[str, Any], made: dict[str, Any], port: dict[str, Any]) -> dict[str, Any]:
    wanted = [{"id": rule["id"], "text": f"{rule['verdict']} {rule['ports']}"} for rule in made["rules"]]
    live = case.get("live", "none")
    if live == "unseen":
        return COULD_NOT_LOOK
    held = wanted if live == "wanted" else [{"id": port["id"], "text": text} for text in live if live != "none"]
    return {
        "live": {"present": live != "none", "rules": [{**rule, "packets": 0} for rule in held]},
        "wanted": {"rules": wanted},
        "changed": live != "wanted",
        "difference": ["only in the policy: something"],
    }


def judged(case: dict[str, Any]) -> list[Finding]:
    port = expected_port(case)
    profile = {
        "edition": "2025-08",
        "role": "control_plane",
        "addresses": case.get("addresses", []),
        "ports": [port],
        "unix_sockets": [],
    }
    made = policy(profile, {port["id"]: case["sources"]} if "sources" in case else {})
    sockets = case.get("sockets", [])
    blind = sockets == "unseen"
    return judge(
        Node(
            name="node1",
            profile=profile,
            policy=made,
            sockets=COULD_NOT_LOOK if blind else {"sockets": [socket(text, port) for text in sockets]},
            firewall=firewall(case, made, port),
            unix_sockets={},
            probes=[probe(text, port) for text in case.get("probes", [])],
            answers=[answer(case["answer"], port)] if "answer" in case else [],
        )
    )


def described(case: dict[str, Any]) -> str:
    seen = {key: value for key, value in case.items() if key not in ("check", "gives")}
    return f"{case['check']} {seen} gives {case['gives']}"


@pytest.mark.parametrize("case", TABLE["cases"], ids=described)
def test_case(case: dict[str, Any]) -> None:
    (finding,) = [finding for finding in judged(case) if finding.check == case["check"] and finding.subject != "policy"]
    status, _, severity = case["gives"].partition(" ")
    assert finding.status == status
    assert not severity or finding.severity == severity
    assert finding.expected
    assert finding.outcome.observed
    if status == "fail":
        assert finding.outcome.why
        assert finding.outcome.fix


@pytest.mark.parametrize("check", ["bind", "owner", "firewall", "reach", "claim"])
def test_each_check_has_a_case_for_every_status_it_can_give(check: str) -> None:
    given = {case["gives"].partition(" ")[0] for case in TABLE["cases"] if case["check"] == check}
    warns = {"warn"} if check in ("bind", "firewall") else set()
    assert given == set(STATUSES) - {"waived", "warn"} | warns


def test_what_could_not_be_looked_at_is_never_passed() -> None:
    """All observations fail: no finding says pass."""
    port = expected_port({"port": "external"})
    profile = {
        "edition": "2025-08",
        "role": "control_plane",
        "ports": [port],
        "unix_sockets": [
            {"id": "x", "path": "/x", "owner": "root", "group": "root", "mode": "0660", "documented": None}
        ],
    }
    node = Node("node1", profile, policy(profile), COULD_NOT_LOOK, COULD_NOT_LOOK, {}, [])
    assert {finding.status for finding in judge(node)} == {"unknown"}
