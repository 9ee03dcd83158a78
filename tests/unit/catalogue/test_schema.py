"""A bad entry is told with file, entry, field, value and what would be right."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest
import yaml

from ansible_collections.ck8s.ports.plugins.plugin_utils import _catalogue
from ansible_collections.ck8s.ports.plugins.plugin_utils._errors import InputError


def test_the_shipped_catalogue_is_without_fault() -> None:
    assert _catalogue.check() == []


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return Path(shutil.copytree(_catalogue.FOLDER, tmp_path / "catalogues"))


def edit(path: Path, change: Any) -> None:
    data = yaml.safe_load(path.read_text(encoding="utf-8"))
    change(data)
    path.write_text(yaml.safe_dump(data), encoding="utf-8")


PAGE_FAULTS = {
    "port 70000": (
        lambda page: page["ports"][0].update(port=70000),
        "2025-08.yml: ports: entry 'etcd-client': port: 70000 is not right (70000 is greater than the maximum "
        "of 65535); "
        "expected a port number from 1 to 65535",
    ),
    "port as text": (
        lambda page: page["ports"][0].update(port="2379"),
        "2025-08.yml: ports: entry 'etcd-client': port: '2379' is not right ('2379' is not of type 'integer'); "
        "expected a port number from 1 to 65535",
    ),
    "unknown scope": (
        lambda page: page["ports"][1].update(scope="public"),
        "2025-08.yml: ports: entry 'hubble': scope: 'public' is not right ('public' is not one of "
        "['external', 'localhost']); expected external (default host interface) or localhost",
    ),
    "missing service": (
        lambda page: page["ports"][2].pop("service"),
        "2025-08.yml: ports: entry 'cilium-health': 'service' is a required property; expected a documented port: "
        "id, port, protocol, service, scope or binding, and nodes, datastore, feature, line where the page has them",
    ),
    "missing scope": (
        lambda page: page["ports"][2].pop("scope"),
        "2025-08.yml: ports: entry 'cilium-health': one of scope and binding is expected, the one that the page has",
    ),
    "scope and binding": (
        lambda page: page["ports"][2].update(binding="default"),
        "2025-08.yml: ports: entry 'cilium-health': one of scope and binding is expected, the one that the page has",
    ),
    "unknown field": (
        lambda page: page["ports"][2].update(color="red"),
        "2025-08.yml: ports: entry 'cilium-health': Additional properties are not allowed ('color' was unexpected); "
        "expected a documented port: id, port, protocol, service, scope or binding, and nodes, datastore, feature, "
        "line where the page has them",
    ),
    "no entry in services.yml": (
        lambda page: page["ports"][2].update(id="new-one"),
        "2025-08.yml: ports: entry 'new-one': id: 'new-one' is unknown in services.yml; expected one of its ports",
    ),
    "port twice": (
        lambda page: page["ports"][1].update(port=2379),
        "2025-08.yml: ports: entry 'hubble': port: 2379/tcp is taken by entry 'etcd-client'; expected a new one",
    ),
    "another edition's name": (
        lambda page: page.update(edition="2025-09"),
        "2025-08.yml: edition: '2025-09' is not the file's name; expected '2025-08'",
    ),
}


@pytest.mark.parametrize("name", PAGE_FAULTS)
def test_a_fault_in_an_edition(folder: Path, name: str) -> None:
    change, message = PAGE_FAULTS[name]
    edit(folder / "2025-08.yml", change)
    assert _catalogue.check(folder) == [message]


SERVICE_FAULTS = {
    "a difference without a verdict": (
        lambda known: known["ports"]["etcd-peer"]["notes"][0].pop("verdict"),
        "services.yml: ports: entry 'etcd-peer': notes.0: 'verdict' is a dependency of 'about'; expected text, and "
        "where it applies editions, about with verdict and source, corrected_in, breaks",
    ),
    "long process name": (
        lambda known: known["ports"]["kubelet"]["owners"][0].update(comm=["kube-controller-manager"]),
        "services.yml: ports: entry 'kubelet': owners.0.comm.0: 'kube-controller-manager' is not right "
        "('kube-controller-manager' is too long); expected a name as in /proc/PID/comm, at most 15 characters",
    ),
    "unknown audience": (
        lambda known: known["ports"]["kubelet"].update(audience=["friends"]),
        "services.yml: ports: entry 'kubelet': audience.0: 'friends' is not right ('friends' is not one of ['anyone', "
        "'nodes', 'control_plane', 'pods', 'monitoring', 'nobody']); expected anyone, nodes, control_plane, pods, "
        "monitoring or nobody",
    ),
    "no audience for one role": (
        lambda known: known["ports"]["kube-apiserver"]["audience"].pop("worker"),
        "services.yml: ports: entry 'kube-apiserver': audience: 'worker' is a required property; expected "
        "control_plane and worker, a list each",
    ),
    "mode as a number": (
        lambda known: known["unix_sockets"]["containerd"].update(mode=432),
        "services.yml: unix_sockets: entry 'containerd': mode: 432 is not right (432 is not of type 'string'); "
        "expected a "
        'quoted octal mode such as "0660"',
    ),
}


@pytest.mark.parametrize("name", SERVICE_FAULTS)
def test_a_fault_in_what_we_know(folder: Path, name: str) -> None:
    change, message = SERVICE_FAULTS[name]
    edit(folder / "services.yml", change)
    assert _catalogue.check(folder) == [message]


def test_an_unknown_edition_is_refused_with_the_known_ones() -> None:
    with pytest.raises(InputError) as error:
        _catalogue.load("1999-12")
    assert error.value.faults == ["edition: '1999-12' is not in the catalogue; known are 2025-08, 2025-11, 2026-06"]
