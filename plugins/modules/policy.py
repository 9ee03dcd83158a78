#!/usr/bin/python

# Copyright: (c) 2026, ck8s.ports contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# The action plugin of the same name does the work, on the controller; this file is its documentation.

from __future__ import annotations

DOCUMENTATION = r"""
module: policy
short_description: Make a firewall policy from the ports that are expected on a node
version_added: 1.0.0
author:
  - ck8s.ports contributors (@ck8s)
description:
  - >-
    External ports are open to all, or with O(exposure=least_privilege) to those who have a reason to connect, or to the
    sources named for them; localhost ports are closed to other hosts.
  - The result is the option O(ck8s.ports.port_policy#module:policy) of M(ck8s.ports.port_policy).
  - >-
    A policy that is known to break the cluster is refused. Edition 2025-08 has the port of etcd's peers as localhost;
    with several control-plane nodes that would cut etcd.
  - Runs on the controller, connects to nothing and changes nothing. The role C(ck8s.ports.node_firewall) uses it.
extends_documentation_fragment:
  - ck8s.ports.attributes
  - ck8s.ports.attributes.info_module
  - ck8s.ports.attributes.flow
options:
  profile:
    description: The node's profile, as M(ck8s.ports.profile) returns it.
    type: dict
    required: true
  sources:
    description:
      - Who may connect to a port, by the id of an external port.
      - A list each, of CIDRs, IPv4 and IPv6, and the words V(nodes), V(control_plane), V(pods), V(monitoring).
    type: dict
  exposure:
    description:
      - Who may connect to the external ports that O(sources) does not name.
      - V(documented), everyone, since the document names nobody.
      - >-
        V(least_privilege), who has a reason to, by the audience of each port in O(profile): all nodes, the control
        planes, the pods of the same node, who monitors, everyone, or nobody.
    type: str
    choices: [documented, least_privilege]
    default: documented
  enforcement:
    description:
      - V(ports) governs the expected ports and leaves all others as they are.
      - >-
        V(default_deny) drops everything that is not let in: expected ports by O(exposure) and O(sources), SSH, DHCP and
        ICMP.
    type: str
    choices: [ports, default_deny]
    default: ports
  mode:
    description:
      - V(enforce) refuses who is not let in.
      - >-
        V(audit) lets everyone in, and notes who would have been refused
        (RV(ck8s.ports.port_policy#module:live.learned)).
    type: str
    choices: [enforce, audit]
    default: enforce
  addresses:
    description:
      - The addresses of all nodes, as the filter P(ck8s.ports.node_addresses#filter) gives them.
      - A node whose address is not known is an error where it matters.
    type: dict
  node_cidrs:
    description: The networks of all nodes, in place of the addresses of workers in O(addresses).
    type: list
    elements: str
  control_plane_cidrs:
    description: The networks of the control planes, in place of their addresses in O(addresses).
    type: list
    elements: str
  pod_cidrs:
    description: The networks of the pods; by default those that O(profile) has detected.
    type: list
    elements: str
  pod_interfaces:
    description:
      - The interfaces on which packets of pods come in on their own node; C(*) at the end stands for anything.
      - An empty list where no pod may reach its own node.
    type: list
    elements: str
    default: [lxc*, cilium_host, cilium_net]
  monitoring_sources:
    description:
      - Who may connect to ports for monitoring, with O(exposure=least_privilege).
      - A list of CIDRs and the words V(nodes), V(control_plane), V(pods). By default nobody.
    type: list
    elements: str
  ssh_port:
    description:
      - The port of the node's SSH server, which V(default_deny) leaves open and no policy may close.
      - V(0) for the port of Ansible's connection, V(22) where that is no SSH.
    type: int
    default: 0
  ssh_sources:
    description: Who may connect to O(ssh_port), with O(enforcement=default_deny). By default everyone.
    type: list
    elements: str
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

- name: Let everyone reach the API server, and the nodes each other's ports, and close all else
  ck8s.ports.policy:
    profile: "{{ node.profile }}"
    exposure: least_privilege
    enforcement: default_deny
    addresses: "{{ hostvars | ck8s.ports.node_addresses(groups.control_plane, groups.worker) }}"
    pod_cidrs: [10.1.0.0/16]
  register: wanted
"""

RETURN = r"""
policy:
  description: The policy, as M(ck8s.ports.port_policy) takes it.
  returned: success
  type: dict
  contains:
    enforcement:
      description: The option O(enforcement).
      type: str
      returned: always
    sets:
      description: CIDRs, by the name of a port that has sources of its own, or of an audience (C(from_nodes)).
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
