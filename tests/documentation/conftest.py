# Copyright: (c) 2026, ck8s.ports contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The pages are followed in the sandbox: they tell to put firewalls in force."""

from __future__ import annotations

import pytest

from tests.lab.guard import MachineNamespaceError, refuse_machine_namespace

try:
    refuse_machine_namespace()
except MachineNamespaceError as refusal:
    raise pytest.UsageError(
        f"{refusal}\nthe pages make firewalls: python3 -m tests.lab.sandbox .venv/bin/pytest tests/documentation"
    ) from None
