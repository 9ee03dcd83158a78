#!/usr/bin/python

# Copyright: (c) 2026, ck8s.ports contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# The action plugin of the same name does the work, on the controller; this file is its documentation.

from __future__ import annotations

DOCUMENTATION = r"""
module: profile
short_description: Work out which documented ports are expected on a node
version_added: 1.0.0
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
options:
  edition:
    description: The edition of the page, by year and month; V(auto) for the one of the installed release.
    type: str
    required: true
  release:
    description: The installed release, such as V(1.34). By default the one in O(detected).
    type: str
  role:
    description: The node's role, V(control_plane) or V(worker).
    type: str
    required: true
  fallback_role:
    description: The role that is taken, with a warning, where neither O(role) nor O(detected) has one.
    type: str
  datastore:
    description:
      - The cluster's datastore, V(etcd), V(k8s-dqlite) or V(external).
      - V(auto) for the one in O(detected), V(etcd) where it has none.
    type: str
    required: true
  features:
    description:
      - Optional parts that run on the node. V(kube-proxy) is the only one so far.
      - V([auto]) for what is in O(detected), V([kube-proxy]) where it does not say.
    type: list
    elements: str
  addresses:
    description: The node's own addresses, IPv4 and IPv6. By default those in O(detected).
    type: list
    elements: str
  default_addresses:
    description: The addresses that are taken where neither O(addresses) nor O(detected) has any.
    type: list
    elements: str
  detected:
    description:
      - What the node shows of itself, with C(installed), C(facts) (C(value) and C(source) by name) and C(absent).
      - The other options win over it; a contradiction is a warning.
      - Ports that are configured elsewhere, loopback addresses of the controller manager and the scheduler, and
        containerd's socket are taken from it where O(overrides) has nothing else.
    type: dict
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
contradictions:
  description: Where the inventory and the node contradict each other, a sentence each; the inventory counts.
  returned: success
  type: list
  elements: str
profile:
  description: The node's profile.
  returned: success
  type: dict
  contains:
    edition:
      description: The edition, of the installed release where O(edition) is V(auto).
      type: str
      returned: always
    role:
      description: The node's role.
      type: str
      returned: always
    datastore:
      description: The datastore.
      type: str
      returned: always
    features:
      description: The optional parts.
      type: list
      elements: str
      returned: always
    addresses:
      description: The node's addresses, each in its canonical notation.
      type: list
      elements: str
      returned: always
    control_plane_addresses:
      description: The addresses of the control-plane nodes that the node knows of; empty where none were detected.
      type: list
      elements: str
      returned: always
    pod_cidrs:
      description: The networks of the pods; empty where none were detected.
      type: list
      elements: str
      returned: always
    ports:
      description:
        - The expected ports, documented ones first.
        - >-
          Each has C(id), C(port), C(protocol), C(scope), C(binding) (V(node), V(any), V(loopback), or V(host), the
          node's address or every one), C(presence), C(service), C(description), C(audience) (a list), C(comm)
          (the names its process may have), C(units) and C(pods) (where it runs), C(kernel) (true where no process can
          hold the socket), C(claims), C(notes),
          C(documented) (C(edition) and C(line), null for an extra port), C(overridden) (what O(overrides) changed) and
          C(configured) (what the node's own configuration changed).
      type: list
      elements: dict
      returned: always
    unix_sockets:
      description: The expected unix sockets, each with C(id), C(path), C(owner), C(group), C(mode), C(documented).
      type: list
      elements: dict
      returned: always
"""
