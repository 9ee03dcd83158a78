# Copyright: (c) 2026, ck8s.ports contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who a node is, and which ports are therefore expected on it. Private to the collection.

Pure functions over plain data: the catalogue and the user's variables go in, the profile comes out.
"""

from __future__ import annotations

import ipaddress
import json
from typing import Any

from ansible_collections.ck8s.ports.plugins.plugin_utils import _catalogue
from ansible_collections.ck8s.ports.plugins.plugin_utils._errors import InputError

ROLES = ("control_plane", "worker")
DATASTORES = ("etcd", "k8s-dqlite", "external")
FEATURES = ("kube-proxy",)
INPUTS = ("edition", "role", "datastore", "features", "addresses", "overrides", "extra_ports")


def profile(inputs: dict[str, Any]) -> dict[str, Any]:
    """The profile of a node: C(edition), C(role), C(datastore), C(features), C(addresses), C(ports), C(unix_sockets).

    C(inputs) has the keys of C(INPUTS), named after the variables of the role node_profile. C(ports) are the expected
    ports: the catalogue's entries that apply to such a node, with the overrides in place and the extra ports behind
    them. Raises InputError naming every variable that is wrong, its value and what would be right.
    """
    faults = _check_inputs(inputs)
    if faults:
        raise InputError(faults)
    catalogue = _catalogue.load(inputs["edition"])
    overrides = inputs.get("overrides") or {}
    ports = [
        _expected(entry, inputs["role"], overrides.get(entry["id"], {}))
        for entry in catalogue["ports"]
        if _applies(entry, inputs) or entry["id"] in overrides
    ]
    ports += [_extra(entry) for entry in inputs.get("extra_ports") or []]
    ports = [port for port in ports if port["presence"] != "absent"]
    faults = _check_unique(ports)
    if faults:
        raise InputError(faults)
    return {
        "edition": inputs["edition"],
        "role": inputs["role"],
        "datastore": inputs["datastore"],
        "features": list(inputs.get("features") or []),
        "addresses": [str(ipaddress.ip_address(address)) for address in inputs.get("addresses") or []],
        "ports": ports,
        "unix_sockets": [
            _unix_socket(entry) for entry in catalogue["unix_sockets"] if inputs["role"] in entry["nodes"]
        ],
    }


def _applies(entry: dict[str, Any], inputs: dict[str, Any]) -> bool:
    when = entry.get("when", {})
    return (
        inputs["role"] in entry["nodes"]
        and when.get("datastore") in (None, inputs["datastore"])
        and (when.get("feature") is None or when["feature"] in (inputs.get("features") or []))
    )


def _expected(entry: dict[str, Any], role: str, override: dict[str, Any]) -> dict[str, Any]:
    documented = entry["documented"]
    owners = [owner for owner in entry["owners"] if role in owner.get("nodes", ROLES)]
    return {
        "id": entry["id"],
        "port": override.get("port", documented["port"]),
        "protocol": documented["protocol"],
        "scope": override.get("scope", documented["scope"]),
        "presence": override.get("presence", entry["presence"]),
        "service": documented["service"],
        "description": entry["description"],
        "audience": entry.get("audience"),
        "comm": override.get("comm") or [name for owner in owners for name in owner.get("comm", [])],
        "kernel": any(owner.get("kernel", False) for owner in owners),
        "claims": entry["claims"],
        "notes": entry["notes"],
        "documented": {"edition": documented["edition"], "line": documented["line"]},
        "overridden": sorted(override),
    }


def _extra(entry: dict[str, Any]) -> dict[str, Any]:
    return {
        "id": entry["id"],
        "port": entry["port"],
        "protocol": entry.get("protocol", "tcp"),
        "scope": entry["scope"],
        "presence": entry.get("presence", "required"),
        "service": entry["id"],
        "description": entry.get("description", ""),
        "audience": None,
        "comm": list(entry.get("comm", [])),
        "kernel": False,
        "claims": {},
        "notes": [],
        "documented": None,
        "overridden": [],
    }


def _unix_socket(entry: dict[str, Any]) -> dict[str, Any]:
    documented = entry["documented"]
    kept = {key: entry[key] for key in ("id", "description", "owner", "group", "mode", "notes")}
    return {
        **kept,
        "path": documented["path"],
        "service": documented["service"],
        "documented": {"edition": documented["edition"], "line": documented["line"]},
    }


def _check_inputs(inputs: dict[str, Any]) -> list[str]:
    choices = (
        ("edition", _catalogue.editions(), ""),
        ("role", list(ROLES), ", or put the host in the group control_plane or worker"),
        ("datastore", list(DATASTORES), ""),
    )
    faults = [
        f"node_profile_{name}: '{inputs.get(name)}' is not known; give one of {', '.join(known)}{hint}"
        for name, known, hint in choices
        if inputs.get(name) not in known
    ]
    faults += [
        f"node_profile_features: '{feature}' is not known; give a list of {', '.join(FEATURES)}"
        for feature in inputs.get("features") or []
        if feature not in FEATURES
    ]
    faults += [
        f"node_profile_addresses: '{address}' is not an IP address; give the node's own addresses, such as 10.0.0.11"
        for address in inputs.get("addresses") or []
        if not _is_address(address)
    ]
    given = {f"node_profile_{name}": inputs[name] for name in ("overrides", "extra_ports") if inputs.get(name)}
    if given:
        schema = json.loads((_catalogue.FOLDER / "inputs.schema.json").read_text(encoding="utf-8"))
        faults += _catalogue.check_data(given, schema)
    if not faults and inputs.get("overrides"):
        known_ids = [entry["id"] for entry in _catalogue.load(inputs["edition"])["ports"]]
        faults += [
            f"node_profile_overrides: '{name}' is no port of edition {inputs['edition']}; known are "
            f"{', '.join(known_ids)}"
            for name in inputs["overrides"]
            if name not in known_ids
        ]
    return faults


def _check_unique(ports: list[dict[str, Any]]) -> list[str]:
    faults = []
    by_id: set[str] = set()
    by_port: dict[tuple[int, str], str] = {}
    for port in ports:
        if port["id"] in by_id:
            faults.append(f"node_profile_extra_ports: entry '{port['id']}': id: the name is taken; give another one")
        by_id.add(port["id"])
        key = (port["port"], port["protocol"])
        if key in by_port:
            faults.append(
                f"node_profile_overrides or node_profile_extra_ports: {key[0]}/{key[1]} is given to both "
                f"'{by_port[key]}' and '{port['id']}'; give one of them another port"
            )
        by_port[key] = port["id"]
    return faults


def _is_address(value: Any) -> bool:
    try:
        ipaddress.ip_address(value)
    except ValueError:
        return False
    return isinstance(value, str)
