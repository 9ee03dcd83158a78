# Copyright: (c) 2026, ck8s.ports contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Follow the README on a system that is new: ``python3 -m tests.documentation.new_user SUITE``, as root.

A minimal Debian (SUITE is bookworm, trixie, ...) is made of packages, and what the README tells under "Try it" is run
in it word for word, from the installation of git on. It uses the machine's network to get packages, and changes nothing
of it; the demo makes namespaces of its own. ``--whole`` runs ``make test``, too, where otherwise a dry run must do.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
from pathlib import Path

from tests.documentation.pages import Run, steps
from tests.documentation.repository import CHECKOUT, copy_of_the_working_tree

FIRST, LAST = "apt-get install ", "make test"
CLONE = "<this repository>"
PLACE = CHECKOUT / "build" / "new-user"
ACCOUNT = {
    "HOME": "/root",
    "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
    "LC_ALL": "C.UTF-8",
    "DEBIAN_FRONTEND": "noninteractive",
}

# Not only a chroot: whoever enters a mount namespace that is made inside would be at the machine's root again.
ENTER = """
set -eu
mount --bind "$root" "$root"
mount -t proc proc "$root/proc"
mount --rbind /sys "$root/sys"
mount --rbind /dev "$root/dev"
mount -t tmpfs tmpfs "$root/run"
cd "$root"
mkdir -p mnt
pivot_root . mnt
umount --lazy /mnt
exec /bin/bash -euxc "$script"
"""


def commands(*, whole: bool) -> list[str]:
    """Return what the README tells to run, in its order. Raises ValueError when it does not tell it any more."""
    told = [step.command.partition(" # ")[0].strip() for step in steps(CHECKOUT / "README.md") if isinstance(step, Run)]
    begin = next((number for number, command in enumerate(told) if command.startswith(FIRST)), None)
    if begin is None or LAST not in told[begin:]:
        raise ValueError(f"README.md does not tell to run {FIRST!r}, and later {LAST!r}")
    chosen = told[begin : told.index(LAST, begin) + 1]
    instead = {} if whole else {LAST: "make --dry-run test >/dev/null"}
    return [instead.get(command, command) for command in chosen]


def main() -> int:
    """Return the exit status of the last command, which is the first that failed or 0."""
    parser = argparse.ArgumentParser(prog="python3 -m tests.documentation.new_user", description=__doc__)
    parser.add_argument("suite", help="the Debian release, such as bookworm")
    parser.add_argument("--whole", action="store_true", help="run `make test`, too")
    arguments = parser.parse_args()
    root = PLACE / arguments.suite
    shutil.rmtree(root, ignore_errors=True)
    root.parent.mkdir(parents=True, exist_ok=True)
    # Certificates are the one thing that is there already: packages may come by https.
    debootstrap = [
        "mmdebstrap",
        "--quiet",
        "--variant=minbase",
        "--include=ca-certificates",
        arguments.suite,
        str(root),
    ]
    subprocess.run(debootstrap, check=True)
    _know_the_network(root)
    copy_of_the_working_tree(root / "srv" / "repository")
    told = commands(whole=arguments.whole)
    script = "\n".join(["cd", "apt-get update", *(command.replace(CLONE, "/srv/repository") for command in told)])
    environment = {**os.environ, "root": str(root), "script": script, "HOME": "/root", "LC_ALL": "C.UTF-8"}
    environment |= {
        "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
        "DEBIAN_FRONTEND": "noninteractive",
    }
    print(f"{arguments.suite}:\n{script}", flush=True)
    enter = ["unshare", "--mount", "--pid", "--uts", "--fork", "--kill-child", "--propagation=private"]
    status = subprocess.run([*enter, "sh", "-c", ENTER], env=environment, check=False).returncode
    print(f"{arguments.suite}: {'done' if status == 0 else f'the last command shown ended with {status}'}")
    if status == 0:
        shutil.rmtree(root)
    return status


def _know_the_network(root: Path) -> None:
    """Give the new system the machine's way to packages: names, certificates, and apt's answer to every question."""
    for path in ("/etc/resolv.conf", "/etc/hosts", "/etc/ssl/certs/ca-certificates.crt"):
        shutil.copyfile(path, root / path.lstrip("/"))
    (root / "etc/apt/apt.conf.d/90yes").write_text('APT::Get::Assume-Yes "true";\n')


if __name__ == "__main__":
    sys.exit(main())
