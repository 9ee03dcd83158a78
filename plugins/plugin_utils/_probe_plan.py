# Copyright: (c) 2026, ck8s.ports contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who tries which ports of whom. Private to the collection.

The plan is a ring: each node tries the next C(count) nodes in the order of their names, so that the number of probes
grows with the number of nodes and not with its square. Pure functions.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def ring(names: list[str], name: str, count: int) -> list[str]:
    """The C(count) names that follow C(name) in the sorted ring of C(names), C(name) itself left out.

    A name that is not in the ring (an outsider) gets all of them: it stands for everyone outside.
    """
    ordered = sorted(set(names))
    if name not in ordered:
        return ordered
    start = ordered.index(name) + 1
    return (ordered[start:] + ordered[: start - 1])[:count]


def targets(hostvars: Mapping[str, Any], names: list[str]) -> list[dict[str, Any]]:
    """What to try on the nodes C(names): every expected TCP port on every address of each.

    C(hostvars) is Ansible's; a node without C(node_profile_result) in it (its profile failed) is left out. Each target
    has C(host), C(port), C(protocol) and a C(label), "NAME ID", by which the result is found again.
    """
    profiles = {name: hostvars[name]["node_profile_result"] for name in names if _has_profile(hostvars[name])}
    return [
        {"host": address, "port": port["port"], "protocol": port["protocol"], "label": f"{name} {port['id']}"}
        for name, result in profiles.items()
        for address in result["profile"]["addresses"]
        for port in result["profile"]["ports"]
        if port["protocol"] == "tcp"
    ]


def _has_profile(variables: Mapping[str, Any]) -> bool:
    return "profile" in variables.get("node_profile_result", {})


def claim_questions(profile: dict[str, Any]) -> list[dict[str, Any]]:
    """What to ask on a node itself, without credentials: each expected TCP port that claims something of an answer.

    Each question has C(port), C(path), C(tls) (whether TLS is claimed) and C(label), the id of the port.
    """
    return [
        {
            "port": port["port"],
            "path": port["claims"].get("anonymous", {}).get("path", "/"),
            "tls": port["claims"]["tls"],
            "label": port["id"],
        }
        for port in profile["ports"]
        if port["protocol"] == "tcp" and (port["claims"].get("tls") or "anonymous" in port["claims"])
    ]
