# Copyright: (c) 2026, ck8s.ports contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every command in the README and the pages of docs/ is run as it stands there, and prints what the page shows.

The inventories are the pages' own: the lab has the hosts and addresses that they name.
"""

from __future__ import annotations

import datetime
import shlex
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from tests.documentation.pages import Run, Write, steps
from tests.documentation.reader import difference, environment, follow
from tests.documentation.repository import CHECKOUT, copy_of_the_working_tree
from tests.lab import lab
from tests.lab.topology import Host, read_hosts

PAGES = sorted(
    str(page.relative_to(CHECKOUT))
    for pattern in ("README.md", "CONTRIBUTING.md", "docs/**/*.md", "roles/*/README.md")
    for page in CHECKOUT.glob(pattern)
)
WITH_COMMANDS = [page for page in PAGES if any(isinstance(step, Run) for step in steps(CHECKOUT / page))]
INVENTORY = "inventory.yml"
OF_THE_FIRST_AUDIT = "docs/guides/first_audit.md"
"""Its inventory is the one that the pages without one mean."""
WITH_FAULTS = {OF_THE_FIRST_AUDIT, "docs/guides/waivers.md"}
"""Pages that show what is found: on the others node3 is as documented."""

CLONE = "git clone <this repository> ck8s.ports"
MOLECULE = ".venv/bin/molecule --base-config .config/molecule/config.yml test"
INSTEAD = {
    # On a system that is new, `make new-user` does.
    "apt-get install git make python3 python3-venv": "true",
    # `make molecule` is this, and takes a minute.
    f".venv/bin/python -m tests.lab.sandbox -- {MOLECULE} -s default": f"make -n molecule | grep -qF '{MOLECULE}'",
}
DRY = {"make test", "make test-all"}
"""What these would run is running already."""
IN_THE_CHECKOUT = {"CONTRIBUTING.md", "README.md"}
"""Pages that begin in a checkout; the README makes another one later."""
DAY_TO_COME = "2027-01-31"
"""The last day of the waiver in the pages: in the files it is one to come, whenever this is run."""


@pytest.fixture(scope="session")
def repository(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A repository that holds the working tree as it is."""
    made = tmp_path_factory.mktemp("readers") / "repository"
    copy_of_the_working_tree(made)
    return made


def plan(page: str, repository: Path) -> list[Write | Run]:
    """Return the steps of a page; what cannot be done here literally is replaced, as :func:`instead` says."""
    # The sandbox has no network to make environments with; `make new-user` does it.
    clone = (
        f"git clone --quiet {shlex.quote(str(repository))} ck8s.ports && ln -s {CHECKOUT}/.venv ck8s.ports/.venv && "
        f"mkdir ck8s.ports/.venvs && ln -s {CHECKOUT}/.venvs/docs ck8s.ports/.venvs/docs"
    )
    last_day = str(datetime.date.today() + datetime.timedelta(days=30))
    planned: list[Write | Run] = [Run(0, f"{clone} && cd ck8s.ports")] if page in IN_THE_CHECKOUT else []
    done: set[str] = set()
    for step in steps(CHECKOUT / page):
        if isinstance(step, Write):
            planned.append(replace(step, text=step.text.replace(DAY_TO_COME, last_day)))
        else:
            shown = step.shown and step.shown.replace(DAY_TO_COME, last_day)
            command = clone if words(step) == CLONE else instead(step, done)
            planned.append(replace(step, command=command, shown=shown))
    return planned


def words(step: Run) -> str:
    """Return the command without its comment."""
    return step.command.partition(" # ")[0].strip()


def instead(step: Run, done: set[str]) -> str:
    """Return the command to run. A target is made once on a page, and only looked for where text mentions it."""
    if not words(step).startswith("make "):
        return INSTEAD.get(words(step), step.command)
    if step.inline or words(step) in {*DRY, *done}:
        return f"make --directory={CHECKOUT} --dry-run {words(step).removeprefix('make ')} >/dev/null"
    done.add(words(step))
    return step.command


def hosts_of(page: str, planned: list[Write | Run], folder: Path) -> tuple[list[Host], list[Write | Run]]:
    """Return the hosts that the page's inventory names, and the steps, with that inventory where the page has none."""
    if not any(isinstance(step, Write) and step.path == INVENTORY for step in planned):
        first_audit = steps(CHECKOUT / OF_THE_FIRST_AUDIT)
        planned = [next(s for s in first_audit if isinstance(s, Write) and s.path == INVENTORY), *planned]
    text = next(step.text for step in planned if isinstance(step, Write) and step.path == INVENTORY)
    copy = folder / "hosts.yml"
    copy.write_text(text, encoding="utf-8")
    of_the_lab = {host.name: host for host in read_hosts(with_faults=page in WITH_FAULTS)}
    copied = ("faults", "extra_services")
    hosts = [
        replace(host, **{name: getattr(of_the_lab[host.name], name) for name in copied if host.name in of_the_lab})
        for host in read_hosts(copy)
    ]
    return hosts, planned


@contextmanager
def built(hosts: list[Host], logs: Path) -> Iterator[None]:
    lab.up(hosts, logs)
    try:
        yield
    finally:
        lab.down()


@pytest.mark.parametrize("page", WITH_COMMANDS)
def test_the_commands_of_a_page_do_what_it_says(page: str, repository: Path, tmp_path: Path) -> None:
    planned = plan(page, repository)
    commands = [step for step in planned if isinstance(step, Run)]
    hosts, planned = hosts_of(page, planned, tmp_path)
    folder, home = tmp_path / "folder", tmp_path / "home"
    folder.mkdir()
    home.mkdir()
    variables = environment(home)
    if page != "README.md":  # which tells how to install it
        variables["ANSIBLE_COLLECTIONS_PATH"] = str(CHECKOUT / "collections")
    with built(hosts, tmp_path / "logs"):
        ended = list(follow(planned, folder, variables))
    differing = [(each.run, text) for each in ended if (text := difference(each)) is not None]
    wrong = [f"{page}:{run.line}: {run.command}: {text}" for run, text in differing]
    if len(ended) < len(commands):
        last = ended[-1]
        wrong.append(f"{page}:{last.run.line}: {last.run.command}: ended with {last.status}\n{last.output}")
    assert not wrong, "\n".join(wrong)


def test_there_are_many_and_what_is_replaced_is_among_them() -> None:
    commands = [step for page in WITH_COMMANDS for step in steps(CHECKOUT / page) if isinstance(step, Run)]
    assert len(commands) > 40
    assert {CLONE, *INSTEAD, *DRY} <= {words(step) for step in commands}
