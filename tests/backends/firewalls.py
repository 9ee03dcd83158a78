# Copyright: (c) 2026, ck8s.ports contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""ufw and firewalld on a node, as their administrator uses them, and as a boot finds them."""

from __future__ import annotations

import subprocess
import time
from pathlib import Path

from tests.backends.common import Firewall

FILES = [Path("/etc/ufw/user.rules"), Path("/etc/ufw/user6.rules")]
BUS = """<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN"
 "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig>
  <type>system</type>
  <listen>unix:path=/run/dbus/system_bus_socket</listen>
  <auth>EXTERNAL</auth>
  <policy context="default">
    <allow own="*"/>
    <allow send_destination="*" eavesdrop="true"/>
    <allow eavesdrop="true"/>
  </policy>
</busconfig>
"""
PATIENCE = 60


class Firewalld(Firewall):
    """firewalld on the node."""

    process: subprocess.Popen[bytes]

    def __call__(self, *words: str) -> str:
        return self.node.run("firewall-cmd", *words).stdout.strip()

    def start(self) -> None:
        self.process = subprocess.Popen(
            ["nsenter", f"--net={self.node.netns}", "--", "firewalld", "--nofork", "--nopid"],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        deadline = time.monotonic() + PATIENCE
        while self.node.run("firewall-cmd", "--state", check=False).returncode:
            assert time.monotonic() < deadline, "firewalld does not start"
            time.sleep(0.1)

    def stop(self) -> None:
        self.process.terminate()
        self.process.wait(timeout=PATIENCE)

    def restart(self) -> None:
        self.stop()
        self.start()

    def power_cut(self) -> None:
        """Lose what is in the kernel, and start firewalld as a boot does."""
        self.process.kill()
        self.process.wait(timeout=PATIENCE)
        self.node.run("nft", "flush", "ruleset")
        self.start()

    def files(self) -> dict[str, str]:
        return {file.name: file.read_text() for file in Path("/etc/firewalld/zones").glob("*.xml")}


class Ufw(Firewall):
    """ufw on the node, and the backend that is chosen for it."""

    def __call__(self, *words: str) -> str:
        return self.node.run("ufw", *words).stdout

    def power_cut(self) -> None:
        """Lose what is in the kernel, and start ufw as its unit does at boot."""
        self.node.run("nft", "flush", "ruleset")
        self.node.run("/usr/lib/ufw/ufw-init", "start")

    def chains(self) -> str:
        return "".join(self.node.run(f"ip{six}tables", "-S", f"ufw{six}-user-input").stdout for six in ("", "6"))

    def files(self) -> list[str]:
        return [file.read_text() for file in FILES]
