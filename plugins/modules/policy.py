#!/usr/bin/python

# Copyright: (c) 2026, ck8s.ports contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# The action plugin of the same name does the work, on the controller; this file is its documentation.

from __future__ import annotations

DOCUMENTATION = r"""
module: policy
short_description: Make a firewall policy from the ports that are expected on a node
version_added: 0.1.0
author:
  - ck8s.ports contributors (@ck8s)
description:
  - External ports are open to all, or to the sources named for them; localhost ports are closed to other hosts.
  - The result is the option O(ck8s.ports.port_policy#module:policy) of M(ck8s.ports.port_policy).
  - >-
    A policy that is known to break the cluster is refused. Edition 2025-08 has the port of etcd's peers as localhost;
    with several control-plane nodes that would cut etcd.
  - Runs on the controller, connects to nothing and changes nothing. The role C(ck8s.ports.node_firewall) uses it.
extends_documentation_fragment:
  - ck8s.ports.attributes
  - ck8s.ports.attributes.info_module
  - ck8s.ports.attributes.flow
attributes:
  action:
    support: full
  async:
    support: none
options:
  profile:
    description: The node's profile, as M(ck8s.ports.profile) returns it.
    type: dict
    required: true
  sources:
    description: Who may connect to a port, by the id of an external port; a list of CIDRs, IPv4 and IPv6, each.
    type: dict
  companions:
    description:
      - The ids of ports that no document has and that are to be opened, too, such as V(metallb-memberlist).
      - The lookup C(ck8s.ports.catalogue) has them, with C(what=companions).
    type: list
    elements: str
  control_planes:
    description: How many control-plane nodes the cluster has.
    type: int
    default: 1
seealso:
  - module: ck8s.ports.profile
  - module: ck8s.ports.port_policy
"""

EXAMPLES = r"""
- name: Let only the nodes' network connect to etcd and to the kubelet
  ck8s.ports.policy:
    profile: "{{ node.profile }}"
    sources:
      etcd-client: [10.0.0.0/24]
      kubelet: [10.0.0.0/24, "fd00:0:0:1::/64"]
  register: wanted
"""

RETURN = r"""
policy:
  description: The policy, as M(ck8s.ports.port_policy) takes it.
  returned: success
  type: dict
  contains:
    enforcement:
      description: V(ports), which governs the ports of the rules and no others.
      type: str
      returned: always
    sets:
      description: The CIDRs of each port that has sources, by its id.
      type: dict
      returned: always
    rules:
      description: The rules, of which the first that matches decides.
      type: list
      elements: dict
      returned: always
explanations:
  description:
    - Why the policy closes a port to someone and which variables open it, by the id of the port.
    - The option O(ck8s.ports.port_policy#module:explanations) of M(ck8s.ports.port_policy).
  returned: success
  type: dict
  sample:
    kubelet-healthz: >-
      It is localhost only (edition 2025-08). To open it, set node_profile_overrides: {kubelet-healthz: {scope:
      external}}.
"""
