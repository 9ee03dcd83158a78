# Copyright: (c) 2026, ck8s.ports contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A library that is not installed is asked for by name, only where it is needed."""

from __future__ import annotations

import sys

import pytest

from ansible_collections.ck8s.ports.plugins.plugin_utils import _waivers
from ansible_collections.ck8s.ports.plugins.plugin_utils._errors import InputError
from ansible_collections.ck8s.ports.plugins.plugin_utils._libraries import library

WAIVER = {
    "id": "w1", "finding": "kubelet/*", "hosts": ["*"], "reason": "old", "who": "me", "expires": "2027-01-01",
    "where": "severity == 'low'",
}  # fmt: skip


def test_the_message_says_for_which_python_and_how() -> None:
    with pytest.raises(InputError) as error:
        library("no_such_library", "node_verify_waivers")
    assert error.value.faults == [
        "node_verify_waivers: needs the Python library no_such_library on the controller; "
        f"install it for the Python that runs Ansible: {sys.executable} -m pip install no_such_library"
    ]


def test_a_waiver_asks_for_jmespath_only_where_it_selects(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "jmespath", None)
    assert _waivers.check({"waivers": [{k: v for k, v in WAIVER.items() if k != "where"}]}, "waivers.yml")
    with pytest.raises(InputError, match=r"a JMESPath expression: needs the Python library jmespath"):
        _waivers.check({"waivers": [WAIVER]}, "waivers.yml")
