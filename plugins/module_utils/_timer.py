# Copyright: (c) 2026, ck8s.ports contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A timer on the host that no one else keeps alive, and what else is asked of systemd. Private to the collection."""

from __future__ import annotations

import contextlib
import subprocess

from ansible_collections.ck8s.ports.plugins.module_utils._firewall import FirewallError

SYSTEMD_PATIENCE = 10
"""Seconds that systemd may take to answer."""

_SEE_SYSTEMD = "see `systemctl status` and `journalctl -b` on this host, then run again"


def start_timer(script: str, token: str, seconds: int, *, systemd: bool) -> None:
    """Have ``script TOKEN`` run in ``seconds``, whatever becomes of this process and its connection.

    With systemd, PID 1 keeps the time (CLOCK_MONOTONIC, no matter what the wall clock says). Else the script itself
    waits, in a session of its own. Raises :class:`FirewallError` where no timer could be started.
    """
    if systemd:
        _systemd(
            "systemd-run", "--quiet", "--collect", f"--unit={_unit(token)}", f"--on-active={seconds}s",
            # By default a timer may fire up to a minute late.
            "--timer-property=AccuracySec=100ms",
            "--description=Takes back an unconfirmed change of the firewall (ck8s.ports)",
            "/bin/sh", script, token,
        )  # fmt: skip
        return
    try:
        # The first shell ends at once, so that the second is no descendant of this process and does not die with it.
        subprocess.run(
            ["/bin/sh", "-c", '/bin/sh "$@" &', "sh", script, token, str(seconds)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            cwd="/",
            start_new_session=True,
            check=True,
        )
    except (OSError, subprocess.CalledProcessError) as error:
        raise FirewallError(
            f"cannot start the process that would take the change back: {error}; see whether this host has /bin/sh and "
            "room for one more process, then run again"
        ) from error


def stop_timer(token: str, *, systemd: bool) -> None:
    """Stop the timer of a confirmed change. If that fails it fires, finds nothing unconfirmed, and ends."""
    if not systemd:
        return  # its process looks once a second whether it is needed
    with contextlib.suppress(FirewallError):
        _systemd("systemctl", "stop", f"{_unit(token)}.timer")


def unload_unit(name: str) -> None:
    """Have systemd forget a unit whose file is gone; one that has run at boot stays "active" otherwise."""
    with contextlib.suppress(FirewallError):
        _systemd("systemctl", "--no-block", "stop", name)
        _systemd("systemctl", "daemon-reload")


def _unit(token: str) -> str:
    return f"ck8s-ports-restore-{token}"


def _systemd(*command: str) -> None:
    try:
        completed = subprocess.run(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            encoding="utf-8", errors="replace", timeout=SYSTEMD_PATIENCE, check=False,
        )  # fmt: skip
    except (OSError, subprocess.TimeoutExpired) as error:
        raise FirewallError(
            f"systemd cannot be asked to take the change back in time: {error}; {_SEE_SYSTEMD}"
        ) from error
    if completed.returncode != 0:
        raise FirewallError(
            f"systemd cannot be asked to take the change back in time: `{command[0]}` failed with status "
            f"{completed.returncode}: {completed.stdout.strip() or 'without a word'}; {_SEE_SYSTEMD}"
        )
