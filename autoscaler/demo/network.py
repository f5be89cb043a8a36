"""A network of the demo's own, on addresses nobody on this host uses yet."""

from __future__ import annotations

import ipaddress
import zlib
from pathlib import Path
from typing import TYPE_CHECKING

from docker.errors import APIError
from docker.types import IPAMConfig, IPAMPool

from autoscaler.errors import EngineError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    import docker

POOL = ipaddress.IPv4Network("10.192.0.0/11")
ATTEMPTS = 20


def create_network(
    client: docker.DockerClient, name: str, labels: Mapping[str, str]
) -> ipaddress.IPv4Network:
    """Create a bridge network with a free /24 and return its addresses.

    Raises EngineError when no attempt finds a free range.
    """
    taken = [*_routes(), *_engine_subnets(client)]
    last: APIError | None = None
    for number, subnet in enumerate(_candidates(name)):
        if number >= ATTEMPTS:
            break
        if any(subnet.overlaps(other) for other in taken):
            continue
        pool = IPAMPool(subnet=str(subnet), gateway=str(subnet[1]))
        try:
            client.networks.create(
                name,
                driver="bridge",
                ipam=IPAMConfig(pool_configs=[pool]),
                labels=dict(labels),
                check_duplicate=True,
            )
        except APIError as error:
            last = error  # somebody took the range between the look and the request
            continue
        return subnet
    raise EngineError(f"no free /24 in {POOL} for the network {name}: {last or 'all are in use'}")


def _candidates(name: str) -> Iterator[ipaddress.IPv4Network]:
    """Yield the pool's /24 networks, from a place that depends on the name."""
    count = 2 ** (24 - POOL.prefixlen)
    first = zlib.crc32(name.encode())
    for step in range(count):
        start = int(POOL.network_address) + ((first + step * 7) % count) * 256
        yield ipaddress.IPv4Network((start, 24))


def _routes() -> Iterator[ipaddress.IPv4Network]:
    """Yield the networks this host has routes to, the default route aside."""
    lines = Path("/proc/net/route").read_text(encoding="ascii").splitlines()[1:]
    for line in lines:
        fields = line.split()
        target, mask = (int.from_bytes(bytes.fromhex(fields[i]), "little") for i in (1, 7))
        if mask:
            yield ipaddress.IPv4Network((target, mask.bit_count()))


def _engine_subnets(client: docker.DockerClient) -> Iterator[ipaddress.IPv4Network]:
    """Yield the IPv4 networks of the engine."""
    for network in client.networks.list():
        for config in (network.attrs.get("IPAM") or {}).get("Config") or []:
            subnet = ipaddress.ip_network(config["Subnet"], strict=False)
            if isinstance(subnet, ipaddress.IPv4Network):
                yield subnet
