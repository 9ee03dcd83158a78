#!/usr/bin/python
# Copyright: (c) 2026, ck8s.ports contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: node_facts
short_description: Tell who a node of Canonical Kubernetes is
version_added: 1.0.0
description:
  - Reads on a node what the snap C(k8s) is, which part the node has in its cluster, and which addresses and ports its
    services were told to use.
  - It needs no Kubernetes client and no network. It reads files of the snap, asks systemd once for the state of the
    snap's services (C(systemctl show)), and reads the command lines of those that run.
  - A running process knows best. The arguments of a service are those of the command line of its process; the file
    C(/var/snap/k8s/common/args/SERVICE) counts only when the service does not run, since what was written into it after
    the start is not in force. Below both are k8sd's own files C(daemon.yaml), the truststore and the lock files.
  - A process is taken for a service's if it has the service's name (C(comm)) and is the main process of its unit or,
    where systemd cannot be asked, in the unit's control group. Its program is not looked at, since several services are
    one program under several names.
  - Nothing is guessed. A fact has the place where it was read beside its value; one that cannot be read is in
    RV(absent) with the reason. Defaults of the software are not reported as settings.
  - Files are read up to 1 MiB, and only regular ones. A file that is damaged, too large, a directory, a named pipe or
    behind a loop of symbolic links costs the facts that are read from it, and no others.
options:
  root:
    description:
      - The root directory of the system to read, such as a mounted image or a chroot. Symbolic links are followed below
        it, as that system itself would.
      - With another root than V(/), no process is looked at and systemd is not asked. Whether kube-proxy is in use is
        then told by whether its unit is enabled there.
    type: path
    default: /
extends_documentation_fragment:
  - ck8s.ports.attributes
  - ck8s.ports.attributes.info_module
notes:
  - Run it as root. The snap's directories are closed to others, who get most facts as absent, with that reason; the
    command lines of running services are open to them where C(/proc) is not mounted with C(hidepid).
  - Not among the facts, because no file of a control-plane node tells them, are the addresses of the workers.
seealso:
  - module: ck8s.ports.listening_sockets_info
author:
  - ck8s.ports contributors (@ck8s)
"""

EXAMPLES = r"""
- name: Who is this node
  ck8s.ports.node_facts:
  register: node

- name: Show what is known, and where it was read
  ansible.builtin.debug:
    msg: "{{ node.facts }}"

- name: Stop where the datastore is not known
  ansible.builtin.assert:
    that: "'datastore' in node.facts"
    fail_msg: "{{ node.absent.datastore | default('') }}"

- name: Where etcd's members talk to each other, which Cluster API moves to port 2381
  ansible.builtin.debug:
    msg: "{{ node.facts.ports.value['etcd-peer'] | default('not configured here') }}"

- name: What is the node in this image going to be
  ck8s.ports.node_facts:
    root: /mnt/image
  register: image
"""

RETURN = r"""
installed:
  description:
    - Whether the snap C(k8s) is installed, by the link C(/snap/k8s/current), or C(/var/lib/snapd/snap/k8s/current) on
      distributions where snapd mounts there.
    - If not, every fact is in RV(absent).
  returned: always
  type: bool
  sample: true
facts:
  description:
    - The facts that could be read, each with C(value) and C(source), the place or places where it was read.
    - A place is written as C(process 1234 (kubelet) command line), C(file /var/snap/k8s/common/args/kubelet),
      C(unit snap.k8s.kube-proxy.service), C(directory PATH) or C(link PATH).
  returned: always
  type: dict
  contains:
    role:
      description:
        - V(control_plane), V(worker), or V(none) when the node is in no cluster.
        - Read from the running C(kube-apiserver) or C(k8s-apiserver-proxy), else from
          C(/var/snap/k8s/common/lock/worker), which is on workers only, else from whether
          C(/var/snap/k8s/common/args/kube-apiserver) is there.
        - Absent when only C(/etc/kubernetes/admin.conf) is there, as after the node was removed from its cluster.
      type: dict
      returned: when known
      sample: {value: control_plane, source: process 1843 (kube-apiserver)}
    datastore:
      description:
        - V(etcd), V(k8s-dqlite) or V(external). Known on the control plane only.
        - Read from C(--etcd-servers) of kube-apiserver. V(etcd) is etcd on the node's loopback address together with
          arguments of the snap's own etcd; the datastores' directories are on every node and tell nothing.
      type: dict
      returned: when known
      sample:
        value: etcd
        source: file /var/snap/k8s/common/args/kube-apiserver, file /var/snap/k8s/common/args/etcd
    kube_proxy:
      description:
        - Whether kube-proxy is in use, that is, whether C(snap.k8s.kube-proxy.service) is active or enabled.
        - Its arguments and the release do not tell, since both are the same where Cilium replaces it.
      type: dict
      returned: when known
      sample: {value: true, source: unit snap.k8s.kube-proxy.service}
    pod_cidrs:
      description: The networks of the pods, one or one of each family. C(--cluster-cidr) of kube-proxy, which is
        configured on every node, whether it runs or not.
      type: dict
      returned: when known
      sample: {value: [10.1.0.0/16], source: file /var/snap/k8s/common/args/kube-proxy}
    service_cidrs:
      description: The networks of the services. C(--service-cluster-ip-range) of kube-apiserver. Known on the control
        plane only.
      type: dict
      returned: when known
      sample: {value: [10.152.183.0/24], source: file /var/snap/k8s/common/args/kube-apiserver}
    addresses:
      description:
        - The node's own addresses.
        - C(--node-ip) of the kubelet, else C(--advertise-address) of kube-apiserver, else C(address) in
          C(/var/snap/k8s/common/var/lib/k8sd/state/daemon.yaml).
      type: dict
      returned: when known
      sample: {value: [10.0.0.11, "fd00::11"], source: process 1850 (kubelet) command line}
    control_plane_addresses:
      description:
        - The addresses of the control-plane nodes, this one included, IPv4 first.
        - On the control plane from C(truststore/) of k8sd, else from its C(database/cluster.yaml), both below
          C(/var/snap/k8s/common/var/lib/k8sd/state).
        - On a worker from C(/var/snap/k8s/common/args/conf.d/k8s-apiserver-proxy.json), or the file that C(--endpoints)
          of k8s-apiserver-proxy names.
      type: dict
      returned: when known
      sample:
        value: [10.0.0.11, 10.0.0.12, 10.0.0.13]
        source: directory /var/snap/k8s/common/var/lib/k8sd/state/truststore
    ports:
      description:
        - The ports that are configured on the node, by the id that they have in the catalogue of documented ports. What
          is not configured is not here.
        - V(kube-apiserver), C(--secure-port), on a worker C(--listen) of k8s-apiserver-proxy.
        - V(etcd-client) and V(etcd-peer), C(--listen-client-urls) and C(--listen-peer-urls) of etcd.
        - V(k8sd), from C(daemon.yaml). V(k8s-dqlite), from C(info.yaml) or C(init.yaml) in
          C(/var/snap/k8s/common/var/lib/k8s-dqlite) where that is the datastore.
        - V(kubelet), C(--port). V(kubelet-healthz), C(--healthz-port).
        - V(kube-controller-manager) and V(kube-scheduler), C(--secure-port).
        - V(kube-proxy-metrics), C(--metrics-bind-address). V(kube-proxy-healthz), C(--healthz-bind-address).
        - A setting that is there and cannot be used (C(--secure-port=many)) is left out, with a warning.
      type: dict
      returned: when known
      sample:
        value: {kube-apiserver: 6443, etcd-client: 2379, etcd-peer: 2381, k8sd: 2380}
        source: >-
          etcd-client, etcd-peer: file /var/snap/k8s/common/args/etcd; kube-apiserver: file
          /var/snap/k8s/common/args/kube-apiserver; k8sd: file /var/snap/k8s/common/var/lib/k8sd/state/daemon.yaml
    bind_addresses:
      description:
        - The addresses that services were told to listen on, lists by the same ids. What was told none is not here.
        - The addresses in the settings of RV(facts.ports), and C(--bind-address) of kube-apiserver,
          kube-controller-manager and kube-scheduler (V(127.0.0.1) in the configurations for DISA STIG and CIS),
          C(--address) and C(--healthz-bind-address) of the kubelet.
      type: dict
      returned: when known
      sample:
        value: {etcd-client: [10.0.0.11, 127.0.0.1], kube-scheduler: [127.0.0.1]}
        source: >-
          etcd-client: process 1811 (etcd) command line; kube-scheduler: process 1888 (kube-scheduler) command line
    containerd_socket:
      description:
        - The path of containerd's socket.
        - C(--address) of containerd, else from the notes of k8sd, C(.containerd-base-dir) or
          C(containerd-socket-path) in C(/var/snap/k8s/common/lock).
      type: dict
      returned: when known
      sample: {value: /run/containerd/containerd.sock, source: file /var/snap/k8s/common/args/containerd}
    version:
      description: The version of the snap, C(version) in C(/snap/k8s/current/meta/snap.yaml), else that of the
        Kubernetes in it, from C(/snap/k8s/current/bom.json).
      type: dict
      returned: when known
      sample: {value: v1.34.1, source: file /snap/k8s/current/meta/snap.yaml}
    release:
      description: The first two numbers of RV(facts.version).
      type: dict
      returned: when known
      sample: {value: "1.34", source: file /snap/k8s/current/meta/snap.yaml}
    revision:
      description: The revision of the snap, which C(/snap/k8s/current) leads to. V(x1) is one that was installed from a
        file.
      type: dict
      returned: when known
      sample: {value: "4162", source: link /snap/k8s/current}
    confinement:
      description: V(classic) or V(strict), from C(/snap/k8s/current/meta/snap.yaml).
      type: dict
      returned: when known
      sample: {value: classic, source: file /snap/k8s/current/meta/snap.yaml}
absent:
  description: The facts that could not be read, by the same names, each with the reason. Every fact is either here
    or in RV(facts).
  returned: always
  type: dict
  sample: {service_cidrs: "a worker does not know the networks of services: only the API server is told"}
"""

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.ck8s.ports.plugins.module_utils import _node_facts


def main() -> None:
    module = AnsibleModule(argument_spec={"root": {"type": "path", "default": "/"}}, supports_check_mode=True)
    try:
        found = _node_facts.collect(module.params["root"])
    except ValueError as exc:
        module.fail_json(msg=f"Cannot tell who this node is: {exc}")
    for problem in found.problems:
        module.warn(
            f"Not among the ports of this node: {problem}. Where the port is not the documented one, set it in "
            "node_profile_overrides"
        )
    module.exit_json(changed=False, installed=found.installed, facts=found.facts, absent=found.absent)


if __name__ == "__main__":
    main()
