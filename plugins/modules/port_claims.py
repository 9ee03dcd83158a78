#!/usr/bin/python

# Copyright: (c) 2026, ck8s.ports contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: port_claims
short_description: See what a client without credentials gets from a port
version_added: 1.0.0
author:
  - ck8s.ports contributors (@ck8s)
description:
  - >-
    Connects to each target, tries TLS and, where the port does not speak it, plain text, and sends one HTTP request
    without credentials. So it shows whether a port is encrypted, whether it refuses clients without a certificate, and
    whether it answers a request that it should not answer.
  - >-
    With TLS 1.3 the handshake of a client without certificate succeeds, and the refusal comes with the first read after
    it. This is told apart from an answer.
  - Certificates are not verified; names, end and protocol version are reported.
  - >-
    What a server can cost is bounded: O(timeout) for all that is done with a target, 16 KiB of an answer, 100 KiB of
    certificates. At most 16 targets are asked at once.
extends_documentation_fragment:
  - ck8s.ports.attributes
  - ck8s.ports.attributes.info_module
options:
  targets:
    description: What to ask.
    type: list
    elements: dict
    required: true
    suboptions:
      host:
        description: An IPv4 or IPv6 address.
        type: str
        required: true
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
    description: Seconds for each target, from its connection to its answer, more than 0 and at most 300.
    type: float
    default: 3
notes:
  - Servers may log the request, an API server in its audit log.
seealso:
  - module: ck8s.ports.port_probe
"""

EXAMPLES = r"""
- name: Ask the kubelet for its pods, without credentials
  ck8s.ports.port_claims:
    targets:
      - {host: 127.0.0.1, port: 10250, path: /pods}
  register: kubelet

- name: Stop if it tells
  ansible.builtin.assert:
    that: kubelet.results[0].status == 401
"""

RETURN = r"""
results:
  description: One entry for each target, in the order of O(targets).
  returned: success
  type: list
  elements: dict
  contains:
    host:
      description: The address that was asked.
      type: str
      returned: always
    port:
      description: The port that was asked.
      type: int
      returned: always
    path:
      description: The path that was asked for.
      type: str
      returned: always
    label:
      description: The label of the target; null without one.
      type: str
      returned: always
    outcome:
      description:
        - V(answered), with HTTP, see RV(results[].status).
        - V(refused), the server wants a certificate.
        - V(closed), the connection ended without an answer.
        - V(silent), no answer came in time.
        - V(no_http), something else came than HTTP.
        - V(error), no connection came about.
      type: str
      returned: always
    detail:
      description: More about it in words; empty for an HTTP answer.
      type: str
      returned: always
    tls:
      description: Whether the port speaks TLS; null where it did not come to that.
      type: bool
      returned: always
    version:
      description: The protocol version, such as V(TLSv1.3); null without TLS.
      type: str
      returned: always
    status:
      description: The HTTP status; null without an HTTP answer.
      type: int
      returned: always
    certificate:
      description: The server's certificate; null without one that can be read.
      type: dict
      returned: always
      contains:
        common_name:
          description: The common name of its subject; empty without one.
          type: str
          returned: always
        names:
          description: Its DNS names and IP addresses.
          type: list
          elements: str
          returned: always
        expires:
          description: The end of its validity, UTC.
          type: str
          returned: always
        expired:
          description: Whether that is in the past, by the clock of this host.
          type: bool
          returned: always
"""

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.ck8s.ports.plugins.module_utils._claim_targets import QUESTION, TIMEOUT
from ansible_collections.ck8s.ports.plugins.module_utils._claims import path_faults, results
from ansible_collections.ck8s.ports.plugins.module_utils._probe_targets import target_faults, timeout_faults


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "targets": {
                "type": "list",
                "elements": "dict",
                "required": True,
                "options": {"host": {"type": "str", "required": True}, **QUESTION},
            },
            "timeout": TIMEOUT,
        },
        supports_check_mode=True,
    )
    targets, timeout = module.params["targets"], module.params["timeout"]
    faults = [*target_faults([{**target, "protocol": "tcp"} for target in targets]), *timeout_faults(timeout)]
    faults += path_faults(target["path"] for target in targets)
    if faults:
        module.fail_json(msg="; ".join(faults), faults=faults)
    module.exit_json(changed=False, results=results(targets, timeout))


if __name__ == "__main__":
    main()
