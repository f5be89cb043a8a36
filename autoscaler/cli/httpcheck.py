"""Checks the HTTP addresses: whether each is free, the running daemon's own, or another's."""

from __future__ import annotations

import errno
import ipaddress
import json
import os
import socket
from http.client import HTTPConnection, HTTPException
from typing import TYPE_CHECKING, Any

from autoscaler.cli.findings import Finding, ok, warn
from autoscaler.settings.http import split_address
from autoscaler.settings.names import variable

if TYPE_CHECKING:
    from collections.abc import Mapping

    from autoscaler.settings import Settings

ASK_SECONDS = 2.0
"""How long whoever listens there already may take to say who it is."""

_LARGEST = 10_000_000
_LISTEN = variable(("http", "listen"))
_WITHOUT = "the daemon would go on without metrics and page there"


def http_findings(settings: Settings, status: Mapping[str, Any] | None) -> list[Finding]:
    """Return a line for each address; `status` is the running daemon's, None without one."""
    pid = None if status is None else status["pid"]
    return [_finding(text, pid) for text in settings.http.listen]


def _finding(text: str, pid: int | None) -> Finding:
    item, (host, port) = f"http {text}", split_address(text)
    trouble = _trouble(host, port)
    if trouble is None:
        return _free(item, host, pid)
    if trouble == errno.EADDRNOTAVAIL:
        remedy = f"give {_LISTEN} an address of this host"
        return warn(item, f"no network interface has this address; {_WITHOUT}", remedy)
    if trouble != errno.EADDRINUSE:
        words = os.strerror(trouble)
        return warn(item, f"it cannot be used ({words}); {_WITHOUT}", f"change {_LISTEN}")
    other = _who(host, port)
    if other is not None and other == pid:
        return ok(item, f"the running daemon (process {pid}) answers there{_reach(host)}")
    who = "another program" if other is None else f"another autoscaler (process {other})"
    remedy = f"give it a port of its own with {_LISTEN}, or see who it is: ss -ltnp sport = :{port}"
    return warn(item, f"{who} listens there; {_WITHOUT}", remedy)


def _free(item: str, host: str, pid: int | None) -> Finding:
    if pid is None:
        return ok(item, f"free for the daemon{_reach(host)}")
    return warn(
        item,
        f"the running daemon (process {pid}) does not listen there",
        "its log says why (http.failed); systemctl restart autoscaler",
    )


def _reach(host: str) -> str:
    """Warn of an address that others can reach."""
    if ipaddress.ip_address(host).is_loopback:
        return ""
    return "; whoever reaches it may read it, there is no password"


def _trouble(host: str, port: int) -> int | None:
    """Return the number of the error with which an address cannot be listened on."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        with socket.socket(family) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind((host, port))
            probe.listen(1)
    except OSError as error:
        return error.errno or errno.EINVAL
    return None


def _who(host: str, port: int) -> int | None:
    """Return the process of the autoscaler that answers there, None if it is no autoscaler."""
    here = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104 - asked, not listened on
    connection = HTTPConnection(here, port, timeout=ASK_SECONDS)
    try:
        connection.request("GET", "/api/v1/status", headers={"Host": "localhost"})
        pid = json.loads(connection.getresponse().read(_LARGEST))["pid"]
    except (OSError, HTTPException, ValueError, TypeError, KeyError):
        return None
    finally:
        connection.close()
    return pid if isinstance(pid, int) else None
