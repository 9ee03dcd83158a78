"""The later editions against their pages: each document_*.csv has the facts on a page, in the page's words."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.ck8s.ports.plugins.plugin_utils import _catalogue
from ansible_collections.ck8s.ports.plugins.plugin_utils._errors import InputError

LATER = ["2025-11", "2026-06"]
FIELDS = ("port", "protocol", "service", "binding", "nodes", "datastore", "feature")
NODES = {"all": "all", "control_plane": "cp"}


def page(edition: str) -> set[tuple[str, ...]]:
    path = Path(__file__).parent / f"document_{edition.replace('-', '_')}.csv"
    with path.open(encoding="utf-8") as stream:
        return {tuple(row[field] for field in FIELDS) for row in csv.DictReader(stream)}


def stated(entry: dict[str, Any]) -> tuple[str, ...]:
    said = {**entry["documented"], "nodes": NODES[entry["documented"]["nodes"]]}
    return tuple(str(said.get(field, "")) for field in FIELDS)


@pytest.mark.parametrize("edition", LATER)
def test_every_row_of_the_page_is_in_the_catalogue_and_every_entry_on_the_page(edition: str) -> None:
    entries = _catalogue.load(edition)["ports"]
    assert {stated(entry) for entry in entries} == page(edition)
    assert len(entries) == len(page(edition))


@pytest.mark.parametrize("edition", LATER)
def test_no_line_is_claimed_where_we_have_no_source_of_the_page(edition: str) -> None:
    assert {entry["documented"]["line"] for entry in _catalogue.load(edition)["ports"]} == {None}


@pytest.mark.parametrize("edition", LATER)
def test_the_one_unix_socket_is_containerds(edition: str) -> None:
    (entry,) = _catalogue.load(edition)["unix_sockets"]
    assert (entry["id"], entry["documented"]["path"]) == ("containerd", "/run/containerd/containerd.sock")


@pytest.mark.parametrize("edition", LATER)
def test_where_the_page_is_wrong_about_the_nodes_a_note_says_so(edition: str) -> None:
    """Two claims of nodes differ from the software's: each has its decision and its source."""
    told = {
        entry["id"]: note["verdict"]
        for entry in _catalogue.load(edition)["ports"]
        for note in entry["notes"]
        if note.get("about") == "nodes" and note["source"]
    }
    operator = ("cilium-operator-metrics", "cilium-operator-api", "cilium-operator-gops")
    assert told == dict.fromkeys(("vxlan", *operator), "expected")
    roles = {"all": ["control_plane", "worker"], "control_plane": ["control_plane"]}
    differing = {
        entry["id"]
        for entry in _catalogue.load(edition)["ports"]
        if roles[entry["documented"]["nodes"]] != entry["nodes"]
    }
    assert differing == set(told)


def test_a_condition_that_a_page_states_is_the_one_we_know() -> None:
    for edition in _catalogue.editions():
        for entry in _catalogue.load(edition)["ports"]:
            for name in ("datastore", "feature"):
                said = entry["documented"].get(name)
                assert said in (None, entry.get("when", {}).get(name)), entry["id"]


@pytest.mark.parametrize(
    ("release", "edition"),
    [("1.32", "2025-11"), ("1.35", "2025-11"), ("1.36", "2026-06"), ("1.40", "2026-06"), ("1.100", "2026-06")],
)
def test_a_release_has_the_edition_of_its_documentation(release: str, edition: str) -> None:
    assert _catalogue.edition_of(release) == edition


def test_a_release_before_the_first_has_none() -> None:
    with pytest.raises(InputError) as error:
        _catalogue.edition_of("1.31")
    assert error.value.faults == [
        "release: no edition belongs to '1.31'; known are 2025-11 (releases 1.32 to 1.35), 2026-06 (releases 1.36 to "
        "the newest)"
    ]
