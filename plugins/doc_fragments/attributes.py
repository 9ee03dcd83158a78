# Copyright: (c) 2026, ck8s.ports contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The one wording of the C(attributes) section of this collection's plugins.

A module names the fragments that it needs and adds what is particular to it:

    extends_documentation_fragment:
      - ck8s.ports.attributes
      - ck8s.ports.attributes.info_module
"""

from __future__ import annotations


class ModuleDocFragment:
    # Every module: it then states `support` (and `details`) of each attribute itself, or takes INFO_MODULE.
    DOCUMENTATION = r"""
options: {}
attributes:
  check_mode:
    description: Can run in C(check_mode) and return changed status prediction without modifying target.
  diff_mode:
    description: Will return details on what has changed (or possibly needs changing in C(check_mode)), when in diff
      mode.
  facts:
    description: Action returns an C(ansible_facts) dictionary that will update existing host facts.
    support: none
  idempotent:
    description:
      - When run twice in a row outside check mode, with the same arguments, the second invocation indicates no change.
      - This assumes that the system controlled or queried by the module has not changed in a relevant way.
  platform:
    description: Target operating systems and families that can be operated against.
    platforms: linux
    support: full
"""

    # Modules that only read. Used together with the standard fragment.
    INFO_MODULE = r"""
options: {}
attributes:
  check_mode:
    support: full
    details:
      - This action does not modify state.
  diff_mode:
    support: N/A
    details:
      - This action does not modify state.
  idempotent:
    support: full
    details:
      - This action does not modify state.
"""

    # Actions of which a part runs on the controller; none supports async.
    FLOW = r"""
options: {}
attributes:
  action:
    description: Indicates this has a corresponding action plugin so some parts of the options can be executed on the
      controller.
    support: full
  async:
    description: Supports being used with the C(async) keyword.
    support: none
"""
