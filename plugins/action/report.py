# Copyright: (c) 2026, ck8s.ports contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The action ck8s.ports.report: judges what node_verify has observed, once for all hosts, and writes the reports."""

from __future__ import annotations

import contextlib
import datetime
import json
import platform
import re
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import yaml
from ansible.errors import AnsibleActionFail
from ansible.module_utils.parsing.convert_bool import boolean
from ansible.plugins.action import ActionBase
from ansible.release import __version__ as ansible_version
from ansible.utils.color import stringc
from ansible.utils.display import Display

from ansible_collections.ck8s.ports.plugins.plugin_utils import (
    _allow,
    _catalogue,
    _compare,
    _csv,
    _debug_bundle,
    _html,
    _junit,
    _markdown,
    _observations,
    _prometheus,
    _report,
    _sarif,
    _terminal,
    _waivers,
)
from ansible_collections.ck8s.ports.plugins.plugin_utils._action import plain
from ansible_collections.ck8s.ports.plugins.plugin_utils._errors import InputError
from ansible_collections.ck8s.ports.plugins.plugin_utils._judgement import judge, judge_together, unreached

display = Display()


class ActionModule(ActionBase):
    _requires_connection = False

    def run(self, tmp: Any = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        result: dict[str, Any] = super().run(tmp, task_vars)
        arguments = plain(self._task.args)
        if arguments.get("show"):
            display.display(arguments["show"])
            result["changed"] = False
            return result
        unknown = sorted(set(arguments["formats"]) - set(FORMATS))
        if unknown:
            known = ", ".join(FORMATS)
            raise AnsibleActionFail(f"node_verify_formats: {', '.join(unknown)} is not known; give some of {known}")
        try:
            arguments["allow"] = _allow.check(arguments["allow"])
        except InputError as error:
            raise AnsibleActionFail("\n".join(error.faults)) from error
        waivers, baseline = _read_waivers(arguments["waivers"]), _baseline(arguments["baseline"])
        result["changed"] = False
        directory = Path(arguments["directory"]).expanduser()
        if boolean(arguments.get("check_only", False)):
            _try_to_write(directory)
            return result
        hostvars, hosts = (task_vars or {})["hostvars"], arguments["nodes"] + arguments["outsiders"]
        registered = _registered(hostvars, hosts)
        # Registered on every host, since that task runs once; any of them will do.
        controller = plain(hostvars.raw_get(hosts[0]).get(_observations.CONTROLLER_PROBES) or {}) if hosts else {}
        report = _judge(registered, controller, arguments, waivers)
        if baseline:
            report["changes"] = _compare.changes(baseline, report)
        paths = _write(report, arguments["formats"], directory)
        if arguments.get("debug_bundle"):
            bundle = Path(arguments["debug_bundle"]).expanduser()
            contents = _debug_bundle.files(report, registered, _about_the_run(arguments))
            with _writing("node_verify_debug_bundle", bundle):
                _debug_bundle.write(bundle, contents, datetime.datetime.now(datetime.UTC).timestamp())
            paths["debug_bundle"] = str(bundle)
        table = _terminal.render(report, max(display.columns, 80), stringc)
        failing = _report.failing_by_host(report)
        result.update(paths=paths, summary=report["summary"], failing=failing, table=table)
        return result


def _registered(hostvars: Any, hosts: list[str]) -> dict[str, dict[str, Any]]:
    """What the role has registered on each host; the other variables of the host are left alone.

    Not through the templating engine: results have no templates, and it takes longer over them than all the rest.
    """
    registered = {}
    for host in hosts:
        variables = hostvars.raw_get(host)
        registered[host] = {name: plain(variables[name]) for name in _observations.VARIABLES if name in variables}
    return registered


def _read_waivers(path: str) -> list[dict[str, Any]]:
    """The waivers in the file C(path); none without a path."""
    if not path:
        return []
    where = f"node_verify_waivers: {path}"
    try:
        # Every value as text, so that a date is what it looks like, quoted or not.
        data = yaml.load(Path(path).expanduser().read_bytes(), Loader=yaml.BaseLoader)  # noqa: S506 (makes text only)
        return _waivers.check(data, where)
    except (OSError, yaml.YAMLError) as error:
        raise AnsibleActionFail(
            f"{where}: cannot be read: {error}. Give a YAML file that is on the controller and that this user may "
            "read, or leave the variable empty"
        ) from error
    except InputError as error:
        raise AnsibleActionFail("\n".join(error.faults)) from error


def _baseline(path: str) -> dict[str, Any] | None:
    """The earlier report in the file C(path); None without a path. Read before the reports are written over it."""
    if not path:
        return None
    try:
        baseline = json.loads(Path(path).expanduser().read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise AnsibleActionFail(
            f"node_verify_baseline: {path}: cannot be read: {error}. Give a report.json that is on the controller and "
            "that this user may read, or leave the variable empty"
        ) from error
    fault = _compare.fault(baseline)
    if fault:
        raise AnsibleActionFail(f"node_verify_baseline: {path}: {fault}; give a report.json that this release wrote")
    return dict(baseline)


def _judge(
    registered: dict[str, dict[str, Any]],
    controller: dict[str, Any],
    arguments: dict[str, Any],
    waivers: list[dict[str, Any]],
) -> dict[str, Any]:
    probes = _observations.probes_by_node(registered, controller)
    wire_probes = _observations.wire_probes_by_node(registered)
    companions = list(_catalogue.companions()) if boolean(arguments.get("companions", True)) else []
    nodes, findings = [], []
    for name in sorted(arguments["nodes"], key=_natural):
        reason = _observations.reason_unreached(registered[name])
        if reason:
            findings.append(unreached(name, reason))
            continue
        tried, wire = probes.get(name, []), wire_probes.get(name, [])
        node = _observations.node(name, registered[name], tried, arguments["allow"], companions, wire_probes=wire)
        nodes.append(node)
        findings += judge(node)
    findings += judge_together(nodes)
    now = datetime.datetime.now(datetime.UTC)
    findings = _waivers.apply(findings, waivers, now.date())
    generated = now.isoformat(timespec="seconds")
    return _report.build(nodes, findings, sorted(registered), arguments["fail_on"], generated)


def _write(report: dict[str, Any], formats: list[str], directory: Path) -> dict[str, str]:
    paths = {name: directory / FORMATS[name][0] for name in formats}
    with _writing("node_verify_report_dir", directory):
        directory.mkdir(parents=True, exist_ok=True)
        for name, path in paths.items():
            path.write_text(FORMATS[name][1](report), encoding="utf-8", errors="backslashreplace", newline="")
    return {name: str(path) for name, path in paths.items()}


def _try_to_write(directory: Path) -> None:
    """Fail where no report can be written, which otherwise would show when everything has been looked at."""
    with _writing("node_verify_report_dir", directory):
        directory.mkdir(parents=True, exist_ok=True)
        tempfile.TemporaryFile(dir=directory).close()


@contextlib.contextmanager
def _writing(variable: str, path: Path) -> Iterator[None]:
    """Name the C(variable) that the C(path) comes from where nothing can be written there."""
    try:
        yield
    except OSError as error:
        raise AnsibleActionFail(
            f"{variable}: {path}: cannot be written: {error}. Give a path on the controller where this user may write"
        ) from error


def _about_the_run(arguments: dict[str, Any]) -> dict[str, Any]:
    """What the run was made with, for the debug bundle."""
    return {
        "ansible_core": ansible_version,
        "python": sys.version,
        "controller": platform.platform(),
        "arguments": {key: value for key, value in arguments.items() if key != "allow"},
    }


def _json(report: dict[str, Any]) -> str:
    return json.dumps(report, indent=2, ensure_ascii=False) + "\n"


FORMATS: dict[str, tuple[str, Callable[[dict[str, Any]], str]]] = {
    "json": ("report.json", _json),
    "markdown": ("report.md", _markdown.render),
    "html": ("report.html", _html.render),
    "junit": ("report.junit.xml", _junit.render),
    "sarif": ("report.sarif", _sarif.render),
    "prometheus": ("report.prom", _prometheus.render),
    "csv": ("report.csv", _csv.render),
}
"""Each format's file and the function that makes it from the report."""


def _natural(name: str) -> list[tuple[int, str]]:
    """Sorts node10 behind node9."""
    return [(int(part), "") if part.isdigit() else (0, part) for part in re.split(r"([0-9]+)", name)]
