"""Checks whether people can be told: the file of addresses, and with a test message."""

from __future__ import annotations

import socket
import stat
from typing import TYPE_CHECKING

from autoscaler.cli.findings import Finding, fail, ok, warn
from autoscaler.errors import AutoscalerError
from autoscaler.settings.names import variable
from autoscaler.surface.notices.delivery import deliver, usable
from autoscaler.surface.notices.places import read_places
from autoscaler.surface.notices.text import trial_message

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from autoscaler.settings.notify import NotifySettings
    from autoscaler.surface.notices.places import Place

_FILE = variable(("notify", "urls_file"))


def notify_findings(settings: NotifySettings, *, send: bool) -> Iterator[Finding]:
    """Yield what is wrong with the addresses; with `send`, also whether a message arrives.

    Nothing without a file, unless somebody asked to send. No finding shows an address.
    """
    path = settings.urls_file
    if path is None:
        if send:
            yield fail("notify", "nobody is told of anything", f"set {_FILE}")
        return
    try:
        places = read_places(path)
    except AutoscalerError as error:
        yield fail("notify", str(error), f"correct the file, or {_FILE}")
        return
    yield from _mode_findings(path)
    host = settings.host or socket.gethostname()
    for place in places:
        yield _finding(path, place, host if send else None)


def _mode_findings(path: Path) -> Iterator[Finding]:
    """Warn of a file that everybody can read."""
    if path.stat().st_mode & stat.S_IROTH:
        yield warn(
            "notify",
            f"every user of this host can read {path}, which holds passwords",
            f"chmod o-r {path}; the daemon's user or group must be able to read it",
        )


def _finding(path: Path, place: Place, host: str | None) -> Finding:
    """Judge one place; send it a test message from `host` unless that is None."""
    item = f"notify {place}"
    try:
        usable(place)
    except AutoscalerError as error:
        return fail(item, str(error), f"correct that line of {path}")
    if host is None:
        return ok(item, "is an address Apprise can use; `check --notify` sends a test message")
    try:
        deliver(place, trial_message(host))
    except AutoscalerError as error:
        return fail(item, str(error), f"correct that line of {path}, or see to the place itself")
    return ok(item, "has taken a test message")
