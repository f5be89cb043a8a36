"""Containers outside the scope, as the engine's list shows them, and where they can be reached.

Pure: dicts of the engine API come in, values go out. Nothing may ever be done to these containers;
they are looked at only where NGINX sends requests to one.
"""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import ip_address
from typing import TYPE_CHECKING, Any

from autoscaler.inventory import Claim, claim, container_name

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from autoscaler.scope import Scope

_LOOPBACK = "127.0.0.1"
_ALL_ADDRESSES = frozenset({"", "0.0.0.0", "::"})  # noqa: S104 - compared, not bound
_RUNNING = "running"


@dataclass(frozen=True, slots=True)
class Stranger:
    """A running container that is in no role's scope.

    It answers at any port of its own `addresses`, and at the host's side of its published ports:
    `places` are pairs of address and port. `on_host`: it is in the host's own network.
    """

    name: str
    addresses: frozenset[str] = frozenset()
    places: frozenset[tuple[str, int]] = frozenset()
    on_host: bool = False

    def is_at(self, address: str, port: int) -> bool:
        """Tell whether requests sent there reach this container."""
        where = _same(address)
        if self.on_host and where == _LOOPBACK:
            return True
        return where in self.addresses or (where, port) in self.places


def strangers(listed: Iterable[Mapping[str, Any]], scope: Scope) -> tuple[Stranger, ...]:
    """Return those entries of the engine's list that run and are no members of any role."""
    return tuple(
        _stranger(one)
        for one in listed
        if str(one.get("State", "")).lower() == _RUNNING
        and not isinstance(claim(one, scope), Claim)
    )


def _stranger(listed: Mapping[str, Any]) -> Stranger:
    networks: Mapping[str, Any] = (listed.get("NetworkSettings") or {}).get("Networks") or {}
    addresses = (
        str(entry.get(key) or "")
        for entry in networks.values()
        for key in ("IPAddress", "GlobalIPv6Address")
    )
    places = (
        (_reached(str(port.get("IP") or "")), int(port["PublicPort"]))
        for port in listed.get("Ports") or ()
        if port.get("Type") == "tcp" and port.get("PublicPort")
    )
    return Stranger(
        container_name(listed),
        frozenset(_same(address) for address in addresses if address),
        frozenset(places),
        "host" in networks,
    )


def _reached(address: str) -> str:
    """Return where this host reaches a published port: on loopback if it is bound to all."""
    return _LOOPBACK if address in _ALL_ADDRESSES else _same(address)


def _same(address: str) -> str:
    """Return an address in the one form in which equal ones are equal texts."""
    try:
        return str(ip_address(address))
    except ValueError:
        return address  # no address that NGINX could have been given
