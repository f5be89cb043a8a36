"""Settings of the messages to people: where they go, what they tell, how many at most."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel

from autoscaler.settings import kinds
from autoscaler.settings.durations import duration
from autoscaler.settings.event_names import closest, exists
from autoscaler.settings.role import SETTINGS_CONFIG

_PATTERN = re.compile(r"[a-z_.*]+")
_HOST = kinds.text(r"[!-~]([ -~]{0,62}[!-~])?", "up to 64 printable ASCII characters", "")


def event_patterns() -> kinds.Kind:
    """Return a list of event names, in lower case, in which * stands for anything."""

    def read(text: str) -> tuple[str, ...]:
        patterns = tuple(part.strip().lower() for part in text.split(","))
        for pattern in patterns:
            if not _PATTERN.fullmatch(pattern):
                raise ValueError(f"holds {pattern!r}, which is no name of an event")
            if not exists(pattern):
                raise ValueError(
                    f"holds {pattern!r}, but there is no such event; the closest is "
                    f"{closest(pattern)!r}"
                )
            if patterns.count(pattern) > 1:
                raise ValueError(f"names {pattern!r} twice")
        return patterns

    allowed = "a comma-separated list of event names, such as member.died or *failed"
    return kinds.Kind(allowed, read, ",".join)


class NotifySettings(BaseModel):
    """Messages to people, by mail, chat or webhook."""

    model_config = SETTINGS_CONFIG

    urls_file: Annotated[Path | None, kinds.path(empty=None)] = None
    """File with the addresses, one Apprise URL a line (mailtos://, slack://, json://, ...), read
    before each message. They hold passwords: only the daemon's user should be able to read it.
    Empty: nobody is told."""

    events: Annotated[tuple[str, ...], event_patterns()] = (
        "*failed",
        "*recovered",
        "*crashed",
        "*unavailable",
        "*unreachable",
        "*unreadable",
        "*quarantined",
        "*missing",
        "*late",
        "*warning",
        "*saturated",
        "*stuck",
        "*out_of_scope",
        "*useless",
        "*flapping",
    )
    """Events that are told; * stands for anything, and each names an event there is. The default
    are those that need a person; when such a trouble is over, that is told too."""

    batch: Annotated[float, duration(0, 3600)] = 10.0
    """How long the first event waits for others, so that what happens together is one message."""

    min_interval: Annotated[float, duration(0, 86400)] = 60.0
    """Shortest time between two messages; what happens meanwhile is in the next one."""

    per_hour: Annotated[int, kinds.whole(1, 3600, "a number of messages")] = 20
    """Most messages within an hour. What happens beyond them waits and is summed up."""

    host: Annotated[str, _HOST] = ""
    """Name of this host in the messages. Empty: the one the host has."""
