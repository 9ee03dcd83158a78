#!/usr/bin/python

# Copyright: (c) 2026, ck8s.ports contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# The action plugin of the same name does the work, on the controller; this file is its documentation.

from __future__ import annotations

DOCUMENTATION = r"""
module: port_gate
short_description: Decide by what the nodes reach of each other whether a change of the firewall stays
version_added: 1.0.0
author:
  - ck8s.ports contributors (@ck8s)
description:
  - >-
    Three steps around a change that M(ck8s.ports.port_policy) makes with
    O(ck8s.ports.port_policy#module:confirm=later). Before it, V(plan) says which nodes
    try which ports of this one, and V(check) makes sure that the attempts can be judged, and in time; after it,
    V(judge) compares what was reached before and after.
  - >-
    A port that was open before to a node that needs it, and is not open to it afterwards, is a loss. One loss, or one
    node on which the change failed, and no node of the batch is confirmed.
  - Tasks of the role C(ck8s.ports.node_firewall), with C(node_firewall_gate=probes); of little use elsewhere.
  - Runs on the controller, connects to nothing and changes nothing.
notes:
  - >-
    Needs a strategy in which the hosts of a batch go step by step (C(linear)); others are refused by V(plan).
extends_documentation_fragment:
  - ck8s.ports.attributes
  - ck8s.ports.attributes.info_module
  - ck8s.ports.attributes.flow
options:
  step:
    description: Which step.
    type: str
    choices: [plan, check, judge]
    required: true
  profile:
    description: With O(step=plan), the node's profile, as M(ck8s.ports.profile) returns it.
    type: dict
  control_planes:
    description: With O(step=plan), the control-plane nodes of the cluster, by their inventory names.
    type: list
    elements: str
  workers:
    description: With O(step=plan), the other nodes of the cluster.
    type: list
    elements: str
  probers:
    description: With O(step=plan), how many of the nodes that need a port try it.
    type: int
  plan:
    description: With O(step=check), what O(step=plan) returned.
    type: dict
  before:
    description: With O(step=check), what the looped task of M(ck8s.ports.port_probe) has registered.
    type: dict
  timeout:
    description: With O(step=check), the seconds for which a probe waits for an answer.
    type: float
  confirm_timeout:
    description: With O(step=check), the seconds after which a node takes the change back.
    type: int
  batch:
    description: With O(step=judge), the nodes to judge, by their inventory names.
    type: list
    elements: str
seealso:
  - module: ck8s.ports.port_policy
  - module: ck8s.ports.port_probe
"""

EXAMPLES = r"""
- name: Plan which nodes try the ports of this one
  ck8s.ports.port_gate:
    step: plan
    profile: "{{ node_profile_result.profile }}"
    control_planes: "{{ groups['control_plane'] }}"
    workers: "{{ groups['worker'] }}"
    probers: 2
  register: gate
"""

RETURN = r"""
probes:
  description: Who tries what, with C(prober) and C(targets), which are those of M(ck8s.ports.port_probe).
  returned: with O(step=plan)
  type: list
  elements: dict
began:
  description: When that was, in seconds of the controller's monotonic clock.
  returned: with O(step=plan)
  type: float
batch:
  description: The nodes of the batch.
  returned: with O(step=plan)
  type: list
  elements: str
open:
  description: How many of the attempts before the change found an open port.
  returned: with O(step=check)
  type: int
probers:
  description: The nodes that try the ports of this one.
  returned: with O(step=check)
  type: list
  elements: str
confirmed:
  description: Whether the changes of the batch may be confirmed.
  returned: with O(step=judge)
  type: bool
reasons:
  description:
    - Why not, a sentence for each loss and for each node on which the change failed.
    - Behind the losses is, once for each port that the policy closes, how to open it.
  returned: with O(step=judge)
  type: list
  elements: str
  sample:
    - >-
      node2 -> node1 10.0.0.11:2380/tcp etcd-peer: open before, silent after (no answer in 2 s); rule etcd-peer of
      node1: drop, for source 10.0.0.12
    - >-
      etcd-peer: Only its sources may connect. To let others in, add them to node_firewall_sources:
      {etcd-peer: [...]}
"""
