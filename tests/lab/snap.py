# Copyright: (c) 2026, ck8s.ports contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The files that the k8s snap has on a node, for a full node of the lab, as an archive to be unpacked at its root.

``python3 -m tests.lab.snap KIND ADDRESS FILE``: KIND is a description in tests/unit/node_facts/roots/, whose cluster
becomes one of the lab: the node has ADDRESS, and its only control plane is node1. Units are the lab's own.
"""

from __future__ import annotations

import json
import sys
import tarfile
import tempfile
from pathlib import Path

from tests.unit.node_facts.trees import build, describe

CONTROL_PLANE = "10.79.0.11"
_OWN = {"control_plane_1.34_etcd": "10.0.0.12", "worker": "10.0.0.21"}
"""The address that the node of each description has there."""


def archive(kind: str, address: str, path: Path) -> None:
    """Write the archive. Raises KeyError for another KIND."""
    described = describe(kind)
    described.pop("expect")
    described.pop("units")
    described["truststore"] = {"node": f"{address}:6400"}
    text = json.dumps(described)
    for old, new in (
        ("node1=https://10.0.0.11:2380,node2=", "node1="),
        ('\\"10.0.0.13:6443\\",\\"10.0.0.11:6443\\",\\"[fd00::12]:6443\\"', f'\\"{CONTROL_PLANE}:6443\\"'),
        (f"{_OWN[kind]},fd00::21", address),
        (_OWN[kind], address),
    ):
        text = text.replace(old, new)
    described = json.loads(text)
    described["files"].pop("/var/snap/k8s/common/var/lib/k8sd/state/database/cluster.yaml", None)
    with tempfile.TemporaryDirectory() as root, tarfile.open(path, "w") as tar:
        for each in sorted(build(described, Path(root)).iterdir()):  # not the root itself: its mode is none of ours
            tar.add(each, arcname=each.name)


if __name__ == "__main__":
    archive(sys.argv[1], sys.argv[2], Path(sys.argv[3]))
