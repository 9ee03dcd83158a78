#!/usr/bin/python

# Copyright: (c) 2026, ck8s.ports contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: localnet_probe
short_description: Try localhost ports of neighbours through the wire
version_added: 1.0.0
author:
  - ck8s.ports contributors (@ck8s)
description:
  - >-
    Sends packets for C(127.0.0.1) to other hosts on the same network, and sees whether they answer (CVE-2020-8558). A
    host does where the sysctl C(route_localnet) is set, which kube-proxy does, and no firewall drops such packets.
  - >-
    The packets are made by the module and go straight to the neighbour's hardware address. Nothing is changed on this
    host or on the neighbour; a connection that would come about is ended at once.
notes:
  - Only IPv4 is tried. The kernel drops packets from the wire for C(::1) by itself.
  - Only a neighbour can send such packets; no router forwards them.
requirements:
  - root, or C(CAP_NET_RAW)
extends_documentation_fragment:
  - ck8s.ports.attributes
  - ck8s.ports.attributes.info_module
options:
  targets:
    description: What to try.
    type: list
    elements: dict
    required: true
    suboptions:
      host:
        description: The IPv4 address of the neighbour on the network that it shares with this host.
        type: str
        required: true
      port:
        description: The TCP port to try on its 127.0.0.1.
        type: int
        required: true
      label:
        description: Any text; it is returned with the result.
        type: str
  timeout:
    description: Seconds to wait for the answers, more than 0 and at most 300.
    type: float
    default: 2
seealso:
  - module: ck8s.ports.port_probe
  - module: ck8s.ports.port_policy
"""

EXAMPLES = r"""
- name: Try the kubelet's health port on 127.0.0.1 of another node
  ck8s.ports.localnet_probe:
    targets:
      - {host: 192.0.2.11, port: 10248, label: kubelet-healthz}
  become: true
  register: probes

- name: Stop where a packet got in
  ansible.builtin.assert:
    that: probes.results | selectattr('status', 'in', ['open', 'refused']) | length == 0
"""

RETURN = r"""
results:
  description: One entry for each target, in the order of O(targets).
  returned: success
  type: list
  elements: dict
  contains:
    host:
      description: The address of the neighbour.
      type: str
      returned: always
    port:
      description: The port that was tried on its 127.0.0.1.
      type: int
      returned: always
    label:
      description: The label of the target; null without one.
      type: str
      returned: always
    status:
      description:
        - V(open), its 127.0.0.1 answered the handshake.
        - V(refused), its 127.0.0.1 answered with a reset. Nothing listens there, but the packet got in.
        - V(silent), no answer came in time.
        - V(unreachable), it is not on a network of this host.
        - V(error), this host could not even try.
      type: str
      returned: always
    detail:
      description: The reason in words.
      type: str
      returned: always
    source:
      description: The address of this host that was used; null where it did not come to that.
      type: str
      returned: always
  sample:
    - host: 192.0.2.11
      port: 10248
      label: kubelet-healthz
      status: silent
      detail: no answer in 2 s
      source: 192.0.2.12
"""

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.ck8s.ports.plugins.module_utils._localnet import Target, probe
from ansible_collections.ck8s.ports.plugins.module_utils._probe_targets import (
    ipv4_faults,
    target_faults,
    timeout_faults,
)


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "targets": {
                "type": "list",
                "elements": "dict",
                "required": True,
                "options": {
                    "host": {"type": "str", "required": True},
                    "port": {"type": "int", "required": True},
                    "label": {"type": "str"},
                },
            },
            "timeout": {"type": "float", "default": 2},
        },
        supports_check_mode=True,
    )
    targets, timeout = module.params["targets"], module.params["timeout"]
    faults = [
        *target_faults([{**target, "protocol": "tcp"} for target in targets]),
        *ipv4_faults(targets),
        *timeout_faults(timeout),
    ]
    if faults:
        module.fail_json(msg="; ".join(faults), faults=faults)
    outcomes = probe([Target(target["host"], target["port"]) for target in targets], timeout)
    module.exit_json(
        changed=False,
        results=[
            {**target, "status": outcome.status, "detail": outcome.detail, "source": outcome.source}
            for target, outcome in zip(targets, outcomes)
        ],
    )


if __name__ == "__main__":
    main()
