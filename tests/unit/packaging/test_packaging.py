# Copyright: (c) 2026, ck8s.ports contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is said twice, in files for different readers, is the same: versions, choices, names of variables, targets."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from ansible_collections.ck8s.ports.plugins.plugin_utils import _catalogue
from scripts import port_pages

CHECKOUT = Path(__file__).parents[3]
VERSION = yaml.safe_load((CHECKOUT / "galaxy.yml").read_text(encoding="utf-8"))["version"]
ON_THE_CONTROLLER = {"policy", "profile", "report"}
"""Modules whose work an action plugin does, and which have no option in common with the others."""


def load(path: str) -> Any:
    return yaml.safe_load((CHECKOUT / path).read_text(encoding="utf-8"))


def role_options() -> dict[str, dict[str, Any]]:
    options: dict[str, dict[str, Any]] = {}
    for path in (CHECKOUT / "roles").glob("*/meta/argument_specs.yml"):
        for entry in yaml.safe_load(path.read_text(encoding="utf-8"))["argument_specs"].values():
            options.update(entry["options"])
    return options


def test_the_action_group_has_every_module_that_runs_on_nodes() -> None:
    modules = {path.stem for path in (CHECKOUT / "plugins/modules").glob("*.py")} - ON_THE_CONTROLLER
    assert load("meta/runtime.yml")["action_groups"]["ports"] == sorted(modules)


def test_the_tarball_is_named_with_its_version() -> None:
    for path in ("README.md", "docs/execution-environment.yml"):
        named = re.findall(r"ck8s-ports-([0-9.]+)\.tar\.gz", (CHECKOUT / path).read_text(encoding="utf-8"))
        assert set(named) == {VERSION}, path


def test_the_execution_environment_names_files_of_the_collection() -> None:
    ignored = load("galaxy.yml")["build_ignore"]
    for path in load("meta/execution-environment.yml")["dependencies"].values():
        assert (CHECKOUT / path).is_file()
        assert path not in ignored


def test_the_survey_asks_for_variables_of_the_roles() -> None:
    options = role_options()
    questions = json.loads((CHECKOUT / "docs/awx/verify-survey.json").read_text(encoding="utf-8"))["spec"]
    for question in questions:
        option, name = options[question["variable"]], question["variable"]
        given = question["default"].split("\n") if question["type"] == "multiselect" else question["default"]
        assert given == (str(option["default"]).lower() if option["type"] == "bool" else option["default"]), name
        if "choices" in option:
            assert question["choices"] == option["choices"], name
        elif option["type"] == "bool":
            assert question["choices"] == ["true", "false"], name
    editions = next(question["choices"] for question in questions if question["variable"] == "node_profile_edition")
    assert editions == [*_catalogue.editions(), "auto"]


def test_the_variables_in_the_readme_exist() -> None:
    readme = (CHECKOUT / "README.md").read_text(encoding="utf-8")
    named = set(re.findall(r"\bnode_(?:profile|firewall|verify)_[a-z_]+", readme))
    assert len(named) > 20
    # node_firewall_serial is the playbook's.
    assert named - set(role_options()) <= {"node_firewall_serial", "node_profile_result", "node_verify_report"}


@pytest.mark.parametrize("edition", _catalogue.editions())
def test_the_page_of_an_edition_has_every_entry(edition: str) -> None:
    loaded = _catalogue.load(edition)
    page = port_pages.edition_page(loaded)
    for entry in [*loaded["ports"], *loaded["unix_sockets"]]:
        assert f"\n## {entry['id']}\n" in page
        for note in entry["notes"]:
            assert " ".join(note["text"].split()) in page
    for entry in loaded["ports"]:
        said = entry["documented"]
        assert f"| {said['port']}/{said['protocol']} | [{entry['id']}](#{entry['id']}) | {said['scope']} |" in page


def test_the_page_of_the_companions_has_every_one() -> None:
    page = port_pages.companions_page(_catalogue.companions())
    assert [entry["id"] for entry in _catalogue.companions() if f"\n## {entry['id']}\n" not in page] == []


@pytest.mark.parametrize("path", sorted((CHECKOUT / ".github/workflows").glob("*.yml")), ids=lambda path: path.name)
def test_workflows_run_make_and_actions_that_are_pinned(path: Path) -> None:
    targets = set(re.findall(r"^([a-z-]+):", (CHECKOUT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    text = path.read_text(encoding="utf-8")
    for job in yaml.safe_load(text)["jobs"].values():
        for step in job["steps"]:
            if "uses" in step:
                assert re.fullmatch(r"actions/[a-z-]+@[0-9a-f]{40}", step["uses"]), step
            else:
                assert re.search(r"(^| )make PYTHON=python3\.12 ", step["run"]), step
        for combination in job.get("strategy", {}).get("matrix", {}).get("target", []):
            assert set(combination.split()) <= targets, combination
    assert len(re.findall(r"uses: .*@[0-9a-f]{40} # v[0-9.]+$", text, re.MULTILINE)) == text.count("uses:")


def test_the_workflow_runs_what_test_all_runs() -> None:
    (recipe,) = re.findall(
        r"^test-all:.*?\n((?:\t.*\n)+)", (CHECKOUT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE
    )
    (made,) = re.findall(r"--output-sync=target ((?:.*\\\n)*.*)", recipe)
    matrix = load(".github/workflows/test.yml")["jobs"]["make"]["strategy"]["matrix"]["target"]
    assert sorted(" ".join(matrix).split()) == sorted(made.replace("\\\n", " ").split())


def test_what_contributing_names_exists() -> None:
    text = (CHECKOUT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    targets = set(re.findall(r"^([a-z-]+):", (CHECKOUT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    assert set(re.findall(r"`make ([a-z-]+)", text)) <= targets
    paths = set(re.findall(r"`((?:plugins|roles|tests|docs|changelogs)/[a-z_/.]+)`", text))
    assert len(paths) > 10
    assert [path for path in sorted(paths) if not (CHECKOUT / path).exists()] == []
