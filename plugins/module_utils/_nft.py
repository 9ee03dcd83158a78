# Copyright: (c) 2026, ck8s.ports contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The program nft, and our table through it. Private to the collection."""

from __future__ import annotations

import ctypes
import os
import shutil
import signal
import subprocess
from pathlib import Path

from ansible_collections.ck8s.ports.plugins.module_utils._firewall import FirewallError
from ansible_collections.ck8s.ports.plugins.module_utils._nft_render import TABLE

TIMEOUT = 30.0
"""Seconds that one call of nft may take. A change of a few hundred rules takes a few hundredths of one."""

# A user's PATH, or that of a non-login shell, often lacks them.
_SYSTEM_DIRECTORIES = ("/usr/local/sbin", "/usr/sbin", "/sbin")


def find_nft() -> str:
    """Return the path of nft; raises :class:`FirewallError` naming the package where there is none."""
    path = os.pathsep.join([os.environ.get("PATH", os.defpath), *_SYSTEM_DIRECTORIES])
    program = shutil.which("nft", path=path)
    if program is None:
        raise FirewallError(f"nft was not found on {path}; install the package nftables on this host")
    return program


# include/uapi/linux/prctl.h
_PR_SET_PDEATHSIG = 1
_LIBC = ctypes.CDLL(None)


def _end_with_parent() -> None:
    """Have the kernel kill this process with its parent: an nft that hangs must not make a change after all, later."""
    _LIBC.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


class Nft:
    """Calls of nft, in the network namespace of the caller. Each method raises :class:`FirewallError`."""

    def __init__(self, program: str, timeout: float = TIMEOUT) -> None:
        self._program = program
        self._timeout = timeout

    def table(self) -> str:
        """Return our table as the kernel holds it, without the state of its counters; "" where there is none."""
        return self._list(["--stateless"])

    def table_with_counters(self) -> str:
        """Return our table with handles and counters; "" where there is none."""
        return self._list(["--handle"])

    def load(self, script: str) -> None:
        """Have the kernel take ``script`` in one transaction: all of it, or nothing."""
        self._run(["--file", "-"], script)

    def _list(self, options: list[str]) -> str:
        try:
            return self._run([*options, "list", "table", *TABLE.split()])
        except FirewallError:
            # Whether the table is missing is not for the wording of an error message to say.
            if f"table {TABLE}" in self._run(["list", "tables", "inet"]).splitlines():
                raise
            return ""

    def _run(self, arguments: list[str], script: str = "") -> str:
        """Return the output of one call. It gets a session of its own, so that all of it can be ended on time."""
        shown = " ".join([Path(self._program).name, *arguments])
        try:
            process = subprocess.Popen(
                [self._program, *arguments],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                env={**os.environ, "LC_ALL": "C"},
                encoding="utf-8",
                errors="replace",
                start_new_session=True,
                preexec_fn=_end_with_parent,  # noqa: PLW1509  # there are no threads here
            )
        except OSError as error:
            raise FirewallError(f"cannot start {self._program}: {error}") from error
        with process:
            try:
                output, complaint = process.communicate(script, timeout=self._timeout)
            except subprocess.TimeoutExpired as error:
                os.killpg(process.pid, signal.SIGKILL)
                raise FirewallError(
                    f"`{shown}` did not end in {self._timeout:g} seconds and was killed. The kernel takes a change as "
                    "a whole or not at all: run in check mode to see which. Another program may hold nftables' lock"
                ) from error
        if process.returncode != 0:
            raise FirewallError(f"`{shown}` failed with status {process.returncode}: {complaint.strip()}")
        return output
