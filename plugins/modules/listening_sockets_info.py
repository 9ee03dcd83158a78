#!/usr/bin/python
# Copyright: (c) 2026, ck8s.ports contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: listening_sockets_info
short_description: Tell what listens on a Linux host
version_added: 1.0.0
description:
  - Returns every socket of the host that takes what strangers send, with the address, port and device that it is bound
    to, from where it can be reached, and to whom it belongs - systemd unit, container, processes, or the kernel itself.
  - The kernel is asked directly (C(NETLINK_SOCK_DIAG)). It picks the listening sockets out of the others by itself, and
    says of each one in which control group it was made, so that units and containers are named without looking into a
    single process, and without root.
  - Nothing is guessed. What could not be seen is counted in RV(incomplete) with its reason, and RV(complete) is then
    V(false). An unknown owner is an empty list of processes, never a process with the number 0.
options:
  protocols:
    description:
      - The protocols to report. What is not asked for is not looked up.
      - With V(tcp), V(sctp) and V(dccp), sockets that C(listen()) was called on.
      - With V(udp) and V(udplite), sockets that are bound and not connected to a peer. See O(udp_clients).
      - With V(raw), sockets that get every packet of an IP protocol. Its number is in RV(sockets[].port). Those of
        protocol 255 can only send and are left out.
      - With V(unix), sockets with a path or an abstract name that listen, and datagram sockets with one that are not
        connected to a peer.
      - With V(vsock), sockets that virtual machines and their host reach each other by.
      - A protocol that the kernel does not have is V(absent) in RV(sources). It is not loaded for the sake of the
        question.
    type: list
    elements: str
    choices: [tcp, udp, udplite, sctp, dccp, raw, unix, vsock]
    default: [tcp, udp]
  families:
    description:
      - The address families to report.
      - An IPv6 socket that also takes IPv4 is one socket of the family V(ipv6), with RV(sockets[].dual_stack) V(true).
    type: list
    elements: str
    choices: [ipv4, ipv6, unix, vsock]
    default: [ipv4, ipv6, unix, vsock]
  ports:
    description:
      - Report only these ports and ranges of ports, such as V(443) or V(30000-32767).
      - All ports are reported when this is empty. Otherwise unix sockets, which have none, are not.
    type: list
    elements: str
    default: []
  paths:
    description:
      - Of the unix sockets, report only those bound to one of these paths, whatever links led there (C(/var/run) is
        C(/run)).
      - All are reported when this is empty. Other protocols are not concerned.
    type: list
    elements: str
    default: []
  exposure:
    description:
      - Report only sockets with one of these values of RV(sockets[].exposure).
      - Unless all four are named, unix sockets, which have none of them, are not reported.
    type: list
    elements: str
    choices: [loopback, link_local, address, wildcard]
    default: [loopback, link_local, address, wildcard]
  netns:
    description:
      - The network namespaces to look into.
      - V(own) is the one that the module runs in, usually the host's. V(all) are all that a process is in or that have
        a name. Otherwise the name of one (as in C(/run/netns), where Kubernetes' pods have theirs), or its inode
        number.
      - Each socket says in RV(sockets[].netns) where it is. V(127.0.0.1) of a pod is not that of the host.
      - Other namespaces than V(own) need root.
    type: list
    elements: str
    default: [own]
  processes:
    description:
      - How much to tell of the processes that hold a socket.
      - With V(none), no process is looked at. Units and containers are still named, from the control group of the
        socket.
      - With V(names), RV(sockets[].processes[].pid) and RV(sockets[].processes[].name).
      - With V(full), also RV(sockets[].processes[].exe), RV(sockets[].processes[].cmdline) and
        RV(sockets[].processes[].started).
    type: str
    choices: [none, names, full]
    default: full
  all_holders:
    description:
      - Look into every process, however many there are.
      - Otherwise the search is over when each socket has an owner, and every process in the control group of that owner
        has been looked into. An owner in no control group but the root, as in many containers, has its session,
        ancestors, descendants and siblings looked into instead. So the processes of one service that share a socket are
        all found. A process of another service that got the socket as well is not.
    type: bool
    default: false
  udp_clients:
    description:
      - Also report UDP sockets that look like those of clients.
      - UDP has no state C(LISTEN). A socket that is connected to a peer is a client's or a session's, and never
        reported. A client that never connects gets a port from the kernel when it first sends, and its socket then
        differs in nothing from a server's. It is taken for a client's if its port is one that the kernel picks by
        itself (C(net.ipv4.ip_local_port_range) without C(net.ipv4.ip_local_reserved_ports)), if it is bound to the
        wildcard address, if no other socket has the same port, and if it is not known to be the kernel's.
      - A server that chose such a port by itself, with one socket on the wildcard address, is hidden by this rule. What
        was left out is counted in RV(udp_clients_left_out).
    type: bool
    default: false
extends_documentation_fragment:
  - ck8s.ports.attributes
  - ck8s.ports.attributes.info_module
notes:
  - Run it as root to see the processes of every socket. Without root the result has the same shape and the same
    sockets, units and containers, and the processes of the user's own sockets.
  - Processes of another PID namespace cannot be seen. In a container, the sockets of the host's network have no
    processes.
  - The kernel may load its own module C(inet_diag), C(tcp_diag), C(udp_diag) or C(unix_diag) to answer, as it does for
    C(ss).
  - No fact is set. Register the result.
seealso:
  - module: community.general.listen_ports_facts
author:
  - ck8s.ports contributors (@ck8s)
"""

EXAMPLES = r"""
- name: What listens here
  ck8s.ports.listening_sockets_info:
  register: listening

- name: What listens on all addresses
  ck8s.ports.listening_sockets_info:
    exposure: [wildcard]
  register: exposed

- name: Show it as protocol, port and unit
  ansible.builtin.debug:
    msg: "{{ exposed.sockets | community.general.json_query('[].[protocol, port, unit]') }}"

- name: Who owns port 10250
  ck8s.ports.listening_sockets_info:
    protocols: [tcp]
    ports: ["10250"]
  register: kubelet

- name: Stop if anything but the kubelet does
  ansible.builtin.assert:
    that: kubelet.sockets | map(attribute='unit') | unique == ['snap.k8s.kubelet.service']
    fail_msg: "{{ kubelet.sockets | map(attribute='processes') | flatten | map(attribute='cmdline') }}"

- name: What is new since last week
  ansible.builtin.debug:
    msg: "{{ now | difference(then) }}"
  vars:
    now: "{{ listening.sockets | community.general.json_query('[].[protocol, address, port, unit]') }}"
    then: "{{ lookup('ansible.builtin.file', 'listening/' ~ inventory_hostname ~ '.json') | from_json }}"

- name: Keep what listens for the comparison of next week
  ansible.builtin.copy:
    content: "{{ listening.sockets | community.general.json_query('[].[protocol, address, port, unit]') }}"
    dest: "listening/{{ inventory_hostname }}.json"
    mode: "0600"
  delegate_to: localhost

- name: Only IPv6
  ck8s.ports.listening_sockets_info:
    families: [ipv6]

- name: Everything that takes IPv4, dual-stack sockets included
  ansible.builtin.debug:
    msg: "{{ listening.sockets | community.general.json_query('[?family == `ipv4` || dual_stack].[address, port]') }}"

- name: What listens in pods and other containers
  ck8s.ports.listening_sockets_info:
    netns: [all]
  register: everywhere

- name: Show it by pod
  ansible.builtin.debug:
    msg: "{{ everywhere.sockets | community.general.json_query(pods) }}"
  vars:
    pods: "[?container.pod_uid].{pod: container.pod_uid, namespace: netns_name, port: port}"

- name: Fail when something listens that is not documented
  ansible.builtin.assert:
    that: undocumented == []
    fail_msg: "Undocumented: {{ undocumented | join(', ') }}"
  vars:
    documented: [tcp/22, tcp/6443, tcp/10250, udp/8472]
    reachable: "[?exposure != 'loopback'].join('/', [protocol, to_string(port)])"
    undocumented: "{{ listening.sockets | community.general.json_query(reachable) | difference(documented) }}"

- name: Who may talk to containerd
  ck8s.ports.listening_sockets_info:
    protocols: [unix]
  register: local

- name: Stop unless only root may
  ansible.builtin.assert:
    that: local.sockets | community.general.json_query(containerd) == ['same 0660 root root']
  vars:
    containerd: >-
      [?path == '/run/containerd/containerd.sock'].join(' ', [path_status, mode, owner, group])

- name: Which services run a program that has been replaced since, as after an upgrade
  ansible.builtin.debug:
    msg: "{{ listening.sockets | community.general.json_query(outdated) | unique }}"
  vars:
    outdated: "[?processes[?exe && ends_with(exe, '(deleted)')]].unit"

- name: As fast as can be, with units and without processes
  ck8s.ports.listening_sockets_info:
    processes: none
"""

RETURN = r"""
sockets:
  description: The listening sockets, sorted by protocol, family, address and port.
  returned: always
  type: list
  elements: dict
  contains:
    protocol:
      description: One of the values of O(protocols).
      type: str
      returned: always
      sample: tcp
    family:
      description: The address family of the socket, one of the values of O(families).
      type: str
      returned: always
      sample: ipv6
    address:
      description:
        - The local address, without brackets, prefix length or scope id (see RV(sockets[].interface)).
        - V(0.0.0.0) and V(::) are the wildcards. An IPv4 address in an IPv6 socket is written V(::ffff:192.0.2.1).
        - For V(vsock), a context id in decimal digits, or V(any). V(null) for V(unix).
      type: str
      returned: always
      sample: "::"
    port:
      description: The local port. For V(raw), the number of the IP protocol. V(null) for V(unix).
      type: int
      returned: always
      sample: 10250
    interface:
      description:
        - The network device (or VRF) that the socket is bound to. Of a link-local address, the device that it belongs
          to.
        - V(null) when the socket is bound to no device, and with RV(source) V(procfs).
      type: str
      returned: always
      sample: eth0
    exposure:
      description:
        - From where the socket can be reached, as far as its binding goes; a firewall is another matter.
        - V(loopback) for 127.0.0.0/8, ::1, and a wildcard that is bound to the device C(lo). V(link_local) for
          169.254.0.0/16 and fe80::/10. V(wildcard) for all addresses of the host. V(address) for one other address,
          multicast included.
        - V(null) for V(unix).
      type: str
      returned: always
      sample: wildcard
    dual_stack:
      description:
        - Whether this is an IPv6 wildcard that takes IPv4 as well. V(false) for every other address.
        - V(null) for an IPv6 wildcard with RV(source) V(procfs), which does not tell, and for V(unix) and V(vsock).
      type: bool
      returned: always
      sample: true
    uid:
      description:
        - The user id that the socket was made with.
        - V(null) for V(vsock), and for V(unix) before Linux 5.3 and with RV(source) V(procfs).
      type: int
      returned: always
      sample: 0
    user:
      description: The name of that user on this host, V(null) when there is none for the id.
      type: str
      returned: always
      sample: root
    inode:
      description: The number of the socket, as in the links of C(/proc/PID/fd). Unique on a running host.
      type: int
      returned: always
      sample: 61893
    backlog:
      description:
        - How many connections may wait to be accepted.
        - V(null) for protocols and types without connections, for V(vsock), and with RV(source) V(procfs).
      type: int
      returned: always
      sample: 4096
    unit:
      description:
        - The systemd unit that the socket belongs to now, which is that of the process that holds it, or where no
          process is known, that of the process that made it.
        - A socket that systemd keeps for a service that does not run yet has its C(.socket) unit, or C(init.scope).
        - V(null) when it belongs to no unit, and for V(unix) and V(vsock) when no process is known.
      type: str
      returned: always
      sample: snap.k8s.kubelet.service
    cgroup:
      description:
        - The control group (version 2) in which the socket was made. It stays the same when the socket is handed over.
        - V(null) when the group no longer exists, lies outside of the module's cgroup namespace, or cgroup2 is not
          mounted.
      type: str
      returned: always
      sample: /system.slice/snap.k8s.kubelet.service
    container:
      description: The container that the socket belongs to, found like RV(sockets[].unit). V(null) when that is none.
      type: dict
      returned: always
      contains:
        runtime:
          description: V(containerd), V(cri-o), V(docker) or V(podman). V(null) when the name of the group does not
            tell.
          type: str
          returned: always
          sample: containerd
        id:
          description: The id of the container, 64 hexadecimal digits.
          type: str
          returned: always
          sample: 3b1b2cf1d7e0a8c5c2a6bdf2c6e5f5a9e0f6b8a0f5c8d7e6b5a4938271605f4e
        pod_uid:
          description: The uid of the Kubernetes pod (C(metadata.uid)), V(null) for a container of no pod.
          type: str
          returned: always
          sample: 1b2c3d4e-5f60-4718-9293-a4b5c6d7e8f9
    processes:
      description:
        - The processes that hold the socket, by number. Empty when none is known.
        - Always empty with O(processes=none).
      type: list
      elements: dict
      returned: always
      contains:
        pid:
          description: The number of the process.
          type: int
          returned: always
          sample: 2110
        name:
          description:
            - The name of the process (its C(comm)), of which the kernel keeps 15 bytes.
            - Names, paths and arguments are chosen by whoever runs the process. They are returned as they are, control
              characters included; bytes that are not UTF-8 are written as C(\xff).
          type: str
          returned: always
          sample: kubelet
        exe:
          description: The path of its program, V(null) when it may not be read and without O(processes=full).
          type: str
          returned: always
          sample: /snap/k8s/1234/bin/kubernetes
        cmdline:
          description:
            - Its arguments. Empty ones at the end are left out, since processes that rename themselves leave such
              padding.
            - V(null) without O(processes=full).
          type: list
          elements: str
          returned: always
          sample: [/snap/k8s/1234/bin/kubelet, --anonymous-auth=false]
        started:
          description: When it was started, in UTC. V(null) without O(processes=full).
          type: str
          returned: always
          sample: "2026-03-01T08:15:30Z"
    kernel:
      description:
        - Whether the socket belongs to the kernel itself, so that no process can hold it.
        - V(true) for the sockets in RV(sockets[].kernel_owner), and when the module, as root in the first PID
          namespace, has looked into all processes and found the socket in none.
      type: bool
      returned: always
      sample: false
    kernel_owner:
      description: What in the kernel the socket serves, V(null) when that is not known.
      type: dict
      returned: always
      contains:
        kind:
          description:
            - V(vxlan), V(geneve), V(bareudp) or V(wireguard) for network devices that are up.
            - V(nfsd) for the NFS server, and V(lockd) for its lock manager where that was given a fixed port.
          type: str
          returned: always
          sample: vxlan
        devices:
          description: The devices that use the port. Empty for V(nfsd) and V(lockd).
          type: list
          elements: str
          returned: always
          sample: [cilium_vxlan]
    netns:
      description: The inode number of the socket's network namespace.
      type: int
      returned: always
      sample: 4026531840
    netns_name:
      description:
        - The name of that namespace, as in C(/run/netns) or C(/run/docker/netns).
        - V(null) when it has none, and with O(netns=own).
      type: str
      returned: always
      sample: null
    path:
      description: The path of a unix socket as it was bound, or V(@) and its abstract name. V(null) for others.
      type: str
      returned: always
      sample: /run/containerd/containerd.sock
    path_status:
      description:
        - Whether the file of a unix socket is still there. V(same) if it is and belongs to this socket. V(replaced) if
          another file has taken its place, so that connecting to the path does not reach this socket. V(missing) if
          none has.
        - The path is looked up as the socket's process sees it, which in a container is not as the host does.
        - V(null) for other sockets, abstract names, relative paths, and where it cannot be told - no process is known
          and the path is not found here, the directory may not be searched, or RV(source) is V(procfs).
      type: str
      returned: always
      sample: same
    type:
      description: V(stream), V(dgram) or V(seqpacket) for V(unix) and V(vsock). V(null) for others.
      type: str
      returned: always
      sample: stream
    mode:
      description: The permissions of the file, in four octal digits. V(null) unless RV(sockets[].path_status) is
        V(same).
      type: str
      returned: always
      sample: "0660"
    owner:
      description: The user that the file belongs to. V(null) unless RV(sockets[].path_status) is V(same).
      type: str
      returned: always
      sample: root
    group:
      description: The group that the file belongs to. V(null) unless RV(sockets[].path_status) is V(same).
      type: str
      returned: always
      sample: root
complete:
  description: Whether everything that was asked for could be seen. If not, RV(incomplete) says what could not.
  returned: always
  type: bool
  sample: true
incomplete:
  description: What could not be seen, and why. Each entry is also shown as a warning. Empty when RV(complete) is
    V(true).
  returned: always
  type: list
  elements: dict
  contains:
    what:
      description:
        - V(processes) when the owners of sockets, V(details) when some of the fields, V(kernel_owner) when the devices
          of kernel sockets, V(sockets) when sockets themselves may be missing.
      type: str
      returned: always
      sample: processes
    reason:
      description: Why, and what to do about it.
      type: str
      returned: always
      sample: "212 processes may not be looked into: run as root to see the owner of every socket"
    count:
      description: How many sockets this concerns. V(null) when that cannot be known.
      type: int
      returned: always
      sample: 14
source:
  description:
    - Where the sockets were read. V(sock_diag) is the kernel's own interface. V(procfs) is C(/proc/net), on kernels and
      in sandboxes that do not have it. V(mixed) when the protocols differ, see RV(sources).
    - V(null) when the kernel has none of the protocols.
  returned: always
  type: str
  sample: sock_diag
sources:
  description: The same for each protocol, V(absent) for one that the kernel does not have.
  returned: always
  type: dict
  sample: {tcp: sock_diag, udp: sock_diag}
udp_clients_left_out:
  description: How many UDP sockets were taken for those of clients and are not in RV(sockets), see O(udp_clients).
  returned: always
  type: int
  sample: 3
"""

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.ck8s.ports.plugins.module_utils import _listening
from ansible_collections.ck8s.ports.plugins.module_utils._selection import FAMILIES, PROCESS_DETAILS, PROTOCOLS
from ansible_collections.ck8s.ports.plugins.module_utils._sockets import EXPOSURES


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "protocols": {"type": "list", "elements": "str", "choices": list(PROTOCOLS), "default": ["tcp", "udp"]},
            "families": {"type": "list", "elements": "str", "choices": list(FAMILIES), "default": list(FAMILIES)},
            "ports": {"type": "list", "elements": "str", "default": []},
            "paths": {"type": "list", "elements": "str", "default": []},
            "exposure": {"type": "list", "elements": "str", "choices": list(EXPOSURES), "default": list(EXPOSURES)},
            "processes": {"type": "str", "choices": list(PROCESS_DETAILS), "default": "full"},
            "netns": {"type": "list", "elements": "str", "default": ["own"]},
            "all_holders": {"type": "bool", "default": False},
            "udp_clients": {"type": "bool", "default": False},
        },
        supports_check_mode=True,
    )
    try:
        result = _listening.collect(module.params)
    except ValueError as exc:
        module.fail_json(msg=f"Cannot tell what listens on this host: {exc}")
    except OSError as exc:
        module.fail_json(
            msg=f"Cannot tell what listens on this host: {exc}; see whether /proc is mounted there, and run as root"
        )
    for entry in result["incomplete"]:
        module.warn(f"{entry['what']} are incomplete: {entry['reason']}")
    module.exit_json(changed=False, **result)


if __name__ == "__main__":
    main()
