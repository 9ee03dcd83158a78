# Copyright: (c) 2026, ck8s.ports contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Everything that verify looks at on a host, in one go. Private to the collection.

Each part is its data or C({"error": reason}): what cannot be looked at costs that part and no other. So each part also
imports what it needs by itself; there are Pythons without ssl, and without ctypes.
"""

from __future__ import annotations

import signal
from types import FrameType
from typing import Any, Callable, Dict

# ruff: noqa: PLC0415

Data = Dict[str, Any]

PATIENCE = 60.0
"""Seconds after which a part is given up. A whole look takes less than one."""
NFT_PATIENCE = 10.0
"""Seconds for one call of the firewall's program, of which there are a few: it is ended before its part is given up."""


class TooLongError(Exception):
    """A part has taken longer than PATIENCE. Not an OSError: those are caught on the way."""


def collect(options: Data) -> Data:
    """The parts, by name, for the options of the module ck8s.ports.port_evidence, whose documentation describes them.

    The firewall comes before the claims: these are asked by threads, and it forks.
    """
    paths = options["unix_sockets"]
    listening = part(lambda: _listening(paths, options["udp_clients"]))
    return {
        "sockets": _without_unix(listening),
        "firewall": part(lambda: _firewall(options["backend"], options["policy"])),
        "unix_sockets": part(lambda: _unix_sockets(paths, listening)),
        "sysctls": part(_sysctls),
        # By threads that have deadlines of their own, and that an alarm does not end.
        "claims": part(lambda: _claims(options["claims"], options["timeout"], listening), patience=0),
    }


def part(look: Callable[[], Data], patience: float = PATIENCE) -> Data:
    """What ``look`` returns, or why it returns nothing; ``patience`` is in seconds, 0 for any time."""

    def give_up(number: int, frame: FrameType | None) -> None:
        raise TooLongError(f"it took longer than {patience:g} seconds")

    previous = signal.signal(signal.SIGALRM, give_up)
    signal.setitimer(signal.ITIMER_REAL, patience)
    try:
        return look()
    except Exception as error:  # whatever it is, it must not cost the other parts
        return {"error": str(error) or repr(error)}
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, previous)


def _listening(paths: list[str], udp_clients: bool) -> Data:
    from ansible_collections.ck8s.ports.plugins.module_utils import _listening

    protocols = ["tcp", "udp", *(["unix"] if paths else [])]
    return _listening.collect({"protocols": protocols, "paths": paths, "udp_clients": udp_clients})


def _without_unix(listening: Data) -> Data:
    if "error" in listening:
        return listening
    return {**listening, "sockets": [socket for socket in listening["sockets"] if socket["protocol"] != "unix"]}


def _firewall(backend: str, policy: Data) -> Data:
    from ansible_collections.ck8s.ports.plugins.module_utils._policy import parse_policy
    from ansible_collections.ck8s.ports.plugins.module_utils._policy_comparison import PolicyHost

    comparison = PolicyHost(backend, NFT_PATIENCE).compare(parse_policy(policy), check=True)
    return {**comparison.result, "warnings": comparison.warnings}


def _unix_sockets(paths: list[str], listening: Data) -> Data:
    from ansible_collections.ck8s.ports.plugins.module_utils._unix_files import is_named

    known = "error" not in listening
    listeners = [socket for socket in listening["sockets"] if socket["protocol"] == "unix"] if known else []
    return {
        path: {
            **_unix_file(path),
            "listeners": [listener for listener in listeners if is_named(listener["path"], path)] if known else None,
        }
        for path in paths
    }


def _unix_file(path: str) -> Data:
    from ansible_collections.ck8s.ports.plugins.module_utils._unix_files import describe

    try:
        return describe(path)
    except OSError as error:
        return {"error": str(error)}


def _sysctls() -> Data:
    from ansible_collections.ck8s.ports.plugins.module_utils._route_localnet import route_localnet

    return {"route_localnet": route_localnet()}


def _claims(questions: list[Data], timeout: float, listening: Data) -> Data:
    if not questions:
        return {"results": []}
    if "error" in listening:
        return {"error": f"it is not known what listens: {listening['error']}"}
    from ansible_collections.ck8s.ports.plugins.module_utils._claim_targets import claim_targets
    from ansible_collections.ck8s.ports.plugins.module_utils._claims import path_faults, results
    from ansible_collections.ck8s.ports.plugins.module_utils._probe_targets import target_faults, timeout_faults

    targets = claim_targets(questions, listening["sockets"])
    faults = [*target_faults([{**target, "protocol": "tcp"} for target in targets]), *timeout_faults(timeout)]
    faults += path_faults(target["path"] for target in targets)
    return {"error": "; ".join(faults)} if faults else {"results": results(targets, timeout)}
