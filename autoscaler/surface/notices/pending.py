"""Which events are told, and when: collects them into few messages.

Knows no clock, thread or place to send to: time is an argument.
"""

from __future__ import annotations

import re
from collections import Counter, deque
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from autoscaler.settings.event_names import pattern_words
from autoscaler.settings.notify import NotifySettings

QUEUE_LIMIT = 200
"""Events that wait word for word; beyond that they are only counted."""

HOUR_SECONDS = 3600.0

_STOP_REFUSED = "member.before_stop_failed"
"""A member whose stop was refused is published again: that is no end of it."""

_ENDS = {
    "nginx.reloaded": "nginx.",
    "nginx.recovered": "nginx.",
    "config.reloaded": "config.reload_failed",
    "member.found": "member.missing",
    "role.scope_recovered": "role.out_of_scope",
    "member.published": "member.",
    "member.stopped": _STOP_REFUSED,
}
"""Events that are an end to troubles whose name begins so, of the same role and member."""

_OPEN_LIMIT = 1000
"""Troubles whose end is waited for; far more than there are members."""


@dataclass(frozen=True, slots=True)
class Notice:
    """An event to be told. `ends` says that it is the end of one that was told."""

    at: datetime
    level: str
    event: str
    fields: Mapping[str, object]
    ends: bool = False


@dataclass(frozen=True, slots=True)
class Batch:
    """What makes one message: `notices` word for word, and by name how many `more` there were."""

    notices: tuple[Notice, ...]
    more: Mapping[str, int]


class Selection:
    """Picks the events that are told: by name, and the ends of troubles picked before."""

    def __init__(self, patterns: tuple[str, ...]) -> None:
        words = "|".join(map(pattern_words, patterns))
        self._wanted = re.compile(words)
        self._open: dict[tuple[str, object, object], None] = {}

    def pick(self, notice: Notice) -> Notice | None:
        """Return the notice if it is to be told, else None."""
        if notice.event.startswith("notify."):
            return None  # what cannot be sent would only make more of what cannot be sent
        who = (notice.fields.get("role"), notice.fields.get("member"))
        ended = self._ended(notice.event, who)
        if not self._wanted.fullmatch(notice.event):
            return _as_end(notice) if ended else None
        if ended or notice.event.endswith(".recovered"):
            return _as_end(notice)
        if len(self._open) < _OPEN_LIMIT:
            self._open[notice.event, *who] = None
        return notice

    def _ended(self, event: str, who: tuple[object, object]) -> bool:
        """Forget the troubles that this event ends; tell whether there were any."""
        start = _ENDS.get(event)
        if start is None:
            return False
        about_all = start == "nginx."
        over = [
            one
            for one in self._open
            if one[0].startswith(start)
            and (about_all or one[1:] == who)
            and (one[0] != _STOP_REFUSED or start == _STOP_REFUSED)
        ]
        for one in over:
            del self._open[one]
        return bool(over)


def _as_end(notice: Notice) -> Notice:
    return Notice(notice.at, notice.level, notice.event, notice.fields, ends=True)


class Pending:
    """What waits to be told, and when the next message may go. Times are monotonic seconds."""

    def __init__(self, settings: NotifySettings) -> None:
        self._settings = settings
        self._notices: list[Notice] = []
        self._more: Counter[str] = Counter()
        self._first_at: float | None = None
        self._sent: deque[float] = deque()

    def __len__(self) -> int:
        """How many events wait word for word."""
        return len(self._notices)

    def use(self, settings: NotifySettings) -> None:
        """Go on with other limits; what waits and what was sent stays."""
        self._settings = settings

    def add(self, notice: Notice, now: float) -> bool:
        """Let an event wait; return False if there was only room to count it."""
        if self._first_at is None:
            self._first_at = now
        if len(self._notices) < QUEUE_LIMIT:
            self._notices.append(notice)
            return True
        self._more[notice.event] += 1
        return False

    def due_at(self) -> float | None:
        """Return when the next message may go, None if there is nothing to tell."""
        if self._first_at is None:
            return None
        due = self._first_at + self._settings.batch
        if self._sent:
            due = max(due, self._sent[-1] + self._settings.min_interval)
        if len(self._sent) >= self._settings.per_hour:
            due = max(due, self._sent[-self._settings.per_hour] + HOUR_SECONDS)
        return due

    def take(self, now: float) -> Batch:
        """Return all that waits, as sent `now`."""
        batch = Batch(tuple(self._notices), dict(self._more))
        self.clear()
        self._sent.append(now)
        while now - self._sent[0] >= HOUR_SECONDS:
            self._sent.popleft()
        return batch

    def clear(self) -> None:
        """Forget what waits."""
        self._notices.clear()
        self._more.clear()
        self._first_at = None
