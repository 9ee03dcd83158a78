# Copyright: (c) 2026, ck8s.ports contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The debug bundle has what a maintainer needs, and no secret in whatever place it was hidden."""

from __future__ import annotations

import json
import tarfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.ck8s.ports.plugins.plugin_utils import _debug_bundle
from ansible_collections.ck8s.ports.plugins.plugin_utils._redact import HIDDEN, command_line, redact, text

SECRET = "s3cr3t-hunter2"

COMMAND_LINES = {
    "long option": ["etcd", f"--password={SECRET}"],
    "next word": ["etcd", "--token", SECRET],
    "short option": ["mysql", f"-p{SECRET}"],
    "one dash": ["prog", f"-password={SECRET}"],
    "no name": ["prog", SECRET],
    "assignment": ["env", f"API_TOKEN={SECRET}", "prog"],
    "title": [f"postgres: admin {SECRET}"],
    "url": ["curl", f"https://me:{SECRET}@10.0.0.1/"],
    "glued": ["prog", f"--{SECRET}/x"],
    "innocent name": ["prog", f"--file={SECRET}"],
}

TEXTS = {
    "assignment": f"got password={SECRET} from it",
    "quoted": f'{{"token": "{SECRET}"}}',
    "option": f"prog --api-key {SECRET} --x",
    "url": f"https://me:{SECRET}@host/path",
    "bearer": f"Authorization: Bearer {SECRET}",
    "key": f"-----BEGIN PRIVATE KEY-----\n{SECRET}\n-----END PRIVATE KEY-----",
    "cut key": f"-----BEGIN RSA PRIVATE KEY-----\n{SECRET}",
    "jwt": f"eyJhbGciOiJSUzI1NiIs.{SECRET}.x",
}


@pytest.mark.parametrize("name", COMMAND_LINES)
def test_a_command_line_has_no_values(name: str) -> None:
    words = command_line(COMMAND_LINES[name])
    assert SECRET not in " ".join(words)
    assert len(words) == len(COMMAND_LINES[name])


def test_a_command_line_keeps_what_helps() -> None:
    assert command_line(["/snap/k8s/1/bin/kubelet", "--v=2", "--config", "/etc/x", "--fail-swap-on"]) == [
        "kubelet", f"--v={HIDDEN}", "--config", HIDDEN, "--fail-swap-on",
    ]  # fmt: skip


@pytest.mark.parametrize("name", TEXTS)
def test_a_text_has_no_secret(name: str) -> None:
    assert SECRET not in text(TEXTS[name])


@given(st.text(alphabet=st.characters(categories=["L", "N"]), min_size=6).map(lambda word: f"zq{word}"))
def test_no_value_of_a_command_line_is_kept(secret: str) -> None:
    shown = " ".join(command_line(["prog", secret, f"--x={secret}", f"-x{secret}", f"y={secret}"]))
    assert secret not in shown


def test_sentences_of_ours_stay_as_they_are() -> None:
    for sentence in ("Listens on [::]:10248.", "kubelet (pid 31) on 0.0.0.0:10250.", "TLS 1.3, certificate of kubelet"):
        assert text(sentence) == sentence


def hostile() -> dict[str, Any]:
    process = {"pid": 1, "name": "prog", "exe": "/bin/prog", "cmdline": ["prog", f"--token={SECRET}"]}
    return {
        "__node_verify_evidence": {
            "sockets": {"sockets": [{"port": 8088, "processes": [process]}]},
            "claims": {"results": [{"detail": f"answered with token: {SECRET}"}]},
            "password": SECRET,
        }
    }


def test_the_bundle_has_the_observations_and_no_secret(report: dict[str, Any], tmp_path: Path) -> None:
    report["findings"][0]["evidence"] = [f"prog --token={SECRET}"]
    report["findings"][0]["observed"] = f"prog (pid 1): prog {SECRET}"
    contents = _debug_bundle.files(report, {"node1": hostile(), "../../etc/x": {}}, {"ansible": "2.19"})
    assert set(contents) == {"run.json", "report.json", "hosts/0000-.._.._etc_x.json", "hosts/0001-node1.json"}
    assert [name for name, content in contents.items() if SECRET in content] == []
    sockets = json.loads(contents["hosts/0001-node1.json"])["__node_verify_evidence"]["sockets"]["sockets"]
    assert sockets[0]["port"] == 8088
    assert sockets[0]["processes"][0]["cmdline"] == ["prog", f"--token={HIDDEN}"]
    assert len(json.loads(contents["report.json"])["findings"]) == len(report["findings"])

    path = tmp_path / "new" / "bundle.tar.gz"
    for _attempt in range(2):
        _debug_bundle.write(path, contents, 0)
    assert path.stat().st_mode & 0o777 == 0o600
    with tarfile.open(path) as archive:
        assert archive.getnames() == [f"ck8s-ports-debug/{name}" for name in contents]


def test_plain_data_keeps_its_shape() -> None:
    data = {"a": [1, None, True, "x"], "cmdline": "not a list", "b": {"c": 2.5}}
    assert redact(data) == data
