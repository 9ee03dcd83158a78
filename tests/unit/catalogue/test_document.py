"""The catalogue against the document: document_2025_08.csv is a table of the facts on the page, typed off the page."""

from __future__ import annotations

import csv
from pathlib import Path

from ansible_collections.ck8s.ports.plugins.plugin_utils import _catalogue

EDITION = "2025-08"
CLAIMS = ("tls", "client_certificate", "authentication")


def page() -> list[dict[str, str]]:
    with (Path(__file__).parent / "document_2025_08.csv").open(encoding="utf-8") as stream:
        return list(csv.DictReader(stream))


def stated(row: dict[str, str]) -> tuple[int, int, str, str, str, str]:
    return int(row["line"]), int(row["port"]), row["protocol"], row["service"], row["scope"], row["datastore"]


def in_catalogue() -> dict[tuple[int, int, str, str, str, str], dict[str, object]]:
    def key(entry: dict[str, object]) -> tuple[int, int, str, str, str, str]:
        said = {"datastore": "", **entry["documented"]}  # type: ignore[dict-item]
        return tuple(said[name] for name in ("line", "port", "protocol", "service", "scope", "datastore"))  # type: ignore[return-value]

    return {key(entry): entry for entry in _catalogue.load(EDITION)["ports"]}


def test_the_document_has_eleven_external_and_eight_localhost_ports() -> None:
    scopes = [row["scope"] for row in page()]
    assert (scopes.count("external"), scopes.count("localhost")) == (11, 8)


def test_every_row_of_the_document_is_in_the_catalogue() -> None:
    assert [row for row in page() if stated(row) not in in_catalogue()] == []


def test_every_entry_of_the_catalogue_is_in_the_document() -> None:
    rows = {stated(row) for row in page()}
    assert [entry["id"] for key, entry in in_catalogue().items() if key not in rows] == []


def test_every_claim_of_the_document_is_in_the_catalogue() -> None:
    entries = in_catalogue()
    missing = [
        (row["port"], claim)
        for row in page()
        for claim in CLAIMS
        if row[claim] and not entries[stated(row)]["claims"].get(claim)  # type: ignore[attr-defined]
    ]
    assert missing == []


def test_the_one_unix_socket_is_containerds() -> None:
    sockets = _catalogue.load(EDITION)["unix_sockets"]
    assert [(entry["id"], entry["documented"]) for entry in sockets] == [
        (
            "containerd",
            {"edition": EDITION, "path": "/run/containerd/containerd.sock", "service": "containerd", "line": 49},
        )
    ]


def test_names_of_processes_are_as_the_kernel_cuts_them() -> None:
    """Fifteen characters at most, or no process could ever have the name."""
    names = [
        name
        for entry in _catalogue.load(EDITION)["ports"]
        for owner in entry["owners"]
        for name in owner.get("comm", [])
    ]
    assert "k8s-apiserver-p" in names
    assert [name for name in names if len(name) > 15] == []
