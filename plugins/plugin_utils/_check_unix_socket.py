# Copyright: (c) 2026, ck8s.ports contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Document against the unix socket: its file, and who listens. Private to the collection. Pure."""

from __future__ import annotations

from typing import Any

from ansible_collections.ck8s.ports.plugins.plugin_utils import _wording as word
from ansible_collections.ck8s.ports.plugins.plugin_utils._check_owner import WHY, holder_of
from ansible_collections.ck8s.ports.plugins.plugin_utils._findings import Outcome, failed, passed, unknown

Data = dict[str, Any]

FOR_OTHERS, FOR_THE_GROUP = 0o007, 0o070


def expected(entry: Data) -> str:
    """What C(entry) is to be, as a sentence."""
    held = f", on which {word.join(entry['comm'])} listens" if entry["comm"] else ""
    return f"A stream socket of {entry['owner']}:{entry['group']}, mode {entry['mode']} or stricter{held}."


def unix_socket(entry: Data, seen: Data) -> Outcome:
    """Is it there, closed to others, and is who listens the one whose file it is?

    C(seen) is the file at the path (C(exists), C(type), C(owner), C(group), C(mode)), and the C(listeners) that are
    bound to that path, None where they are not known. A listener's C(path_status) says whether the file is its own:
    the kernel keeps the number of the file that a socket was bound to.
    """
    evidence = [word.unix_listener(listener) for listener in seen["listeners"] or []]
    if not seen["exists"]:
        return _missing(entry, evidence)
    observed = f"{seen['type'].capitalize()} of {seen['owner']}:{seen['group']}, mode {seen['mode']}."
    if seen["type"] != "socket":
        fix = f"Remove it and restart {entry['service']}."
        return failed("high", observed, "It is not a socket.", fix, evidence)
    if _is_open(entry, seen):
        fix = f"chown {entry['owner']}:{entry['group']} and chmod {entry['mode']} {entry['path']}"
        return failed("high", observed, "Whoever may write to this socket is root on the node.", fix, evidence)
    return _listening(entry, seen["listeners"], observed, evidence)


def _missing(entry: Data, evidence: list[str]) -> Outcome:
    restart = f"Restart {entry['service']}."
    if evidence:
        why = "A socket was bound to this path and still listens, but its file has been removed: nobody can connect."
        return failed("medium", "Does not exist.", why, restart, evidence)
    why = f"{entry['service']} is expected on every node."
    fix = f"Start {entry['service']}; or is its base directory elsewhere (containerd-base-dir, strict confinement)?"
    return failed("medium", "Does not exist.", why, fix)


def _is_open(entry: Data, seen: Data) -> bool:
    """Whether another user may use it: by the owner, by the mode, or as a member of another group."""
    mode = int(seen["mode"], 8)
    other_group = seen["group"] != entry["group"] and bool(mode & FOR_THE_GROUP)
    return seen["owner"] != entry["owner"] or bool(mode & ~int(entry["mode"], 8)) or other_group


def _listening(entry: Data, listeners: list[Data] | None, observed: str, evidence: list[str]) -> Outcome:
    """Who listens at the socket whose file is as it should be?"""
    service = entry["service"]
    if listeners is None:
        return unknown("medium", f"{observed} Who listens is not known.", fix=word.AS_ROOT)
    if not listeners:
        why = "A file that was left over: no socket is bound to it, and who connects is refused."
        return failed("medium", f"{observed} Nothing listens.", why, f"Start {service}.")
    own = [listener for listener in listeners if listener["path_status"] == "same"]
    if not own:
        if any(listener["path_status"] is None for listener in listeners):
            observed = f"{observed} Whether it is the listener's is not known."
            return unknown("medium", observed, fix=word.AS_ROOT, evidence=evidence)
        why = "The socket that listens at this path has another file: this one was put in its place, and leads nowhere."
        fix = f"Find out who replaced {entry['path']}, and restart {service}."
        return failed("high", f"{observed} It is not the listener's.", why, fix, evidence)
    if any(listener["type"] != "stream" for listener in own):
        kinds = word.join(listener["type"] for listener in own)
        why = f"{service} has a stream socket: this is another program's."
        return failed("high", f"{observed} Its type is {kinds}.", why, "Find out whose it is.", evidence)
    return _held(entry, own, observed, evidence)


def _held(entry: Data, own: list[Data], observed: str, evidence: list[str]) -> Outcome:
    strangers = [listener for listener in own if holder_of(entry, listener) in WHY]
    if entry["comm"] and strangers:
        held = f"{observed} Held by {word.join(word.culprit(listener) for listener in strangers)}."
        why = "Another process listens there: it gets what is meant for the service."
        return failed("high", held, why, "Find out what this process is.", evidence)
    return passed(f"{observed} {word.join(word.holder(listener) for listener in own)} listens.", evidence)
