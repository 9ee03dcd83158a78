#!/usr/bin/python

# Copyright: (c) 2026, ck8s.ports contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# The action plugin of the same name does the work, on the controller; this file is its documentation.

from __future__ import annotations

DOCUMENTATION = r"""
module: report
short_description: Judge what was observed on the nodes, and report it
version_added: 1.0.0
author:
  - ck8s.ports contributors (@ck8s)
description:
  - >-
    Takes what the role C(ck8s.ports.node_verify) has registered on the hosts, compares it with what is expected there,
    writes the reports on the controller and returns a table (nodes across, ports down), which O(show) prints.
  - >-
    Returns what fails, by host; it does not itself fail, so that the role can fail the hosts that are wrong and no
    others. A node that could not be looked at is a finding that fails.
  - A task of that role, run once for all hosts; of little use elsewhere.
extends_documentation_fragment:
  - ck8s.ports.attributes
  - ck8s.ports.attributes.flow
attributes:
  check_mode:
    support: full
    details:
      - The reports are written in check mode, too; they are no part of what is managed.
  diff_mode:
    support: N/A
  idempotent:
    support: full
    details:
      - Never reports a change; the reports are written anew by each run.
options:
  nodes:
    description: The nodes to judge, by their inventory names.
    type: list
    elements: str
    required: true
  outsiders:
    description: Hosts outside the cluster that have tried the nodes' ports.
    type: list
    elements: str
    required: true
  allow:
    description: Listeners that are no fault though the document does not have them; see C(node_verify_allow).
    type: list
    elements: dict
    required: true
  companions:
    description: Whether listeners that no document has, but that are known to belong to such a cluster, are explained.
    type: bool
    default: true
  fail_on:
    description: The severity from which on a failed finding, or one that could not be looked at, is a failure.
    type: str
    choices: [critical, high, medium, low]
    required: true
  directory:
    description: Where the reports are written, on the controller; made if need be.
    type: path
    required: true
  formats:
    description:
      - Which reports are written. All are made from what V(json) holds.
      - >-
        V(markdown) is C(report.md), V(json) C(report.json), V(html) C(report.html), V(junit) C(report.junit.xml),
        V(sarif) C(report.sarif) (2.1.0), V(prometheus) C(report.prom) (for the textfile collector), V(csv)
        C(report.csv).
    type: list
    elements: str
    choices: [markdown, json, html, junit, sarif, prometheus, csv]
    required: true
  waivers:
    description: A YAML file of findings that are accepted on purpose; see C(node_verify_waivers). Empty for none.
    type: path
    required: true
  baseline:
    description: An earlier C(report.json) to say what has changed since. Empty for none.
    type: path
    required: true
  debug_bundle:
    description: A C(.tar.gz) to write for a bug report; see C(node_verify_debug_bundle). Empty for none.
    type: path
    default: ""
  check_only:
    description: Whether to check the arguments and the files that they name, and neither judge nor report.
    type: bool
    default: false
  show:
    description:
      - A RV(table) that this action has returned, to print it and do nothing else. It is printed as it is; other text
        does not belong here.
    type: str
requirements:
  - jmespath and jsonschema on the controller
"""

EXAMPLES = r"""
- name: Judge what was observed, and report
  ck8s.ports.report:
    nodes: "{{ groups['control_plane'] + groups['worker'] }}"
    outsiders: []
    allow:
      - {port: 22, protocol: tcp, process: sshd}
    fail_on: medium
    directory: ck8s-ports-report
    formats: [json, junit]
    waivers: ""
    baseline: ""
  run_once: true
"""

RETURN = r"""
paths:
  description: The reports that were written, by their format.
  returned: unless O(check_only)
  type: dict
  sample: {json: /tmp/ck8s-ports-report/report.json, markdown: /tmp/ck8s-ports-report/report.md}
summary:
  description: How many findings there are of each status.
  returned: unless O(check_only)
  type: dict
  sample: {fail: 2, warn: 0, unknown: 1, waived: 0, pass: 60, not_applicable: 9}
table:
  description: The table, what has changed since the baseline, and the worst findings, for a terminal.
  returned: unless O(check_only)
  type: str
failing:
  description: What fails, by host, as sentences, worst first. A host without such findings is not in it.
  returned: unless O(check_only)
  type: dict
  sample:
    node3:
      - "10248/tcp kubelet-healthz, bind (high): Listens on [::]:10248."
"""
