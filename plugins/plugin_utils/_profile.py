# Copyright: (c) 2026, ck8s.ports contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who a node is, and which ports are therefore expected on it. Private to the collection.

Pure functions over plain data: the catalogue and the user's variables go in, the profile comes out.
"""

from __future__ import annotations

import ipaddress
import json
import re
from typing import Any

from ansible_collections.ck8s.ports.plugins.plugin_utils import _catalogue
from ansible_collections.ck8s.ports.plugins.plugin_utils._errors import InputError

ROLES = ("control_plane", "worker")
DATASTORES = ("etcd", "k8s-dqlite", "external")
FEATURES = ("kube-proxy",)
INPUTS = ("edition", "release", "role", "datastore", "features", "addresses", "overrides", "extra_ports", "detected")


def profile(inputs: dict[str, Any]) -> dict[str, Any]:
    """The profile of a node: C(edition), C(role), C(datastore), C(features), C(addresses), C(ports), C(unix_sockets).

    C(inputs) has the keys of C(INPUTS), named after the variables of the role node_profile, and is settled: what was
    left to detection has been decided (see _detection.settle), and C(detected) has the facts that still matter:
    C(ports) and C(bind_addresses) by id, C(pod_cidrs), C(control_plane_addresses), C(containerd_socket).

    C(ports) of the result are the expected ports: the catalogue's entries that apply to such a node, moved as it is
    configured, with the overrides in place and the extra ports behind them. Raises InputError naming every variable
    that is wrong, its value and what would be right.
    """
    faults = _check_inputs(inputs)
    if faults:
        raise InputError(faults)
    catalogue = _catalogue.load(inputs["edition"])
    overrides = inputs.get("overrides") or {}
    ports = [
        _expected(entry, inputs, overrides.get(entry["id"], {}))
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
        "control_plane_addresses": list(_detected(inputs, "control_plane_addresses", [])),
        "pod_cidrs": list(_detected(inputs, "pod_cidrs", [])),
        "ports": ports,
        "unix_sockets": [
            _unix_socket(entry, _detected(inputs, "containerd_socket", None))
            for entry in catalogue["unix_sockets"]
            if inputs["role"] in entry["nodes"]
        ],
    }


def _applies(entry: dict[str, Any], inputs: dict[str, Any]) -> bool:
    when = entry.get("when", {})
    return (
        inputs["role"] in entry["nodes"]
        and when.get("datastore") in (None, inputs["datastore"])
        and (when.get("feature") is None or when["feature"] in (inputs.get("features") or []))
    )


def _expected(entry: dict[str, Any], inputs: dict[str, Any], override: dict[str, Any]) -> dict[str, Any]:
    documented = entry["documented"]
    owners = [owner for owner in entry["owners"] if inputs["role"] in owner.get("nodes", ROLES)]
    configured = _configured(entry, inputs)
    scope = override.get("scope") or configured.get("scope", documented["scope"])
    return {
        "id": entry["id"],
        "port": override.get("port") or configured.get("port", documented["port"]),
        "protocol": documented["protocol"],
        "scope": scope,
        "binding": _binding(documented, scope),
        "presence": override.get("presence") or configured.get("presence", entry["presence"]),
        "service": documented["service"],
        "description": entry["description"],
        "audience": _audience(entry, inputs["role"], scope),
        **_holders(owners, override.get("comm")),
        "claims": entry["claims"],
        "notes": entry["notes"],
        "documented": {"edition": documented["edition"], "line": documented["line"]},
        "overridden": sorted(override),
        "configured": sorted(set(configured) - set(override)),
    }


def _holders(owners: list[dict[str, Any]], comm: list[str] | None = None) -> dict[str, Any]:
    """Who may hold the socket: C(comm), C(units), C(pods), C(kernel). A C(comm) of the user's replaces all of these."""
    if comm:
        owners = [{"comm": comm}]
    return {
        "comm": [name for owner in owners for name in owner.get("comm", [])],
        "units": [owner["unit"] for owner in owners if "unit" in owner],
        "pods": [owner["pod"] for owner in owners if "pod" in owner],
        "kernel": any(owner.get("kernel", False) for owner in owners),
    }


def _audience(entry: dict[str, Any], role: str, scope: str) -> list[str]:
    """Who has a reason to connect from elsewhere. Of a localhost port nobody, unless an override makes it external."""
    audience = entry.get("audience", ["nodes"] if scope == "external" else ["nobody"])
    return list(audience[role] if isinstance(audience, dict) else audience)


def _configured(entry: dict[str, Any], inputs: dict[str, Any]) -> dict[str, Any]:
    """What the node's own configuration makes different for C(entry): any of C(port), C(scope), C(presence).

    A configuration that opens a localhost port to others is none of these: that is what a finding is for.
    """
    different: dict[str, Any] = {}
    documented = entry["documented"]
    port = _detected(inputs, "ports", {}).get(entry["id"], documented["port"])
    if port != documented["port"]:
        different["port"] = port
    bound = _detected(inputs, "bind_addresses", {}).get(entry["id"], [])
    if entry.get("may_be_localhost") and bound and all(ipaddress.ip_address(one).is_loopback for one in bound):
        different["scope"] = "localhost"
    if "needs_ipv4_before" in entry and _is_without_ipv4(inputs):
        release = inputs.get("release")
        if not release or _catalogue.is_before(release, entry["needs_ipv4_before"]):
            different["presence"] = "optional"
    return different


def _is_without_ipv4(inputs: dict[str, Any]) -> bool:
    """Whether the cluster has IPv6 only: what its pods have decides, then what the nodes have."""
    networks = _detected(inputs, "pod_cidrs", []) or inputs.get("addresses") or []
    return bool(networks) and all(":" in network for network in networks)


def _binding(documented: dict[str, Any], scope: str) -> str:
    """What the page says of the socket; a scope that is not the page's leaves no more of it than the scope."""
    return _catalogue.BINDINGS[documented.get("binding", scope) if scope == documented["scope"] else scope]


def _detected(inputs: dict[str, Any], name: str, otherwise: Any) -> Any:
    return (inputs.get("detected") or {}).get(name, otherwise)


def _extra(entry: dict[str, Any]) -> dict[str, Any]:
    return {
        "id": entry["id"],
        "port": entry["port"],
        "protocol": entry.get("protocol", "tcp"),
        "scope": entry["scope"],
        "binding": _catalogue.BINDINGS[entry["scope"]],
        "presence": entry.get("presence", "required"),
        "service": entry["id"],
        "description": entry.get("description", ""),
        "audience": ["anyone"],
        **_holders([], entry.get("comm")),
        "claims": {},
        "notes": [],
        "documented": None,
        "overridden": [],
        "configured": [],
    }


def _unix_socket(entry: dict[str, Any], path: str | None) -> dict[str, Any]:
    documented = entry["documented"]
    kept = {key: entry[key] for key in ("id", "description", "owner", "group", "mode", "notes")}
    return {
        **kept,
        **_holders(entry["owners"]),
        "path": path or documented["path"],
        "service": documented["service"],
        "documented": {"edition": documented["edition"], "line": documented["line"]},
    }


def _check_inputs(inputs: dict[str, Any]) -> list[str]:
    choices = (
        ("edition", _catalogue.editions(), ", or auto"),
        ("role", list(ROLES), ", or put the host in the group control_plane or worker"),
        ("datastore", list(DATASTORES), ", or auto"),
    )
    faults = [
        f"node_profile_{name}: '{inputs.get(name)}' is not known; give one of {', '.join(known)}{hint}"
        for name, known, hint in choices
        if inputs.get(name) not in known
    ]
    if inputs.get("release") and not re.fullmatch(r"1\.[0-9]{1,3}", str(inputs["release"])):
        faults.append(
            f"node_profile_release: '{inputs['release']}' is not a release; give one such as \"1.34\", quoted"
        )
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
