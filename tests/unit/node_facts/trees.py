# Copyright: (c) 2026, ck8s.ports contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""File trees of nodes, built from the descriptions in roots/. What they may have is told in roots/README.md."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

ROOTS = Path(__file__).with_name("roots")
COMMON = "/var/snap/k8s/common"
_STATE = f"{COMMON}/var/lib/k8sd/state"

# As snapd keeps it of a snap that snapcraft has built: what is of no interest here is shortened.
_SNAP_YAML = """\
name: k8s
version: {version}
summary: Canonical Kubernetes is an opinionated and CNCF conformant Kubernetes
  operated by Snaps and Charms
description: |-
  Canonical Kubernetes is an opinionated and CNCF conformant Kubernetes operated by
  Snaps and Charms.

  name: not the name of the snap
apps:
  kubelet:
    command: k8s/wrappers/services/kubelet
    daemon: simple
    install-mode: disable
    plugs:
    - network
architectures:
- amd64
assumes:
- command-chain
base: core22
confinement: {confinement}
grade: stable
"""

# As snapd writes it (wrappers/internal/service_unit_gen.go), shortened.
_UNIT = """\
[Unit]
# Auto-generated, DO NOT EDIT
Description=Service for snap application k8s.{service}
X-Snappy=yes

[Service]
ExecStart=/usr/bin/snap run k8s.{service}
Type=simple

[Install]
WantedBy=multi-user.target
"""

# As microcluster writes it. The certificate is never read, and stands here for a block of text of the same shape.
_MEMBER = """\
name: {name}
address: {address}
certificate: |
  -----BEGIN CERTIFICATE-----
  MIIB+zCCAYGgAwIBAgIRAMOx0k1Yb0FpYy1leGFtcGxlMAoGCCqGSM49BAMDMDIx
  HDAaBgNVBAoTE2lkZW50aXR5OiBub3QgcmVhbDESMBAGA1UEAwwJcm9vdEBub2Rl
  -----END CERTIFICATE-----
"""


def names() -> list[str]:
    """The names of the descriptions."""
    return sorted(path.stem for path in ROOTS.glob("*.yml"))


def describe(name: str) -> dict[str, Any]:
    """One description."""
    description: dict[str, Any] = yaml.safe_load((ROOTS / f"{name}.yml").read_text(encoding="utf-8"))
    return description


def build(description: dict[str, Any], root: Path) -> Path:
    """Make the tree of a description below `root`, which is returned."""
    files, links, directories = _everything(description)
    for path in directories:
        _below(root, path).mkdir(parents=True, exist_ok=True)
    for path, content in files.items():
        place = _below(root, path)
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(content, encoding="utf-8")
    for path, target in links.items():
        place = _below(root, path)
        place.parent.mkdir(parents=True, exist_ok=True)
        place.symlink_to(target)
    return root


def _everything(description: dict[str, Any]) -> tuple[dict[str, str], dict[str, str], list[str]]:
    files: dict[str, str] = dict(description.get("files", {}))
    links: dict[str, str] = dict(description.get("links", {}))
    snap = description.get("snap")
    if snap:
        links["/snap/k8s/current"] = snap["revision"]
        files[f"/snap/k8s/{snap['revision']}/meta/snap.yaml"] = _SNAP_YAML.format(**snap)
    for service, text in description.get("args", {}).items():
        files[f"{COMMON}/args/{service}"] = text
    for name, address in description.get("truststore", {}).items():
        files[f"{_STATE}/truststore/{name}.yaml"] = _MEMBER.format(name=name, address=address)
    for state, services in description.get("units", {}).items():
        for service in services:
            unit = f"/etc/systemd/system/snap.k8s.{service}.service"
            files[unit] = _UNIT.format(service=service)
            if state == "enabled":
                links[f"/etc/systemd/system/multi-user.target.wants/snap.k8s.{service}.service"] = unit
    return files, links, description.get("directories", [])


def _below(root: Path, path: str) -> Path:
    return root / path.lstrip("/")
