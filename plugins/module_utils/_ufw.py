# Copyright: (c) 2026, ck8s.ports contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The ufw backend of port_policy: rules of ours among those of the user. Private to the collection.

`ufw` itself is not called. It takes one rule at a time, writes it to its file at once (so that a change that nobody has
confirmed would be there after a boot), and to insert or delete one it loads all rules of the user anew (ufw 0.36.2,
UFWBackendIptables._reload_user_rules), which sets their counters to zero. So our rules are changed in the kernel by one
transaction of iptables-restore per family, and, once the change is confirmed, in ufw's files, under ufw's own lock and
in its own notation.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import json
import os
import re
import stat
import time
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import Callable, Iterator

from ansible_collections.ck8s.ports.plugins.module_utils import _files
from ansible_collections.ck8s.ports.plugins.module_utils._capabilities import require_net_admin
from ansible_collections.ck8s.ports.plugins.module_utils._firewall import (
    FirewallError,
    Kept,
    LiveState,
    Load,
    Plan,
)
from ansible_collections.ck8s.ports.plugins.module_utils._foreign_chains import foreign_chains, warnings
from ansible_collections.ck8s.ports.plugins.module_utils._iptables import Chain, KernelRule, transaction
from ansible_collections.ck8s.ports.plugins.module_utils._nft import TIMEOUT, Nft, find_nft
from ansible_collections.ck8s.ports.plugins.module_utils._policy import Policy
from ansible_collections.ck8s.ports.plugins.module_utils._scratch_namespace import (
    ScratchNamespaceError,
    in_scratch_namespace,
)
from ansible_collections.ck8s.ports.plugins.module_utils._ufw_restore import Change, render_ufw_restore
from ansible_collections.ck8s.ports.plugins.module_utils._ufw_rules import (
    FAMILIES,
    MARK,
    Family,
    RulesFile,
    overruled,
    place_of_ours,
    refuse_what_ufw_cannot,
    rules_of,
    shown_rule,
    shown_rules,
)

_SETTING = r"^{name}=[\"']?(\w+)"
_MARK_IN_FILE = f"comment={MARK.encode('ascii').hex()}"


@dataclass(frozen=True)
class _Found:
    """One family: ufw's file, and the kernel's chain with the id of each rule, None for one of others."""

    family: Family
    file: RulesFile
    rules: list[KernelRule]
    ids: list[str | None]

    @property
    def texts(self) -> list[str]:
        return [rule.text for rule in self.rules]

    @property
    def ours(self) -> list[str]:
        return [rule.text for rule, name in zip(self.rules, self.ids) if name is not None]

    @property
    def others(self) -> list[str]:
        return [rule.text for rule, name in zip(self.rules, self.ids) if name is None]

    def shown(self) -> str:
        return shown_rules(self.family.chain, list(zip(self.ids, self.texts)))


@dataclass(frozen=True)
class _Wanted:
    """One family: the text of ufw's file, and our rules in the kernel with their ids."""

    file: str
    ours: list[tuple[str, str]]


class UfwBackend:
    """Our rules in ufw. Each method raises :class:`FirewallError`."""

    name = "ufw"
    keeps = True

    def __init__(self, timeout: float = TIMEOUT, root: str = "/") -> None:
        """Look for ufw's files below ``root``; ``timeout`` is in seconds, for each call of a program."""
        require_net_admin()
        self._timeout = timeout
        self._root = root
        self._lock = os.path.join(root, "run/ufw.lock")
        self._planned: list[tuple[_Found, _Wanted]] = []

    def enabled(self) -> bool:
        """Return whether ufw is to be active, by its configuration."""
        return self._setting("etc/ufw/ufw.conf", "ENABLED") == "yes"

    def loaded(self) -> bool:
        """Return whether ufw's chains are in the kernel."""
        return self._is_there(self._chain(FAMILIES[0]))

    def has_ours(self) -> bool:
        """Return whether a file of ufw has rules of ours."""
        return any(_MARK_IN_FILE in (_read(self._path(family)) or "") for family in FAMILIES)

    def read(self) -> LiveState:
        """Return which of our rules the kernel holds, and where among those of others they stand."""
        return self._live([self._found(family, None) for family in self._families()])

    def plan(self, policy: Policy | None) -> Plan:
        """Compare the kernel's chains with what ufw's files would make of them; change nothing.

        The files are loaded in a network namespace of its own to that end, as they are and as they would be.
        """
        if policy is not None:
            refuse_what_ufw_cannot(policy)
            if not (self.enabled() and self.loaded()):
                raise FirewallError(
                    "ufw is not active here; enable it (`ufw enable`, after `ufw allow` for SSH), or use backend: "
                    "nftables (nothing was changed)"
                )
        self._planned = []
        for family in self._families():
            wanted = self._wanted(family, policy)
            self._planned.append((self._found(family, wanted), wanted))
        live = self._live([found for found, _unused in self._planned])
        after = "".join(_shown_after(found, wanted) for found, wanted in self._planned)
        return Plan(policy=policy, live=live, wanted=after, warnings=tuple(self._warnings(policy)))

    def apply(self, plan: Plan) -> None:
        """Exchange our rules, those of each family in one transaction."""
        with self._ufw_waits():
            for found, wanted in self._planned:
                current = self._found(found.family, wanted)
                script = _exchange(current, [rule for _unused, rule in wanted.ours])
                if script:
                    self._chain(found.family).restore(script)
            live = self._live([self._found(found.family, wanted) for found, wanted in self._planned])
        if live.text != plan.wanted:
            raise FirewallError(
                "the rules were loaded, but the kernel holds others now: something else changes ufw's chains at the "
                "same time; find it, then run again"
            )

    def previous(self, plan: Plan) -> Load:
        """Return the script that exchanges the rules of the plan for those that were found."""
        return render_ufw_restore(
            [
                Change(
                    self._chain(found.family).program, found.family.chain, found.ours, [r for _unused, r in wanted.ours]
                )
                for found, wanted in self._planned
            ]
        )

    def wanted(self, policy: Policy | None) -> Load | None:
        """Return nothing: ufw loads its files itself."""
        del policy
        return None

    def kept(self, policy: Policy | None) -> Kept:
        """Compare our rules in ufw's files with the wanted ones."""
        found = wanted = ""
        for family in FAMILIES:
            file = self._file(family)
            if file is not None:
                found += file.ours()
                wanted += RulesFile(self._with_ours(family, file, policy), family).ours()
        return Kept(os.path.join(self._root, "etc/ufw/user*.rules"), found, wanted)

    def keep(self, policy: Policy | None) -> Callable[[], None]:
        """Write ufw's files anew beside their places; what is returned puts them there."""
        try:
            with self._ufw_waits():
                staged = [path for family in FAMILIES for path in self._stage(family, policy)]
        except OSError as error:
            raise FirewallError(f"ufw's files cannot be written: {_files.with_remedy(error)}") from error

        def complete() -> None:
            for new, path in staged:
                _files.rename_durably(new, path)

        return complete

    def _stage(self, family: Family, policy: Policy | None) -> Iterator[tuple[str, str]]:
        path = os.path.realpath(self._path(family))
        text = _files.read(path)
        if text is None:
            return
        wanted = self._with_ours(family, RulesFile(text, family), policy)
        if wanted != text:
            new = f"{path}.ck8s-ports"
            _files.write_durably(new, wanted, stat.S_IMODE(os.stat(path).st_mode))
            yield new, path

    def _families(self) -> list[Family]:
        """Return those that ufw has chains for."""
        return [family for family in FAMILIES if self._manages(family) and self._is_there(self._chain(family))]

    def _manages(self, family: Family) -> bool:
        return family.name != "ipv6" or self._setting("etc/default/ufw", "IPV6") == "yes"

    def _found(self, family: Family, wanted: _Wanted | None) -> _Found:
        file = self._existing_file(family)
        rules = self._chain(family).rules()
        printed = self._printed(family, _read(self._path(family)) or "")
        ids = _identify([rule.text for rule in rules], printed, file.ids(), wanted.ours if wanted else [])
        return _Found(family, file, rules, ids)

    def _wanted(self, family: Family, policy: Policy | None) -> _Wanted:
        file = self._existing_file(family)
        text = self._with_ours(family, file, policy)
        ids = RulesFile(text, family).ids()
        ours = [(name, rule) for name, rule in zip(ids, self._printed(family, text)) if name is not None]
        return _Wanted(text, ours)

    def _with_ours(self, family: Family, file: RulesFile, policy: Policy | None) -> str:
        return file.with_ours([] if policy is None or not self._manages(family) else rules_of(policy, family))

    def _printed(self, family: Family, text: str) -> list[str]:
        """Return the chain that a file of ufw's makes, as the kernel prints it."""

        def load_and_print() -> str:
            chain = self._chain(family)
            chain.restore(text)
            return json.dumps([rule.text for rule in chain.rules()])

        try:
            return list(json.loads(in_scratch_namespace(load_and_print)))
        except ScratchNamespaceError as error:
            raise FirewallError(f"{self._path(family)}: {error} (nothing was changed)") from error

    def _warnings(self, policy: Policy | None) -> Iterator[str]:
        if policy is None:
            return
        if not self._manages(FAMILIES[1]):
            yield (
                "ufw does not manage IPv6 here (IPV6 in /etc/default/ufw): it lets nothing in over IPv6 but on lo. "
                "Where the ports are to be open over IPv6 as well, set it to yes; ufw reads it when it starts anew, "
                "and lets everything in for about a second then"
            )
        for found, _unused in self._planned:
            for rule in overruled(found.others, policy):
                yield (
                    f"the rule `{found.family.chain} {rule}` of others stands behind one that lets someone in, and so "
                    "behind the rules of this collection: it no longer refuses what this policy accepts. Where it is "
                    "to, put it first (`ufw delete` it, then `ufw prepend` it)"
                )
        with contextlib.suppress(FirewallError):  # without nft there is nothing to be seen
            chains = foreign_chains(Nft(find_nft(), self._timeout))
            yield from warnings([chain for chain in chains if chain.chain != "INPUT"])

    def _live(self, found: list[_Found]) -> LiveState:
        return LiveState(
            text="".join(each.shown() for each in found),
            rules=[
                {
                    "id": name,
                    "text": shown_rule(each.family.chain, name, rule.text),
                    "packets": rule.packets,
                    "bytes": rule.bytes,
                }
                for each in found
                for rule, name in zip(each.rules, each.ids)
                if name is not None
            ],
        )

    def _chain(self, family: Family) -> Chain:
        return Chain(family.program, family.chain, self._timeout)

    @staticmethod
    def _is_there(chain: Chain) -> bool:
        try:
            chain.rules()
        except FirewallError:
            return False
        return True

    def _path(self, family: Family) -> str:
        return os.path.join(self._root, "etc/ufw", family.file)

    def _file(self, family: Family) -> RulesFile | None:
        text = _read(self._path(family))
        return None if text is None else RulesFile(text, family)

    def _existing_file(self, family: Family) -> RulesFile:
        file = self._file(family)
        if file is None:
            raise FirewallError(
                f"{self._path(family)} is missing: ufw is installed, but not as a whole; reinstall the package ufw, or "
                "use backend: nftables"
            )
        return file

    def _setting(self, path: str, name: str) -> str:
        text = _read(os.path.join(self._root, path)) or ""
        values = re.findall(_SETTING.format(name=name), text, re.MULTILINE)
        return str(values[-1]).lower() if values else ""

    @contextlib.contextmanager
    def _ufw_waits(self) -> Iterator[None]:
        """Hold the lock that `ufw` takes for each change (ufw.util.create_lock)."""
        deadline = time.monotonic() + self._timeout
        try:
            file = open(self._lock, "w", encoding="ascii")  # noqa: SIM115  # closed below
        except OSError as error:
            raise FirewallError(f"cannot lock {self._lock}: {_files.with_remedy(error)}") from error
        with file:
            while True:
                try:
                    fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    break
                except OSError as error:
                    if error.errno not in (errno.EACCES, errno.EAGAIN):
                        raise FirewallError(f"cannot lock {self._lock}: {_files.with_remedy(error)}") from error
                if time.monotonic() > deadline:
                    raise FirewallError(
                        f"another `ufw` has held {self._lock} for {self._timeout:g} seconds; look for it "
                        "(`fuser /run/ufw.lock`), then run again"
                    )
                time.sleep(0.05)
            yield


def _read(path: str) -> str | None:
    try:
        return _files.read(path)
    except OSError as error:
        raise FirewallError(f"cannot read {path}: {_files.with_remedy(error)} (nothing was changed)") from error


def _identify(
    rules: list[str], printed: list[str], ids: list[str | None], wanted: list[tuple[str, str]]
) -> list[str | None]:
    """Return the id of each of ``rules``, those in the kernel's chain; None for those of others.

    ``printed`` and ``ids`` are what ufw's file makes. A rule of ours that is not in the file is known by being one of
    ``wanted``: a change that has not been written to the file.
    """
    found: list[str | None] = [None] * len(rules)
    matched = [False] * len(rules)
    for start, in_rules, size in SequenceMatcher(a=printed, b=rules, autojunk=False).get_matching_blocks():
        for offset in range(size):
            found[in_rules + offset] = ids[start + offset]
            matched[in_rules + offset] = True
    names = {rule: name for name, rule in wanted}
    left = [rule for name, rule in wanted]
    for index, rule in enumerate(rules):
        if found[index] is not None and rule in left:
            left.remove(rule)
    for index, rule in enumerate(rules):
        if not matched[index] and rule in left:
            found[index] = names[rule]
            left.remove(rule)
    return found


def _shown_after(found: _Found, wanted: _Wanted) -> str:
    others: list[tuple[str | None, str]] = [(None, rule) for rule in found.others]
    place = place_of_ours(found.others)
    return shown_rules(found.family.chain, [*others[:place], *wanted.ours, *others[place:]])


def _exchange(found: _Found, wanted: list[str]) -> str:
    """Return the transaction that puts ``wanted`` where ours are to be, "" where it would do nothing."""
    place = place_of_ours(found.others)
    after = [*found.others[:place], *wanted, *found.others[place:]]
    if after == found.texts:
        return ""
    where = [index for index, name in enumerate(found.ids) if name is not None]
    if where == list(range(place, place + len(where))):
        return transaction(found.family.chain, place + 1, found.ours, wanted)
    # Someone has put rules between ours, or in front of them.
    deletions = "".join(f"-D {found.family.chain} {index + 1}\n" for index in reversed(where))
    insertions = "".join(f"-I {found.family.chain} {place + 1 + n} {rule}\n" for n, rule in enumerate(wanted))
    return f"*filter\n{deletions}{insertions}COMMIT\n"
