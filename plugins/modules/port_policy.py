#!/usr/bin/python

# Copyright: (c) 2026, ck8s.ports contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: port_policy
short_description: Put a policy for ports in force on this host
version_added: 1.0.0
author:
  - ck8s.ports contributors (@ck8s)
description:
  - >-
    Decides who may open new connections to the ports named in O(policy). Ports that it does not name are left as they
    are.
  - >-
    With nftables, the rules are in a table of their own, C(inet ck8s_ports), and are exchanged in one transaction: at
    no moment are there no rules, or rules of two policies. No other table is changed or removed.
  - The interface C(lo) is always open, and so are connections that exist already and that the kernel has been tracking.
  - >-
    Packets for C(127.0.0.0/8) that come in on another interface than C(lo) are dropped. They reach services bound to
    C(127.0.0.1) where the sysctl C(route_localnet) is set, which kube-proxy does (CVE-2020-8558). For C(::1) the kernel
    drops them by itself.
  - >-
    Packets that the container network hands to its own proxy (C(meta mark & 0xf00 == 0x200)) are accepted: they keep
    the port that they were sent to, and are for its policies.
  - >-
    Whether anything changes is decided by comparing what the kernel prints for the live rules with what it prints for
    the wanted ones, loaded in a network namespace that exists only for this. So a rule added or removed by hand is
    found.
  - >-
    Before anything changes, the policy is held against the TCP connections that others have made to this host and that
    are open, or have been closed within the last minute. See O(on_impact).
notes:
  - >-
    An C(accept) of this table is not the last word: chains of others (ufw, firewalld) on the same hook may still drop
    the packet. A C(drop) is. Each chain of others that refuses whatever it does not accept itself is named in a
    warning when the policy opens a port.
  - NodePorts and host ports of pods do not pass the input hook; no rule of this module concerns them.
  - >-
    A change is never without a way back. Before it, the host starts a timer of its own that restores exactly the rules
    that it has; only a B(new) connection from the controller, made after the change, stops it. Until then nothing is
    permanent. See C(docs/safety.md).
  - >-
    Only this collection's action plugin confirms. Where something else calls the module (an ad-hoc script on the host,
    for example) the change is taken back.
  - >-
    Where systemd runs, the confirmed rules are loaded at each boot before the network is up
    (C(/etc/ck8s-ports/policy.nft) and the unit C(ck8s-ports.service)), and a missing or different file is a change.
    Elsewhere they last until the next boot, which RV(persistent) tells.
  - Replacing the rules sets their counters to zero. A run that changes nothing leaves the counters alone.
requirements:
  - nft (Debian and Ubuntu package C(nftables)) on the host; for ufw, its C(iptables); for firewalld, C(busctl)
  - root, or C(CAP_NET_ADMIN) and C(CAP_SYS_ADMIN) in the host's network and user namespace
extends_documentation_fragment:
  - ck8s.ports.attributes
  - ck8s.ports.attributes.flow
  - ck8s.ports.backend
attributes:
  check_mode:
    support: full
  diff_mode:
    support: full
    details:
      - Before and after are printed by the kernel, without counters.
  idempotent:
    support: full
options:
  state:
    description:
      - V(present) puts O(policy) in force.
      - V(absent) removes what this module has put in force, and nothing else.
    type: str
    choices: [present, absent]
    default: present
  backend:
    description:
      - The firewall that the rules go to. Whatever this module has put into another one before is removed from there,
        after the new rules are in force.
      - V(auto) is the one that is active; V(nftables) where none is. With O(state=absent), rules are removed from all.
      - V(nftables) has a table of its own, beside whatever else there is.
      - V(ufw) has rules among those of ufw's user, marked by the comment C(ck8s.ports:) and the id, before the first
        one that lets anyone in. It has no sets, so each source takes a rule; and it knows C(tcp) and C(udp) only.
      - V(firewalld) has rich rules with priorities of our own in the zones that are in use. It does not count what they
        match, and each source and each port takes a rule.
      - See C(docs/backends.md) for how each works beside others, and for what it cannot do.
  policy:
    description:
      - The wanted policy. Required with O(state=present).
      - >-
        C(enforcement): V(ports), which governs the ports of the rules and no others, or V(default_deny), which drops
        what no rule lets in, apart from ICMP (errors, echo), and of ICMPv6 also neighbour discovery, router
        advertisements and multicast listeners.
      - >-
        C(mode), V(enforce) unless given: with V(audit) nothing is dropped. What would be is counted, and source,
        protocol and port are noted (RV(live.learned)) until a week has passed without a packet. A change from one mode
        to the other is one transaction, like every other change. Other firewalls of the host drop what they drop.
      - >-
        C(sets): a mapping of names to lists of CIDRs, IPv4 and IPv6 together. An empty list is refused. A set that no
        rule names is not loaded.
      - >-
        C(rules): a list in which the first rule that matches decides. Each has C(id) (letters, digits, C(-), C(_),
        C(.)), C(protocol) (V(tcp), V(udp), V(sctp)), C(ports) (a list of numbers), C(verdict) (V(accept) or V(drop))
        and C(sources), a list of names of sets. A rule without C(sources) is for anyone; an empty list is refused.
      - >-
        A rule may also have C(interfaces), a list of the names of those that the packets come in on, where C(*) at the
        end stands for anything.
      - All of it is checked on the controller before anything is sent to the host, and again on the host.
    type: dict
  confirm_timeout:
    description:
      - >-
        Seconds from V(5) to V(3600) that the host waits for the confirmation of a change before it takes the change
        back. They include the change itself. There is no value for "do not take it back".
      - A value that is longer than a new connection to the host takes is right.
    type: int
    default: 30
  on_impact:
    description:
      - >-
        What to do when the policy would refuse the next connection of a peer that is connected to this host, or was a
        moment ago. Such peers are in RV(impact), whatever is chosen here. Also in check mode.
      - V(fail) changes nothing and names them.
      - >-
        V(warn) names them and goes on, unless the connection of this very run is one of them: without it, the change
        could not be confirmed.
      - V(ignore) goes on.
      - >-
        Whom the rules in force refuse already, with a connection that is older than they are, does not count. So a run
        that leaves the rules as they are never fails for it, nor does one in audit mode, which refuses nobody.
    type: str
    choices: [fail, warn, ignore]
    default: fail
  explanations:
    description:
      - What to say of a port in RV(impact) and in the message, by the C(id) of its rules, such as why it is closed and
        how to open it. M(ck8s.ports.policy) returns them.
    type: dict
    default: {}
  confirm:
    description:
      - V(now) confirms the change over a new connection, in this task.
      - >-
        V(later) leaves that to a later task, which has the same options and O(change); until then the host's timer
        runs. It is for what is to be found out about the change first, such as what the nodes reach of each other.
      - V(never), together with O(change), takes that change back at once.
    type: str
    choices: [now, later, never]
    default: now
  change:
    description: >-
      The change that a task with O(confirm=later) has made, from its RV(waiting); it is confirmed (O(confirm=now)) or
      taken back (O(confirm=never)), and no other is made.
    type: str
seealso:
  - module: ck8s.ports.port_probe
  - module: ck8s.ports.listening_sockets_info
"""

EXAMPLES = r"""
- name: Let only the nodes connect to etcd, and everyone to the API server
  ck8s.ports.port_policy:
    policy:
      enforcement: ports
      sets:
        nodes: [192.0.2.0/28, "2001:db8:0:1::/64"]
      rules:
        - {id: etcd-client, protocol: tcp, ports: [2379], verdict: accept, sources: [nodes]}
        - {id: etcd-client, protocol: tcp, ports: [2379], verdict: drop}
        - {id: kube-apiserver, protocol: tcp, ports: [6443], verdict: accept}

- name: Put a policy in force, to be confirmed by a later task
  ck8s.ports.port_policy:
    policy: "{{ wanted.policy }}"
    confirm: later
  register: made

- name: Confirm it
  ck8s.ports.port_policy:
    policy: "{{ wanted.policy }}"
    change: "{{ made.waiting.change }}"
  when: made.waiting is defined

- name: Remove every trace
  ck8s.ports.port_policy:
    state: absent
"""

RETURN = r"""
state:
  description: The option O(state).
  returned: always
  type: str
  sample: present
backend:
  description: The firewall that was compared and changed.
  returned: always
  type: str
  sample: nftables
live:
  description: What was in force before the change, if any.
  returned: always
  type: dict
  contains:
    present:
      description: Whether anything of this module was in force.
      type: bool
      returned: always
    mode:
      description: V(enforce) or V(audit); null where nothing was in force.
      type: str
      returned: always
    learned:
      description:
        - >-
          In audit mode, who would have been refused and has sent something within the last week, by protocol, port and
          source.
        - Gone when the rules are enforced, removed, taken back, or loaded by a boot.
      type: list
      elements: dict
      returned: always
      contains:
        source:
          description: The address in the packets.
          type: str
          returned: always
        protocol:
          description: V(tcp), V(udp) or V(sctp).
          type: str
          returned: always
        port:
          description: The port of this host.
          type: int
          returned: always
        packets:
          description: How many packets would have been dropped; of a TCP connection that is let in, the first one only.
          type: int
          returned: always
        expires:
          description: Seconds until it is forgotten, unless another packet comes.
          type: int
          returned: always
    learned_all:
      description: >-
        False where as many sources are noted as there is room for (4096 for each family), so that others may be
        missing.
      type: bool
      returned: always
    rules:
      description: The rules in force, in their order, built-in ones included.
      type: list
      elements: dict
      returned: always
      contains:
        id:
          description: The C(id) of the policy's rule; null for a rule that has been added by hand, without a comment.
          type: str
          returned: always
        text:
          description: The rule as the firewall prints it, without counts.
          type: str
          returned: always
        packets:
          description: Packets that the rule has matched since it was loaded; null where it does not count.
          type: int
          returned: always
        bytes:
          description: Bytes that the rule has matched since it was loaded; null where it does not count.
          type: int
          returned: always
  sample:
    present: true
    mode: enforce
    learned: []
    learned_all: true
    rules:
      - id: etcd-client
        text: ip saddr @nodes_v4_6d3a0f52 tcp dport 2379 counter accept comment "etcd-client"
        packets: 12
        bytes: 720
impact:
  description:
    - >-
      The peers that are connected to this host, or were a moment ago, and whose next connection the policy would
      refuse: the controller first, then by port and address, V(256) at most. Known of TCP only; other protocols have no
      connections that the kernel could tell of.
    - Connections from this host itself (C(lo), its own addresses) are let in by every policy.
  returned: always
  type: list
  elements: dict
  contains:
    peer:
      description: The address of the peer; that of an IPv4 peer of an IPv6 socket is IPv4.
      type: str
      returned: always
    port:
      description: The port of this host that it is connected to.
      type: int
      returned: always
    protocol:
      description: V(tcp).
      type: str
      returned: always
    service:
      description: The C(id) under which the policy has the port; null where it has no rule for it.
      type: str
      returned: always
    processes:
      description: The names of the processes that listen on the port; empty where they cannot be seen.
      type: list
      elements: str
      returned: always
    rule:
      description: The C(id) of the rule that would refuse it.
      type: str
      returned: always
    state:
      description: >-
        V(established); V(closing), one side has closed it; V(time_wait), closed within the last minute. That of the
        liveliest where there are several.
      type: str
      returned: always
    connections:
      description: How many connections the peer has, or had a moment ago, to the port.
      type: int
      returned: always
    controller:
      description: Whether the connection of this very run is one of them.
      type: bool
      returned: always
    already:
      description: Whether the rules in force refuse the next connection, too; the connection is older than they are.
      type: bool
      returned: always
    why:
      description: What O(explanations) has to say of the service, or of the rule; null where nothing.
      type: str
      returned: always
  sample:
    - peer: 192.0.2.12
      port: 2380
      protocol: tcp
      service: etcd-peer
      processes: [etcd]
      rule: etcd-peer
      state: established
      connections: 4
      controller: false
      already: false
      why: null
impact_count:
  description: How many such peers there are; more than RV(impact) has where they are very many.
  returned: always
  type: int
  sample: 1
controller:
  description: >-
    The SSH connection over which this run has reached the host, and what the policy does with the next one from there;
    null where there is none (a local connection, one into a container) or it cannot be seen.
  returned: always
  type: dict
  contains:
    peer:
      description: The address that it comes from.
      type: str
      returned: always
    port:
      description: The port of this host.
      type: int
      returned: always
    verdict:
      description: V(accept), V(drop), or V(none) where no rule is about it, which leaves it as it is.
      type: str
      returned: always
    rule:
      description: The C(id) of the rule that decides; null where none does.
      type: str
      returned: always
  sample:
    peer: 192.0.2.1
    port: 22
    verdict: none
    rule: null
diff:
  description: >-
    The live and the wanted rules as text, without counts; empty where there are none. After them, a line for each file
    of the next boot that is not as wanted.
  returned: always
  type: dict
  contains:
    before:
      description: The rules in force.
      type: str
      returned: always
    after:
      description: The wanted rules.
      type: str
      returned: always
persistent:
  description: Whether what has been confirmed is there again after a boot; with nftables it takes systemd.
  returned: always
  type: bool
  sample: true
confirmed_over:
  description:
    - What has confirmed the change.
    - >-
      V(new_connection): a connection over the network (SSH) that was made after the change, so the host can be reached
      with the new rules.
    - >-
      V(same_host): a connection that does not pass the host's firewall, or of which that is not known (C(local), a
      container's). It proves that the host still works, and nothing about reaching it over the network.
  returned: when a change has been confirmed
  type: str
  sample: new_connection
waiting:
  description: The change that waits for its confirmation.
  returned: when something has been changed, with O(confirm=later)
  type: dict
  contains:
    change:
      description: What the option O(change) of the confirming task takes.
      type: str
      returned: always
    seconds:
      description: How long the host waits for the confirmation.
      type: int
      returned: always
taken_back:
  description: >-
    A change before this one that has been taken back because nobody had confirmed it; null where there was none. Told
    once, apart from check mode.
  returned: always
  type: dict
  contains:
    reason:
      description:
        - V(not_confirmed), the time was over.
        - V(restarted), the host had restarted before.
      type: str
      returned: always
    by:
      description: The controller; null where that is not known.
      type: str
      returned: always
    at:
      description: When the change was made, by the host's clock; null where that is not known.
      type: str
      returned: always
faults:
  description: Every fault found in O(policy), each with its place, the value and what would be right.
  returned: when O(policy) is not valid; nothing has been changed then
  type: list
  elements: str
  sample:
    - "policy.rules[3] (etcd-client): ports: 70000 is not a port; give a number from 1 to 65535"
"""

from typing import Any

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.ck8s.ports.plugins.module_utils._backends import BACKEND
from ansible_collections.ck8s.ports.plugins.module_utils._firewall import FirewallError, Plan
from ansible_collections.ck8s.ports.plugins.module_utils._impact import CUTS_CONTROLLER, WAY_OUT, message
from ansible_collections.ck8s.ports.plugins.module_utils._live_impact import NO_IMPACT, Impact, look
from ansible_collections.ck8s.ports.plugins.module_utils._nft import TIMEOUT
from ansible_collections.ck8s.ports.plugins.module_utils._policy import ENFORCE, Policy, PolicyError, parse_policy
from ansible_collections.ck8s.ports.plugins.module_utils._policy_comparison import PolicyHost
from ansible_collections.ck8s.ports.plugins.module_utils._safe_change import SafeChange
from ansible_collections.ck8s.ports.plugins.module_utils._unconfirmed import TAKEN_BACK

CONFIRM_TIMEOUTS = range(5, 3601)
"""Seconds; what is shorter leaves no time for a connection, what is longer is no safety."""
CALLS_BEFORE_CONFIRMATION = 4
"""How often a change calls its program at most: if each of them hangs, all are ended before the timer fires."""


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
            "backend": BACKEND,
            "policy": {"type": "dict"},
            "confirm_timeout": {"type": "int", "default": 30},
            "on_impact": {"type": "str", "choices": ["fail", "warn", "ignore"], "default": "fail"},
            "explanations": {"type": "dict", "default": {}},
            "confirm": {"type": "str", "choices": ["now", "later", "never"], "default": "now"},
            "change": {"type": "str"},
            # From the action plugin: who it is.
            "_by": {"type": "str", "default": "an unknown controller"},
        },
        required_if=[("state", "present", ("policy",)), ("confirm", "never", ("change",))],
        supports_check_mode=True,
    )
    try:
        result = _run(module)
    except PolicyError as error:
        module.fail_json(msg=str(error), faults=error.faults)
    except FirewallError as error:
        module.fail_json(msg=str(error))
    module.exit_json(**result)


def _run(module: AnsibleModule) -> dict[str, Any]:
    """Compare, and make the change or confirm one; return the result. Raises PolicyError and FirewallError."""
    seconds: int = module.params["confirm_timeout"]
    if seconds not in CONFIRM_TIMEOUTS:
        raise FirewallError(
            f"confirm_timeout: {seconds} is not a number of seconds from {CONFIRM_TIMEOUTS[0]} to "
            f"{CONFIRM_TIMEOUTS[-1]}; there is no change without a way back"
        )
    policy = parse_policy(module.params["policy"]) if module.params["state"] == "present" else None
    host = PolicyHost(module.params["backend"], min(TIMEOUT, seconds / CALLS_BEFORE_CONFIRMATION))
    if module.params["change"] is not None:
        return {"changed": False, **_resolve(module, host.change, policy)}

    comparison = host.compare(policy, check=module.check_mode)
    for warning in comparison.warnings:
        module.warn(warning)
    result = {"state": module.params["state"], **comparison.result}
    impact = _impact(module, comparison.plan)
    result.update(impact.as_result(module.params["explanations"]))
    if comparison.plan.changed and impact.cut_off and policy is not None and policy.mode == ENFORCE:
        _weigh(module, impact, result)
    if comparison.changed and not module.check_mode:
        made = host.change.make(comparison.plan, comparison.boot_plan, module.params["_by"], seconds)
        result["waiting"] = made
    return result


def _impact(module: AnsibleModule, plan: Plan) -> Impact:
    """Look at the connections. Raises FirewallError where that cannot be done and would have to be."""
    if plan.policy is None:
        return NO_IMPACT
    try:
        return look(plan.policy, plan.live.policy)
    except OSError as error:
        problem = f"this host's connections cannot be seen ({error}), so nobody knows whom the policy would cut off"
        if plan.changed and plan.policy.mode == ENFORCE and module.params["on_impact"] == "fail":
            raise FirewallError(
                f"{problem}; on_impact: warn (in the role node_firewall, node_firewall_on_impact) goes on all the same "
                "(nothing was changed)"
            ) from error
        module.warn(f"{problem}; see for yourself on this host who is connected (`ss -tn`)")
        return NO_IMPACT


def _weigh(module: AnsibleModule, impact: Impact, result: dict[str, Any]) -> None:
    """End the run, or warn, as the option on_impact has it."""
    wanted = module.params["on_impact"]
    said = message(impact.cut_off, module.params["explanations"])
    cut_off = any(entry.controller for entry in impact.cut_off)
    if wanted == "fail" or (wanted == "warn" and cut_off):
        module.fail_json(msg=f"{said} {CUTS_CONTROLLER if cut_off else WAY_OUT}", **{**result, "changed": False})
    if wanted == "warn":
        module.warn(said)


def _resolve(module: AnsibleModule, change: SafeChange, policy: Policy | None) -> dict[str, Any]:
    """Confirm a change that waits, or take it back; return what has become of it, nothing in check mode."""
    if module.check_mode:
        return {}
    if module.params["confirm"] == "never":
        change.take_back(module.params["change"])
        return {"outcome": TAKEN_BACK}
    return {"outcome": change.confirm(module.params["change"], policy)}


if __name__ == "__main__":
    main()
