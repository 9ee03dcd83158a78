# Copyright: (c) 2026, ck8s.ports contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a host loads when it boots: the policy as a file, and a unit of systemd's. Private to the collection."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Dict, Union

from ansible_collections.ck8s.ports.plugins.module_utils import _files
from ansible_collections.ck8s.ports.plugins.module_utils._firewall import NOTHING_KEPT, Kept, Load

UNIT = "ck8s-ports.service"

# After nftables.service, whose file usually begins with `flush ruleset`. Before network-pre.target, the point that
# whatever configures interfaces waits for (systemd.special(7)).
_UNIT = """\
# Written by ck8s.ports.port_policy.
[Unit]
Description=Firewall rules for the documented ports (ck8s.ports)
DefaultDependencies=no
Wants=network-pre.target
After=nftables.service local-fs.target
Before=network-pre.target shutdown.target
Conflicts=shutdown.target
ConditionPathExists={policy}

[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart={command} {policy}

[Install]
WantedBy=sysinit.target
"""

FileTexts = Dict[str, Union[str, None]]
"""Text, or target of the link, by path; None where there is to be none."""


@dataclass(frozen=True)
class BootPlan:
    """The files for the next boot, as found and as wanted; both empty on a host without systemd."""

    found: FileTexts
    wanted: FileTexts
    kept: Kept = NOTHING_KEPT
    """What the firewall brings back by its own means."""

    @property
    def changed(self) -> bool:
        """Whether a file must be written or removed, or the firewall told."""
        return self.found != self.wanted or self.kept.changed

    def described(self) -> tuple[str, str]:
        """Return lines about the files that differ, as found and as wanted; their text is the policy once more."""
        paths = [path for path in self.wanted if self.found[path] != self.wanted[path]]
        found = "".join(f"at boot: {path}: {self._what(path)}\n" for path in paths)
        wanted = "".join(f"at boot: {path}: {_NONE if self.wanted[path] is None else 'as wanted'}\n" for path in paths)
        if self.kept.changed:
            found += f"at boot: {self.kept.where}: {'other than wanted' if self.kept.found else _NONE}\n"
            wanted += f"at boot: {self.kept.where}: {'as wanted' if self.kept.wanted else _NONE}\n"
        return found, wanted

    def _what(self, path: str) -> str:
        if self.found[path] is None:
            return _NONE
        return "to be removed" if self.wanted[path] is None else "other than wanted"


_NONE = "none"


class Boot:
    """The files of one host. Methods raise OSError where a file cannot be read or written."""

    def __init__(self, run: str, root: str = "/") -> None:
        """Look whether systemd runs here; ``run`` is the directory for what need not outlive the boot."""
        self.persistent = os.path.isdir(os.path.join(root, "run/systemd/system"))
        self.directory = os.path.join(root, "etc/ck8s-ports")
        units = os.path.join(root, "etc/systemd/system")
        self.policy = os.path.join(self.directory, "policy.nft") if self.persistent else ""
        self.unit = os.path.join(units, UNIT) if self.persistent else ""
        self.link = os.path.join(units, "sysinit.target.wants", UNIT) if self.persistent else ""
        self.unconfirmed = f"{self.policy}.unconfirmed" if self.persistent else os.path.join(run, "unconfirmed")
        """Exists as long as a change is not confirmed; with systemd, the policy of the next boot once it is."""

    def plan(self, load: Load | None, kept: Kept = NOTHING_KEPT) -> BootPlan:
        """Compare what our unit would load at the next boot with ``load``, or with nothing; change nothing."""
        if not self.persistent:
            return BootPlan({}, {}, kept)
        found = {
            self.policy: _files.read(self.policy),
            self.unit: _files.read(self.unit),
            self.link: _files.target_of(self.link),
        }
        if load is None:
            return BootPlan(found, dict.fromkeys(found), kept)
        unit = _UNIT.format(policy=self.policy, command=" ".join(load.command))
        return BootPlan(found, {self.policy: load.text, self.unit: unit, self.link: self.unit}, kept)

    def stage(self, plan: BootPlan) -> None:
        """Write what the change would make permanent beside its place, so that a full disk is met before the change."""
        if self.persistent:
            os.makedirs(self.directory, mode=0o755, exist_ok=True)
        _files.write_durably(self.unconfirmed, plan.wanted.get(self.policy) or "")

    def commit(self, plan: BootPlan) -> None:
        """Make the staged change permanent. One rename decides: what is left to do after it changes no boot."""
        if not self.persistent:
            os.unlink(self.unconfirmed)
            return
        unit = plan.wanted[self.unit]
        if unit is not None:
            self._install(unit)
        _files.rename_durably(self.unconfirmed, self.policy)
        if unit is None:
            for path in (self.link, self.unit, self.policy):
                _files.remove(path)
            _files.remove_empty(self.directory)

    def withdraw(self) -> None:
        """Forget what was staged."""
        _files.remove(self.unconfirmed)
        if self.persistent:
            _files.remove_empty(self.directory)

    def _install(self, unit: str) -> None:
        """Enable the unit as `systemctl enable` does; nothing needs to know of it before the next boot."""
        if _files.read(self.unit) != unit:
            _files.write_durably(self.unit, unit)
        if _files.target_of(self.link) != self.unit:
            os.makedirs(os.path.dirname(self.link), exist_ok=True)
            _files.remove(self.link)
            os.symlink(self.unit, self.link)
            _files.sync_directory(os.path.dirname(self.link))
