# Copyright: (c) 2026, ck8s.ports contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A change of the firewall that waits for its confirmation, on the host. Private to the collection.

RUN/change/       the change that waits: there is one at most
    token         names the change, and is the lock (flock) of whoever decides what becomes of it
    record.json   who made it, when, and until when it waits
    previous      the rules to go back to
    restore.sh    goes back to them
RUN/taken-back/   the same directory, after it has been taken back, until a run has told of it
"""

from __future__ import annotations

import binascii
import contextlib
import fcntl
import json
import os
import re
import shutil
import subprocess
import tempfile
import time
from typing import Any, Callable, Dict, Iterator

from ansible_collections.ck8s.ports.plugins.module_utils import _files
from ansible_collections.ck8s.ports.plugins.module_utils._boot import UNIT, Boot, BootPlan
from ansible_collections.ck8s.ports.plugins.module_utils._firewall import FirewallError, Load
from ansible_collections.ck8s.ports.plugins.module_utils._restore_script import render_restore_script
from ansible_collections.ck8s.ports.plugins.module_utils._timer import start_timer, stop_timer, unload_unit

RUN = "/run/ck8s-ports"
"""Gone after a reboot, as the rules of the kernel are."""

GRACE = 5
"""Seconds after its time by which a timer has surely fired; a change that still waits then has lost its timer."""

CONFIRMED, EXPIRED, TAKEN_BACK = "confirmed", "expired", "taken_back"
"""What becomes of a change. Expired: too late to confirm it, the timer is about to take it back."""

_RESTORE_PATIENCE = 30
_UNPRINTABLE = re.compile(r"[^\x20-\x7e]")

Record = Dict[str, Any]
"""by, at (ISO 8601, UTC, by the host's clock), token, boot_id, deadline (seconds of CLOCK_MONOTONIC)."""


class Waiting:
    """The place for one change on this host. Each method raises :class:`FirewallError`."""

    def __init__(self, boot: Boot, run: str = RUN) -> None:
        self._boot = boot
        self._run = run
        self._change = os.path.join(run, "change")
        self._taken_back = os.path.join(run, "taken-back")

    def current(self) -> Record | None:
        """Return the record of the change that waits for its confirmation, None where there is none."""
        return self._record(self._change)

    def earlier(self, *, settle: bool) -> Record | None:
        """Return what has been taken back since the last run: by, at, and reason, which is not_confirmed or restarted.

        None where nothing has been. With ``settle``, a change that has lost its timer is taken back first, and what is
        returned is forgotten; without, nothing is touched.
        """
        try:
            return self._earlier(settle)
        except OSError as error:
            problem = f"cannot tell whether an earlier change was taken back: {_files.with_remedy(error)}"
            raise FirewallError(problem) from error

    def _earlier(self, settle: bool) -> Record | None:
        waiting = self.current()
        if waiting is not None and not _overdue(waiting):
            return None
        if waiting is not None and settle:
            self.restore(str(waiting["token"]))
        record = self._record(self._taken_back) or waiting
        # The change has gone with /run, and what it would have made permanent is still there.
        restarted = record is None and self._boot.persistent and os.path.exists(self._boot.unconfirmed)
        if settle:
            shutil.rmtree(self._taken_back, ignore_errors=True)
            if record is not None or restarted:
                self._boot.withdraw()
            _files.remove_empty(self._run)
        if record is not None:
            return {"by": record["by"], "at": record["at"], "reason": "not_confirmed"}
        return {"by": None, "at": None, "reason": "restarted"} if restarted else None

    def arm(self, previous: Load, boot_plan: BootPlan, by: str, seconds: int) -> str:
        """Make sure that ``previous`` is loaded in ``seconds`` unless the change is confirmed; return its token.

        Refuses while another change waits. Nothing is left behind when it raises.
        """
        token = binascii.hexlify(os.urandom(8)).decode("ascii")
        try:
            self._claim(previous, token, by, seconds)
        except OSError as error:
            problem = f"cannot prepare to take the change back: {_files.with_remedy(error)}"
            raise FirewallError(f"{problem} (nothing was changed)") from error
        try:
            self._boot.stage(boot_plan)
            start_timer(self._script(self._change), token, seconds, systemd=self._boot.persistent)
        except (OSError, FirewallError) as error:
            self.withdraw()
            reason = str(error)
            if isinstance(error, OSError):
                reason = f"cannot prepare what the next boot loads: {_files.with_remedy(error)}"
            raise FirewallError(f"{reason} (nothing was changed)") from error
        return token

    def _claim(self, previous: Load, token: str, by: str, seconds: int) -> None:
        os.makedirs(self._run, mode=0o700, exist_ok=True)
        new = tempfile.mkdtemp(prefix="new-", dir=self._run)
        try:
            record = {
                "by": _UNPRINTABLE.sub("?", by)[:200],
                "at": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
                "token": token,
                "boot_id": _boot_id(),
                "deadline": time.monotonic() + seconds,
            }
            script = render_restore_script(
                command=previous.command,
                change=self._change,
                taken_back=self._taken_back,
                unconfirmed=self._boot.unconfirmed,
                policy=self._boot.policy,
                unit=self._boot.unit,
                link=self._boot.link,
            )
            for name, text in (
                ("token", token),
                ("record.json", json.dumps(record)),
                ("previous", previous.text),
                ("restore.sh", script),
            ):
                _files.write_durably(os.path.join(new, name), text, 0o600)
            # Complete or not there at all; and the rename fails where another change is.
            os.rename(new, self._change)
        except OSError as error:
            shutil.rmtree(new, ignore_errors=True)
            other = self.current()
            if other is not None:
                raise FirewallError(f"{waits(other)} (nothing was changed)") from error
            raise

    @contextlib.contextmanager
    def holding(self, token: str) -> Iterator[bool]:
        """Keep the timer from acting for the duration; yield whether the change still waits and has time left."""
        try:
            lock = os.open(os.path.join(self._change, "token"), os.O_RDONLY | os.O_CLOEXEC)
        except FileNotFoundError:
            yield False
            return
        try:
            fcntl.flock(lock, fcntl.LOCK_EX)
            record = self.current()
            yield record is not None and record["token"] == token and not _expired(record)
        finally:
            os.close(lock)

    def confirm(self, token: str, boot_plan: BootPlan, keep: Callable[[], Callable[[], None]]) -> str:
        """Make the change permanent and stop its timer; return what has become of it.

        ``keep`` has the firewall itself keep it (see :meth:`_firewall.Backend.keep`).
        """
        with self.holding(token) as in_time:
            if not in_time:
                waiting = self.current()
                return EXPIRED if waiting is not None and waiting["token"] == token else TAKEN_BACK
            complete = keep()
            try:
                self._boot.commit(boot_plan)
            except OSError as error:
                raise FirewallError(f"the change cannot be made permanent: {_files.with_remedy(error)}") from error
            self._forget()
            complete()
        stop_timer(token, systemd=self._boot.persistent)
        if self._boot.persistent and boot_plan.wanted[self._boot.unit] is None:
            unload_unit(UNIT)
        return CONFIRMED

    def restore(self, token: str) -> None:
        """Take the change back now."""
        try:
            completed = subprocess.run(
                ["/bin/sh", self._script(self._change), token], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT, encoding="utf-8", errors="replace", timeout=_RESTORE_PATIENCE, check=False,
            )  # fmt: skip
            problem = completed.stdout.strip() if completed.returncode or self.current() else ""
        except subprocess.TimeoutExpired:
            problem = f"no success in {_RESTORE_PATIENCE} seconds"
        if self.current() is not None:
            raise FirewallError(
                f"the previous rules could not be loaded: {problem}; they are in {self._change}/previous on the host. "
                f"Mend that there, then load them: sh {self._script(self._change)} {token}"
            )

    def take_back(self, token: str) -> None:
        """Take a change back whose own run tells of it, so that the next run need not."""
        waiting = self.current()
        if waiting is not None and waiting["token"] == token:
            self.restore(token)
        elif waiting is not None:
            return  # another one's; ours is over
        stop_timer(token, systemd=self._boot.persistent)
        shutil.rmtree(self._taken_back, ignore_errors=True)
        _files.remove_empty(self._run)

    def withdraw(self) -> None:
        """Forget a change that has not been made."""
        with contextlib.suppress(OSError):
            self._boot.withdraw()
        self._forget()

    def _forget(self) -> None:
        done = f"{self._change}.done"
        shutil.rmtree(done, ignore_errors=True)
        os.rename(self._change, done)
        shutil.rmtree(done, ignore_errors=True)
        shutil.rmtree(self._taken_back, ignore_errors=True)
        _files.remove_empty(self._run)

    def _record(self, directory: str) -> Record | None:
        try:
            text = _files.read(os.path.join(directory, "record.json"))
        except OSError as error:
            problem = f"cannot tell whether a change waits for its confirmation: {_files.with_remedy(error)}"
            raise FirewallError(problem) from error
        return None if text is None else dict(json.loads(text))

    @staticmethod
    def _script(directory: str) -> str:
        return os.path.join(directory, "restore.sh")


def waits(record: Record) -> str:
    """Say that a change waits, whose, and for how long."""
    return (
        f"another change of this firewall, by {record['by']} at {record['at']}, waits for its confirmation for another "
        f"{max(1, round(record['deadline'] - time.monotonic()))} seconds; run again when it has been confirmed or "
        "taken back"
    )


def _expired(record: Record) -> bool:
    return bool(record["boot_id"] != _boot_id() or time.monotonic() >= record["deadline"])


def _overdue(record: Record) -> bool:
    return bool(record["boot_id"] != _boot_id() or time.monotonic() >= record["deadline"] + GRACE)


def _boot_id() -> str:
    with open("/proc/sys/kernel/random/boot_id", encoding="ascii") as file:
        return file.read().strip()
