"""Where NGINX finds a member: on a network both are in, or on a published port. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import ip_address
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from autoscaler.model import Member, PublishedPort

AddressMode = Literal["container", "published"]
LOOPBACK = "127.0.0.1"
HOST_NETWORK = "host"


@dataclass(frozen=True, slots=True)
class Problem:
    """Why a member has no address for NGINX, with the remedy; written for people."""

    text: str


def address_of(
    member: Member, mode: AddressMode, network: str | None, nginx_networks: frozenset[str]
) -> tuple[str, int] | Problem:
    """Return (IP, port) under which NGINX reaches a member, or why it cannot.

    In `container` mode it is the address on `network`, or else on the first (by name) network
    shared with NGINX; `nginx_networks` is empty for an NGINX on the host, which reaches them all.
    A member in the host's own network is at 127.0.0.1 for an NGINX that is there too. In
    `published` mode it is the host's side of the member's port.
    """
    if mode == "published":
        return _published(member)
    on_host = not nginx_networks or HOST_NETWORK in nginx_networks
    if HOST_NETWORK in member.networks:
        if on_host:
            return (LOOPBACK, member.port)
        return Problem(
            f"{member.name} is in the host's network, where the NGINX container cannot reach it; "
            "run NGINX with network_mode: host, or put both in one network"
        )
    return _on_network(member, network, None if on_host else nginx_networks)


def _on_network(
    member: Member, network: str | None, reachable: frozenset[str] | None
) -> tuple[str, int] | Problem:
    """Return the address on `network`, or on the first of those `reachable` (None means all)."""
    addresses = {name: ip for name, ip in member.addresses if ip}
    have = ", ".join(sorted(addresses)) or "none"
    if network is not None:
        if network in addresses:
            return (addresses[network], member.port)
        return Problem(
            f"{member.name} has no address on the network {network!r} (it has: {have}); "
            f"connect it: docker network connect {network} {member.name}"
        )
    shared = sorted(name for name in addresses if reachable is None or name in reachable)
    if shared:
        return (addresses[shared[0]], member.port)
    if reachable is None:
        return Problem(
            f"{member.name} has no address on any network; "
            f"connect it: docker network connect NETWORK {member.name}"
        )
    nginx = ", ".join(sorted(reachable))
    return Problem(
        f"{member.name} shares no network with NGINX (it has an address on: {have}; NGINX: "
        f"{nginx}); put both in one network, or address members by their published ports"
    )


def _published(member: Member) -> tuple[str, int] | Problem:
    """Return the best host address of the member's port: IPv4 first, then the lowest port."""
    matching = [port for port in member.published if port.container_port == member.port]
    if not matching:
        have = ", ".join(str(port.container_port) for port in member.published) or "none"
        return Problem(
            f"{member.name} publishes no port for {member.port} (published: {have}); publish it, "
            "for example 127.0.0.1:PORT:"
            f"{member.port}, or address members by their container address"
        )
    best = min(matching, key=_preference)
    if not best.host_ip or ip_address(best.host_ip).is_unspecified:
        return (LOOPBACK, best.host_port)
    return (best.host_ip, best.host_port)


def _preference(port: PublishedPort) -> tuple[bool, int, str]:
    """Sort key of published ports: those reached by IPv4 before the others."""
    return (":" in port.host_ip, port.host_port, port.host_ip)
