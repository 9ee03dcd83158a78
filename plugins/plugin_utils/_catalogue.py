# Copyright: (c) 2026, ck8s.ports contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The catalogue: each edition of the page, joined with what we know of its services, and the companions.

Private to the collection.
"""

from __future__ import annotations

import functools
import json
from pathlib import Path
from typing import Any

import yaml

from ansible_collections.ck8s.ports.plugins.plugin_utils._errors import InputError
from ansible_collections.ck8s.ports.plugins.plugin_utils._libraries import library

FOLDER = Path(__file__).resolve().parent.parent / "catalogues"
SERVICES = "services.yml"
COMPANIONS = "companions.yml"
DEFAULT_EDITION = "2025-08"

SCOPES = {"default": "external", "*": "external", "localhost": "localhost"}
"""What a page's word for where a port is bound means for who may reach it."""

BINDINGS = {"default": "node", "*": "any", "localhost": "loopback", "external": "host"}
"""What a page's word means for the socket: C(node), the node's address; C(any), every address; C(loopback); C(host),
one or the other, where the page says no more than that the port is on the host interface."""


def editions(folder: Path = FOLDER) -> list[str]:
    """The editions in the catalogue, oldest first."""
    return sorted(path.stem for path in folder.glob("[0-9]*.yml"))


@functools.cache
def load(edition: str, folder: Path = FOLDER) -> dict[str, Any]:
    """One edition: C(edition), C(document), C(ports) and C(unix_sockets) in the page's order.

    Each entry has C(id), C(documented) (what the page says, with edition and line, None where we have no line) and,
    beside it, what services.yml knows; of the notes only those about this edition. C(documented) of a port always has
    C(scope), also where the page says C(binding) instead. Callers share the result and must not change it.
    """
    if edition not in editions(folder):
        raise InputError([f"edition: '{edition}' is not in the catalogue; known are {', '.join(editions(folder))}"])
    page = _read(folder / f"{edition}.yml")
    known = _read(folder / SERVICES)
    return {
        "edition": edition,
        "document": page["document"],
        "releases": page.get("releases"),
        "ports": [_join(row, known["ports"], edition) for row in page["ports"]],
        "unix_sockets": [_join(row, known["unix_sockets"], edition) for row in page["unix_sockets"]],
    }


@functools.cache
def line_of(edition: str, name: str, folder: Path = FOLDER) -> int | None:
    """The line of the edition's file on which the entry C(name) stands; None where it has none."""
    text = (folder / f"{edition}.yml").read_text(encoding="utf-8")
    start = f"  - {{id: {name},"
    return next((n for n, line in enumerate(text.splitlines(), start=1) if line.startswith(start)), None)


@functools.cache
def companions(folder: Path = FOLDER) -> tuple[dict[str, Any], ...]:
    """The ports that no edition has and that the software opens all the same; shared, not to be changed."""
    return tuple(_read(folder / COMPANIONS)["companions"])


def edition_of(release: str, folder: Path = FOLDER) -> str:
    """The edition in the documentation of C(release), such as 1.34. Raises InputError where none is."""
    known = []
    for edition in editions(folder):
        releases = load(edition, folder)["releases"]
        if not releases:
            continue
        if _number(releases["first"]) <= _number(release) <= _number(releases.get("last", release)):
            return edition
        known.append(f"{edition} (releases {releases['first']} to {releases.get('last', 'the newest')})")
    raise InputError([f"release: no edition belongs to '{release}'; known are {', '.join(known)}"])


def is_before(release: str, other: str) -> bool:
    """Whether C(release) came before C(other)."""
    return _number(release) < _number(other)


def _number(release: str) -> tuple[int, ...]:
    try:
        return tuple(int(part) for part in release.split("."))
    except ValueError:
        raise InputError([f"release: '{release}' is not a release; give one such as 1.34"]) from None


def check(folder: Path = FOLDER) -> list[str]:
    """What is wrong with the catalogue's files: one line for each fault with file, entry, field, value and remedy."""
    faults: list[str] = []
    faults += _check_file(folder / COMPANIONS, "companions.schema.json", folder)
    known_path = folder / SERVICES
    faults += _check_file(known_path, "services.schema.json", folder)
    known = _read(known_path) if not faults else {"ports": {}, "unix_sockets": {}}
    for edition in editions(folder):
        path = folder / f"{edition}.yml"
        page_faults = _check_file(path, "edition.schema.json", folder)
        if not page_faults and not faults:
            page_faults = _check_links(path, _read(path), known)
        faults += page_faults
    return faults


def check_data(data: Any, schema: dict[str, Any], origin: str | None = None) -> list[str]:
    """Faults of parsed C(data) against a JSON C(schema), one line each; C(origin) is the file, if there is one."""
    # Loaded here: the shipped catalogue is checked by its tests, a run that adds nothing to it need not wait for it.
    validator = library("jsonschema", origin or "the input").Draft202012Validator(schema)
    return [_describe(error, data, origin) for error in sorted(validator.iter_errors(data), key=lambda e: list(e.path))]


def _read(path: Path) -> dict[str, Any]:
    with path.open(encoding="utf-8") as stream:
        data = yaml.load(stream, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))  # noqa: S506 (a safe loader)
    return data if isinstance(data, dict) else {}


def _join(row: dict[str, Any], known: dict[str, Any], edition: str) -> dict[str, Any]:
    ours = known[row["id"]]
    notes = [note for note in ours.get("notes", []) if edition in note.get("editions", [edition])]
    said = {"line": None, **{key: value for key, value in row.items() if key != "id"}}
    if "port" in row:
        said["scope"] = row.get("scope") or SCOPES[row["binding"]]
    return {**ours, "id": row["id"], "notes": notes, "documented": {"edition": edition, **said}}


def _check_file(path: Path, schema: str, folder: Path) -> list[str]:
    return check_data(_read(path), json.loads((folder / schema).read_text(encoding="utf-8")), path.name)


def _check_links(path: Path, page: dict[str, Any], known: dict[str, Any]) -> list[str]:
    """What no schema can say: ids and ports are unique, every row has its services.yml entry, the file its name."""
    faults: list[str] = []
    if page["edition"] != path.stem:
        faults.append(f"{path.name}: edition: '{page['edition']}' is not the file's name; expected '{path.stem}'")
    for kind in ("ports", "unix_sockets"):
        seen: dict[Any, str] = {}
        for row in page[kind]:
            place = f"{path.name}: {kind}: entry '{row['id']}'"
            if row["id"] not in known[kind]:
                faults.append(f"{place}: id: '{row['id']}' is unknown in {SERVICES}; expected one of its {kind}")
            if kind == "ports" and ("scope" in row) == ("binding" in row):
                faults.append(f"{place}: one of scope and binding is expected, the one that the page has")
            for field, value in (("id", row["id"]), _place(row)):
                if value in seen:
                    faults.append(f"{place}: {field}: {value} is taken by entry '{seen[value]}'; expected a new one")
                seen[value] = row["id"]
    return faults


def _place(row: dict[str, Any]) -> tuple[str, str]:
    """The field by which a row is found on a node, and its value."""
    return ("path", row["path"]) if "path" in row else ("port", f"{row['port']}/{row['protocol']}")


def _describe(error: Any, data: Any, origin: str | None) -> str:
    """FILE: SECTION: entry 'ID': FIELD: the value, what is wrong with it, what would be right."""
    path = list(error.absolute_path)
    where = [origin] if origin else []
    if path:
        section = path.pop(0)
        where.append(str(section))
        if path and _has_entries(data[section]):
            where.append(f"entry '{_entry_id(data[section], path.pop(0))}'")
    if path:
        where.append(".".join(str(part) for part in path))
    expected = error.schema.get("description", error.message)
    if error.validator in ("required", "dependentRequired", "additionalProperties"):
        return f"{': '.join(where)}: {error.message}; expected {expected}"
    return f"{': '.join(where)}: {error.instance!r} is not right ({error.message}); expected {expected}"


def _has_entries(section: Any) -> bool:
    return isinstance(section, list) or (
        isinstance(section, dict) and all(isinstance(v, dict) for v in section.values())
    )


def _entry_id(entries: Any, key: Any) -> str:
    if isinstance(key, int):
        entry = entries[key]
        return str(entry.get("id", f"number {key + 1}")) if isinstance(entry, dict) else f"number {key + 1}"
    return str(key)
