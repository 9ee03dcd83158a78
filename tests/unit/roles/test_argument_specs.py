"""The argument spec of each role says what its defaults are: the two cannot drift apart."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from ansible_collections.ck8s.ports.plugins.plugin_utils import _catalogue, _findings, _profile

ROLES = sorted((Path(__file__).parents[3] / "roles").iterdir())


def load(path: Path) -> Any:
    return yaml.safe_load(path.read_text(encoding="utf-8"))


def options(role: Path) -> dict[str, Any]:
    merged: dict[str, Any] = {}
    for entry_point in load(role / "meta/argument_specs.yml")["argument_specs"].values():
        merged.update(entry_point["options"])
    return merged


@pytest.mark.parametrize("role", ROLES, ids=lambda role: role.name)
def test_spec_and_defaults_are_equal(role: Path) -> None:
    specified = {name: spec.get("default") for name, spec in options(role).items()}
    assert specified == load(role / "defaults/main.yml")


@pytest.mark.parametrize("role", ROLES, ids=lambda role: role.name)
def test_variables_carry_the_name_of_the_role(role: Path) -> None:
    assert [name for name in options(role) if not name.startswith(f"{role.name}_")] == []


def test_the_values_named_in_the_texts_are_those_of_the_code() -> None:
    profile = options(Path(ROLES[0].parent / "node_profile"))
    assert profile["node_profile_edition"]["default"] == _catalogue.DEFAULT_EDITION
    for name, values in (
        ("node_profile_edition", _catalogue.editions()),
        ("node_profile_datastore", _profile.DATASTORES),
        ("node_profile_features", _profile.FEATURES),
        ("node_profile_role", _profile.ROLES),
    ):
        text = str(profile[name]["description"])
        assert [value for value in values if f"C({value})" not in text] == []
    verify = options(Path(ROLES[0].parent / "node_verify"))
    assert verify["node_verify_fail_on"]["choices"] == list(_findings.SEVERITIES)
