# Copyright: (c) 2026, ck8s.ports contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The policy: which ports are governed, and who may connect to them. Private to the collection.

:func:`parse_policy` is the only way from a user's data to a :class:`Policy`, and a backend takes nothing else: what is
in a Policy can be written into a rule as it is. Pure, standard library only; the controller and the node both call it.
"""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass
from typing import Any, Mapping, Union

PORTS, DEFAULT_DENY = "ports", "default_deny"
ENFORCEMENTS = (PORTS, DEFAULT_DENY)
"""``ports``: the ports of the rules are governed, all others are left as they are. ``default_deny``: what no rule lets
in is dropped, apart from what a host cannot do without (the built-in rules)."""

ENFORCE, AUDIT = "enforce", "audit"
MODES = (ENFORCE, AUDIT)
"""``audit``: what the policy would drop is counted and noted, and let go."""

PROTOCOLS = ("tcp", "udp", "sctp")
VERDICTS = ("accept", "drop")
LAST_PORT = 65535

BUILT_IN_RULES = ("established", "loopback", "loopback-guard", "pod-proxy", "icmp", "icmpv6", "default-deny")
"""Ids of the rules that a backend puts around those of the policy, the last three with ``default_deny`` alone; a policy
cannot use them."""
AUDIT_RULE = "learned"
"""Id of the rules that note what would have been dropped; a policy cannot use it either."""

_POLICY_KEYS = ("enforcement", "mode", "sets", "rules")
_RULE_KEYS = ("id", "protocol", "ports", "verdict", "sources", "interfaces")

# Short enough, with a suffix, for nftables' names (255 bytes) and comments (128), ufw's and iptables' comments (255).
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_.-]{0,62}")
_NAME_RULE = "use letters, digits, '-', '_' and '.', a letter first, 63 at most"
# Narrower than what ipaddress takes: it also reads netmasks, and after a '%' any text at all as an IPv6 zone.
_CIDR = re.compile(r"[0-9A-Fa-f:.]+(/[0-9]{1,3})?")
# What ip(8) takes is wider, and has characters that mean something in rules. 15 is IFNAMSIZ without its end.
_INTERFACE = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,14}\*?")
_SHOWN = 80

_Network = Union[ipaddress.IPv4Network, ipaddress.IPv6Network]


class PolicyError(ValueError):
    """The policy cannot be used. ``faults`` has every fault found, each with its place, the value and what is right."""

    def __init__(self, faults: list[str]) -> None:
        super().__init__("; ".join(faults))
        self.faults = faults


@dataclass(frozen=True)
class SourceSet:
    """The networks of one set, per family, sorted, without overlaps."""

    ipv4: tuple[ipaddress.IPv4Network, ...]
    ipv6: tuple[ipaddress.IPv6Network, ...]


@dataclass(frozen=True)
class Rule:
    """New connections to ``ports`` from ``sources`` get ``verdict``. The first rule that matches decides.

    ``id`` names the port's entry; several rules may share it. ``sources`` are names of sets, None is anyone.
    ``interfaces`` are those that the packets come in on, a ``*`` at the end stands for anything; None is any.
    """

    id: str
    protocol: str
    ports: tuple[int, ...]
    verdict: str
    sources: tuple[str, ...] | None
    interfaces: tuple[str, ...] | None = None


@dataclass(frozen=True)
class Policy:
    """What a backend is to put in place, in the order of ``rules``."""

    enforcement: str
    sets: Mapping[str, SourceSet]
    rules: tuple[Rule, ...]
    mode: str = ENFORCE


def parse_policy(data: object, where: str = "policy") -> Policy:
    """Return ``data``, the option O(policy) of the module, as a Policy.

    ``where`` is the variable that the data came from; the faults name places in it. Raises :class:`PolicyError`.
    """
    faults: list[str] = []
    policy = _policy(data, where, faults)
    if faults or policy is None:
        raise PolicyError(faults)
    return policy


def _policy(data: object, where: str, faults: list[str]) -> Policy | None:
    if not isinstance(data, dict):
        faults.append(f"{where}: {_shown(data)} is not a mapping; give one with the keys {_listed(_POLICY_KEYS)}")
        return None
    _refuse_unknown_keys(data, _POLICY_KEYS, where, faults)
    enforcement = _one_of(ENFORCEMENTS, data.get("enforcement"), f"{where}.enforcement", faults)
    sets = _sets(data.get("sets"), f"{where}.sets", faults)
    rules = _rules(data.get("rules"), tuple(_keys(data.get("sets"))), f"{where}.rules", faults)
    mode = _one_of(MODES, data.get("mode", ENFORCE), f"{where}.mode", faults)
    return Policy(enforcement=enforcement, sets=sets, rules=rules, mode=mode)


def _sets(data: object, where: str, faults: list[str]) -> dict[str, SourceSet]:
    if data is None:
        return {}
    if not isinstance(data, dict):
        faults.append(f"{where}: {_shown(data)} is not a mapping of names to lists of CIDRs")
        return {}
    sets = {}
    for name, cidrs in data.items():
        if not _is_name(name):
            faults.append(f"{where}: {_shown(name)} cannot be the name of a set; {_NAME_RULE}")
            continue
        sets[str(name)] = _source_set(cidrs, f"{where}.{name}", faults)
    return sets


def _source_set(cidrs: object, where: str, faults: list[str]) -> SourceSet:
    ipv4: list[ipaddress.IPv4Network] = []
    ipv6: list[ipaddress.IPv6Network] = []
    if not isinstance(cidrs, (list, tuple)):
        faults.append(f"{where}: {_shown(cidrs)} is not a list of CIDRs")
    elif not cidrs:
        faults.append(f"{where}: [] is nobody; give at least one CIDR, or remove the set and the rules for it")
    else:
        for value in cidrs:
            network = _network(value, where, faults)
            if isinstance(network, ipaddress.IPv4Network):
                ipv4.append(network)
            elif network is not None:
                ipv6.append(network)
    return SourceSet(
        ipv4=tuple(ipaddress.collapse_addresses(ipv4)),
        ipv6=tuple(ipaddress.collapse_addresses(ipv6)),
    )


def _network(value: object, where: str, faults: list[str]) -> _Network | None:
    example = "give one like 192.0.2.0/24 or 2001:db8::/64"
    if not isinstance(value, str) or not _CIDR.fullmatch(value):
        faults.append(f"{where}: {_shown(value)} is not a CIDR; {example}")
        return None
    try:
        loose = ipaddress.ip_network(value, strict=False)
    except ValueError:
        faults.append(f"{where}: {_shown(value)} is not a CIDR; {example}")
        return None
    address = ipaddress.ip_address(value.partition("/")[0])
    if address != loose.network_address:
        faults.append(
            f"{where}: {_shown(value)} has host bits set; the network is '{loose}', the host alone is '{address}'"
        )
        return None
    if isinstance(loose, ipaddress.IPv6Network) and loose.network_address.ipv4_mapped is not None:
        faults.append(
            f"{where}: {_shown(value)} is an IPv4 address in IPv6 notation, which no packet carries; give it as IPv4"
        )
        return None
    return loose


def _rules(data: object, known_sets: tuple[object, ...], where: str, faults: list[str]) -> tuple[Rule, ...]:
    if data is None:
        faults.append(f"{where}: missing; give a list, [] for no rules")
        return ()
    if not isinstance(data, (list, tuple)):
        faults.append(f"{where}: {_shown(data)} is not a list of rules")
        return ()
    return tuple(_rule(entry, known_sets, f"{where}[{index}]", faults) for index, entry in enumerate(data))


def _rule(data: object, known_sets: tuple[object, ...], where: str, faults: list[str]) -> Rule:
    if not isinstance(data, dict):
        faults.append(f"{where}: {_shown(data)} is not a mapping; give one with the keys {_listed(_RULE_KEYS)}")
        return Rule(id="", protocol="", ports=(), verdict="", sources=None)
    name = data.get("id")
    if _is_name(name):
        where = f"{where} ({name})"
        if name in (*BUILT_IN_RULES, AUDIT_RULE):
            faults.append(f"{where}: id: {_shown(name)} is the name of a built-in rule; choose another")
    else:
        faults.append(f"{where}: id: {'missing' if name is None else _shown(name) + ' cannot be one'}; {_NAME_RULE}")
    _refuse_unknown_keys(data, _RULE_KEYS, where, faults)
    return Rule(
        id=str(name),
        protocol=_one_of(PROTOCOLS, data.get("protocol"), f"{where}: protocol", faults),
        ports=_ports(data.get("ports"), f"{where}: ports", faults),
        verdict=_one_of(VERDICTS, data.get("verdict"), f"{where}: verdict", faults),
        sources=_sources(data.get("sources"), known_sets, f"{where}: sources", faults),
        interfaces=_interfaces(data.get("interfaces"), f"{where}: interfaces", faults),
    )


def _one_of(known: tuple[str, ...], value: object, where: str, faults: list[str]) -> str:
    if value is None:
        faults.append(f"{where}: missing; give one of {_listed(known)}")
    elif value not in known:
        faults.append(f"{where}: {_shown(value)} is not known; give one of {_listed(known)}")
    return str(value)


def _ports(data: object, where: str, faults: list[str]) -> tuple[int, ...]:
    if data is None or data == []:
        faults.append(f"{where}: missing; give a list of at least one number")
        return ()
    if not isinstance(data, (list, tuple)):
        faults.append(f"{where}: {_shown(data)} is not a list of ports")
        return ()
    ports = set()
    for value in data:
        # A bool is an int to Python: `yes` in YAML would be port 1.
        if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= LAST_PORT:
            faults.append(f"{where}: {_shown(value)} is not a port; give a number from 1 to {LAST_PORT}")
        else:
            ports.add(int(value))
    return tuple(sorted(ports))


def _sources(data: object, known_sets: tuple[object, ...], where: str, faults: list[str]) -> tuple[str, ...] | None:
    if data is None:
        return None
    if not isinstance(data, (list, tuple)):
        faults.append(f"{where}: {_shown(data)} is not a list of names of sets")
        return ()
    if not data:
        faults.append(f"{where}: [] is nobody; name at least one set, or leave sources out for anyone")
        return ()
    for name in data:
        if name not in known_sets:
            faults.append(f"{where}: {_shown(name)} is not the name of a set; known are {_listed(known_sets)}")
    return tuple(dict.fromkeys(str(name) for name in data))


def _interfaces(data: object, where: str, faults: list[str]) -> tuple[str, ...] | None:
    if data is None:
        return None
    if not isinstance(data, (list, tuple)):
        faults.append(f"{where}: {_shown(data)} is not a list of names of interfaces")
        return ()
    if not data:
        faults.append(f"{where}: [] is none; name at least one, or leave interfaces out for any")
    for name in data:
        if not isinstance(name, str) or not _INTERFACE.fullmatch(name):
            faults.append(
                f"{where}: {_shown(name)} cannot be the name of an interface; give one like eth0, or lxc* for all that "
                "begin so"
            )
    return tuple(dict.fromkeys(str(name) for name in data))


def _refuse_unknown_keys(data: dict[Any, Any], known: tuple[str, ...], where: str, faults: list[str]) -> None:
    faults.extend(
        f"{where}: the key {_shown(key)} is not known; known are {_listed(known)}" for key in data if key not in known
    )


def _keys(data: object) -> list[object]:
    return list(data) if isinstance(data, dict) else []


def _is_name(value: object) -> bool:
    return isinstance(value, str) and _NAME.fullmatch(value) is not None


def _listed(values: tuple[object, ...]) -> str:
    return ", ".join(str(value) if _is_name(value) else _shown(value) for value in values) or "none"


def _shown(value: object) -> str:
    """Return a user's value for a message: on one line, unprintable characters escaped, not longer than a line."""
    text = "null" if value is None else repr(value)
    return text if len(text) <= _SHOWN else f"{text[: _SHOWN - 3]}..."
