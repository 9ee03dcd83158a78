# Copyright: (c) 2026, ck8s.ports contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The lookup ck8s.ports.catalogue: a door to the catalogue."""

from __future__ import annotations

DOCUMENTATION = r"""
name: catalogue
short_description: The documented ports of Canonical Kubernetes
version_added: 1.0.0
author:
  - ck8s.ports contributors (@ck8s)
description:
  - Gives what the editions of the page C(Services and ports) say, and what the collection knows beside them.
  - It says nothing of a node; M(ck8s.ports.profile) works out what is expected there.
options:
  _terms:
    description: The editions, by year and month; by default C(2025-08).
    type: list
    elements: str
  what:
    description: >-
      What to give of them; V(ports), V(unix_sockets), V(editions) (the editions themselves, with their C(document) and
      C(releases); of all editions where none is named) or V(companions) (the ports that no edition has).
    type: str
    choices: [ports, unix_sockets, editions, companions]
    default: ports
  select:
    description: A JMESPath expression that is applied to the list.
    type: str
requirements:
  - jmespath on the controller, where O(select) is given
"""

EXAMPLES = r"""
- name: Show the numbers of the ports that edition 2025-11 has on the host interface
  ansible.builtin.debug:
    msg: >-
      {{ query('ck8s.ports.catalogue', '2025-11',
               select="[?documented.scope == 'external'].documented.port") }}

- name: Show which editions there are
  ansible.builtin.debug:
    msg: "{{ query('ck8s.ports.catalogue', what='editions', select='[].edition') }}"
"""

RETURN = r"""
_list:
  description:
    - The entries, in the order of the editions and of their pages, or what O(select) makes of them.
    - >-
      An entry of V(ports) has C(id), C(documented) (C(edition), C(port), C(protocol), C(service), C(scope), C(line),
      and C(binding), C(nodes), C(datastore), C(feature) where the page has them), C(description), C(nodes),
      C(presence), C(owners), C(claims), C(notes). One of V(companions) has C(id), C(protocols), C(port) or C(range),
      C(exposure), C(comm), C(audience), C(note), C(source).
  type: list
  elements: raw
"""

from typing import Any

from ansible.errors import AnsibleLookupError
from ansible.plugins.lookup import LookupBase

from ansible_collections.ck8s.ports.plugins.plugin_utils import _catalogue
from ansible_collections.ck8s.ports.plugins.plugin_utils._action import plain
from ansible_collections.ck8s.ports.plugins.plugin_utils._errors import InputError
from ansible_collections.ck8s.ports.plugins.plugin_utils._libraries import library


class LookupModule(LookupBase):
    def run(self, terms: list[str], variables: Any = None, **kwargs: Any) -> list[Any]:
        self.set_options(var_options=variables, direct=kwargs)
        names, what, select = plain(terms), self.get_option("what"), self.get_option("select")
        try:
            entries = _entries(names, what)
        except InputError as error:
            raise AnsibleLookupError(error.faults[0]) from None
        selected = entries if select is None else _select(str(select), entries)
        return selected if isinstance(selected, list) else [selected]


def _entries(names: list[str], what: str) -> list[Any]:
    if what == "companions":
        return list(_catalogue.companions())
    if what == "editions":
        loaded = [_catalogue.load(name) for name in names or _catalogue.editions()]
        return [{key: edition[key] for key in ("edition", "document", "releases")} for edition in loaded]
    return [entry for name in names or [_catalogue.DEFAULT_EDITION] for entry in _catalogue.load(name)[what]]


def _select(expression: str, entries: list[Any]) -> Any:
    try:
        jmespath = library("jmespath", "select")
    except InputError as error:
        raise AnsibleLookupError(error.faults[0]) from None
    try:
        return jmespath.search(expression, entries)
    except jmespath.exceptions.JMESPathError as error:
        raise AnsibleLookupError(
            f"select: '{expression}' is no JMESPath expression for this list: {error}. Give one such as "
            "\"[?presence == 'required'].id\""
        ) from None
