# Copyright: (c) 2026, ck8s.ports contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Calls of the programs that firewalls are made of. Private to the collection."""

from __future__ import annotations

import ctypes
import os
import shutil
import signal
import subprocess
from pathlib import Path
from typing import Sequence

from ansible_collections.ck8s.ports.plugins.module_utils._firewall import FirewallError

# A user's PATH, or that of a non-login shell, often lacks them.
SYSTEM_DIRECTORIES = ("/usr/local/sbin", "/usr/sbin", "/sbin")

# include/uapi/linux/prctl.h
_PR_SET_PDEATHSIG = 1
_LIBC = ctypes.CDLL(None)


def find_program(name: str, package: str, directories: Sequence[str] = SYSTEM_DIRECTORIES) -> str:
    """Return the path of a program; raises :class:`FirewallError` naming the package where there is none."""
    path = os.pathsep.join([os.environ.get("PATH", os.defpath), *directories])
    program = shutil.which(name, path=path)
    if program is None:
        raise FirewallError(f"{name} was not found on {path}; install the package {package} on this host")
    return program


def _end_with_parent() -> None:
    """Have the kernel kill this process with its parent: one that hangs must not make a change after all, later."""
    _LIBC.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def run_program(
    command: Sequence[str], *, timeout: float, text: str = "", if_it_hangs: str = "", if_it_fails: str = ""
) -> str:
    """Return the output of one call that gets ``text`` on its standard input. It has ``timeout`` seconds.

    It gets a session of its own, so that all of it can be ended on time. Raises :class:`FirewallError` when it cannot
    be started, fails, or hangs; ``if_it_fails`` and ``if_it_hangs`` are the advice for these.
    """
    shown = " ".join([Path(command[0]).name, *command[1:]])
    try:
        process = subprocess.Popen(
            command,
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
        raise FirewallError(
            f"cannot start {command[0]}: {error}; look at that file on this host, or install its package anew"
        ) from error
    with process:
        try:
            output, complaint = process.communicate(text, timeout=timeout)
        except subprocess.TimeoutExpired as error:
            os.killpg(process.pid, signal.SIGKILL)
            raise FirewallError(
                f"`{shown}` did not end in {timeout:g} seconds and was killed. {if_it_hangs}".rstrip()
            ) from error
    if process.returncode != 0:
        said = complaint.strip() or "without a word"
        advice = f". {if_it_fails}" if if_it_fails else ""
        raise FirewallError(f"`{shown}` failed with status {process.returncode}: {said}{advice}")
    return output
