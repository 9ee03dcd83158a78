# Copyright: (c) 2026, ck8s.ports contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Running services against their files: real processes, found as the module finds them.

A service is a link with its name to one program, started with the service's arguments, as in the snap: the kernel keeps
the link's name as the process's name, while its program is the same for all. Only their control group is not real, for
that is systemd's to make: a file over /proc/PID/cgroup says what it says under systemd. The tests' own systemctl is
kept out of reach, so that the processes are looked for.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.ck8s.ports.plugins.module_utils._node_facts import Facts, collect
from tests.lab.guard import refuse_machine_namespace
from tests.netns.sockets.test_interpreters import PYTHONS
from tests.unit.node_facts.trees import build, describe

ARGS = "var/snap/k8s/common/args"
_COLLECTIONS = Path(__file__).parents[3] / "collections"


@pytest.fixture
def programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the programs of this test's services are; and nothing on PATH that asks the machine's systemd."""
    refuse_machine_namespace()
    (tmp_path / "no-programs").mkdir()
    monkeypatch.setenv("PATH", str(tmp_path / "no-programs"))
    (tmp_path / "bin").mkdir()
    return tmp_path / "bin"


@contextlib.contextmanager
def running(programs: Path, service: str, *arguments: str, group: str | None = None) -> Iterator[int]:
    """A process of a service with these arguments, in its unit's control group or another; its number."""
    program = programs / service
    if not program.exists():
        program.symlink_to("/bin/bash")
    group = f"/system.slice/snap.k8s.{service}.service" if group is None else group
    command = [str(program), "-c", "echo; read -r _; exit", *arguments]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdin is not None
        process.stdout.readline()
        told = programs / f"cgroup-{process.pid}"
        told.write_text(f"0::{group}\n", encoding="utf-8")
        place = f"/proc/{process.pid}/cgroup"
        subprocess.run(["/bin/mount", "--bind", str(told), place], check=True, timeout=20)
        try:
            yield process.pid
        finally:
            subprocess.run(["/bin/umount", place], check=True, timeout=20)
            process.stdin.close()


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return build(describe("control_plane_1.34_etcd"), tmp_path / "root")


def live(root: Path) -> Facts:
    return collect(str(root), live=True)


def test_without_processes_the_files_count(root: Path, programs: Path) -> None:
    found = live(root)
    assert found.facts["ports"]["value"]["kube-apiserver"] == 6443  # type: ignore[index]
    assert found.facts["kube_proxy"]["value"] is True  # by its link: it is enabled


def test_command_line_above_file(root: Path, programs: Path) -> None:
    with running(
        programs, "kube-apiserver", "--secure-port=6443", "--secure-port=7443", "--etcd-servers=https://10.9.0.1:2379"
    ) as pid:
        found = live(root)
    source = f"process {pid} (kube-apiserver) command line"
    assert found.facts["role"] == {"value": "control_plane", "source": f"process {pid} (kube-apiserver)"}
    assert found.facts["datastore"] == {"value": "external", "source": source}
    assert found.facts["ports"]["value"]["kube-apiserver"] == 7443  # type: ignore[index]
    assert f"kube-apiserver: {source}" in str(found.facts["ports"]["source"])


def test_what_was_written_after_the_start_is_not_in_force(root: Path, programs: Path) -> None:
    with (root / ARGS / "kube-scheduler").open("a", encoding="utf-8") as file:
        file.write('--bind-address="127.0.0.1"\n')
    assert live(root).facts["bind_addresses"]["value"]["kube-scheduler"] == ["127.0.0.1"]  # type: ignore[index]
    with running(programs, "kube-scheduler", "--profiling=false"):
        assert "kube-scheduler" not in live(root).facts["bind_addresses"]["value"]  # type: ignore[operator]


def test_etcd(root: Path, programs: Path) -> None:
    arguments = ("--listen-client-urls", "https://10.0.0.12:12379,https://127.0.0.1:12379")
    with running(programs, "etcd", *arguments, "--listen-peer-urls=https://[fd00::12]:12380") as pid:
        found = live(root)
    assert found.facts["ports"]["value"]["etcd-client"] == 12379  # type: ignore[index]
    assert found.facts["ports"]["value"]["etcd-peer"] == 12380  # type: ignore[index]
    assert found.facts["bind_addresses"]["value"]["etcd-peer"] == ["fd00::12"]  # type: ignore[index]
    assert str(found.facts["datastore"]["source"]).endswith(f", process {pid} (etcd)")


@pytest.mark.parametrize(
    "group",
    [
        "/",
        "/user.slice/user-1000.slice/session-1.scope",
        "/user.slice/user-1000.slice/user@1000.service/app.slice/snap.k8s.kube-apiserver.service",
        "/system.slice/snap.k8s.kubelet.service",
        "/kubepods.slice/kubepods-besteffort.slice/kubepods-besteffort-pod1b2c3d4e_5f60_4718_9293_a4b5c6d7e8f9.slice/"
        "cri-containerd-" + "3b" * 32 + ".scope",
        "/system.slice/snap.k8s.kube-apiserver.service.d",
        "",
    ],
)
def test_process_of_somebody_else(root: Path, programs: Path, group: str) -> None:
    """Anybody may run something with that name, and in a pod anything."""
    before = live(root)
    with running(programs, "kube-apiserver", "--secure-port=1", group=group):
        found = live(root)
    assert (found.facts, found.absent) == (before.facts, before.absent)


def test_helper_in_the_group_of_a_service(root: Path, programs: Path) -> None:
    """Such as the shell of the wrapper, before it becomes the service."""
    before = live(root)
    group = "/system.slice/snap.k8s.kube-apiserver.service"
    with running(programs, "bash", "--secure-port=1", group=group):
        assert live(root).facts == before.facts


def test_worker_whose_name_is_cut_by_the_kernel(tmp_path: Path, programs: Path) -> None:
    root = build(describe("worker"), tmp_path / "root")
    endpoints = "/var/snap/k8s/common/other.json"
    (root / endpoints[1:]).write_text('{"endpoints": ["10.0.0.99:6443"]}', encoding="utf-8")
    arguments = ("--listen", "127.0.0.1:16443", f"--endpoints={endpoints}")
    with running(programs, "k8s-apiserver-proxy", *arguments) as pid:
        found = live(root)
    assert found.facts["role"] == {"value": "worker", "source": f"process {pid} (k8s-apiserver-p)"}
    assert found.facts["ports"]["value"]["kube-apiserver"] == 16443  # type: ignore[index]
    assert found.facts["bind_addresses"]["value"]["kube-apiserver"] == ["127.0.0.1"]  # type: ignore[index]
    assert found.facts["control_plane_addresses"] == {"value": ["10.0.0.99"], "source": f"file {endpoints}"}


def test_services_that_go_on_running_after_their_arguments_are_gone(tmp_path: Path, programs: Path) -> None:
    """As on a node that Cluster API has removed without stopping it."""
    root = build(describe("half_removed_node"), tmp_path / "root")
    assert "role" in live(root).absent
    with (
        running(programs, "kube-apiserver", "--secure-port=6443"),
        running(programs, "kube-proxy", "--cluster-cidr=10.1.0.0/16"),
    ):
        found = live(root)
    assert found.facts["role"]["value"] == "control_plane"
    assert found.facts["kube_proxy"]["value"] is True
    assert found.facts["pod_cidrs"]["value"] == ["10.1.0.0/16"]


def test_kube_proxy_that_runs_and_is_not_enabled(tmp_path: Path, programs: Path) -> None:
    root = build(describe("control_plane_1.36_fresh"), tmp_path / "root")
    assert "it is not enabled, and may be active all the same" in live(root).absent["kube_proxy"]
    with running(programs, "kube-proxy", "--cluster-cidr=10.1.0.0/16") as pid:
        assert live(root).facts["kube_proxy"] == {"value": True, "source": f"process {pid} (kube-proxy)"}


def test_arguments_chosen_to_disturb(root: Path, programs: Path) -> None:
    hostile = (
        "--secure-port=\x1b[31m",
        "--service-cluster-ip-range={{ lookup('pipe', 'id') }}",
        "--",
        "-",
        "\n--x=1",
        "",
    )
    with running(programs, "kube-apiserver", *hostile):
        found = live(root)
    assert "kube-apiserver" not in found.facts["ports"]["value"]  # type: ignore[operator]
    assert "is not a list of CIDRs" in found.absent["service_cidrs"]
    (problem,) = found.problems
    assert "'\\x1b[31m' is not a port between 1 and 65535" in problem


def test_another_root_does_not_look_at_processes(root: Path, programs: Path) -> None:
    with running(programs, "kube-apiserver", "--secure-port=7443"):
        assert collect(str(root)).facts["ports"]["value"]["kube-apiserver"] == 6443  # type: ignore[index]


_COLLECT = """
import json, sys
from ansible_collections.ck8s.ports.plugins.module_utils._node_facts import collect
found = collect(sys.argv[1], live=True)
print(json.dumps([found.installed, found.facts, found.absent, found.problems], sort_keys=True))
"""


@pytest.mark.parametrize("python", PYTHONS)
def test_same_facts_under_every_interpreter(python: str, root: Path, programs: Path) -> None:
    with running(programs, "kube-apiserver", "--secure-port=7443"):
        expected = live(root)
        answer = subprocess.run(
            [python, "-S", "-W", "error", "-c", _COLLECT, str(root)],
            check=True,
            capture_output=True,
            env={**os.environ, "PYTHONPATH": str(_COLLECTIONS), "PYTHONDONTWRITEBYTECODE": "1"},
            timeout=60,
        )
    assert json.loads(answer.stdout) == [expected.installed, expected.facts, expected.absent, expected.problems]


def ansible(python: str, home: Path, arguments: dict[str, Any], *options: str) -> tuple[dict[str, Any], str]:
    """The module's result, and the warnings without the spaces and line ends that they are shown with."""
    command = [sys.executable, "-m", "ansible", "adhoc", "localhost", "-c", "local", *options]
    command += ["-m", "ck8s.ports.node_facts", "-a", json.dumps(arguments)]
    command += ["-e", json.dumps({"ansible_python_interpreter": python})]
    environment = {
        **os.environ,
        "PATH": "/usr/bin:/bin",
        "HOME": str(home),
        "ANSIBLE_HOME": str(home),
        "ANSIBLE_COLLECTIONS_PATH": str(_COLLECTIONS),
        "ANSIBLE_NOCOLOR": "1",
    }
    output = subprocess.run(command, capture_output=True, text=True, check=False, env=environment, timeout=120)
    answer = re.search(r"^localhost \| \w+!? => (\{\n.*^\})$", output.stdout, re.MULTILINE | re.DOTALL)
    assert answer, output.stdout + output.stderr
    return json.loads(answer.group(1)), "".join(output.stderr.split())


@pytest.mark.parametrize("python", [PYTHONS[0], PYTHONS[-1]])
@pytest.mark.parametrize("options", [(), ("--check",)])
def test_through_ansible(python: str, options: tuple[str, ...], tmp_path: Path) -> None:
    description = describe("hand_edited")
    root = build(description, tmp_path / "root")
    result, warnings = ansible(python, tmp_path, {"root": str(root)}, *options)
    assert not result["changed"]
    assert result["installed"]
    assert {name: fact["value"] for name, fact in result["facts"].items()} == description["expect"]["facts"]
    assert result["absent"] == {}
    for problem in description["expect"]["problems"]:
        assert "".join(f"Not among the ports of this node: {problem}".split()) in warnings


def test_this_host_has_no_snap(tmp_path: Path) -> None:
    result, _warnings = ansible(sys.executable, tmp_path, {"root": "/"})
    assert not result["installed"]
    assert result["facts"] == {}
    assert set(result["absent"].values()) == {"the snap k8s is not installed: /snap/k8s/current does not exist"}


def test_root_with_a_typing_error(tmp_path: Path) -> None:
    result, _warnings = ansible(sys.executable, tmp_path, {"root": str(tmp_path / "typo")})
    assert result["msg"] == (
        f"Cannot tell who this node is: root: {tmp_path}/typo is not a directory; give one that "
        "has a system in it, / for this host"
    )
