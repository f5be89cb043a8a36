"""The words of a message: which host, what happened, to whom, why, with the numbers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum

from autoscaler.surface.notices.pending import Batch, Notice

LINES = 20
"""Events told word for word; the rest is summed up."""

_LONGEST = 300
"""Letters of one field: an NGINX may say pages."""

_FIRST = ("role", "member", "reason")


class Tone(StrEnum):
    """How a message looks where that can be shown; the names are Apprise's."""

    INFO = "info"
    SUCCESS = "success"
    WARNING = "warning"
    FAILURE = "failure"


@dataclass(frozen=True, slots=True)
class Message:
    """What is sent to each place."""

    title: str
    body: str
    tone: Tone = Tone.INFO


def message(batch: Batch, host: str) -> Message:
    """Return the message for what happened on a host."""
    shown, rest = batch.notices[:LINES], batch.notices[LINES:]
    lines = [_line(one) for one in shown]
    more = Counter(one.event for one in rest) + Counter(batch.more)
    if more:
        lines.append(f"and {more.total()} more: {_counted(more)}; see `autoscaler events`")
    return Message(_title(batch, host), "\n".join(lines), _tone(batch.notices))


def trial_message(host: str) -> Message:
    """Return a message that says nothing but that messages arrive."""
    return Message(
        f"{host}: autoscaler test",
        f"This is a test: the autoscaler on {host} can reach you here. Nothing has happened.",
    )


def _title(batch: Batch, host: str) -> str:
    """Name the event, or how many there are of which."""
    names = Counter(one.event for one in batch.notices) + Counter(batch.more)
    if names.total() == 1:
        (one,) = batch.notices
        about = one.fields.get("member") or one.fields.get("role")
        return f"{host}: autoscaler {one.event}" + (f" {about}" if about else "")
    return f"{host}: autoscaler, {names.total()} events: {_counted(names)}"


def _counted(names: Counter[str], most: int = 5) -> str:
    """Return names with their counts, the frequent ones first."""
    parts = [f"{name} ({count})" if count > 1 else name for name, count in names.most_common(most)]
    return ", ".join(parts) + (", ..." if len(names) > most else "")


def _tone(notices: Iterable[Notice]) -> Tone:
    """Return the tone of the worst."""
    levels = {"success" if one.ends else one.level for one in notices}
    for level, tone in (("error", Tone.FAILURE), ("warning", Tone.WARNING), ("info", Tone.INFO)):
        if level in levels:
            return tone
    return Tone.SUCCESS


def _line(one: Notice) -> str:
    """Return one event in one line."""
    about = " ".join(str(one.fields[k]) for k in ("role", "member") if one.fields.get(k))
    reason = one.fields.get("reason")
    head = f"{one.at:%Y-%m-%d %H:%M:%S}Z {one.event}" + (f" {about}" if about else "")
    parts = [_short(str(reason))] if reason else []
    parts += _numbers(one.fields)
    return f"{head}: {'; '.join(parts)}" if parts else head


def _numbers(fields: Mapping[str, object]) -> list[str]:
    """Return the other fields that say something."""
    return [
        f"{name}={_short(str(value))}"
        for name, value in fields.items()
        if name not in _FIRST and value not in (None, "", [], ())
    ]


def _short(text: str) -> str:
    """Return a text in one line of bounded length."""
    line = " ".join(text.split())
    return line if len(line) <= _LONGEST else line[: _LONGEST - 3] + "..."
