# Copyright: (c) 2026, ck8s.ports contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The pure parts: exposure, dual stack, the selection, clients of UDP, and the parsing of what kernels write."""

from __future__ import annotations

import socket
import struct
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.ck8s.ports.plugins.module_utils import (
    _ephemeral,
    _join,
    _kernel_sockets,
    _netlink,
    _procnet,
    _tunnels,
    _unix_sockets,
    _vsock,
    _wireguard,
)
from ansible_collections.ck8s.ports.plugins.module_utils._netlink import attribute
from ansible_collections.ck8s.ports.plugins.module_utils._selection import Selection
from ansible_collections.ck8s.ports.plugins.module_utils._sockets import Socket, exposure_of


def packed(address: str) -> bytes:
    return socket.inet_pton(socket.AF_INET6 if ":" in address else socket.AF_INET, address)


def bound(address: str, port: int = 80, interface: str | None = None, protocol: str = "tcp") -> Socket:
    sock = Socket(protocol, "ipv6" if ":" in address else "ipv4", 1)
    sock.bind(packed(address), port, interface)
    return sock


@pytest.mark.parametrize(
    ("address", "interface", "expected"),
    [
        ("0.0.0.0", None, "wildcard"),
        ("0.0.0.0", "eth0", "wildcard"),
        ("0.0.0.0", "lo", "loopback"),
        ("127.0.0.1", None, "loopback"),
        ("127.255.255.254", None, "loopback"),
        ("128.0.0.1", None, "address"),
        ("169.254.0.1", None, "link_local"),
        ("169.253.255.255", None, "address"),
        ("224.0.0.251", None, "address"),
        ("::", None, "wildcard"),
        ("::1", None, "loopback"),
        ("::2", None, "address"),
        ("fe80::1", "eth0", "link_local"),
        ("febf::1", "eth0", "link_local"),
        ("fec0::1", None, "address"),
        ("::ffff:127.0.0.1", None, "loopback"),
        ("::ffff:169.254.1.1", None, "link_local"),
        ("::ffff:0.0.0.0", None, "wildcard"),
        ("::ffff:10.0.0.1", None, "address"),
        ("2001:db8::1", None, "address"),
    ],
)
def test_exposure(address: str, interface: str | None, expected: str) -> None:
    assert exposure_of(packed(address), interface) == expected


@pytest.mark.parametrize(
    ("address", "v6only", "expected"),
    [("::", False, True), ("::", True, False), ("::", None, None), ("::1", False, False), ("0.0.0.0", None, False)],
)
def test_dual_stack(address: str, v6only: bool | None, expected: bool | None) -> None:
    sock = bound(address)
    sock.v6only = v6only
    assert sock.dual_stack is expected


@pytest.mark.parametrize(
    ("option", "value", "message"),
    [
        ("ports", ["70000"], r"ports: '70000' is not within 0-65535"),
        ("ports", ["20-10"], r"ports: '20-10' is not within"),
        ("ports", ["http"], r"ports: 'http' is neither a port nor a range"),
        ("ports", ["-1"], r"ports: '-1' is neither"),
        ("protocols", ["icmp"], r"protocols: 'icmp' is none of tcp, udp"),
        ("families", "ipv4", r"families: 'ipv4' is not a list"),
        ("processes", "all", r"processes: 'all' is none of none, names, full"),
    ],
)
def test_a_value_that_is_not_valid_is_named(option: str, value: object, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Selection({option: value})


def test_a_selection_of_ports_or_exposure_has_no_sockets_without_them() -> None:
    unix = Socket("unix", "unix", 1)
    assert Selection({}).wants(unix)
    assert not Selection({"ports": ["1-65535"]}).wants(unix)
    assert not Selection({"exposure": ["wildcard"]}).wants(unix)


def test_reserved_ports_are_never_a_clients(tmp_path: Path) -> None:
    port_range, reserved = tmp_path / "range", tmp_path / "reserved"
    port_range.write_text("32768\t60999\n")
    reserved.write_text("32768-32770,51820\n")
    ports = _ephemeral.ephemeral_ports(str(port_range), str(reserved))
    assert [port in ports for port in (32767, 32769, 32771, 51820, 60999, 61000)] == [
        False,
        False,
        True,
        False,
        True,
        False,
    ]


def test_without_a_port_range_nothing_is_taken_for_a_client(tmp_path: Path) -> None:
    assert list(_ephemeral.ephemeral_ports(str(tmp_path / "none"))) == []


# Lines in the format of /proc/net on a little-endian machine.
PROC_NET = {
    "tcp": """\
  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 3500007F:0035 00000000:0000 0A 00000000:00000000 00:00000000 00000000   101        0 7011 1 0000000010994e09 100 0
   1: 0100007F:0050 0100007F:C350 01 00000000:00000000 00:00000000 00000000     0        0 7012 1 0000000010994e09 20 4
""",
    "tcp6": """\
  sl  local_address                         remote_address                        st tx_queue rx_queue tr tm->when
   0: 00000000000000000000000000000000:280A 00000000000000000000000000000000:0000 0A 0:0 00:0 0     0        0 7020 1
   1: 000080FE00000000000000FF01000000:1091 00000000000000000000000000000000:0000 0A 0:0 00:0 0  1000        0 7021 1
   2: 0000000000000000FFFF00000100007F:1092 00000000000000000000000000000000:0000 0A 0:0 00:0 0     0        0 7022 1
""",
}


@pytest.mark.skipif(struct.pack("=I", 1) != b"\1\0\0\0", reason="recorded on a little-endian machine")
def test_proc_net(tmp_path: Path) -> None:
    for name, text in PROC_NET.items():
        (tmp_path / name).write_text(text)
    found = [
        (sock.address, sock.port, sock.uid, sock.inode)
        for family in ("ipv4", "ipv6")
        for sock in _procnet.listening("tcp", family, str(tmp_path))
    ]
    assert found == [
        ("127.0.0.53", 53, 101, 7011),
        ("::", 10250, 0, 7020),
        ("fe80::ff00:0:0:1", 4241, 1000, 7021),
        ("::ffff:127.0.0.1", 4242, 0, 7022),
    ]
    assert _procnet.listening("udp", "ipv6", str(tmp_path)) == []


def test_proc_net_unix_with_names_that_look_like_more_lines(tmp_path: Path) -> None:
    name = "/run/x y\n0000000000000000: 00000002 forged"
    (tmp_path / "unix").write_text(
        "Num       RefCount Protocol Flags    Type St Inode Path\n"
        "0000000010994e09: 00000002 00000000 00010000 0001 01  7001 /run/a b\nc\n"
        "0000000010994e0a: 00000003 00000000 00000000 0001 03  7002\n"
        "0000000010994e0b: 00000002 00000000 00000000 0002 01  7003 @abstract@@\n"
        "0000000010994e0c: 00000002 00000000 00000000 0001 01  7004 /bound/not/listening\n"
    )
    found = [(sock.type, sock.path, sock.inode) for sock in _procnet.unix_listening(str(tmp_path / "unix"))]
    assert found == [("stream", b"/run/a b\nc", 7001), ("dgram", b"@abstract@@", 7003)]
    (tmp_path / "unix").write_text(f"Num\n0000000010994e09: 00000002 00000000 00010000 0001 01  7001 {name}\n")
    # Such a name cannot be told from two lines; what is left of it is not taken for a socket.
    assert [sock.inode for sock in _procnet.unix_listening(str(tmp_path / "unix"))] == [7001]


def answering(monkeypatch: pytest.MonkeyPatch, module: Any, *answers: list[tuple[int, bytes]]) -> None:
    """Let a module's dumps have these answers: hand-made, of things that this kernel need not have."""
    left = list(answers)
    monkeypatch.setattr(module, "dump", lambda *_arguments: _netlink.Dump(left.pop(0), True))


def link(
    name: str, kind: bytes, data: bytes = b"", *, index: int = 7, up: bool = True, elsewhere: bool = False
) -> bytes:
    body = struct.pack("=BxHiII", 0, 1, index, int(up), 0) + attribute(3, name.encode() + b"\0")
    body += attribute(18, attribute(1, kind + b"\0") + attribute(2, data))
    return body + (attribute(37, struct.pack("=i", 0)) if elsewhere else b"")


def test_tunnels_that_have_a_socket_here(monkeypatch: pytest.MonkeyPatch) -> None:
    port = struct.pack("!H", 8472)
    links = [
        link("vx0", b"vxlan", attribute(15, port)),
        link("vx1", b"vxlan", attribute(15, port), up=False),
        link("vx2", b"vxlan", attribute(15, port), elsewhere=True),
        link("gnv0", b"geneve", attribute(5, struct.pack("!H", 6081))),
        link("br0", b"bridge"),
        link("wg0", b"wireguard", index=9),
    ]
    answering(monkeypatch, _tunnels, [(16, body) for body in links])
    found = [(one.kind, one.name, one.index, one.port) for one in _tunnels.tunnels()]
    assert found == [("vxlan", "vx0", 7, 8472), ("geneve", "gnv0", 7, 6081), ("wireguard", "wg0", 9, None)]


def test_the_port_of_a_wireguard_interface(monkeypatch: pytest.MonkeyPatch) -> None:
    control = [
        (16, struct.pack("=BBxx", 1, 2) + attribute(2, b"nlctrl\0") + attribute(1, struct.pack("=H", 16))),
        (16, struct.pack("=BBxx", 1, 2) + attribute(2, b"wireguard\0") + attribute(1, struct.pack("=H", 31))),
    ]
    device = struct.pack("=BBxx", 0, 1) + attribute(2, b"wg0\0") + attribute(6, struct.pack("=H", 51820))
    answering(monkeypatch, _wireguard, control, [(31, device)])
    assert _wireguard.listen_port(9) == 51820


def test_wireguard_and_vxlan_sockets_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    port = attribute(15, struct.pack("!H", 8472))
    links = [link("vx1", b"vxlan", port), link("vx0", b"vxlan", port), link("wg0", b"wireguard", index=9)]
    answering(monkeypatch, _tunnels, [(16, body) for body in links])
    monkeypatch.setattr(_wireguard, "listen_port", {9: 51820}.get)
    sockets = [bound("0.0.0.0", 8472), bound("::", 51820), bound("0.0.0.0", 53)]
    assert _kernel_sockets.name_tunnels(sockets) == []
    assert [sock.kernel_owner for sock in sockets] == [
        {"kind": "vxlan", "devices": ["vx0", "vx1"]},
        {"kind": "wireguard", "devices": ["wg0"]},
        None,
    ]


def test_the_nfs_servers_sockets_are_named(tmp_path: Path) -> None:
    portlist, lockd = tmp_path / "portlist", tmp_path / "nlm_tcpport"
    portlist.write_text("tcp 2049\nudp 2049\nrdma 20049\n")
    lockd.write_text("32803\n")
    sockets = [bound("0.0.0.0", 2049), bound("::", 32803), bound("0.0.0.0", 20049), bound("0.0.0.0", 0)]
    _kernel_sockets.name_nfs("tcp", sockets, str(portlist), {"tcp": str(lockd)})
    assert [sock.kernel_owner and sock.kernel_owner["kind"] for sock in sockets] == ["nfsd", "lockd", None, None]


def test_vsock(monkeypatch: pytest.MonkeyPatch) -> None:
    def listener(cid: int, port: int, cookie: int) -> tuple[int, bytes]:
        return 20, struct.pack("=BBBBIIIIIQ", 40, 1, 10, 0, cid, port, 0, 0, 77, cookie)

    answering(monkeypatch, _vsock, [listener(0xFFFFFFFF, 1024, 1), listener(1, 5, 2), listener(2, 6, 3)])
    sockets, consistent = _vsock.listening()
    assert consistent
    assert [(sock.address, sock.port, sock.exposure, sock.type, sock.inode) for sock in sockets] == [
        ("any", 1024, "wildcard", "stream", 77),
        ("1", 5, "loopback", "stream", 77),
        ("2", 6, "address", "stream", 77),
    ]


@pytest.mark.parametrize(
    ("raw", "name"),
    [(b"/run/a.sock\0", b"/run/a.sock"), (b"/run/a.sock", b"/run/a.sock"), (b"\0a\0b", b"@a\0b"), (b"\0", b"@")],
)
def test_unix_names(raw: bytes, name: bytes) -> None:
    assert _unix_sockets.name_of(raw) == name


@pytest.mark.parametrize(
    ("uid", "denied", "namespace", "expected"),
    [
        (1000, 7, 0xEFFFFFFC, "this user may not look into 7 processes: run as root"),
        (0, 1, 0xEFFFFFFC, "1 processes may not be looked into, not even by root"),
        (0, 0, 4026532186, "no process of this PID namespace holds them"),
        (0, 0, 0xEFFFFFFC, None),
    ],
)
def test_a_socket_without_a_process_is_the_kernels_only_if_everything_was_seen(
    monkeypatch: pytest.MonkeyPatch, uid: int, denied: int, namespace: int, expected: str | None
) -> None:
    monkeypatch.setattr("os.geteuid", lambda: uid)
    monkeypatch.setattr(_join, "namespace_number", lambda _kind: namespace)
    reason = _join.why_unowned(denied)
    assert (reason is None) if expected is None else (reason is not None and reason.startswith(expected))
