# Copyright: (c) 2026, ck8s.ports contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The option C(backend): which firewall. C(BACKEND) in C(module_utils/_backends.py) is its argument spec."""

from __future__ import annotations


class ModuleDocFragment:
    # The description is for modules that only look; port_policy has one of its own.
    DOCUMENTATION = r"""
options:
  backend:
    description: The firewall to look at, as in O(ck8s.ports.port_policy#module:backend).
    type: str
    choices: [auto, nftables, ufw, firewalld]
    default: auto
"""
