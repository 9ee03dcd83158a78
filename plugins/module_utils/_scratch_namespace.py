# Copyright: (c) 2026, ck8s.ports contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Work done in a network namespace that exists only for it. Private to the collection."""

from __future__ import annotations

import ctypes
import errno
import json
import os
from pathlib import Path
from typing import Callable

_CLONE_NEWNET = 0x40000000  # include/uapi/linux/sched.h

# Of the calling thread: /proc/self would name the namespace of the process's first one.
_OWN_NAMESPACE = Path("/proc/thread-self/ns/net")

_REASONS = {
    errno.EPERM: "it takes CAP_SYS_ADMIN, which this user does not have here; run as root (become: true)",
    errno.EINVAL: "this kernel has no network namespaces (CONFIG_NET_NS)",
    errno.ENOSPC: "the limit on network namespaces is reached; see the sysctl user.max_net_namespaces",
}


class ScratchNamespaceError(Exception):
    """The namespace could not be made, or the work in it failed."""


def in_scratch_namespace(work: Callable[[], str]) -> str:
    """Return what ``work`` returns when called in a child process that has a new, empty network namespace.

    The work starts only after the child has proved that it is in another namespace than its parent. It must end by
    itself: nothing here limits its time. Raises :class:`ScratchNamespaceError`, with the message of whatever ``work``
    raised.
    """
    parent_namespace = _namespace()
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        # Whatever happens, the child must not return into the caller's code a second time.
        status = 1
        try:
            os.close(reading)
            answer = _answer(work, parent_namespace)
            with os.fdopen(writing, "w", encoding="utf-8") as pipe:
                json.dump(answer, pipe)
            status = 0
        finally:
            os._exit(status)
    os.close(writing)
    with os.fdopen(reading, encoding="utf-8") as pipe:
        text = pipe.read()
    os.waitpid(child, 0)
    if not text:
        raise ScratchNamespaceError(
            "the process in the scratch network namespace died without a word; look for what killed it in the kernel's "
            "log (journalctl -k), then run again"
        )
    answer = json.loads(text)
    if answer["error"] is not None:
        raise ScratchNamespaceError(answer["error"])
    return str(answer["result"])


def _answer(work: Callable[[], str], parent_namespace: int) -> dict[str, object]:
    try:
        _leave_network_namespace()
        if _namespace() == parent_namespace:
            raise ScratchNamespaceError("the kernel made no network namespace, though it said so; nothing was loaded")
        return {"result": work(), "error": None}
    except Exception as error:  # to be raised in the parent
        return {"result": None, "error": str(error) or repr(error)}


def _leave_network_namespace() -> None:
    # os.unshare() exists from Python 3.12 on.
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.unshare(_CLONE_NEWNET) != 0:
        number = ctypes.get_errno()
        reason = _REASONS.get(number, os.strerror(number))
        raise ScratchNamespaceError(f"cannot make a scratch network namespace: {reason}")


def _namespace() -> int:
    try:
        return _OWN_NAMESPACE.stat().st_ino
    except OSError as error:
        raise ScratchNamespaceError(f"cannot tell network namespaces apart: {error}; is /proc mounted?") from error
