# Copyright: (c) 2026, ck8s.ports contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Document against what a client without credentials gets. Private to the collection. Pure."""

from __future__ import annotations

from typing import Any

from ansible_collections.ck8s.ports.plugins.plugin_utils import _wording as word
from ansible_collections.ck8s.ports.plugins.plugin_utils._findings import (
    Outcome,
    failed,
    not_applicable,
    passed,
    unknown,
)

Data = dict[str, Any]

EXPECTED = "A client without credentials gets what the document says."

FIRST_ERROR = 400
"""The first HTTP status that denies what was asked for."""


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
        return unknown("low", "Not asked.", fix="Verify with node_verify_claims: true.")
    return _claim_answered(port, claims, answers[0], [word.answer(answers[0])])


def _claim_answered(port: Data, claims: Data, answer: Data, evidence: list[str]) -> Outcome:
    if answer["outcome"] in ("error", "silent"):
        fix = f"Look at the log of {port['service']}, which does not answer its own node; then verify again."
        return unknown("medium", f"No answer: {answer['detail']}.", fix=fix, evidence=evidence)
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
    why = f"Neither {wanted} nor an answer that would be wrong."
    fix = f"Find out why {port['service']} answers so; where that is meant, waive this finding."
    return unknown("low", observed, why, fix=fix, evidence=evidence)
