#!/usr/bin/python

# Copyright: (c) 2026, ck8s.ports contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: port_evidence
short_description: See everything about the ports of a host at once
version_added: 1.0.0
author:
  - ck8s.ports contributors (@ck8s)
description:
  - >-
    Looks at what listens, at the firewall compared with a policy, at the files of unix sockets, at what clients
    without credentials get, and at the sysctls that open localhost ports, in one task. Nothing is changed.
  - >-
    Each part is returned as its data, or as C(error) with the reason where it could not be looked at. One that cannot
    be looked at does not affect the others, and the task does not fail. A part that takes longer than a minute is given
    up. What is wrong with an option is the C(error) of its part.
  - The role C(ck8s.ports.node_verify) judges what this returns.
extends_documentation_fragment:
  - ck8s.ports.attributes
  - ck8s.ports.attributes.info_module
  - ck8s.ports.backend
options:
  policy:
    description: The policy to compare with, as in O(ck8s.ports.port_policy#module:policy).
    type: dict
    required: true
  udp_clients:
    description: As in O(ck8s.ports.listening_sockets_info#module:udp_clients).
    type: bool
    default: false
  unix_sockets:
    description: The paths of unix sockets to look at.
    type: list
    elements: path
    default: []
  claims:
    description:
      - What to ask, without credentials, of TCP ports of this host. A port on which nothing listens is not asked.
      - It is asked at one of the addresses on which it listens, a loopback one if possible, where no firewall is in
        between.
    type: list
    elements: dict
    default: []
    suboptions:
      port:
        description: The TCP port.
        type: int
        required: true
      path:
        description: The path of the request.
        type: str
        default: /
      tls:
        description:
          - Whether to try TLS before plain text. A port that is to speak plain text need not be bothered with it.
        type: bool
        default: true
      label:
        description: Comes back with the result, to find it again.
        type: str
  timeout:
    description: Seconds for each of O(claims), from its connection to its answer, more than 0 and at most 300.
    type: float
    default: 3
requirements:
  - >-
    root, to see the processes of every socket and to read the firewall; see M(ck8s.ports.listening_sockets_info) and
    M(ck8s.ports.port_policy)
notes:
  - Servers may log the requests of O(claims), an API server in its audit log.
seealso:
  - module: ck8s.ports.listening_sockets_info
  - module: ck8s.ports.port_policy
  - module: ck8s.ports.port_claims
  - module: ck8s.ports.port_probe
"""

EXAMPLES = r"""
- name: See everything about the ports of this host
  ck8s.ports.port_evidence:
    policy:
      enforcement: ports
      rules:
        - {id: kubelet-healthz, protocol: tcp, ports: [10248], verdict: drop}
    unix_sockets: [/run/containerd/containerd.sock]
    claims:
      - {port: 10250, path: /pods, label: kubelet}
  register: evidence

- name: Stop unless the kubelet wants credentials
  ansible.builtin.assert:
    that: evidence.claims.results[0].status == 401
"""

RETURN = r"""
sockets:
  description:
    - What listens with TCP and UDP, as M(ck8s.ports.listening_sockets_info) returns it
      (RV(ck8s.ports.listening_sockets_info#module:sockets), RV(ck8s.ports.listening_sockets_info#module:complete) and
      the others).
    - Or C(error) alone.
  returned: always
  type: dict
firewall:
  description:
    - What is in force, compared with O(policy), as M(ck8s.ports.port_policy) returns it in check mode
      (RV(ck8s.ports.port_policy#module:live), RV(ck8s.ports.port_policy#module:diff) and the others). C(warnings) are
      the warnings that it gives; they are given by this module, too.
    - Or C(error) alone.
  returned: always
  type: dict
unix_sockets:
  description:
    - What each of O(unix_sockets) is, by its path. Links are followed.
    - Each has C(exists), and where it exists C(type) (V(socket) or V(file)), C(owner), C(group) and C(mode); or instead
      of all these C(error).
    - Each has C(listeners), the listening sockets bound to that path, as M(ck8s.ports.listening_sockets_info) returns
      them; V(null) where these are not known. Whether a socket's file is the one that is there now says
      RV(ck8s.ports.listening_sockets_info#module:sockets[].path_status).
  returned: always
  type: dict
  sample:
    /run/containerd/containerd.sock: {exists: true, type: socket, owner: root, group: root, mode: "0660", listeners: []}
sysctls:
  description:
    - C(route_localnet) has each entry of C(net.ipv4.conf), V(all) and V(default) included, and whether its
      C(route_localnet) is set. An interface takes packets for 127.0.0.0/8 from the wire when its own or that of V(all)
      is.
    - Or C(error) alone.
  returned: always
  type: dict
  sample:
    route_localnet: {all: false, default: false, eth0: true, lo: false}
claims:
  description:
    - In C(results), what those of O(claims) got that could be asked, as M(ck8s.ports.port_claims) returns it
      (RV(ck8s.ports.port_claims#module:results)).
    - Or C(error) alone.
  returned: always
  type: dict
"""

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.ck8s.ports.plugins.module_utils import _evidence
from ansible_collections.ck8s.ports.plugins.module_utils._backends import BACKEND
from ansible_collections.ck8s.ports.plugins.module_utils._claim_targets import QUESTION, TIMEOUT


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "policy": {"type": "dict", "required": True},
            "backend": BACKEND,
            "udp_clients": {"type": "bool", "default": False},
            "unix_sockets": {"type": "list", "elements": "path", "default": []},
            "claims": {"type": "list", "elements": "dict", "default": [], "options": QUESTION},
            "timeout": TIMEOUT,
        },
        supports_check_mode=True,
    )
    evidence = _evidence.collect(module.params)
    for warning in evidence["firewall"].get("warnings", []):
        module.warn(warning)
    module.exit_json(changed=False, **evidence)


if __name__ == "__main__":
    main()
