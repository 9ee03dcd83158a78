#!/usr/bin/python

# Copyright: (c) 2026, ck8s.ports contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# The action plugin of the same name does the work, on the controller; this file is its documentation.

from __future__ import annotations

DOCUMENTATION = r"""
module: profile
short_description: Work out which documented ports are expected on a node
version_added: 0.1.0
author:
  - ck8s.ports contributors (@ck8s)
description:
  - >-
    Joins an edition of the page C(Services and ports) of Canonical Kubernetes with what is known of a node, and returns
    the node's profile: the ports and unix sockets that are expected on it.
  - Runs on the controller, connects to nothing and changes nothing. The role C(ck8s.ports.node_profile) uses it.
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
  edition:
    description: The edition of the page, by year and month.
    type: str
    required: true
  role:
    description: The node's role, V(control_plane) or V(worker).
    type: str
    required: true
  datastore:
    description: The cluster's datastore, V(etcd), V(k8s-dqlite) or V(external).
    type: str
    required: true
  features:
    description: Optional parts that run on the node. V(kube-proxy) is the only one so far.
    type: list
    elements: str
  addresses:
    description: The node's own addresses, IPv4 and IPv6.
    type: list
    elements: str
  overrides:
    description:
      - What differs on this node from the document, by the id of the documented port.
      - >-
        Each entry has one or more of C(port), C(scope) (V(external), V(localhost)), C(presence) (V(required),
        V(one_node), V(optional), V(absent)) and C(comm) (a list of process names).
    type: dict
  extra_ports:
    description:
      - Ports that the document does not have and that are expected all the same.
      - Each entry has C(id), C(port), C(scope), and optionally C(protocol), C(presence), C(comm) and C(description).
    type: list
    elements: dict
requirements:
  - jsonschema on the controller, where O(overrides) or O(extra_ports) are given
"""

EXAMPLES = r"""
- name: Work out what is expected of a worker whose kubelet listens elsewhere
  ck8s.ports.profile:
    edition: "2025-08"
    role: worker
    datastore: etcd
    features: [kube-proxy]
    addresses: [10.0.0.12]
    overrides:
      kubelet: {port: 20250}
    extra_ports:
      - {id: node-exporter, port: 9100, scope: external, comm: [node_exporter]}
  register: node

- name: Show the numbers of the ports that others may connect to
  ansible.builtin.debug:
    msg: "{{ node.profile.ports | selectattr('scope', 'eq', 'external') | map(attribute='port') }}"
"""

RETURN = r"""
profile:
  description: The node's profile.
  returned: success
  type: dict
  contains:
    edition:
      description: The option O(edition).
      type: str
      returned: always
    role:
      description: The option O(role).
      type: str
      returned: always
    datastore:
      description: The option O(datastore).
      type: str
      returned: always
    features:
      description: The option O(features).
      type: list
      elements: str
      returned: always
    addresses:
      description: The option O(addresses), each in its canonical notation.
      type: list
      elements: str
      returned: always
    ports:
      description:
        - The expected ports, documented ones first.
        - >-
          Each has C(id), C(port), C(protocol), C(scope), C(presence), C(service), C(description), C(audience), C(comm)
          (the names its process may have), C(kernel) (true where no process can hold the socket), C(claims), C(notes),
          C(documented) (C(edition) and C(line), null for an extra port) and C(overridden) (what O(overrides) changed).
      type: list
      elements: dict
      returned: always
    unix_sockets:
      description: The expected unix sockets, each with C(id), C(path), C(owner), C(group), C(mode), C(documented).
      type: list
      elements: dict
      returned: always
"""
