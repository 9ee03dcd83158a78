#!/usr/bin/python

# Copyright: (c) 2026, ck8s.ports contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: temporary_listeners
short_description: Listen on ports for the time of a test
version_added: 1.0.0
author:
  - ck8s.ports contributors (@ck8s)
description:
  - >-
    Starts a process on this host that listens on the given ports, so that M(ck8s.ports.port_probe) on another host can
    try a port whose service is not there.
  - >-
    The process ends when this module is told so, and by itself after O(lifetime), whatever becomes of the controller or
    of the connection to it. It leaves nothing behind.
  - >-
    A port on which anything listens is left alone, whatever its address. Connections are taken and held until the other
    side ends them, without a byte; of datagrams, only those of M(ck8s.ports.port_probe) are answered.
  - Where it can, the process gives up its rights once it listens.
notes:
  - A service that is started while such a process holds its port cannot listen.
extends_documentation_fragment:
  - ck8s.ports.attributes
attributes:
  check_mode:
    support: full
    details:
      - Nothing is started in check mode.
  diff_mode:
    support: none
  idempotent:
    support: none
options:
  state:
    description: Whether to start listeners, or to end those of O(token).
    type: str
    choices: [started, stopped]
    default: started
  listeners:
    description: Where to listen. Required with O(state=started).
    type: list
    elements: dict
    suboptions:
      protocol:
        description: The protocol.
        type: str
        choices: [tcp, udp]
        default: tcp
      address:
        description: An address of this host; V(::) takes IPv4, too.
        type: str
        required: true
      port:
        description: The port.
        type: int
        required: true
  lifetime:
    description: Seconds, from 1 to 600, after which the listeners end by themselves.
    type: int
    default: 60
  token:
    description: What RV(token) was when the listeners were started. Required with O(state=stopped).
    type: str
seealso:
  - module: ck8s.ports.port_probe
"""

EXAMPLES = r"""
- name: Listen where the scheduler would
  ck8s.ports.temporary_listeners:
    listeners:
      - {address: "::", port: 10259}
    lifetime: 30
  register: listeners

- name: Try it from another node
  ck8s.ports.port_probe:
    targets:
      - {host: 192.0.2.11, port: 10259}
  delegate_to: node2

- name: Listen no more
  ck8s.ports.temporary_listeners:
    state: stopped
    token: "{{ listeners.token }}"
  when: listeners.token
"""

RETURN = r"""
token:
  description: By what the listeners are stopped; null where none was started.
  returned: with O(state=started)
  type: str
  sample: 0f6b1d2a9c3e4f50718293a4b5c6d7e8
results:
  description:
    - With O(state=started), each of O(listeners) with C(status) and C(detail). C(status) is V(listening), V(in_use)
      (something listens on the port), V(failed) (C(detail) has the reason), or in check mode V(not_started).
    - With O(state=stopped), each listener that was there, with C(clients), the number of connections or datagrams that
      came.
  returned: always
  type: list
  elements: dict
  sample:
    - {protocol: tcp, address: "::", port: 10259, status: listening, detail: ""}
alive:
  description: Whether the listeners were there until now. If not, what was tried meanwhile may have met nothing.
  returned: with O(state=stopped)
  type: bool
  sample: true
"""

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.ck8s.ports.plugins.module_utils._probe_targets import target_faults
from ansible_collections.ck8s.ports.plugins.module_utils._temporary_listeners import (
    LIFETIMES,
    NOT_STARTED,
    start,
    stop,
)


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "state": {"type": "str", "choices": ["started", "stopped"], "default": "started"},
            "listeners": {
                "type": "list",
                "elements": "dict",
                "options": {
                    "protocol": {"type": "str", "choices": ["tcp", "udp"], "default": "tcp"},
                    "address": {"type": "str", "required": True},
                    "port": {"type": "int", "required": True},
                },
            },
            "lifetime": {"type": "int", "default": 60},
            "token": {"type": "str", "no_log": False},
        },
        required_if=[("state", "started", ("listeners",)), ("state", "stopped", ("token",))],
        supports_check_mode=True,
    )
    if module.params["state"] == "stopped":
        clients = None if module.check_mode else stop(module.params["token"])
        alive = clients is not None
        module.exit_json(changed=alive, results=clients or [], alive=alive)
    listeners, lifetime = module.params["listeners"], module.params["lifetime"]
    faults = target_faults([{"host": each["address"], **each} for each in listeners])
    faults = [fault.replace("targets[", "listeners[") for fault in faults]
    if lifetime not in LIFETIMES:
        faults.append(f"lifetime: {lifetime} is not a number of seconds from {LIFETIMES[0]} to {LIFETIMES[-1]}")
    if faults:
        module.fail_json(msg="; ".join(faults), faults=faults)
    if module.check_mode:
        untried = {"status": NOT_STARTED, "detail": "nothing is started in check mode"}
        module.exit_json(changed=bool(listeners), token=None, results=[{**each, **untried} for each in listeners])
    token, results = start(listeners, lifetime)
    module.exit_json(changed=token is not None, token=token, results=results)


if __name__ == "__main__":
    main()
