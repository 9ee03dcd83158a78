# Copyright: (c) 2026, ck8s.ports contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The one way in which bad input is reported on the controller. Private to the collection."""

from __future__ import annotations


class InputError(ValueError):
    """Input that cannot be used; carries every fault found, each naming variable, value and what would be right."""

    def __init__(self, faults: list[str]) -> None:
        super().__init__("; ".join(faults))
        self.faults = faults
