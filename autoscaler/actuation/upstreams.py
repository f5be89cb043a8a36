"""The one generated NGINX file, as text. Pure: it knows no NGINX, file, engine or clock.

The file holds an upstream per role and a tiny local server. That server answers 503 with
Retry-After to everything, so it stands in for the members of a role that has none; only a request
with the Host name of this very generation gets 200 and the generation, which proves that workers
with this file serve. A client whose Host header is passed on never knows that name.
"""

from __future__ import annotations

import contextlib
import hashlib
import math
import re
from dataclasses import dataclass
from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address, ip_address
from itertools import pairwise

BALANCING = ("round_robin", "least_conn", "ip_hash", "random")
MARK = "# managed by autoscaler"
UPSTREAM_PREFIX = "autoscaler_"

_GENERATION_LENGTH = 16  # "<generation>.autoscaler.invalid" fits the smallest names hash of x86
_HIGHEST_PORT = 65535
_LARGEST_COUNT = 1_000_000
_ROLE = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,62}")
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,254}")
_UPSTREAM_LINE = re.compile(rf"upstream {UPSTREAM_PREFIX}({_ROLE.pattern}) {{")
_SERVER_LINE = re.compile(rf" +server (\S+):(\d+) .*;  # ({_NAME.pattern})")
_GENERATION_LINE = re.compile(rf"# generation ([0-9a-f]{{{_GENERATION_LENGTH}}})")


@dataclass(frozen=True, slots=True)
class Server:
    """A published member: its container name, numeric IP address and port."""

    name: str
    address: str
    port: int


@dataclass(frozen=True, slots=True)
class Upstream:
    """The members of a role that get traffic, and how NGINX spreads it.

    `balance` is one of BALANCING. `keepalive` is idle connections kept per worker; 0 writes no
    such line and leaves NGINX its default. NGINX knows whole seconds only, so
    `fail_timeout_seconds` is rounded up. `max_fails` 0 never takes a server out.
    """

    role: str
    servers: tuple[Server, ...]
    balance: str = "round_robin"
    keepalive: int = 0
    max_fails: int = 0
    fail_timeout_seconds: float = 10.0


@dataclass(frozen=True, slots=True)
class Probe:
    """Where the local server listens: `listen` is "PORT" or "ADDRESS:PORT", ending in `port`.

    `retry_after_seconds` is what clients of an empty role are told.
    """

    listen: str
    port: int
    retry_after_seconds: int = 5


@dataclass(frozen=True, slots=True)
class Rendered:
    """A whole file and its identity, a hash of its content."""

    generation: str
    text: str


def host_of(generation: str) -> str:
    """Return the Host name under which the workers of a generation answer."""
    return f"{generation}.autoscaler.invalid"


def generation_of(text: str) -> str | None:
    """Return the generation written in a file's header, None if it is not a managed file."""
    lines = text.splitlines()[:2]
    if not is_managed(text) or len(lines) < len(("mark", "generation")):
        return None
    found = _GENERATION_LINE.fullmatch(lines[1])
    return found.group(1) if found else None


def listed_members(text: str) -> frozenset[tuple[str, str]]:
    """Return the members that a managed file lists, as (role, name)."""
    return frozenset((role, server.name) for role, server in listed_servers(text))


def listed_servers(text: str) -> frozenset[tuple[str, Server]]:
    """Return the members that a managed file lists, each with its role and where it answers.

    A line that this program did not write so is passed over; IPv6 addresses come without brackets.
    """
    found: set[tuple[str, Server]] = set()
    role = None
    for line in text.splitlines():
        if opened := _UPSTREAM_LINE.fullmatch(line):
            role = opened.group(1)
        elif role is not None and (server := _SERVER_LINE.fullmatch(line)):
            address, port, name = server.groups()
            with contextlib.suppress(ValueError):
                found.add((role, Server(name, str(ip_address(address.strip("[]"))), int(port))))
    return frozenset(found)


def is_managed(text: str) -> bool:
    """Tell whether a file carries the header of this program, so that it may be overwritten."""
    return text.startswith(MARK)


def render(upstreams: tuple[Upstream, ...], probe: Probe) -> Rendered:
    """Write the file for these roles; the same input in any order gives the same text.

    Raises ValueError for anything that could not stand in the file as it is: a role, name,
    address, port or number out of range, two upstreams of one role.
    """
    local = _local_server(probe)
    roles = sorted(upstreams, key=lambda upstream: upstream.role)
    for one, other in pairwise(sorted(upstream.role.lower() for upstream in roles)):
        if one == other:
            raise ValueError(f"role {one!r} has two upstreams; NGINX ignores case in their names")
    blocks = [_upstream_block(upstream, local) for upstream in roles]
    blocks.append(_fallback_block(probe))
    body = "\n".join(blocks)
    generation = hashlib.sha256(body.encode("ascii")).hexdigest()[:_GENERATION_LENGTH]
    header = (
        f"{MARK}: written by the daemon, edits are overwritten at the next change\n"
        f"# generation {generation}\n"
    )
    return Rendered(generation, f"{header}\n{body}\n{_proof_block(probe, generation)}")


def _upstream_block(upstream: Upstream, local: str) -> str:
    """Return one upstream; without members its only server is the local 503 at `local`."""
    if _ROLE.fullmatch(upstream.role) is None:
        raise ValueError(
            f"role {upstream.role!r} cannot name an upstream: letters, digits, '-' and '_' only"
        )
    settings = _server_settings(upstream)
    lines = [f"upstream {UPSTREAM_PREFIX}{upstream.role} {{"]
    if not upstream.servers:
        lines.append(f"    server {local} max_fails=0;  # no healthy member: 503")
        return "\n".join([*lines, "}", ""])
    if upstream.balance != "round_robin":
        lines.append(f"    {upstream.balance};")
    lines += (
        f"    server {_endpoint(server)} {settings};  # {server.name}"
        for server in sorted(upstream.servers, key=lambda server: _natural(server.name))
    )
    if upstream.keepalive:  # after the method: NGINX warns about, or ignores, the other order
        lines.append(f"    keepalive {upstream.keepalive};")
    return "\n".join([*lines, "}", ""])


def _server_settings(upstream: Upstream) -> str:
    """Return the parameters of every server line, after checking all numbers of the role."""
    if upstream.balance not in BALANCING:
        raise ValueError(
            f"role {upstream.role}: balance {upstream.balance!r} is none of {', '.join(BALANCING)}"
        )
    for name, number in (("keepalive", upstream.keepalive), ("max_fails", upstream.max_fails)):
        _check_count(f"role {upstream.role}: {name}", number)
    seconds = upstream.fail_timeout_seconds
    if not math.isfinite(seconds) or not 0 <= seconds <= _LARGEST_COUNT:
        raise ValueError(f"role {upstream.role}: fail_timeout {seconds!r} is not 0 or more seconds")
    return f"max_fails={upstream.max_fails} fail_timeout={math.ceil(seconds)}s"


def _fallback_block(probe: Probe) -> str:
    """Return the server that answers 503 to everything; a text keeps error_page out of it."""
    _check_count("retry_after_seconds", probe.retry_after_seconds)
    return "\n".join(
        (
            "server {",
            f"    listen {probe.listen} default_server;",
            "    access_log off;",
            "    default_type text/plain;",
            f"    add_header Retry-After {probe.retry_after_seconds} always;",
            '    return 503 "no healthy member\\n";',
            "}",
            "",
        )
    )


def _proof_block(probe: Probe, generation: str) -> str:
    """Return the server that answers the generation to whoever asks by its name."""
    return "\n".join(
        (
            "server {",
            f"    listen {probe.listen};",
            f"    server_name {host_of(generation)};",
            "    access_log off;",
            "    default_type text/plain;",
            f'    return 200 "{generation}";',
            "}",
            "",
        )
    )


def _local_server(probe: Probe) -> str:
    """Return where NGINX itself reaches the local server, after checking `listen`.

    A wildcard address is reached on loopback.
    """
    _check_port("probe port", probe.port)
    address, colon, port = probe.listen.rpartition(":")
    if port != str(probe.port):
        raise ValueError(f"probe listen {probe.listen!r} does not end in its port {probe.port}")
    if not colon:
        return f"127.0.0.1:{probe.port}"
    bare = address[1:-1] if address.startswith("[") and address.endswith("]") else address
    ip = _ip("probe listen", bare)
    if address != _bracketed(ip):
        raise ValueError(
            f"probe listen {probe.listen!r}: write {ip} as ADDRESS:PORT or [IPv6]:PORT"
        )
    if not ip.is_unspecified:
        return probe.listen
    loopback = ip_address("127.0.0.1" if isinstance(ip, IPv4Address) else "::1")
    return f"{_bracketed(loopback)}:{probe.port}"


@lru_cache(maxsize=1024)
def unfit(server: Server) -> str:
    """Say why a member cannot stand in the file, empty if it can."""
    try:
        _endpoint(server)
    except ValueError as error:
        return str(error)
    return ""


def _endpoint(server: Server) -> str:
    """Return ADDRESS:PORT of a member as NGINX reads it, IPv6 in brackets.

    Raises ValueError for a member that cannot stand in the file.
    """
    if _NAME.fullmatch(server.name) is None:
        raise ValueError(
            f"the container name {server.name!r} cannot stand in NGINX's file: allowed are at most "
            "255 letters, digits, _ . -"
        )
    _check_port(f"{server.name}: port", server.port)
    ip = _ip(server.name, server.address)
    if ip.is_unspecified or ip.is_multicast:
        raise ValueError(f"{server.name}: nobody can be reached at {server.address}")
    return f"{_bracketed(ip)}:{server.port}"


def _bracketed(ip: IPv4Address | IPv6Address) -> str:
    """Return an address as it stands before a port."""
    return f"[{ip}]" if isinstance(ip, IPv6Address) else str(ip)


def _ip(what: str, text: str) -> IPv4Address | IPv6Address:
    """Return a numeric address; a zone ("%eth0") may hold any text and is refused."""
    if "%" in text:
        raise ValueError(f"{what}: address {text!r} has a zone; give an address without one")
    try:
        return ip_address(text)
    except ValueError as error:
        raise ValueError(f"{what}: {text!r} is no IP address") from error


def _check_port(what: str, port: int) -> None:
    """Raise ValueError unless `port` is a number from 1 to 65535."""
    if type(port) is not int or not 1 <= port <= _HIGHEST_PORT:
        raise ValueError(f"{what} {port!r} is not a port: 1 to {_HIGHEST_PORT}")


def _check_count(what: str, number: int) -> None:
    """Raise ValueError unless `number` is a whole number that NGINX can hold."""
    if type(number) is not int or not 0 <= number <= _LARGEST_COUNT:
        raise ValueError(f"{what} {number!r} is not a number from 0 to {_LARGEST_COUNT}")


def _natural(name: str) -> list[tuple[int, str]]:
    """Return a sort key that puts validator-2 before validator-10."""
    return [(int(part), "") if part.isdigit() else (-1, part) for part in re.split(r"(\d+)", name)]
