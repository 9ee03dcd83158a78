# Copyright: (c) 2026, ck8s.ports contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What modules share is documented as it is."""

from __future__ import annotations

import yaml

from ansible_collections.ck8s.ports.plugins.doc_fragments.backend import ModuleDocFragment
from ansible_collections.ck8s.ports.plugins.module_utils._backends import BACKEND


def test_the_fragment_backend_documents_its_argument_spec() -> None:
    documented = yaml.safe_load(ModuleDocFragment.DOCUMENTATION)["options"]["backend"]
    assert {key: value for key, value in documented.items() if key != "description"} == BACKEND
