"""Sends a message to one place through Apprise, which knows mail, chats and webhooks.

Apprise is imported at the first message: the daemon, which sends from other processes, does not
carry it.
"""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Iterator
from typing import TYPE_CHECKING

from autoscaler.errors import AutoscalerError
from autoscaler.surface.notices.places import Place, redacted
from autoscaler.surface.notices.text import Message

if TYPE_CHECKING:
    from apprise import Apprise

_LONGEST = 300
_TELLING = ("WARNING", "ERROR", "CRITICAL")
_APP = "autoscaler"


def deliver(place: Place, message: Message) -> None:
    """Send; raises AutoscalerError with what is wrong, without the address."""
    service = usable(place)
    with _translated():
        result = service.notify(
            body=message.body,
            title=message.title,
            notify_type=message.tone.value,
            body_format="text",
        )
        said = [entry.message for entry in result.logs() if entry.level in _TELLING]
    if not result:
        reason = redacted("; ".join(said), place)[:_LONGEST]
        raise AutoscalerError(reason or "it was not accepted; Apprise says no more")


def usable(place: Place) -> Apprise:
    """Return Apprise with this place alone, sending nothing.

    Raises AutoscalerError if it does not know such an address, or lacks a part of it.
    """
    with _translated():
        import apprise  # noqa: PLC0415 - 14 MiB, for who sends only

        logging.getLogger("apprise").propagate = False  # what it says may hold parts of an address
        asset = apprise.AppriseAsset(app_id=_APP, app_desc=_APP, storage_mode="memory")
        service = apprise.Apprise(asset=asset)
        known = service.add(place.url)
    if not known:
        raise AutoscalerError(
            "Apprise cannot use this address: it does not know the kind, or a part is missing"
        )
    return service


@contextlib.contextmanager
def _translated() -> Iterator[None]:
    """Turn what one of Apprise's many plugins may raise into an AutoscalerError.

    Only the kind of error is told: its words may hold parts of the address.
    """
    try:
        yield
    except Exception as error:  # noqa: BLE001 - a plugin may raise anything
        raise AutoscalerError(f"Apprise failed with {type(error).__name__}") from None
