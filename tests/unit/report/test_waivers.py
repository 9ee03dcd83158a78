"""Waivers: what they accept, when they end, and what is wrong with one that nobody needs."""

from __future__ import annotations

import datetime
from typing import Any

import pytest

from ansible_collections.ck8s.ports.plugins.plugin_utils import _waivers
from ansible_collections.ck8s.ports.plugins.plugin_utils._errors import InputError
from ansible_collections.ck8s.ports.plugins.plugin_utils._findings import Finding, failed, passed

TODAY = datetime.date(2026, 6, 15)
GOOD: dict[str, Any] = {
    "id": "old-kubelet",
    "finding": "kubelet-healthz/bind",
    "hosts": ["node3"],
    "reason": "Monitoring reads it until the agent is there.",
    "who": "Ada",
    "expires": "2026-06-15",
}


def finding(host: str = "node3", name: str = "kubelet-healthz/bind") -> Finding:
    return Finding(name, host, name.split("/")[1], "10248/tcp x", "Closed.", failed("high", "Open.", "Why.", "Fix."))


def applied(findings: list[Finding], **changed: Any) -> list[Finding]:
    return _waivers.apply(findings, [{**GOOD, **changed}], TODAY)


def test_a_waiver_holds_on_its_last_day() -> None:
    (waived,) = applied([finding()])
    assert (waived.status, waived.severity) == ("waived", "high")
    assert waived.to_dict()["waiver"] == {key: GOOD[key] for key in ("id", "reason", "who", "expires")}


def test_an_expired_waiver_waives_nothing_and_is_named() -> None:
    still, about = applied([finding()], expires="2026-06-14")
    assert still.status == "fail"
    assert (about.id, about.host, about.status, about.severity) == ("old-kubelet/waiver", "waivers", "fail", "high")
    assert about.outcome.observed == "It expired on 2026-06-14; it was for node3:kubelet-healthz/bind."


def test_an_expired_waiver_fails_even_where_it_is_needed_no_more() -> None:
    (about,) = applied([], expires="2026-06-14")
    assert about.status == "fail"


def test_a_waiver_that_matches_nothing_is_a_warning() -> None:
    untouched, about = applied([finding(host="node1")])
    assert (untouched.status, about.status, about.severity) == ("fail", "warn", "low")


def test_what_passed_is_not_waived() -> None:
    good = Finding("kubelet-healthz/bind", "node3", "bind", "x", "Closed.", passed("Closed."))
    untouched, about = applied([good])
    assert (untouched.status, about.status) == ("pass", "warn")


@pytest.mark.parametrize(
    ("changed", "waived"),
    [
        ({"finding": "*/bind"}, True),
        ({"finding": "kubelet*"}, True),
        ({"finding": "*/reach"}, False),
        ({"hosts": ["node1", "node?"]}, True),
        ({"hosts": ["node1*"]}, False),
        ({"where": "severity == 'high' && starts_with(observed, 'Open')"}, True),
        ({"where": "severity == 'low'"}, False),
    ],
)
def test_patterns_and_jmespath_select(changed: dict[str, Any], waived: bool) -> None:
    assert (applied([finding()], **changed)[0].status == "waived") is waived


BAD: dict[str, tuple[Any, str]] = {
    "not a dictionary": (
        [],
        "w.yml: [] is not right ([] is not of type 'object'); expected a dictionary with the one key waivers",
    ),
    "no reason": (
        {"waivers": [{key: value for key, value in GOOD.items() if key != "reason"}]},
        "w.yml: waivers: entry 'old-kubelet': 'reason' is a required property; expected id, finding, hosts, "
        "reason, who, "
        "expires, and optionally where",
    ),
    "no such day": (
        {"waivers": [{**GOOD, "expires": "2026-02-30"}]},
        "w.yml: waivers: entry 'old-kubelet': expires: '2026-02-30' is no date; expected one such as \"2027-03-31\"",
    ),
    "twice": (
        {"waivers": [GOOD, GOOD]},
        "w.yml: waivers: entry 'old-kubelet': id: it is there twice; expected a new one",
    ),
    "no JMESPath": (
        {"waivers": [{**GOOD, "where": "severity ="}]},
        "w.yml: waivers: entry 'old-kubelet': where: 'severity =' is not right (Bad jmespath expression: ",
    ),
}


@pytest.mark.parametrize("name", BAD)
def test_a_bad_file_is_refused_with_the_place(name: str) -> None:
    data, message = BAD[name]
    with pytest.raises(InputError) as error:
        _waivers.check(data, "w.yml")
    (fault,) = error.value.faults
    assert fault.startswith(message)
