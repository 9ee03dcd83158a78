"""The lookup and the playbook, as a user calls them: through Ansible, without an inventory."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).parents[3]


def ansible(program: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("ANSIBLE_")}
    environment["ANSIBLE_COLLECTIONS_PATH"] = str(CHECKOUT / "collections")
    command = [str(Path(sys.executable).with_name(program)), *arguments]
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120, check=False)


def looked_up(arguments: str) -> str:
    message = f"{{{{ query('ck8s.ports.catalogue'{arguments}) | join(' ') }}}}"
    completed = ansible("ansible", "localhost", "-m", "ansible.builtin.debug", "-a", f"msg={message}")
    return completed.stdout + completed.stderr


@pytest.mark.parametrize(
    ("arguments", "shown"),
    [
        (", what='editions', select='[].edition'", "2025-08 2025-11 2026-06"),
        (", '2026-06', select='[?id==`etcd-peer`].documented.binding'", '"msg": "default"'),
        (", select='length([?documented.scope==`localhost`])'", '"msg": "8"'),
        (", what='companions', select='[?port==`7946`].id'", "metallb-memberlist"),
        (", '2024-01'", "edition: '2024-01' is not in the catalogue; known are 2025-08, 2025-11, 2026-06"),
        (", select='[?'", "select: '[?' is no JMESPath expression for this list"),
        (", select='[?'", "Give one such as "),
    ],
)
def test_the_lookup(arguments: str, shown: str) -> None:
    assert shown in looked_up(arguments)


def test_the_playbook_compares_editions_without_an_inventory() -> None:
    run = ansible("ansible-playbook", "ck8s.ports.compare_editions", "-e", "compare_editions_old=2025-11")
    assert run.returncode == 0, run.stdout + run.stderr
    assert "10249/tcp kube-proxy-metrics, 10256/tcp kube-proxy-healthz: only with kube-proxy." in run.stdout
    bad = ansible("ansible-playbook", "ck8s.ports.compare_editions", "-e", "compare_editions_old=2024-01")
    assert bad.returncode == 2
    assert "edition: '2024-01' is not in the catalogue" in bad.stdout + bad.stderr
