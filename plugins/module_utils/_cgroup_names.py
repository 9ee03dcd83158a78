# Copyright: (c) 2026, ck8s.ports contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the path of a control group says: the systemd unit and the container. Private to the collection.

Pure. Sources: systemd's cg_path_get_unit() (src/basic/cgroup-util.c); the names that runc, crun and the kubelet give to
the groups of containers and pods, with the systemd and the cgroupfs driver.
"""

from __future__ import annotations

_UNIT_SUFFIXES = (
    ".service", ".scope", ".socket", ".mount", ".swap", ".automount", ".timer", ".path", ".device", ".target"
)  # fmt: skip

# Name of a container's group, before and after its id of 64 hexadecimal digits, to the runtime.
_CONTAINERS = (
    ("cri-containerd-", ".scope", "containerd"),
    (":cri-containerd:", "", "containerd"),  # with a name meant for systemd, run with the cgroupfs driver
    ("nerdctl-", ".scope", "containerd"),
    ("crio-", ".scope", "cri-o"),
    ("crio-", "", "cri-o"),
    ("docker-", ".scope", "docker"),
    ("libpod-", ".scope", "podman"),
    ("libpod-", "", "podman"),
)
_ID_DIGITS = 64
_UID_DIGITS = 32


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
        pod_uid = _pod_uid(component.partition(":")[0]) or pod_uid
        for start, end, runtime in _CONTAINERS:
            begin = component.find(start)
            if begin == 0 or (begin > 0 and start[0] == ":"):
                ident = component[begin + len(start) :]
                if ident.endswith(end) and _is_hexadecimal(ident[: len(ident) - len(end)], _ID_DIGITS):
                    return {"runtime": runtime, "id": ident[:_ID_DIGITS], "pod_uid": pod_uid}
        if (pod_uid or before == "docker") and _is_hexadecimal(component, _ID_DIGITS):
            return {"runtime": "docker" if before == "docker" else None, "id": component, "pod_uid": pod_uid}
        before = component
    return None


def _pod_uid(name: str) -> str | None:
    """The uid in the name of a pod's group, as the API writes it; None when it is not one.

    kubepods-burstable-pod1b2c..._4d5e.slice (systemd driver, which writes dashes as underscores), pod1b2c-...
    (cgroupfs). The uid of a static pod is 32 digits without dashes.
    """
    if name.endswith(".slice"):
        name = name[: -len(".slice")]
    start = 0 if name.startswith("pod") else name.find("-pod") + 1
    if start == 0 and not name.startswith("pod"):
        return None
    uid = name[start + len("pod") :].replace("_", "-")
    return uid if _is_hexadecimal(uid.replace("-", ""), _UID_DIGITS) else None


def _is_hexadecimal(text: str, digits: int) -> bool:
    return len(text) == digits and not text.strip("0123456789abcdef")
