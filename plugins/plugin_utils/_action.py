# Copyright: (c) 2026, ck8s.ports contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the actions that only compute on the controller share. Private to the collection."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ansible.plugins.action import ActionBase

from ansible_collections.ck8s.ports.plugins.plugin_utils._errors import InputError


def plain(value: Any) -> Any:
    """The same value out of built-in types only: templated strings and lazy containers are subclasses of these."""
    if isinstance(value, str):
        return "".join(value)
    if isinstance(value, Mapping):
        return {plain(key): plain(item) for key, item in value.items()}
    if isinstance(value, Sequence) and not isinstance(value, bytes):
        return [plain(item) for item in value]
    return value


def run_pure(
    action: ActionBase, task_vars: dict[str, Any] | None, compute: Callable[[dict[str, Any]], dict[str, Any]]
) -> dict[str, Any]:
    """The result of an action whose task arguments go through C(compute); its InputError becomes the failure."""
    result: dict[str, Any] = super(type(action), action).run(None, task_vars)
    try:
        result.update(changed=False, **compute(plain(action._task.args)))
    except InputError as error:
        result.update(failed=True, msg="\n".join(error.faults))
    return result
