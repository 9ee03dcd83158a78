# Copyright: (c) 2026, ck8s.ports contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Real ufw and firewalld on the node of a network in the sandbox. As root: `make backends`.

Their packages are not installed but unpacked (scripts/unpack-debian-packages.sh), and lie over /usr in the sandbox's
mount namespace; what is written to /etc and /var/lib stays in a tmpfs there. Neither exists outside of the sandbox.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.backends.common import add_others
from tests.backends.firewalls import BUS, Firewalld, Ufw
from tests.lab.guard import MachineNamespaceError, refuse_machine_namespace
from tests.netns.topology import Network, three_hosts

REPOSITORY = Path(__file__).parents[2]
UNPACKED = REPOSITORY / ".cache/backends"

try:
    refuse_machine_namespace()
except MachineNamespaceError as refusal:
    raise pytest.UsageError(f"{refusal}\nrun `make backends`") from None
if os.geteuid() != 0 or not (UNPACKED / ".made").exists():
    raise pytest.UsageError(
        "the tests of ufw and firewalld lay directories over the system's: run `make backends` as root"
    )


def mount(*words: str | Path) -> None:
    subprocess.run(["mount", *words], check=True, timeout=30)


@pytest.fixture(scope="session", autouse=True)
def system() -> None:
    """Lay the unpacked packages over the system, in the sandbox's mount namespace, which ends with it."""
    refuse_machine_namespace()
    over = Path("/run/over")
    over.mkdir()
    mount("-t", "tmpfs", "tmpfs", over)
    for directory in ("/etc", "/var/lib"):
        upper, work = (over / f"{kind}{directory.replace('/', '-')}" for kind in ("upper", "work"))
        upper.mkdir()
        work.mkdir()
        mount("-t", "overlay", "-o", f"lowerdir={directory},upperdir={upper},workdir={work}", "overlay", directory)
    mount("-t", "overlay", "-o", f"lowerdir={UNPACKED}/usr:/usr", "overlay", "/usr")
    shutil.copytree(UNPACKED / "etc", "/etc", dirs_exist_ok=True)
    # What the package's own script does.
    for template in [*Path("/usr/share/ufw/iptables").iterdir(), *Path("/usr/share/ufw").glob("*.init")]:
        shutil.copy(template, "/etc/ufw")
    shutil.copy("/usr/share/ufw/ufw.conf", "/etc/ufw")
    for file in Path("/etc/ufw").iterdir():
        if file.is_file():
            file.chmod(0o640)
    settings = Path("/etc/default/ufw")
    # Modules of the kernel are the machine's.
    settings.write_text(settings.read_text().replace("IPT_MODULES=", "IPT_MODULES= #"))


@pytest.fixture(scope="session")
def network(system: None) -> Iterator[Network]:
    with three_hosts() as made:
        yield made


@pytest.fixture(scope="session")
def bus(system: None) -> Iterator[None]:
    Path("/run/dbus").mkdir()
    Path("/run/bus.conf").write_text(BUS)
    with subprocess.Popen(["dbus-daemon", "--config-file=/run/bus.conf", "--nofork"]) as daemon:
        while not Path("/run/dbus/system_bus_socket").exists():
            time.sleep(0.05)
        yield
        daemon.kill()


@pytest.fixture
def firewalld(network: Network, bus: None) -> Iterator[Firewalld]:
    """Yield a firewalld with some rules of a user's, and with chains of others."""
    saved = Path("/run/firewalld-saved")
    shutil.copytree("/etc/firewalld", saved)
    firewalld = Firewalld(network)
    add_others(network.node)
    firewalld.start()
    for options in ((), ("--permanent",)):
        firewalld(*options, "--zone=public", "--add-port=8080/tcp")
        firewalld(*options, "--zone=public", '--add-rich-rule=rule family="ipv4" source address="203.0.113.0/24" drop')
    yield firewalld
    with contextlib.suppress(ProcessLookupError):
        firewalld.process.send_signal(signal.SIGCONT)
    firewalld.stop()
    network.node.run("nft", "flush", "ruleset")
    shutil.rmtree("/etc/firewalld")
    shutil.copytree(saved, "/etc/firewalld")
    shutil.rmtree(saved)


@pytest.fixture
def ufw(network: Network) -> Iterator[Ufw]:
    """Yield an enabled ufw with some rules of a user's and with chains of others."""
    saved = Path("/run/ufw-saved")
    shutil.copytree("/etc/ufw", saved)
    ufw = Ufw(network)
    add_others(network.node)
    ufw("allow", "22/tcp")
    ufw("limit", "2222/tcp")
    ufw("prepend", "deny", "from", "203.0.113.0/24")
    ufw("--force", "enable")
    ufw("allow", "log", "8080/tcp")
    yield ufw
    network.node.run("nft", "flush", "ruleset")
    shutil.rmtree("/etc/ufw")
    shutil.copytree(saved, "/etc/ufw")
    shutil.rmtree(saved)
    shutil.rmtree("/run/ck8s-ports", ignore_errors=True)
