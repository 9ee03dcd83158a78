# Copyright: (c) 2026, ck8s.ports contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The checks: each compares one expectation with what one party shows. Private to the collection.

Pure functions over plain data: no clock, no network, no Ansible. None of them says C(pass) of what could not be looked
at: an observation with the key C(error) could not be made, and that is what the check says then.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from ansible_collections.ck8s.ports.plugins.module_utils._policy import Policy
from ansible_collections.ck8s.ports.plugins.module_utils._verdict import ACCEPT, decide
from ansible_collections.ck8s.ports.plugins.plugin_utils import _wording as word
from ansible_collections.ck8s.ports.plugins.plugin_utils._findings import (
    Outcome,
    failed,
    not_applicable,
    passed,
    unknown,
    warned,
)

Data = dict[str, Any]

FIRST_ERROR = 400
"""The first HTTP status that denies what was asked for."""

APPLY = "Run the playbook ck8s.ports.firewall on this node."
AS_ROOT = "Make the task work on this node, as root (become: true), then verify again."


def bind(port: Data, role: str, sockets: list[Data], addresses: Sequence[str] = ()) -> Outcome:
    """Document against socket: does it listen, and where? C(sockets) are those on this port.

    C(addresses) are the node's own, none where they are not known.
    """
    evidence = [word.listener(socket) for socket in sockets]
    if not sockets:
        return _absent(port, role)
    observed = f"Listens on {word.join(word.address(socket) for socket in sockets)}."
    exposed = [socket for socket in sockets if socket["exposure"] != "loopback"]
    if port["scope"] == "localhost" and exposed:
        why = "Documented as localhost, but bound to an address that others can reach."
        fix = f"Bind {port['service']} to 127.0.0.1 (or ::1); until then only a firewall rule keeps others out."
        return _as_the_catalogue_has_it(port, "scope", failed("high", observed, why, fix, evidence))
    if port["scope"] == "external" and not exposed:
        why = "Documented on the host interface, but bound to loopback: no other node can connect."
        fix = f"Bind {port['service']} to the node's address, or set its scope to localhost in node_profile_overrides."
        return _as_the_catalogue_has_it(port, "scope", failed("medium", observed, why, fix, evidence))
    different = _bound_otherwise(port, exposed, addresses, observed, evidence)
    return different or passed(observed, evidence)


def _bound_otherwise(
    port: Data, exposed: list[Data], addresses: Sequence[str], observed: str, evidence: list[str]
) -> Outcome | None:
    """What is wrong with the addresses of C(exposed), where the page says on which ones (edition 2025-11 and later)."""
    wide = any(socket["exposure"] == "wildcard" for socket in exposed)
    if port["binding"] == "node" and wide:
        why = (
            "Documented on the node's address alone, but bound to every address: every network of the node reaches it."
        )
        fix = f"Bind {port['service']} to the node's address."
        return _as_the_catalogue_has_it(port, "binding", failed("medium", observed, why, fix, evidence))
    if port["binding"] == "node" and addresses and not any(socket["address"] in addresses for socket in exposed):
        why = f"Documented on the node's address, which is {word.join(addresses)}, but bound to another one."
        fix = f"Bind {port['service']} to the node's address, or give all of its addresses in node_profile_addresses."
        return _as_the_catalogue_has_it(port, "binding", warned("medium", observed, why, fix, evidence))
    if port["binding"] == "any" and not wide:
        why = "Documented on every address, but bound to some: who uses another address of the node cannot connect."
        fix = f"Bind {port['service']} to every address, if that is meant."
        return _as_the_catalogue_has_it(port, "binding", warned("low", observed, why, fix, evidence))
    return None


def _as_the_catalogue_has_it(port: Data, about: str, outcome: Outcome) -> Outcome:
    """C(outcome), unless the catalogue knows of such a difference between page and software, and how to judge it."""
    note = next((note for note in port["notes"] if note.get("about") == about), None)
    if note is None:
        return outcome
    if note["verdict"] == "expected":
        return replace(passed(outcome.observed, outcome.evidence), why=note["text"])
    return replace(outcome, status={"failure": "fail", "warning": "warn"}[note["verdict"]], why=note["text"])


def _absent(port: Data, role: str) -> Outcome:
    observed = "Nothing listens."
    if port["presence"] == "required":
        why = f"Every {role.replace('_', ' ')} node is expected to run {port['service']}."
        fix = f"Start {port['service']}, or set presence to absent for it in node_profile_overrides."
        return failed("medium", observed, why, fix)
    one_node = port["presence"] == "one_node"
    return not_applicable(observed, "One replica runs on any one node." if one_node else "It need not run here.")


def owner(port: Data, sockets: list[Data], incomplete: list[Data]) -> Outcome:
    """Document against process: does the documented service hold the port?"""
    if not sockets:
        return not_applicable("Nothing listens.")
    if not (port["comm"] or port["kernel"]):
        return not_applicable("No owner is documented.")
    evidence = [word.listener(socket) for socket in sockets]
    strangers = [socket for socket in sockets if _is_stranger(port, socket)]
    if strangers:
        observed = f"Held by {word.join(word.holder(socket) for socket in strangers)}."
        fix = "Find out what this process is; the documented service cannot listen here while it does."
        return failed("high", observed, "Another process holds the documented port.", fix, evidence)
    if any(not socket["processes"] and not socket["kernel"] for socket in sockets):
        reasons = " ".join(f"{item['what']}: {item['reason']}." for item in incomplete)
        return unknown("medium", "The process could not be seen.", reasons, AS_ROOT, evidence)
    return passed(f"Held by {word.join(word.holder(socket) for socket in sockets)}.", evidence)


def _is_stranger(port: Data, socket: Data) -> bool:
    names = {process["name"] for process in socket["processes"]}
    return bool(names - set(port["comm"])) or (socket["kernel"] and not port["kernel"])


def firewall(port: Data, rules: list[Data], observed: Data) -> Outcome:
    """Document against firewall: does the kernel hold the policy's C(rules) for this port?"""
    if not observed["live"]["present"]:
        if all(rule["verdict"] == "accept" for rule in rules):
            return not_applicable("No policy is in force.", "The policy keeps nobody out of this port.")
        why = "There is no table inet ck8s_ports: no rule of this collection keeps anyone out."
        return warned("medium", "No policy is in force.", why, APPLY)
    live = [rule for rule in observed["live"]["rules"] if rule["id"] == port["id"]]
    wanted = [rule for rule in observed["wanted"]["rules"] if rule["id"] == port["id"]]
    texts = [rule["text"] for rule in live]
    if texts != [rule["text"] for rule in wanted]:
        holds = f"The kernel holds {word.join(texts) or 'no rule for it'}."
        why = "The rules in force are not those of the policy."
        return failed("high", holds, why, APPLY, [f"wanted: {rule['text']}" for rule in wanted])
    return passed("In force.", [word.live_rule(rule) for rule in live])


def table(observed: Data) -> Outcome:
    """Policy against firewall as a whole: also the sets, the order, the rules that belong to no port."""
    if not observed["live"]["present"]:
        return warned("medium", "No policy is in force.", "There is no table inet ck8s_ports.", APPLY)
    if observed["changed"]:
        why = "The table in the kernel is not the one of the policy; someone or new variables changed it."
        return failed("high", "The table differs.", why, APPLY, observed["difference"])
    return passed("The table is the one of the policy.")


def reach(port: Data, policy: Policy, sockets: list[Data], probes: list[Data]) -> Outcome:
    """Document against what arrives: who else could connect, and should have been able to?

    Each of C(probes) has C(prober), C(source) (its address), C(host), C(port), C(status) and C(detail).
    """
    evidence = [word.probe(probe) for probe in probes]
    if port["protocol"] != "tcp":
        return unknown("low", "Not tried.", "A datagram without an answer proves nothing.")
    if not probes:
        return unknown("low", "Not tried.", "No other node and no outsider took part in this run.")
    let_in = [probe for probe in probes if _is_let_in(port, policy, probe)]
    intruders = [probe for probe in probes if probe["status"] == "open" and probe not in let_in]
    if intruders:
        localhost = port["scope"] == "localhost"
        why = "A port for the node itself is open to others." if localhost else "The policy keeps these sources out."
        severity = "critical" if localhost else "high"
        return failed(severity, f"Open to {_probers(intruders)}.", why, APPLY, evidence)
    errors = [probe for probe in probes if probe["status"] == "error"]
    if errors:
        return unknown("medium", f"The probe failed: {errors[0]['detail']}.", evidence=evidence)
    if let_in:
        return _reach_let_in(let_in, any(socket["exposure"] != "loopback" for socket in sockets), evidence)
    return passed(_as_it_should_be(probes), evidence)


def _reach_let_in(let_in: list[Data], listens: bool, evidence: list[str]) -> Outcome:
    """The probes that the policy lets in: did they arrive?"""
    lost = [probe for probe in let_in if probe["status"] in ("silent", "unreachable")]
    if lost:
        why = "The policy lets these sources in, yet something on the way drops their packets."
        fix = "Look for another firewall on the node or on the way (nft list ruleset, security groups)."
        return failed("high", f"No answer to {_probers(lost)}.", why, fix, evidence)
    if any(probe["status"] == "open" for probe in let_in):
        return passed(_as_it_should_be(let_in), evidence)
    if listens:
        why = "A service listens on this port, yet something answers these sources with a reset."
        fix = "Look for a firewall that rejects (nft list ruleset), or for a service bound to another address."
        return failed("medium", f"Refused to {_probers(let_in)}.", why, fix, evidence)
    return not_applicable("Refused.", "Nothing listens there, so nobody can connect; see bind.", evidence)


def _as_it_should_be(probes: list[Data]) -> str:
    return f"{word.join(sorted({probe['status'] for probe in probes})).capitalize()}, as it should be."


def _is_let_in(port: Data, policy: Policy, probe: Data) -> bool:
    """A probe that never left (no source) is told as its error; whether it would have been let in does not matter."""
    if port["scope"] != "external" or not probe["source"]:
        return False
    return decide(policy, port["protocol"], port["port"], probe["source"]).verdict == ACCEPT


def _probers(probes: list[Data]) -> str:
    return word.join(sorted({probe["prober"] for probe in probes}))


def claim(port: Data, sockets: list[Data], answers: list[Data]) -> Outcome:
    """Document against what a client without credentials gets: is the port as encrypted and closed as it says?

    Each of C(answers) is a result of port_claims.
    """
    claims = port["claims"]
    if not (claims.get("tls") or "anonymous" in claims):
        return not_applicable("Nothing is claimed of an answer.")
    if not sockets:
        return not_applicable("Nothing listens.")
    if not answers:
        return unknown("low", "Not asked.")
    return _claim_answered(port, claims, answers[0], [word.answer(answers[0])])


def _claim_answered(port: Data, claims: Data, answer: Data, evidence: list[str]) -> Outcome:
    if answer["outcome"] in ("error", "silent"):
        return unknown("medium", f"No answer: {answer['detail']}.", evidence=evidence)
    if claims.get("tls") and answer["tls"] is False:
        why = "Documented as encrypted, but the port speaks plain text."
        return failed("critical", "Plain text.", why, f"Make {port['service']} speak TLS.", evidence)
    if answer["certificate"] and answer["certificate"]["expired"]:
        expired = f"The certificate expired on {answer['certificate']['expires']}."
        return failed("medium", expired, "Clients that verify it are refused.", "Renew the certificate.", evidence)
    return _claim_of_anonymous(port, claims.get("anonymous", {}), answer, evidence)


def _claim_of_anonymous(port: Data, expected: Data, answer: Data, evidence: list[str]) -> Outcome:
    observed = word.sentence(answer)
    if not expected:
        return passed(observed, evidence)
    refused = answer["outcome"] in ("refused", "closed")
    if "handshake" in expected:
        if refused:
            return passed(observed, evidence)
        why = "Documented to want a client certificate, but a client without one gets an answer."
        fix = f"Make {port['service']} require client certificates (for etcd: --client-cert-auth)."
        return failed("critical", observed, why, fix, evidence)
    if answer["status"] in expected["status"]:
        return passed(observed, evidence)
    if answer["status"] is not None and answer["status"] < FIRST_ERROR <= min(expected["status"]):
        why = "Documented to want credentials, but a request without any is answered."
        return failed("critical", observed, why, f"Turn anonymous access to {port['service']} off.", evidence)
    wanted = word.join(str(status) for status in expected["status"])
    return unknown("low", observed, f"Neither {wanted} nor an answer that would be wrong.", evidence=evidence)


def unix_socket(entry: Data, seen: Data) -> Outcome:
    """Document against the file of the socket: is it there, a socket, and closed to others?"""
    if not seen["exists"]:
        why = f"{entry['service']} is expected on every node."
        fix = f"Start {entry['service']}; or is its base directory elsewhere (containerd-base-dir, strict confinement)?"
        return failed("medium", "Does not exist.", why, fix)
    observed = f"{seen['type'].capitalize()} of {seen['owner']}:{seen['group']}, mode {seen['mode']}."
    if seen["type"] != "socket":
        return failed("high", observed, "It is not a socket.", f"Remove it and restart {entry['service']}.")
    if int(seen["mode"], 8) & ~int(entry["mode"], 8) or seen["owner"] != entry["owner"]:
        fix = f"chown {entry['owner']}:{entry['group']} and chmod {entry['mode']} {entry['path']}"
        return failed("high", observed, "Whoever may write to this socket is root on the node.", fix)
    return passed(observed)


def replicas(port: Data, holders: list[str]) -> Outcome:
    """Document against all nodes: a service with one replica listens on one of them, not on C(holders)."""
    why = (
        f"{port['service']} is one replica, which may run on any one node; a second one is none of ours, or a leftover."
    )
    fix = (
        f"Find out which is the real one; where several are meant, set presence to optional for {port['id']} in "
        "node_profile_overrides."
    )
    return failed("medium", f"Listens on {word.join(holders)}.", why, fix)


def companion(entry: Data, sockets: list[Data]) -> Outcome:
    """A listener that no document has and that is known all the same (the catalogue C(companions))."""
    observed = (
        f"{word.join(word.holder(socket) for socket in sockets)} on "
        f"{word.join(word.address(socket) for socket in sockets)}."
    )
    return not_applicable(observed, entry["note"], [word.listener(socket) for socket in sockets])


def undocumented(sockets: list[Data], edition: str) -> Outcome:
    """Sockets on one port, on addresses that others can reach, that neither document nor allow list has."""
    observed = (
        f"{word.join(word.holder(socket) for socket in sockets)} on "
        f"{word.join(word.address(socket) for socket in sockets)}."
    )
    why = f"Edition {edition} documents no such port for this node, and no rule governs it."
    fix = "Stop it, bind it to loopback, add it to node_profile_extra_ports, or allow it in node_verify_allow."
    return failed("medium", observed, why, fix, [word.listener(socket) for socket in sockets])
