# Copyright: (c) 2026, ck8s.ports contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A repository to be cloned, which holds the working tree as it is: what a reader would have after the next commit."""

from __future__ import annotations

import subprocess
from pathlib import Path

CHECKOUT = Path(__file__).parents[2]

COPY = """
set -e
git -C "$0" ls-files --cached --others --exclude-standard | tar -C "$0" -cf - -T - | tar -xf -
git init --quiet
git add --all --force
git -c user.name=reader -c user.email=reader@example.org commit --quiet --message=all
"""


def copy_of_the_working_tree(place: Path) -> None:
    """Make the repository in the folder ``place``, which is made, too."""
    place.mkdir(parents=True)
    subprocess.run(["bash", "-c", COPY, CHECKOUT], cwd=place, check=True)
