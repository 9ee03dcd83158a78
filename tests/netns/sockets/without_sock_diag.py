# Copyright: (c) 2026, ck8s.ports contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Run a command to which the kernel refuses NETLINK_SOCK_DIAG: ``python3 without_sock_diag.py COMMAND...``

A seccomp filter lets socket(AF_NETLINK, ..., NETLINK_SOCK_DIAG) fail with EPROTONOSUPPORT, as kernels and sandboxes do
that do not have it. Everything else is as before.
"""

from __future__ import annotations

import ctypes
import errno
import os
import platform
import struct
import sys

PR_SET_NO_NEW_PRIVS = 38
PR_SET_SECCOMP = 22
SECCOMP_MODE_FILTER = 2
ALLOW = 0x7FFF0000
FAIL = 0x00050000
LOAD, JUMP_IF_EQUAL, RETURN = 0x20, 0x15, 0x06
NUMBER, FIRST_ARGUMENT, THIRD_ARGUMENT = 0, 16, 32  # offsets in struct seccomp_data
SOCKET = {"x86_64": 41, "aarch64": 198}[platform.machine()]
AF_NETLINK, NETLINK_SOCK_DIAG = 16, 4


def instruction(code: int, value: int, if_true: int = 0, if_false: int = 0) -> bytes:
    return struct.pack("=HBBI", code, if_true, if_false, value)


FILTER = b"".join(
    (
        instruction(LOAD, NUMBER),
        instruction(JUMP_IF_EQUAL, SOCKET, 0, 5),
        instruction(LOAD, FIRST_ARGUMENT),
        instruction(JUMP_IF_EQUAL, AF_NETLINK, 0, 3),
        instruction(LOAD, THIRD_ARGUMENT),
        instruction(JUMP_IF_EQUAL, NETLINK_SOCK_DIAG, 0, 1),
        instruction(RETURN, FAIL | errno.EPROTONOSUPPORT),
        instruction(RETURN, ALLOW),
    )
)


class Program(ctypes.Structure):
    _fields_ = (("length", ctypes.c_ushort), ("filter", ctypes.c_char_p))


libc = ctypes.CDLL(None, use_errno=True)
program = Program(len(FILTER) // 8, FILTER)
if libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) or libc.prctl(
    PR_SET_SECCOMP, SECCOMP_MODE_FILTER, ctypes.byref(program), 0, 0
):
    raise OSError(ctypes.get_errno(), "the seccomp filter was refused")
os.execvp(sys.argv[1], sys.argv[1:])
