# Copyright: (c) 2026, ck8s.ports contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import os
import shlex
from pathlib import Path
from typing import Any

from ansible.errors import AnsibleConnectionFailure, AnsibleFileNotFound
from ansible.plugins.connection.local import Connection as LocalConnection

DOCUMENTATION = r"""
name: lab_node
short_description: Run tasks on a host of the lab
description:
  - Enters the network, mount, PID and UTS namespaces of the host for every command and every file.
  - Refuses a host whose network is the controller's own or the machine's, so that no task can run there by mistake.
  - Part of the tests; it is not installed with the collection.
author: ck8s.ports contributors
version_added: 0.1.0
options:
  node:
    description: Name or address of the host; the PID of its PID 1 is in C(/run/ck8s-lab/NAME.pid).
    type: str
    vars:
      - name: inventory_hostname
      # Of a task with delegate_to, Ansible says by this variable alone to whom.
      - name: ansible_host
  become_success_timeout:
    description: As in P(ansible.builtin.local#connection), whose code reads it from ansible-core 2.19 on.
    type: int
    default: 10
  become_strip_preamble:
    description: As in P(ansible.builtin.local#connection), whose code reads it from ansible-core 2.19 on.
    type: bool
    default: true
extends_documentation_fragment:
  - connection_pipelining
"""

STATE = Path("/run/ck8s-lab")
MACHINE_NETNS = "CK8S_MACHINE_NETNS"


class Connection(LocalConnection):
    """A local connection whose commands run in the namespaces of a lab host."""

    transport = "lab_node"
    has_pipelining = True

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        # In the sandbox everyone is root, whatever USER says: become has nothing to do.
        self.default_user = "root"

    def exec_command(self, cmd: str, in_data: bytes | None = None, sudoable: bool = True) -> tuple[int, bytes, bytes]:
        """Run a shell command in the host."""
        enter = [
            "nsenter",
            f"--target={self._pid_1()}",
            "--net",
            "--mount",
            "--pid",
            "--uts",
            "--",
            "/bin/sh",
            "-c",
            cmd,
        ]
        result: tuple[int, bytes, bytes] = super().exec_command(shlex.join(enter), in_data=in_data, sudoable=sudoable)
        return result

    def put_file(self, in_path: str, out_path: str) -> None:
        """Copy a file of the controller into the host's file system, parts of which are its own."""
        source = Path(in_path)
        if not source.exists():
            raise AnsibleFileNotFound(f"file or module does not exist: {in_path}")
        self._run(f"cat > {shlex.quote(out_path)}", source.read_bytes())

    def fetch_file(self, in_path: str, out_path: str) -> None:
        """Copy a file of the host to the controller."""
        Path(out_path).write_bytes(self._run(f"cat < {shlex.quote(in_path)}"))

    def _run(self, command: str, in_data: bytes | None = None) -> bytes:
        code, output, error = self.exec_command(command, in_data=in_data, sudoable=False)
        if code != 0:
            reason = error.decode(errors="replace").strip()
            raise AnsibleConnectionFailure(f"{self.get_option('node')}: {command}: {reason}")
        return output

    def _pid_1(self) -> int:
        """Return the PID of the host's PID 1, after having made sure that its network is not one to keep away from."""
        node = self.get_option("node")
        machine = os.environ.get(MACHINE_NETNS, "").split()
        if not machine:
            raise AnsibleConnectionFailure(
                f"{MACHINE_NETNS} is not set: {node} is reached from the sandbox only (python3 -m tests.lab.sandbox)"
            )
        pid_file = STATE / "addresses" / node
        if not pid_file.exists():
            pid_file = STATE / f"{node}.pid"
        try:
            pid = int(pid_file.read_text())
            inode = Path(f"/proc/{pid}/ns/net").stat().st_ino
        except (OSError, ValueError) as error:
            raise AnsibleConnectionFailure(
                f"the lab has no running host {node} ({pid_file}: {error}); build it: python3 -m tests.lab up"
            ) from None
        if inode == Path("/proc/self/ns/net").stat().st_ino or str(inode) in machine:
            raise AnsibleConnectionFailure(
                f"{node}: process {pid} is in net:[{inode}], the network of the controller or of the machine; refused. "
                "Build the lab anew: python3 -m tests.lab down, then up"
            )
        return pid
