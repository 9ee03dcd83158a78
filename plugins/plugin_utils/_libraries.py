# Copyright: (c) 2026, ck8s.ports contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The libraries that the controller needs beside ansible-core, loaded where they are used. Private to the collection.

A run that needs none of them works where none is installed.
"""

from __future__ import annotations

import importlib
import sys
from typing import Any

from ansible_collections.ck8s.ports.plugins.plugin_utils._errors import InputError


def library(name: str, purpose: str) -> Any:
    """The module C(name). Raises InputError where it is not there; C(purpose), what needs it, begins the message."""
    try:
        return importlib.import_module(name)
    except ImportError:
        raise InputError(
            [
                f"{purpose}: needs the Python library {name} on the controller; "
                f"install it for the Python that runs Ansible: {sys.executable} -m pip install {name}"
            ]
        ) from None
