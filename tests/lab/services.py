# Copyright: (c) 2026, ck8s.ports contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which services run on a host of the lab and where each one listens: services.yml, applied to one host.

Pure functions over plain data; :mod:`tests.lab.programs` turns the outcome into processes.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import yaml

from tests.lab.topology import Host

SERVICES = Path(__file__).with_name("services.yml")


@dataclass(frozen=True)
class Listener:
    """One socket that a service opens."""

    protocol: str
    address: str
    port: int
    dual_stack: bool = False
    speaks: str = "tcp"
    answers: tuple[tuple[str, int], ...] = ()
    otherwise: int = 404

    def __str__(self) -> str:
        address = f"[{self.address}]" if ":" in self.address else self.address
        return f"{address}:{self.port}/{self.protocol}"


@dataclass(frozen=True)
class Service:
    """One service on one host."""

    name: str
    program: str
    comm: str
    listeners: tuple[Listener, ...] = ()
    socket: str | None = None
    """Path of the unix socket it opens, if any."""


def read_services(path: Path = SERVICES) -> list[dict[str, Any]]:
    """Return the entries of services.yml as they stand there."""
    entries: list[dict[str, Any]] = yaml.safe_load(path.read_text(encoding="utf-8"))
    return entries


def services_of(host: Host, entries: Iterable[dict[str, Any]]) -> list[Service]:
    """Return what runs on ``host``, its faults included, in the order of ``entries``.

    Raises ValueError for a fault or an extra service that names what does not exist there: a lab that silently lacks a
    fault would prove nothing.
    """
    by_name = {entry["name"]: entry for entry in entries}
    for name in host.extra_services:
        if name not in by_name:
            raise ValueError(
                f"{host.name}: lab_extra_services: no service is called {name!r}; known are {', '.join(by_name)}"
            )
    services = {name: _service(host, entry) for name, entry in by_name.items() if _runs_on(host, entry)}
    for fault in host.faults:
        if fault["fault"] not in _FAULTS:
            raise ValueError(
                f"{host.name}: lab_faults: {fault['fault']!r} is no fault; give one of {', '.join(_FAULTS)}"
            )
        _FAULTS[fault["fault"]](host, services, fault)
    return list(services.values())


def _runs_on(host: Host, entry: dict[str, Any]) -> bool:
    if not host.in_cluster:
        return False
    if entry["name"] == "etcd" and not host.runs_etcd:
        return False
    wanted = host.group in entry["runs_on"] or entry["name"] in host.extra_services
    return wanted and entry.get("datastore") in (None, host.datastore)


def _service(host: Host, entry: dict[str, Any]) -> Service:
    return Service(
        name=entry["name"],
        program=entry["program"],
        comm=entry.get("comm", entry["name"]),
        listeners=tuple(listener for item in entry.get("listeners", ()) for listener in _listeners(host, item)),
        socket=entry.get("socket"),
    )


def _listeners(host: Host, item: dict[str, Any]) -> list[Listener]:
    """Return one listener for each address that ``at`` stands for on this host."""
    places = {
        "node": [(host.addresses[0], False)],
        "node_each": [(address, False) for address in host.addresses],
        "etcd_peers": [(host.addresses[0] if host.etcd_members else "127.0.0.1", False)],
        "loopback": [("127.0.0.1", False)],
        "loopback_each": [("127.0.0.1", False), ("::1", False)],
        "every_interface": [("::", True)],
        "every_ipv4": [("0.0.0.0", False)],
        "every_ipv6": [("::", False)],
    }
    return [
        Listener(
            protocol=item.get("protocol", "tcp"),
            address=address,
            port=item["port"],
            dual_stack=dual_stack,
            speaks=item.get("speaks", "tcp"),
            answers=tuple(item.get("answers", {}).items()),
            otherwise=item.get("otherwise", 404),
        )
        for place in item["at"]
        for address, dual_stack in places[place]
    ]


def _misbound(host: Host, services: dict[str, Service], fault: dict[str, Any]) -> None:
    """Move a port of a service to other addresses."""
    service, listeners = _port_of(host, services, fault)
    places = _listeners(host, {"port": fault["port"], "at": fault["at"]})
    moved = [replace(listeners[0], address=place.address, dual_stack=place.dual_stack) for place in places]
    kept = [listener for listener in service.listeners if listener not in listeners]
    services[service.name] = replace(service, listeners=(*kept, *moved))


def _missing(host: Host, services: dict[str, Service], fault: dict[str, Any]) -> None:
    """Close a port of a service."""
    service, listeners = _port_of(host, services, fault)
    kept = tuple(listener for listener in service.listeners if listener not in listeners)
    services[service.name] = replace(service, listeners=kept)


def _undocumented(host: Host, services: dict[str, Service], fault: dict[str, Any]) -> None:
    """Add a service that no document knows."""
    name = fault["service"]
    if name in services:
        raise ValueError(f"{host.name}: lab_faults: {name!r} is a service of the document, not an undocumented one")
    services[name] = Service(name, "stand_in", name, tuple(_listeners(host, fault)))


_FAULTS = {"misbound": _misbound, "missing": _missing, "undocumented": _undocumented}


def _port_of(host: Host, services: dict[str, Service], fault: dict[str, Any]) -> tuple[Service, list[Listener]]:
    service = services.get(fault["service"])
    listeners = [listener for listener in service.listeners if listener.port == fault["port"]] if service else []
    if service is None or not listeners:
        known = [f"{each.name} {listener.port}" for each in services.values() for listener in each.listeners]
        raise ValueError(
            f"{host.name}: lab_faults: no service {fault['service']!r} with port {fault['port']} runs there; what runs "
            f"is {', '.join(dict.fromkeys(known))}"
        )
    return service, listeners
