# Copyright: (c) 2026, ck8s.ports contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Is 127.0.0.0/8 closed to the wire? Private to the collection. Pure.

A service on 127.0.0.1 is for the node itself only as long as the kernel takes no packets for it from a network. It does
where route_localnet is set, which kube-proxy does to serve NodePorts on localhost (CVE-2020-8558).
"""

from __future__ import annotations

import re
from typing import Any

from ansible_collections.ck8s.ports.plugins.plugin_utils import _wording as word
from ansible_collections.ck8s.ports.plugins.plugin_utils._findings import (
    Outcome,
    failed,
    passed,
    unknown,
    warned,
)

Data = dict[str, Any]

NAME = "localnet"
SUBJECT = "127.0.0.0/8"
EXPECTED = "No packet for 127.0.0.0/8 gets in from the wire."
GUARD = "loopback-guard"
"""The id of the rule that drops what is for 127.0.0.0/8 and does not come from lo."""
GOT_IN = ("open", "refused")
"""What a probe through the wire meets where its packet got in: an answer of any kind."""

_DROPS = re.compile(r"\bdrop\b", re.IGNORECASE)


def localnet(sysctls: Data, firewall: Data, probes: list[Data]) -> Outcome:
    """The sysctls against the rule that makes up for them, and against what neighbours have tried.

    C(sysctls) and C(firewall) are parts of what port_evidence returns, C(probes) results of localnet_probe with
    C(prober).
    """
    evidence = [word.wire_probe(probe) for probe in probes]
    through = [probe for probe in probes if probe["status"] in GOT_IN]
    if through:
        ports = word.join(str(probe["port"]) for probe in through)
        why = f"127.0.0.1 answered on port {ports}: what is bound to it is open to this network (CVE-2020-8558)."
        observed = f"Packets of {word.join(sorted({probe['prober'] for probe in through}))} get in."
        return failed("critical", observed, why, word.APPLY, evidence)
    if "error" in sysctls:
        return unknown("medium", sysctls["error"], fix=word.AS_ROOT, evidence=evidence)
    settings = sysctls["route_localnet"]
    evidence += [f"net.ipv4.conf.{name}.route_localnet = {int(settings[name])}" for name in sorted(settings)]
    # What `default` has is what every interface to come begins with. lo is not the wire.
    on = sorted(name for name, is_set in settings.items() if is_set and name != "lo")
    if not on:
        return passed("The kernel takes none: route_localnet is off.", evidence)
    return _guarded(f"route_localnet is on ({word.join(on)})", firewall, evidence)


def _guarded(observed: str, firewall: Data, evidence: list[str]) -> Outcome:
    """Does the rule make up for it?"""
    if "error" in firewall:
        why = "Whether a rule drops such packets is not known."
        return unknown("medium", f"{observed}. {firewall['error']}", why, fix=word.AS_ROOT, evidence=evidence)
    rules = [rule for rule in firewall["live"]["rules"] if rule["id"] == GUARD]
    # In audit mode it only counts.
    guards = [rule for rule in rules if _DROPS.search(rule["text"])]
    if guards:
        evidence = [*evidence, *(word.live_rule(rule) for rule in guards)]
        return passed(f"{observed}, and the rule {GUARD} drops them.", evidence)
    if firewall["live"]["present"]:
        if rules:
            why = f"The firewall is in audit mode: its rule {GUARD} counts such packets and drops none."
            return warned("medium", f"{observed}.", why, word.APPLY, [*evidence, *map(word.live_rule, rules)])
        why = f"The policy is in force without its rule {GUARD}: someone has removed it."
        return failed("high", f"{observed}.", why, word.APPLY, evidence)
    why = (
        "No rule of this collection drops such packets, so the localhost services may be open to the networks of these "
        "interfaces (CVE-2020-8558). The kubelet has such a rule in iptables, which is not looked at."
    )
    return warned("medium", f"{observed}.", why, word.APPLY, evidence)
