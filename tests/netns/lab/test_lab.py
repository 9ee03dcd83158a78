# Copyright: (c) 2026, ck8s.ports contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The lab's hosts behave like machines of their own, and what listens on them answers as the real thing does."""

from __future__ import annotations

import os
import socket
import ssl
import subprocess
import sys
import urllib.error
import urllib.request
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.lab import lab
from tests.lab.guard import namespace_inode
from tests.lab.listening import inet_listeners, unix_listeners
from tests.lab.services import read_services, services_of
from tests.lab.topology import read_hosts

CHECKOUT = Path(__file__).parents[3]
Nodes = dict[str, lab.Running]


def run(node: lab.Running, *command: str) -> str:
    return subprocess.run(node.enter(*command), check=True, capture_output=True, text=True, timeout=10).stdout


def trusting(directory: Path, *, with_certificate: bool = False) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=str(directory / "pki" / "ca.pem"))
    if with_certificate:
        context.load_cert_chain(directory / "pki" / "client.pem", directory / "pki" / "client-key.pem")
    return context


def status_of(url: str, context: ssl.SSLContext | None = None) -> int:
    try:
        with urllib.request.urlopen(url, timeout=5, context=context) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as error:
        return error.code


def test_each_host_has_namespaces_of_its_own(nodes: Nodes) -> None:
    for kind in ("net", "mnt", "pid", "uts"):
        inodes = {namespace_inode(kind), *(namespace_inode(kind, node.pid) for node in nodes.values())}
        assert len(inodes) == 1 + len(nodes), kind
    assert {name: run(node, "hostname").strip() for name, node in nodes.items()} == {name: name for name in nodes}


def test_a_host_sees_its_own_processes_and_interfaces(nodes: Nodes) -> None:
    assert int(run(nodes["outsider1"], "sh", "-c", "ls -d /proc/[0-9]* | wc -l")) < 6
    assert run(nodes["outsider1"], "ls", "/sys/class/net").split() == ["eth0", "lo"]


def test_what_a_host_writes_stays_there(nodes: Nodes) -> None:
    name = f"ck8s-lab-{os.getpid()}"
    run(nodes["node1"], "sh", "-c", f"echo x > /etc/{name}; mkdir -p /etc/systemd/system/{name}; echo x > /run/{name}")
    for directory in ("/etc", "/etc/systemd/system", "/run"):
        assert Path(nodes_root(nodes["node1"]), directory[1:], name).exists()
        assert not Path(nodes_root(nodes["node2"]), directory[1:], name).exists()
        assert not Path(directory, name).exists()


def nodes_root(node: lab.Running) -> str:
    return f"/proc/{node.pid}/root"


@pytest.mark.parametrize("directory", ["/", "/usr", "/var"])
def test_the_disk_of_the_machine_is_read_only(nodes: Nodes, directory: str) -> None:
    touch = nodes["node1"].enter("touch", f"{directory}/ck8s-lab-{os.getpid()}")
    touched = subprocess.run(touch, capture_output=True, text=True, check=False)
    assert touched.returncode != 0
    assert "Read-only file system" in touched.stderr


def test_exactly_what_the_services_say_listens(nodes: Nodes) -> None:
    for node in nodes.values():
        expected = {(s.protocol, s.address, s.port) for service in node.services for s in service.listeners}
        others = inet_listeners(node.pid) - expected
        assert expected <= inet_listeners(node.pid)
        # containerd opens a streaming server of its own, on a random port of loopback.
        assert all(address == "127.0.0.1" and protocol == "tcp" for protocol, address, _ in others), others
        assert len(others) <= 1
        wanted = {service.socket for service in node.services if service.socket}
        assert wanted <= unix_listeners(node.pid)


def test_processes_have_the_documented_names(nodes: Nodes) -> None:
    names = {"etcd", "containerd", "cilium-agent", "k8sd", "kube-apiserver", "kubelet", "kube-proxy"}
    names |= {"kube-controller", "kube-scheduler"}
    assert names <= set(run(nodes["node1"], "ps", "-eo", "comm=").split())
    assert {"k8s-apiserver-p", "cilium-operator"} <= set(run(nodes["node2"], "ps", "-eo", "comm=").split())


def test_the_containerd_socket_is_as_containerd_makes_it(nodes: Nodes) -> None:
    described = run(nodes["node2"], "stat", "-c", "%F %a %U %G", "/run/containerd/containerd.sock").strip()
    assert described == "socket 660 root root"


def test_the_vxlan_sockets_belong_to_no_process(nodes: Nodes) -> None:
    lines = run(nodes["node1"], "ss", "-ulnpH", "sport", "=", ":8472").splitlines()
    assert len(lines) == 2
    assert not any("users:" in line for line in lines)


@pytest.mark.parametrize(
    ("url", "status"),
    [
        ("https://10.77.0.11:6443/livez", 401),
        ("https://[fd77::12]:6443/api", 401),
        ("https://10.77.0.11:10250/healthz", 401),
        ("https://10.77.0.11:10257/healthz", 200),
        ("https://10.77.0.11:10257/metrics", 403),
        ("https://10.77.0.11:10259/readyz", 200),
        ("https://10.77.0.11:10259/metrics", 403),
        ("https://10.77.0.12:6400/core/1.0", 200),
        ("https://10.77.0.12:6400/core/1.0/daemon", 403),
        ("http://[fd77::13]:4240/hello", 200),
        ("http://10.77.0.12:9963/metrics", 200),
        ("http://10.77.0.13:10248/healthz", 200),
    ],
)
def test_answers_to_a_client_without_credentials(nodes: Nodes, lab_directory: Path, url: str, status: int) -> None:
    context = trusting(lab_directory) if url.startswith("https") else None
    assert status_of(url, context) == status


def test_etcd_answers_a_client_with_a_certificate(nodes: Nodes, lab_directory: Path) -> None:
    context = trusting(lab_directory, with_certificate=True)
    assert status_of("https://10.77.0.11:2379/health", context) == 200


@pytest.mark.parametrize(("address", "port"), [("10.77.0.11", 2379), ("10.77.0.11", 4244), ("fd77::12", 4244)])
def test_mutual_tls_refuses_a_client_without_certificate(
    nodes: Nodes, lab_directory: Path, address: str, port: int
) -> None:
    # With TLS 1.3 the handshake looks fine to the client; the refusal arrives at its first read.
    with (
        socket.create_connection((address, port), timeout=5) as plain,
        trusting(lab_directory).wrap_socket(plain, server_hostname=address) as secured,
        pytest.raises((ssl.SSLError, ConnectionResetError)),
    ):
        secured.sendall(b"GET / HTTP/1.1\r\n\r\n")
        assert secured.recv(1) == b"", "an answer without a certificate"
        raise ConnectionResetError


def test_a_second_lab_is_refused(nodes: Nodes, lab_directory: Path) -> None:
    with pytest.raises(lab.LabError, match="up already"):
        lab.up(read_hosts(), lab_directory)
    assert all(not list(node.missing()) for node in nodes.values()), "and the first is left alone"


def in_sandbox(code: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run Python code in a sandbox of its own, since there is one lab in each."""
    return subprocess.run(
        [sys.executable, "-m", "tests.lab.sandbox", "--", sys.executable, "-c", code, *arguments],
        cwd=CHECKOUT,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_down_leaves_nothing(tmp_path: Path) -> None:
    code = (
        "import pathlib, subprocess, sys\n"
        "from tests.lab import lab\n"
        "from tests.lab.topology import read_hosts\n"
        "lab.up(read_hosts(), pathlib.Path(sys.argv[1]))\n"
        "lab.down()\n"
        "assert not lab.STATE.exists() and not lab.find(read_hosts())\n"
        "print(subprocess.run(['ip', '-o', 'link'], capture_output=True, text=True).stdout.count('\\n'))\n"
        "lab.down()\n"
    )
    outcome = in_sandbox(code, str(tmp_path))
    assert (outcome.returncode, outcome.stdout.strip()) == (0, "1"), outcome.stderr


def test_a_service_that_does_not_start_is_named_with_its_last_words(tmp_path: Path) -> None:
    # A mistake that the inventory can express: there is no such port.
    code = (
        "import dataclasses, pathlib, sys\n"
        "from tests.lab import lab\n"
        "from tests.lab.topology import read_hosts\n"
        "fault = {'fault': 'undocumented', 'service': 'broken', 'port': 70000, 'at': ['node']}\n"
        "hosts = [dataclasses.replace(host, faults=(fault,)) for host in read_hosts() if host.name == 'node2']\n"
        "try:\n"
        "    lab.up(hosts, pathlib.Path(sys.argv[1]))\n"
        "except lab.LabError as error:\n"
        "    print(error)\n"
        "assert not lab.STATE.exists()\n"
    )
    outcome = in_sandbox(code, str(tmp_path))
    assert outcome.returncode == 0, outcome.stderr
    assert outcome.stdout.startswith("node2: broken ended while it started\n")
    assert str(tmp_path / "node2" / "broken.log") in outcome.stdout
    assert "port must be 0-65535" in outcome.stdout


def test_faults_can_be_left_out() -> None:
    def services(*, with_faults: bool) -> list[Any]:
        return [services_of(host, read_services()) for host in read_hosts(with_faults=with_faults)]

    assert services(with_faults=True) != services(with_faults=False)
    healthy = [replace(host, faults=()) for host in read_hosts()]
    assert [services_of(host, read_services()) for host in healthy] == services(with_faults=False)
