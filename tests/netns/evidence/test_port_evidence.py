# Copyright: (c) 2026, ck8s.ports contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Everything in one task: the same as the modules that each look at one thing, and no part costs another."""

from __future__ import annotations

import json
import os
import re
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.netns.sockets.space import Space, new_space
from tests.netns.sockets.test_inet import tcp, udp
from tests.netns.sockets.test_unix import unix

REPOSITORY = Path(__file__).parents[3]
ANSIBLE = str(Path(sys.executable).with_name("ansible"))
PARTS = {"sockets", "firewall", "unix_sockets", "sysctls", "claims"}
POLICY: dict[str, Any] = {
    "enforcement": "ports",
    "rules": [{"id": "kubelet-healthz", "protocol": "tcp", "ports": [10248], "verdict": "drop"}],
}
WITHOUT_CAPABILITIES = ("setpriv", "--bounding-set=-all", "--inh-caps=-all", "--")


def task(space: Space, home: Path, module: str, *options: str, under: tuple[str, ...] = (), **arguments: Any) -> Any:
    """The result of a module of the collection in this network."""
    output = space.run(
        *(*under, ANSIBLE, "localhost", "--inventory", "localhost,", "--connection", "local"),
        *("--extra-vars", f"ansible_python_interpreter={sys.executable}"),
        *("--module-name", f"ck8s.ports.{module}", "--args", json.dumps(arguments), *options),
        check=False,
        env={
            **os.environ,
            "HOME": str(home),
            "ANSIBLE_HOME": str(home),
            "ANSIBLE_COLLECTIONS_PATH": str(REPOSITORY / "collections"),
            "ANSIBLE_NOCOLOR": "1",
        },
    )
    answer = re.search(r"^localhost \| \w+!? => (\{\n.*^\})$", output, re.MULTILINE | re.DOTALL)
    assert answer, output
    return json.loads(answer.group(1))


def test_it_sees_what_the_single_modules_see(tmp_path: Path) -> None:
    path = str(tmp_path / "s.sock")
    question = {"port": 6443, "path": "/healthz", "tls": False, "label": "kube-apiserver"}
    held = (tcp("127.0.0.1", 6443), tcp("0.0.0.0", 10250), udp("0.0.0.0", 8472), unix("stream", path))
    with new_space() as space, space.holding(*held):
        wanted: dict[str, Any] = {"policy": POLICY, "unix_sockets": [path], "claims": [question], "timeout": 0.5}
        evidence = task(space, tmp_path, "port_evidence", **wanted)
        checked = task(space, tmp_path, "port_evidence", "--check", **wanted)
        sockets = task(space, tmp_path, "listening_sockets_info", protocols=["tcp", "udp"])
        firewall = task(space, tmp_path, "port_policy", "--check", policy=POLICY)
        claims = task(space, tmp_path, "port_claims", targets=[{"host": "127.0.0.1", **question}], timeout=0.5)
        assert space.run("nft", "list", "ruleset") == ""
    assert evidence == checked
    assert evidence.keys() == {"changed", *PARTS}
    assert evidence["changed"] is False
    assert len(evidence["sockets"]["sockets"]) == 3
    assert evidence["sockets"]["sockets"] == sockets["sockets"]
    assert evidence["firewall"].pop("warnings") == []
    shown = evidence["firewall"].keys() - {"diff"}  # which Ansible takes out of the result it prints
    assert {name: evidence["firewall"][name] for name in shown} == {name: firewall[name] for name in shown}
    assert "tcp dport 10248 counter drop" in evidence["firewall"]["diff"]["after"]
    assert evidence["claims"]["results"] == claims["results"]
    (listener,) = evidence["unix_sockets"][path].pop("listeners")
    assert (listener["path"], listener["path_status"], listener["type"]) == (path, "same", "stream")
    assert evidence["unix_sockets"][path]["type"] == "socket"
    assert evidence["sysctls"]["route_localnet"] == dict.fromkeys(("all", "default", "eth0", "eth1", "lo"), False)


def test_what_may_not_be_seen_costs_no_other_part(tmp_path: Path) -> None:
    with new_space() as space, space.holding(tcp("0.0.0.0", 10250)):
        evidence = task(space, tmp_path, "port_evidence", under=WITHOUT_CAPABILITIES, policy=POLICY)
    assert evidence["firewall"].keys() == {"error"}
    assert "run as root" in evidence["firewall"]["error"]
    assert [socket["port"] for socket in evidence["sockets"]["sockets"]] == [10250]
    assert all("error" not in evidence[part] for part in PARTS - {"firewall"})


@pytest.mark.parametrize(("missing", "lost"), [("ssl", "claims"), ("ctypes", "firewall")])
def test_a_python_without_a_library_loses_one_part(missing: str, lost: str) -> None:
    question = {"port": 6443, "path": "/", "tls": True, "label": None}
    options = {"policy": POLICY, "backend": "nftables", "unix_sockets": [], "udp_clients": False, "timeout": 1}
    program = (
        f"import json, sys; sys.modules[{missing!r}] = None\n"
        "from ansible_collections.ck8s.ports.plugins.module_utils import _evidence\n"
        f"print(json.dumps(_evidence.collect(json.loads({json.dumps({**options, 'claims': [question]})!r}))))"
    )
    environment = {**os.environ, "PYTHONPATH": str(REPOSITORY / "collections")}
    with new_space() as space, space.holding(tcp("127.0.0.1", 6443)):
        evidence = json.loads(space.run(sys.executable, "-S", "-c", program, env=environment))
    assert {part for part in PARTS if "error" in evidence[part]} == {lost}


def test_udp_clients_on_request(tmp_path: Path) -> None:
    with new_space() as space, space.holding(udp("0.0.0.0", 45000)):
        seen = [
            task(space, tmp_path, "port_evidence", policy=POLICY, udp_clients=wanted)["sockets"]["sockets"]
            for wanted in (False, True)
        ]
    assert [len(sockets) for sockets in seen] == [0, 1]
