# Copyright: (c) 2026, ck8s.ports contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The firewalld backend of port_policy: rich rules of our own. Private to the collection.

A policy object or an ipset of our own would be fewer rules, but firewalld takes a new one only with a reload
(firewalld.dbus(5): both are permanent configuration), and a reload refuses connections and may remove rules of others.
Rich rules can be added and removed one by one, at once. They go to each zone that packets get into, in a band of
priorities that is free: first all new rules in their order, then the old ones are removed, the last one first. At each
moment the rules are the beginning of the new list and all of the old, or all of the new list and the beginning of the
old. So each connection gets the verdict of the rules before or of the rules after.
"""

from __future__ import annotations

import os
import shlex
from dataclasses import dataclass
from typing import Callable, Iterator

from ansible_collections.ck8s.ports.plugins.module_utils import _files
from ansible_collections.ck8s.ports.plugins.module_utils._capabilities import require_net_admin
from ansible_collections.ck8s.ports.plugins.module_utils._firewall import (
    FirewallError,
    Kept,
    LiveRule,
    LiveState,
    Load,
    Plan,
    nothing_to_complete,
)
from ansible_collections.ck8s.ports.plugins.module_utils._firewalld_bus import BUSCTL, CONFIG, NAME, PATH, Firewalld
from ansible_collections.ck8s.ports.plugins.module_utils._firewalld_rules import (
    BAND,
    FIRST_PRIORITY,
    free_band,
    in_order,
    is_ours,
    overruled,
    refuse_what_firewalld_cannot,
    rules_of,
    with_priorities,
    without_priority,
)
from ansible_collections.ck8s.ports.plugins.module_utils._foreign_chains import foreign_chains, warnings
from ansible_collections.ck8s.ports.plugins.module_utils._nft import TIMEOUT, Nft, find_nft
from ansible_collections.ck8s.ports.plugins.module_utils._policy import Policy

_ZONES = "etc/firewalld/zones"
_OWN_TABLE = "inet firewalld"


@dataclass(frozen=True)
class _Zone:
    """Our rules of one zone, with their priorities: in force, as they are to be, and the permanent ones as found."""

    name: str
    found: list[str]
    wanted: list[str]
    permanent: list[str]

    @property
    def would_be_kept(self) -> bool:
        """Whether the permanent rules are others than the wanted ones, and so change with the confirmation."""
        return [without_priority(rule) for rule in self.permanent] != [without_priority(rule) for rule in self.wanted]


class FirewalldBackend:
    """Our rich rules in firewalld. Each method raises :class:`FirewallError`."""

    name = "firewalld"
    keeps = True

    def __init__(self, timeout: float = TIMEOUT, root: str = "/") -> None:
        """``timeout`` is in seconds, for each call of a program."""
        require_net_admin()
        self._timeout = timeout
        self._root = root
        self._firewalld = Firewalld(timeout, root)
        self._zones: list[_Zone] = []
        self._names: dict[str, str] = {}
        self._concerned: list[str] = []

    def active(self) -> bool:
        """Return whether firewalld runs."""
        return self._firewalld.runs()

    def has_ours(self) -> bool:
        """Return whether anything of ours is in force or permanent; firewalld runs."""
        return self.read().present or self.has_ours_in_files()

    def has_ours_in_files(self) -> bool:
        """Return whether a file of firewalld's has a priority that is ours."""
        return bool(list(self._zones_with_ours_in_files()))

    def read(self) -> LiveState:
        """Return which of our rules are in force: in each zone or, after a plan, in those that it concerns."""
        zones = self._concerned or self._firewalld.zones()
        return self._live({zone: in_order(self._firewalld.rich_rules(zone)) for zone in zones})

    def plan(self, policy: Policy | None) -> Plan:
        """Compare what firewalld says is in force with ``policy``; change nothing."""
        if policy is not None:
            refuse_what_firewalld_cannot(policy)
        if not self.active():
            raise FirewallError(
                "firewalld does not run here; start it (`systemctl start firewalld`), or use backend: nftables "
                "(nothing was changed)"
            )
        in_force = {zone: self._firewalld.rich_rules(zone) for zone in self._firewalld.zones()}
        used = self._firewalld.used_zones()
        rules = [] if policy is None else rules_of(policy)
        texts = [text for _unused, text in rules]
        self._names = {text: name for name, text in rules}
        band = free_band(rule for rules_in_zone in in_force.values() for rule in rules_in_zone)
        self._zones = []
        for zone, found_in_zone in in_force.items():
            found = in_order(found_in_zone)
            wanted_texts = texts if zone in used else []
            unchanged = [without_priority(rule) for rule in found] == wanted_texts
            wanted = found if unchanged else with_priorities(wanted_texts, band)
            if found or zone in used:
                self._zones.append(_Zone(zone, found, wanted, self._permanent(zone)))
        self._concerned = [zone.name for zone in self._zones]
        warned = list(self._warnings(policy, {zone: in_force[zone] for zone in used if zone in in_force}))
        return Plan(
            policy=policy,
            live=self._live({zone.name: zone.found for zone in self._zones}),
            wanted=self._live({zone.name: zone.wanted for zone in self._zones}).text,
            warnings=tuple(warned),
        )

    def apply(self, plan: Plan) -> None:
        """Add what is new in its order, then remove what is old from its end."""
        for zone in self._zones:
            for rule in zone.wanted:
                if rule not in zone.found:
                    self._firewalld.add(zone.name, rule)
        for zone in self._zones:
            for rule in reversed(zone.found):
                if rule not in zone.wanted:
                    self._firewalld.remove(zone.name, rule)
        if self.read().text != plan.wanted:
            raise FirewallError(
                "the rules were added, but firewalld has others now: something else changes it at the same time; find "
                "it, then run again"
            )

    def previous(self, plan: Plan) -> Load:
        """Return the script that does the same in the other direction, for what is in force and what is permanent."""
        del plan
        return Load(["/bin/sh"], _restore_script(self._zones))

    def wanted(self, policy: Policy | None) -> Load | None:
        """Return nothing: firewalld loads its files itself."""
        del policy
        return None

    def kept(self, policy: Policy | None) -> Kept:
        """Compare our permanent rules with the wanted ones, wherever in our range their priorities are."""
        if not self.active():
            return Kept()
        found = wanted = ""
        for zone, rules, wanted_texts in self._permanent_rules(policy):
            found += "".join(f"{zone}: {without_priority(rule)}\n" for rule in in_order(rules))
            wanted += "".join(f"{zone}: {text}\n" for text in wanted_texts)
        return Kept(os.path.join(self._root, _ZONES), found, wanted)

    def keep(self, policy: Policy | None) -> Callable[[], None]:
        """Set the permanent rules, with the priorities of those in force; those of others stay as they are."""
        for zone, rules, wanted_texts in self._permanent_rules(policy):
            if [without_priority(rule) for rule in in_order(rules)] == wanted_texts:
                continue
            in_force = in_order(self._firewalld.rich_rules(zone))
            same = [without_priority(rule) for rule in in_force] == wanted_texts
            ours = in_force if same else with_priorities(wanted_texts, 0)
            others = [rule for rule in rules if not is_ours(rule)]
            self._firewalld.set_permanent_rich_rules(zone, [*others, *ours])
        return nothing_to_complete

    def _live(self, zones: dict[str, list[str]]) -> LiveState:
        """Return the rules of each zone. A rich rule has no name: its id is that of the policy's rule like it."""
        rules: list[LiveRule] = []
        for zone, rules_in_zone in zones.items():
            for rule in rules_in_zone:
                name = self._names.get(without_priority(rule))
                shown = f"zone {zone}: {rule}" + (f' comment "{name}"' if name else "")
                rules.append({"id": name, "text": shown, "packets": None, "bytes": None})
        return LiveState(text="".join(f"{rule['text']}\n" for rule in rules), rules=rules)

    def _permanent_rules(self, policy: Policy | None) -> Iterator[tuple[str, list[str], list[str]]]:
        """Yield each zone that has or is to have permanent rules of ours, all its rules, and what ours are to do."""
        texts = [] if policy is None else [text for _unused, text in rules_of(policy)]
        used = self._firewalld.used_zones()
        for zone in sorted({*(used if policy else []), *self._zones_with_ours_in_files()}):
            yield zone, self._firewalld.permanent_rich_rules(zone), texts if zone in used else []

    def _permanent(self, zone: str) -> list[str]:
        return in_order(self._firewalld.permanent_rich_rules(zone))

    def _zones_with_ours_in_files(self) -> Iterator[str]:
        directory = os.path.join(self._root, _ZONES)
        bands = range(-FIRST_PRIORITY // BAND - 7, -FIRST_PRIORITY // BAND + 1)
        for name in sorted(os.listdir(directory)) if os.path.isdir(directory) else []:
            text = _files.read(os.path.join(directory, name)) or ""
            if name.endswith(".xml") and any(f'priority="-{band}' in text for band in bands):
                yield name[: -len(".xml")]

    def _warnings(self, policy: Policy | None, in_force: dict[str, list[str]]) -> Iterator[str]:
        if policy is None:
            return
        for zone, rules in in_force.items():
            for rule in overruled(rules, policy):
                yield (
                    f"the rich rule `{rule}` of the zone {zone} comes after those of this collection: it no longer "
                    f"refuses what this policy accepts. Where it is to, give it a priority below {FIRST_PRIORITY}"
                )
        chains = foreign_chains(Nft(find_nft(), self._timeout))
        yield from warnings([chain for chain in chains if chain.table != _OWN_TABLE])


# A rule that is there already, or not there any more, is as it should be. Where firewalld does not run nothing of ours
# is in force.
_RESTORE = r"""#!/bin/sh
# Written by ck8s.ports.port_policy.
status=0
told() {
    as_it_should_be=$1
    shift
    answer=$(@busctl@ call -- "$@" 2>&1) && return 0
    case $answer in
    *"$as_it_should_be"*) ;;
    *)
        echo "$answer"
        status=1
        ;;
    esac
}
in_force() {
    told "$1" @name@ @path@ @name@.zone "$2" "$3" "$4" "$5" ${6+"$6"}
}
permanent() {
    told "$1" @name@ "$zone" @name@.config.zone "$2" s "$3"
}
permanent_zone() {
    zone=$(@busctl@ call -- @name@ @config@ @name@.config getZoneByName s "$1" | sed -n 's/^o "\(.*\)"$/\1/p')
}
case $(@busctl@ call -- org.freedesktop.DBus /org/freedesktop/DBus org.freedesktop.DBus NameHasOwner s @name@) in
"b true") ;;
"b false") exit 0 ;;
*) exit 1 ;;
esac
@steps@exit $status
"""


def _restore_script(zones: list[_Zone]) -> str:
    steps = []
    for zone in zones:
        name = shlex.quote(zone.name)
        if zone.found != zone.wanted:
            steps += [f"in_force ALREADY_ENABLED addRichRule ssi {name} {shlex.quote(rule)} 0" for rule in zone.found]
        if zone.would_be_kept:
            steps.append(f"permanent_zone {name}")
            steps += [f"permanent ALREADY_ENABLED addRichRule {shlex.quote(rule)}" for rule in zone.permanent]
    for zone in zones:
        name = shlex.quote(zone.name)
        new = [shlex.quote(rule) for rule in reversed(zone.wanted) if rule not in zone.found]
        steps += [f"in_force NOT_ENABLED removeRichRule ss {name} {rule}" for rule in new]
        if zone.would_be_kept:
            new = [shlex.quote(rule) for rule in reversed(zone.wanted) if rule not in zone.permanent]
            steps.append(f"permanent_zone {name}")
            steps += [f"permanent NOT_ENABLED removeRichRule {rule}" for rule in new]
    values = {
        "busctl": " ".join(BUSCTL),
        "name": NAME,
        "path": PATH,
        "config": CONFIG,
        "steps": "".join(f"{step}\n" for step in steps),
    }
    script = _RESTORE
    for name, value in values.items():
        script = script.replace(f"@{name}@", value)
    return script
