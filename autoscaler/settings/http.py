"""Settings of the read-only HTTP server."""

from __future__ import annotations

import ipaddress
import re
from typing import Annotated

from pydantic import BaseModel

from autoscaler.settings.kinds import RESTART, Kind
from autoscaler.settings.role import SETTINGS_CONFIG

_LISTEN = re.compile(r"(?:\[([0-9A-Fa-f:.]+)\]|([0-9.]+)):([0-9]{1,5})")
_HOST = re.compile(r"[a-z0-9](?:[a-z0-9.-]{0,251}[a-z0-9])?")


def address_list() -> Kind:
    """Return a list of IP addresses with ports, none twice; empty means none."""

    def read(text: str) -> tuple[str, ...]:
        parts = tuple(part.strip() for part in text.split(","))
        for part in parts:
            _check_address(part)
            if parts.count(part) > 1:
                raise ValueError(f"names {part!r} twice")
        return parts

    allowed = "a comma-separated list of ADDRESS:PORT, such as 127.0.0.1:9177 or [::1]:9177"
    return Kind(allowed, read, ",".join, empty=())


def split_address(text: str) -> tuple[str, int]:
    """Return address and port of one entry of the list."""
    host, _, port = text.rpartition(":")
    return host.strip("[]"), int(port)


def _check_address(part: str) -> None:
    found = _LISTEN.fullmatch(part)
    if found is None:
        raise ValueError(f"holds {part!r}, which is no ADDRESS:PORT")
    try:
        ipaddress.ip_address(found[1] or found[2])
    except ValueError:
        raise ValueError(f"holds {part!r}, whose address is no IP address") from None
    if not 1 <= int(found[3]) <= 65535:  # noqa: PLR2004 - ports
        raise ValueError(f"holds {part!r}, whose port is not from 1 to 65535")


def host_list() -> Kind:
    """Return a list of host names, in lower case, none twice; empty means none."""

    def read(text: str) -> tuple[str, ...]:
        names = tuple(part.strip().lower() for part in text.split(","))
        for name in names:
            if not _HOST.fullmatch(name):
                raise ValueError(f"holds {name!r}, which is no host name")
            if names.count(name) > 1:
                raise ValueError(f"names {name!r} twice")
        return names

    return Kind("a comma-separated list of host names without ports", read, ",".join, empty=())


class HttpSettings(BaseModel):
    """The read-only HTTP server: metrics, health, JSON and the page."""

    model_config = SETTINGS_CONFIG

    listen: Annotated[tuple[str, ...], address_list(), RESTART] = ("127.0.0.1:9177",)
    """Where it listens. It changes nothing, but shows container names and load to whoever reaches
    it, and has no password. Empty: off."""

    hosts: Annotated[tuple[str, ...], host_list(), RESTART] = ()
    """Names under which it may be asked, beside localhost and the address it is reached at, for
    example behind a proxy. Others are refused: no web page is to read it through a browser."""
