"""node_verify_allow: what is wrong with it is said before anything runs."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.ck8s.ports.plugins.plugin_utils import _allow, _expressions
from ansible_collections.ck8s.ports.plugins.plugin_utils._errors import InputError

WHERE = "node_verify_allow: entry 'number 1': where: "
BAD: dict[str, tuple[Any, str]] = {
    "no list": ({"port": 22}, "node_verify_allow: {'port': 22} is not right"),
    "empty": ([{}], "node_verify_allow: entry 'number 1': {} is not right"),
    "a typing error": ([{"prot": 22}], "node_verify_allow: entry 'number 1': Additional properties are not allowed"),
    "port 0": ([{"port": 0}], "node_verify_allow: entry 'number 1': port: 0 is not right"),
    "no JMESPath": ([{"where": "port =="}], f"{WHERE}'port ==' is not right (Invalid jmespath expression: "),
    "no such function": ([{"where": "startswith(unit, 'a')"}], f"{WHERE}'startswith(unit, 'a')' is not right (there"),
    "hidden by a false": (
        [{"where": "`false` && startswith(unit, 'a')"}],
        f"{WHERE}'`false` && startswith(unit, 'a')' is not right (there is no function startswith()",
    ),
    "another type": ([{"where": "starts_with(port, 'a')"}], f"{WHERE}'starts_with(port, 'a')' is not right (In func"),
    "too few arguments": ([{"where": "starts_with(unit)"}], f"{WHERE}'starts_with(unit)' is not right (Expected 2 arg"),
}


@pytest.mark.parametrize("name", BAD)
def test_a_bad_entry_is_named(name: str) -> None:
    allow, message = BAD[name]
    with pytest.raises(InputError) as error:
        _allow.check(allow)
    (fault,) = error.value.faults
    assert fault.startswith(message)


def test_the_second_entry_is_the_second() -> None:
    with pytest.raises(InputError, match="entry 'number 2': where"):
        _allow.check([{"port": 22}, {"where": "("}])


def test_good_entries_come_back_as_they_are() -> None:
    allow = [{"port": 22}, {"where": "contains(['eth1', 'eth2'], interface) && user == 'root'"}]
    assert _allow.check(allow) == allow


@pytest.mark.parametrize(
    ("expression", "truth"),
    [("port", True), ("uid", True), ("unit", False), ("container.id", False), ("processes", False), ("kernel", False)],
)
def test_the_truth_of_an_expression_is_that_of_jmespath(expression: str, truth: bool) -> None:
    """0 is true there; empty things, null and false are not."""
    socket = {"port": 22, "uid": 0, "unit": "", "container": None, "processes": [], "kernel": False}
    assert _expressions.holds(expression, socket) is truth
