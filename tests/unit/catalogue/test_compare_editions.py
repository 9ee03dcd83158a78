"""What another edition means for a node, in sentences."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.ck8s.ports.plugins.plugin_utils import _catalogue
from ansible_collections.ck8s.ports.plugins.plugin_utils._compare_editions import compare
from ansible_collections.ck8s.ports.plugins.plugin_utils._errors import InputError


def of(differences: list[dict[str, Any]], port_id: str) -> list[str]:
    return [one["consequence"] for one in differences if port_id in [port["id"] for port in one["ports"]]]


def test_from_2025_11_to_2026_06() -> None:
    assert [one["text"] for one in compare("2025-11", "2026-06")] == [
        "9000/tcp k8s-dqlite: goes: it is expected no longer, no rule is made for it, and a listener there is "
        "undocumented.",
        "10249/tcp kube-proxy-metrics, 10256/tcp kube-proxy-healthz: only with kube-proxy.",
    ]


def test_from_2025_08_on_etcds_peers_are_opened_between_control_planes() -> None:
    differences = compare("2025-08", "2025-11")
    assert of(differences, "etcd-peer") == [
        "becomes external for control planes: the firewall opens it to others, expected on the node's address alone; "
        "bound to every address it is a finding"
    ]
    assert of(differences, "k8sd") == ["expected on the node's address alone; bound to every address it is a finding"]
    assert of(differences, "kubelet") == ["expected on every address"]
    assert of(differences, "kubelet-healthz") == []
    assert [text for text in of(differences, "vxlan") if "every node needs it" in text]


def test_the_way_back_is_the_reverse() -> None:
    differences = compare("2026-06", "2025-08")
    assert of(differences, "k8s-dqlite") == [
        "comes: it is expected on control planes with k8s-dqlite, the firewall opens it to others"
    ]
    assert of(differences, "etcd-peer") == [
        "becomes localhost for control planes: the firewall closes it to others, expected on loopback alone"
    ]
    assert of(differences, "kube-proxy-metrics") == ["no longer only with kube-proxy"]


@pytest.mark.parametrize("edition", _catalogue.editions())
def test_an_edition_does_not_differ_from_itself(edition: str) -> None:
    assert compare(edition, edition) == []


def test_an_unknown_edition_is_named() -> None:
    with pytest.raises(InputError, match="edition: '2024-01' is not in the catalogue"):
        compare("2025-08", "2024-01")
