#!/usr/bin/python

# Copyright: (c) 2026, ck8s.ports contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: port_probe
short_description: Try TCP and UDP ports of other hosts from this one
version_added: 1.0.0
author:
  - ck8s.ports contributors (@ck8s)
description:
  - >-
    Tries every target from this host, and tells apart what the network answers: a handshake, a handshake that is ended
    at once, a refusal, an error on the way, or nothing at all.
  - >-
    All targets are tried at the same time, so that a thousand silent ones take hardly longer than one. A connection
    that comes about is closed without a byte having been sent.
  - >-
    A UDP port gets a few small datagrams. To VXLAN (UDP 8472) they are invalid and are dropped by the device; other
    services may log them.
notes:
  - >-
    A silent port is usually one whose packets are dropped by a firewall; a host that does not exist on the same network
    looks the same unless O(timeout) is longer than the kernel's search for it (about 3 seconds), after which it is
    C(unreachable).
  - >-
    A UDP port that does not answer is C(unknown): a service that took the datagrams, a firewall that dropped them and a
    network that lost them look the same from here. What the firewall of the target has counted tells them apart.
extends_documentation_fragment:
  - ck8s.ports.attributes
  - ck8s.ports.attributes.info_module
options:
  targets:
    description: The ports to try.
    type: list
    elements: dict
    required: true
    suboptions:
      host:
        description:
          - An IPv4 or IPv6 address; a link-local one with its zone, as in V(fe80::1%eth0).
          - Names are not looked up, as which of its addresses was tried would be left to chance.
        type: str
        required: true
      port:
        description: The port, from 1 to 65535.
        type: int
        required: true
      protocol:
        description: V(tcp) or V(udp).
        type: str
        default: tcp
      label:
        description: Any text; it is returned with the result.
        type: str
  timeout:
    description: Seconds that each attempt may take, more than 0 and at most 300.
    type: float
    default: 2
  reset_wait:
    description:
      - >-
        Seconds, from 0 to 300, for which an open connection is watched, whether the other side ends it without a word.
        All are watched at the same time, so that it is added once to the time of the module. With V(0), such a
        connection is C(open).
      - A little more than a round trip is right.
    type: float
    default: 0.2
  datagrams:
    description: How many datagrams are sent to each UDP port, from 1 to 16.
    type: int
    default: 3
seealso:
  - module: ck8s.ports.port_policy
"""

EXAMPLES = r"""
- name: Try two ports of another node
  ck8s.ports.port_probe:
    targets:
      - {host: 192.0.2.11, port: 6443, label: kube-apiserver}
      - {host: "2001:db8::11", port: 10250, label: kubelet}
      - {host: 192.0.2.11, port: 8472, protocol: udp, label: vxlan}
    timeout: 1
  register: probes

- name: Show what was not open
  ansible.builtin.debug:
    var: probes.results | rejectattr('status', 'equalto', 'open')
"""

RETURN = r"""
results:
  description: One entry for each target, in the order of O(targets).
  returned: success
  type: list
  elements: dict
  contains:
    host:
      description: The address that was tried.
      type: str
      returned: always
    port:
      description: The port that was tried.
      type: int
      returned: always
    protocol:
      description: The protocol that was tried.
      type: str
      returned: always
    label:
      description: The label of the target; null without one.
      type: str
      returned: always
    status:
      description:
        - V(open), the handshake was completed; for UDP, an answer came.
        - V(reset), the handshake was completed, and the other side ended the connection at once, without a byte.
        - >-
          V(refused), the other side answered that nothing listens there (for UDP, ICMP "port unreachable"), or a
          firewall did in its name.
        - V(silent), no answer came in time.
        - V(unknown), no answer came to the datagrams, which proves nothing.
        - V(unreachable), there is no route, or an ICMP error came back (from the target's firewall, for example).
        - V(error), this host could not even try; nothing is known of the target.
      type: str
      returned: always
    detail:
      description: >-
        The reason in words, with the name of the kernel's error, or type, code and sender of the ICMP message; empty
        for an open TCP port.
      type: str
      returned: always
    source:
      description: The address of this host from which the target was tried; null where it did not come to that.
      type: str
      returned: always
    source_port:
      description: The port of this host from which the target was tried; null where it did not come to that.
      type: int
      returned: always
    sent:
      description: How many datagrams were sent; 0 for TCP.
      type: int
      returned: always
    size:
      description: The bytes of each datagram, without headers; 0 for TCP.
      type: int
      returned: always
    elapsed_ms:
      description: Milliseconds from the beginning of the attempt to its outcome, without O(reset_wait).
      type: float
      returned: always
  sample:
    - host: 192.0.2.11
      port: 6443
      protocol: tcp
      label: kube-apiserver
      status: open
      detail: ""
      source: 192.0.2.12
      source_port: 41730
      sent: 0
      size: 0
      elapsed_ms: 0.41
    - host: 2001:db8::11
      port: 10250
      protocol: tcp
      label: kubelet
      status: refused
      detail: ECONNREFUSED (Connection refused)
      source: 2001:db8::12
      source_port: 41732
      sent: 0
      size: 0
      elapsed_ms: 0.38
"""

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.ck8s.ports.plugins.module_utils._probe import DATAGRAM, DATAGRAMS, Target, probe
from ansible_collections.ck8s.ports.plugins.module_utils._probe_targets import (
    datagrams_faults,
    reset_wait_faults,
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
                    "protocol": {"type": "str", "default": "tcp"},
                    "label": {"type": "str"},
                },
            },
            "timeout": {"type": "float", "default": 2},
            "reset_wait": {"type": "float", "default": 0.2},
            "datagrams": {"type": "int", "default": DATAGRAMS},
        },
        supports_check_mode=True,
    )
    targets, timeout = module.params["targets"], module.params["timeout"]
    reset_wait, datagrams = module.params["reset_wait"], module.params["datagrams"]
    faults = [
        *target_faults(targets),
        *timeout_faults(timeout),
        *reset_wait_faults(reset_wait),
        *datagrams_faults(datagrams),
    ]
    if faults:
        module.fail_json(msg="; ".join(faults), faults=faults)
    tried = [Target(target["host"], target["port"], target["protocol"]) for target in targets]
    outcomes = probe(tried, timeout, reset_wait, datagrams)
    module.exit_json(
        changed=False,
        results=[
            {
                "host": target["host"],
                "port": target["port"],
                "protocol": target["protocol"],
                "label": target["label"],
                "status": outcome.status,
                "detail": outcome.detail,
                "source": outcome.source,
                "source_port": outcome.source_port,
                "sent": outcome.sent,
                "size": len(DATAGRAM) if outcome.sent else 0,
                "elapsed_ms": round(outcome.elapsed * 1000, 2),
            }
            for target, outcome in zip(targets, outcomes)
        ],
    )


if __name__ == "__main__":
    main()
