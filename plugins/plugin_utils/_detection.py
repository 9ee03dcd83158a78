# Copyright: (c) 2026, ck8s.ports contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the inventory says of a node and what the node shows, made one. Private to the collection. Pure functions.

The inventory always wins; where the node shows something else, the contradiction is told with both sources. What the
node shows is the result of the module node_facts: C(installed), C(facts) (NAME to C(value) and C(source)) and
C(absent) (NAME to the reason). It is input of a host, so a value that cannot be one is left out and told.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable
from typing import Any

from ansible_collections.ck8s.ports.plugins.plugin_utils import _catalogue
from ansible_collections.ck8s.ports.plugins.plugin_utils._errors import InputError

Data = dict[str, Any]

AUTO = "auto"
FALLBACK = {"datastore": "etcd", "features": ["kube-proxy"]}
"""What is taken where neither the inventory nor the node says."""
ONLY_HERE = ("default_addresses", "detected", "fallback_role")
"""The inputs that are used up here."""


def settle(inputs: Data) -> tuple[Data, list[str]]:
    """C(inputs) as _profile.profile takes them, and a sentence for each contradiction between inventory and node.

    C(inputs) has the keys of _profile.INPUTS; C(edition) and C(datastore) may be C(auto), C(features) C([auto]), and
    C(detected) is the result of node_facts, or empty. C(default_addresses) are taken where neither the inventory nor
    the node has addresses, C(fallback_role) where neither says the role, which is told. Raises InputError where
    C(edition) is C(auto) and the release is unknown.
    """
    facts, warnings = _usable_facts(inputs.get("detected") or {})
    settled = {
        key: value for key, value in inputs.items() if key not in ("default_addresses", "detected", "fallback_role")
    }
    for name, given in (
        ("release", inputs.get("release")),
        ("role", inputs.get("role")),
        ("datastore", inputs["datastore"] if inputs.get("datastore") != AUTO else None),
        ("addresses", inputs.get("addresses")),
    ):
        settled[name] = given or _value(facts, name) or FALLBACK.get(name)
        if given and name in facts and _differ(given, facts[name]["value"]):
            warnings.append(_contradiction(f"node_profile_{name}", given, facts[name]))
    if not settled["role"] and inputs.get("fallback_role"):
        settled["role"] = inputs["fallback_role"]
        warnings.append(
            f"node_profile_role: neither the inventory nor the node says which role it has; it is judged as one of "
            f"{_shown(settled['role'])}. Set node_profile_role to choose"
        )
    settled["addresses"] = settled["addresses"] or inputs.get("default_addresses") or []
    settled["features"] = _features(inputs.get("features"), facts, warnings)
    for port_id, override in _overrides(inputs).items():
        moved = _value(facts, "ports", {}).get(port_id)
        if moved and "port" in override and override["port"] != moved:
            fact = {"value": moved, "source": facts["ports"]["source"]}
            warnings.append(_contradiction(f"node_profile_overrides: {port_id}: port", override["port"], fact))
    if inputs["edition"] == AUTO:
        settled["edition"] = _edition(settled["release"], inputs.get("detected"))
    settled["detected"] = {name: fact["value"] for name, fact in facts.items()}
    return settled, warnings


def _edition(release: str | None, detected: Data | None) -> str:
    known = ", ".join(_catalogue.editions())
    if release:
        try:
            return _catalogue.edition_of(release)
        except InputError as error:
            raise InputError([f"node_profile_edition: auto: {error.faults[0]}; set it to one of {known}"]) from None
    if not detected:
        reason = "node_profile_detect is off"
    elif detected.get("unreachable"):
        reason = "the node is unreachable"
    elif not detected.get("installed"):
        reason = "Canonical Kubernetes is not installed on the node"
    else:
        reason = detected.get("absent", {}).get("release", "the node does not show it")
    raise InputError(
        [
            f"node_profile_edition: auto: the installed release is unknown ({reason.rstrip('.')}); set "
            f"node_profile_release to it, such as 1.34, or node_profile_edition to one of {known}"
        ]
    )


def _features(given: list[str] | None, facts: Data, warnings: list[str]) -> list[str]:
    shown = _value(facts, "kube_proxy")
    if given is None or given == [AUTO]:
        return list(FALLBACK["features"]) if shown in (None, True) else []
    if shown is not None and shown != ("kube-proxy" in given):
        fact = {"value": "kube-proxy" if shown else "no kube-proxy", "source": facts["kube_proxy"]["source"]}
        warnings.append(_contradiction("node_profile_features", given, fact))
    return given


def _contradiction(variable: str, given: Any, fact: Data) -> str:
    return (
        f"{variable}: the inventory says {_shown(given)}, the node says {_shown(fact['value'])} ({fact['source']}); "
        "the inventory counts. Correct it there if the node is right"
    )


def _shown(value: Any) -> str:
    if isinstance(value, list):
        return ", ".join(map(str, value)) or "none"
    return str(value)


def _differ(given: Any, shown: Any) -> bool:
    """Addresses differ when none is in both: the inventory may well have fewer or more of them."""
    if isinstance(given, list):
        return not {_canonical(one) for one in given} & {_canonical(one) for one in shown}
    return bool(given != shown)


def _canonical(address: str) -> str:
    try:
        return str(ipaddress.ip_address(address))
    except ValueError:
        return str(address)  # _profile tells it, with the variable that holds it


def _value(facts: Data, name: str, otherwise: Any = None) -> Any:
    return facts[name]["value"] if name in facts else otherwise


def _overrides(inputs: Data) -> Data:
    """The overrides as far as they can be read; _profile tells what is wrong with the others."""
    given = inputs.get("overrides")
    return {key: value for key, value in given.items() if isinstance(value, dict)} if isinstance(given, dict) else {}


def _usable_facts(detected: Data) -> tuple[Data, list[str]]:
    """The facts that are used here and can be what they say, and a sentence for each that cannot."""
    facts, faults = {}, []
    for name, is_right in _RIGHT.items():
        fact = detected.get("facts", {}).get(name)
        # A node that has not joined a cluster has no role: nothing is known of it then.
        if fact is None or (name == "role" and fact["value"] == "none"):
            continue
        if is_right(fact["value"]):
            facts[name] = fact
        else:
            otherwise = f", or set {_INSTEAD[name]}" if name in _INSTEAD else ""
            faults.append(
                f"node_facts: {name}: {fact['value']!r} ({fact['source']}) cannot be right; it does not count. Correct "
                f"it on the node{otherwise}"
            )
    return facts, faults


def _is_address(value: Any) -> bool:
    try:
        return isinstance(value, str) and bool(ipaddress.ip_address(value))
    except ValueError:
        return False


def _is_network(value: Any) -> bool:
    try:
        return isinstance(value, str) and bool(ipaddress.ip_network(value, strict=False))
    except ValueError:
        return False


def _is_port(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 < value < 65536


def _list_of(is_right: Callable[[Any], bool]) -> Callable[[Any], bool]:
    return lambda value: isinstance(value, list) and all(is_right(item) for item in value)


def _by_id(is_right: Callable[[Any], bool]) -> Callable[[Any], bool]:
    return lambda value: isinstance(value, dict) and all(is_right(item) for item in value.values())


_INSTEAD = {
    "role": "node_profile_role",
    "datastore": "node_profile_datastore",
    "kube_proxy": "node_profile_features",
    "release": "node_profile_release",
    "addresses": "node_profile_addresses",
    "control_plane_addresses": "node_firewall_control_plane_cidrs",
    "pod_cidrs": "node_firewall_pod_cidrs",
    "ports": "node_profile_overrides",
    "bind_addresses": "node_profile_overrides",
}
"""The variable that says the same as a fact, where there is one."""

_RIGHT: dict[str, Callable[[Any], bool]] = {
    "role": lambda value: value in ("control_plane", "worker"),
    "datastore": lambda value: value in ("etcd", "k8s-dqlite", "external"),
    "kube_proxy": lambda value: isinstance(value, bool),
    "release": lambda value: isinstance(value, str) and bool(re.fullmatch(r"1\.[0-9]{1,3}", value)),
    "addresses": _list_of(_is_address),
    "control_plane_addresses": _list_of(_is_address),
    "pod_cidrs": _list_of(_is_network),
    "ports": _by_id(_is_port),
    "bind_addresses": _by_id(_list_of(_is_address)),
    "containerd_socket": lambda value: isinstance(value, str) and value.startswith("/"),
}
