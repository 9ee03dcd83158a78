# Copyright: (c) 2026, ck8s.ports contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the path of a control group says: the systemd unit and the container. Private to the collection.

Pure. Sources: systemd's cg_path_get_unit() (src/basic/cgroup-util.c); the names that runc, crun and the kubelet give to
the groups of containers and pods, with the systemd and the cgroupfs driver.
"""

from __future__ import annotations

import re

_UNIT_SUFFIXES = (
    ".service", ".scope", ".socket", ".mount", ".swap", ".automount", ".timer", ".path", ".device", ".target"
)  # fmt: skip

# The id of a container is 64 hexadecimal digits with each of these runtimes.
_CONTAINERS = (
    (re.compile(r"cri-containerd-([0-9a-f]{64})\.scope"), "containerd"),
    (re.compile(r".*:cri-containerd:([0-9a-f]{64})"), "containerd"),  # names for systemd, run with cgroupfs
    (re.compile(r"nerdctl-([0-9a-f]{64})\.scope"), "containerd"),
    (re.compile(r"crio-([0-9a-f]{64})(?:\.scope)?"), "cri-o"),
    (re.compile(r"docker-([0-9a-f]{64})\.scope"), "docker"),
    (re.compile(r"libpod-([0-9a-f]{64})(?:\.scope)?"), "podman"),
)
_BARE_ID = re.compile(r"[0-9a-f]{64}")
# kubepods-burstable-pod1b2c..._4d5e.slice (systemd driver, which writes dashes as underscores), pod1b2c-... (cgroupfs).
# The uid of a static pod is 32 digits without dashes.
_POD = re.compile(
    r"(?:kubepods(?:-[a-z]+)?-)?pod([0-9a-f]{8}(?:[-_][0-9a-f]{4}){3}[-_][0-9a-f]{12}|[0-9a-f]{32})(?:\.slice)?(?::.*)?"
)


def unit_of(path: str) -> str | None:
    """The systemd unit that a group belongs to, None when no part of its path is one.

    It is the first component that is not a slice: `/system.slice/ssh.service` is `ssh.service`, and what a service has
    divided its group into still belongs to it. `path` is relative to the manager's root.
    """
    for component in path.split("/"):
        # systemd puts an underscore before a name that would collide with one of the kernel's files.
        name = component[1:] if component.startswith("_") else component
        if name.endswith(".slice") or not name:
            continue
        return name if name.endswith(_UNIT_SUFFIXES) else None
    return None


def container_of(path: str) -> dict[str, str | None] | None:
    """The container that a group belongs to: {runtime, id, pod_uid}; None when no part of its path is one.

    With containers in containers, the outermost: the one that this host runs. runtime is None where the path does not
    tell (the kubelet's cgroupfs driver); pod_uid is the pod's metadata.uid, None outside of Kubernetes.
    """
    pod_uid: str | None = None
    before = ""
    for component in path.split("/"):
        pod = _POD.fullmatch(component)
        if pod:
            pod_uid = pod.group(1).replace("_", "-")
        for pattern, runtime in _CONTAINERS:
            match = pattern.fullmatch(component)
            if match:
                return {"runtime": runtime, "id": match.group(1), "pod_uid": pod_uid}
        if _BARE_ID.fullmatch(component) and (pod_uid or before == "docker"):
            return {"runtime": "docker" if before == "docker" else None, "id": component, "pod_uid": pod_uid}
        before = component
    return None
