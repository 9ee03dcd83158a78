#!/usr/bin/python

# Copyright: (c) 2026, ck8s.ports contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: port_counters
short_description: See what the rules in force have counted, and whether flows came through
version_added: 1.0.0
author:
  - ck8s.ports contributors (@ck8s)
description:
  - Reads the counters of the rules that M(ck8s.ports.port_policy) has put in force on this host.
  - >-
    Looks up O(flows) in the connection tracking of this host. An entry proves that every firewall on the host has let a
    packet of the flow through, since the kernel keeps none for a packet that was dropped. No entry proves nothing, as
    rules can exempt packets from tracking.
  - >-
    With two looks, one before and one after M(ck8s.ports.port_probe) on another host, one can tell what became of
    datagrams that nobody answers.
extends_documentation_fragment:
  - ck8s.ports.attributes
  - ck8s.ports.attributes.info_module
  - ck8s.ports.backend
options:
  flows:
    description:
      - >-
        The flows to look up, as they come in on this host. The kernel forgets one of UDP without an answer 30 seconds
        after its last packet.
    type: list
    elements: dict
    default: []
    suboptions:
      protocol:
        description: The protocol.
        type: str
        choices: [tcp, udp]
        required: true
      source:
        description: The address that the packets come from.
        type: str
        required: true
      source_port:
        description: The port that they come from.
        type: int
        required: true
      host:
        description: The address of this host that they were sent to.
        type: str
        required: true
      port:
        description: The port that they were sent to.
        type: int
        required: true
requirements:
  - root, or C(CAP_NET_ADMIN)
seealso:
  - module: ck8s.ports.port_probe
  - module: ck8s.ports.port_policy
"""

EXAMPLES = r"""
- name: See what the rules have counted
  ck8s.ports.port_counters:
  register: before

- name: Send datagrams from another node
  ck8s.ports.port_probe:
    targets:
      - {host: 192.0.2.11, port: 8472, protocol: udp}
  delegate_to: node2
  register: probes

- name: See what they have counted now, and whether the datagrams came through
  ck8s.ports.port_counters:
    flows:
      - protocol: udp
        source: "{{ probes.results[0].source }}"
        source_port: "{{ probes.results[0].source_port }}"
        host: 192.0.2.11
        port: 8472
  register: after
"""

RETURN = r"""
rules:
  description: The rules in force, in their order, as RV(ck8s.ports.port_policy#module:live) has them.
  returned: success
  type: list
  elements: dict
  sample:
    - id: vxlan
      text: udp dport 8472 counter accept comment "vxlan"
      packets: 12
      bytes: 624
flows:
  description:
    - >-
      The flows of O(flows), in their order, each with C(tracked), whether connection tracking has it; null where it
      cannot be asked.
  returned: success
  type: list
  elements: dict
  sample:
    - {protocol: udp, source: 192.0.2.12, source_port: 41730, host: 192.0.2.11, port: 8472, tracked: true}
untold:
  description: Why connection tracking could not be asked; null where it could.
  returned: success
  type: str
  sample: null
"""

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.ck8s.ports.plugins.module_utils._backends import BACKEND, choose
from ansible_collections.ck8s.ports.plugins.module_utils._conntrack import Flow, tracked
from ansible_collections.ck8s.ports.plugins.module_utils._firewall import FirewallError


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "backend": BACKEND,
            "flows": {
                "type": "list",
                "elements": "dict",
                "default": [],
                "options": {
                    "protocol": {"type": "str", "choices": ["tcp", "udp"], "required": True},
                    "source": {"type": "str", "required": True},
                    "source_port": {"type": "int", "required": True},
                    "host": {"type": "str", "required": True},
                    "port": {"type": "int", "required": True},
                },
            },
        },
        supports_check_mode=True,
    )
    try:
        rules = choose(module.params["backend"]).read().rules
    except FirewallError as error:
        module.fail_json(msg=str(error))
    flows, untold = module.params["flows"], None
    known: list[bool | None] = [None] * len(flows)
    try:
        known[:] = tracked([Flow(**flow) for flow in flows])
    except ValueError as error:
        module.fail_json(msg=f"flows: {error}; give addresses, not names")
    except OSError as error:
        untold = f"connection tracking cannot be asked: {error}"
    told = [{**flow, "tracked": answer} for flow, answer in zip(flows, known)]
    module.exit_json(changed=False, rules=rules, flows=told, untold=untold)


if __name__ == "__main__":
    main()
