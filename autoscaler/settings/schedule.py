"""How a role's schedule is written: `workdays: 0 8 * * mon-fri -> 0 18 * * mon-fri min=2 max=3`.

Windows are parted by `;`. Each has a name, two cron times and `min=`, `max=` or both.
"""

from __future__ import annotations

import re
from zoneinfo import ZoneInfo

from autoscaler.cron import Cron, read_cron
from autoscaler.settings.kinds import Kind
from autoscaler.windows import Bounds, Window, bounds_of

EXAMPLE = "workdays: 0 8 * * mon-fri -> 0 18 * * mon-fri min=2"
_FORM = "NAME: START -> END min=N max=N"
_NAME = re.compile(r"[a-z][a-z0-9-]{0,31}")
_BOUND = re.compile(r"(min|max)=([0-9]{1,6})")
_MOST = 1000


def schedule() -> Kind:
    """Return the kind of a list of windows; empty means none."""

    def read(text: str) -> tuple[Window, ...]:
        problems: list[str] = []
        parts = [part.strip() for part in text.split(";")]
        windows = [_read_window(part, problems) for part in parts if part]
        names = [window.name for window in windows if window is not None]
        problems += [f"names {n!r} twice" for n in dict.fromkeys(names) if names.count(n) > 1]
        if problems:
            raise ValueError("; ".join(problems))
        return tuple(window for window in windows if window is not None)

    allowed = (
        f"windows as {_FORM}, parted by ; with START and END as five cron fields "
        f"(minute hour day month weekday) and min, max or both, such as {EXAMPLE}"
    )
    return Kind(allowed, read, lambda windows: "; ".join(map(_show, windows)), empty=())


def time_zone() -> Kind:
    """Return the kind of a time zone's name; empty is the host's."""

    def read(text: str) -> str:
        try:
            ZoneInfo(text)
        except (ValueError, OSError, LookupError):
            raise ValueError("is no time zone") from None
        return text

    allowed = "a name of the time zone database, such as Europe/Berlin or UTC"
    return Kind(allowed, read, empty="")


def bounds_problems(windows: tuple[Window, ...], own: Bounds) -> list[str]:
    """Say which windows have a min above their max; a bound left out is the role's."""
    problems = []
    for window in windows:
        bounds = bounds_of(window, own)
        if bounds.minimum > bounds.maximum:
            low = "min" if window.minimum is not None else "MIN of the role"
            high = "max" if window.maximum is not None else "MAX of the role"
            problems.append(
                f"window {window.name!r} has {low} {bounds.minimum} above {high} {bounds.maximum}; "
                "give it min and max"
            )
    return problems


def _show(window: Window) -> str:
    """Return a window as it is written."""
    bounds = (("min", window.minimum), ("max", window.maximum))
    numbers = [f"{name}={value}" for name, value in bounds if value is not None]
    return " ".join([f"{window.name}: {window.start} -> {window.end}", *numbers])


def _read_window(text: str, problems: list[str]) -> Window | None:
    """Read one window; None with every mistake added to `problems`."""
    mistakes: list[str] = []
    name, colon, rest = text.partition(":")
    name = name.strip()
    if not colon:
        problems.append(f"{text!r} has no name; write it as {_FORM}")
        return None
    if not _NAME.fullmatch(name):
        mistakes.append(
            f"{name!r} is no name; allowed: 1 to 32 lower-case letters, digits and -, a letter "
            "first"
        )
    times, bounds = _split_bounds(rest, mistakes)
    start, arrow, end = times.partition("->")
    if not arrow:
        mistakes.append("has no -> between its start and its end")
    first, last = _read_time("start", start, mistakes), _read_time("end", end, mistakes)
    if mistakes or first is None or last is None:
        problems.extend(f"window {name!r}: {mistake}" for mistake in mistakes)
        return None
    return Window(name, first, last, bounds.get("min"), bounds.get("max"))


def _split_bounds(text: str, mistakes: list[str]) -> tuple[str, dict[str, int]]:
    """Part a window's times from its `min=` and `max=`."""
    words = text.split()
    numbers = [word for word in words if "=" in word]
    bounds: dict[str, int] = {}
    for word in numbers:
        match = _BOUND.fullmatch(word.lower())
        if match is None or not 1 <= int(match[2]) <= _MOST:
            mistakes.append(f"{word!r} is neither min=N nor max=N with N from 1 to {_MOST}")
        elif match[1] in bounds:
            mistakes.append(f"sets {match[1]} twice")
        else:
            bounds[match[1]] = int(match[2])
    if not numbers:
        mistakes.append("changes nothing; add min=N, max=N or both")
    return " ".join(word for word in words if "=" not in word), bounds


def _read_time(which: str, text: str, mistakes: list[str]) -> Cron | None:
    """Read a start or an end; None with the mistake added."""
    if not text.strip():
        mistakes.append(f"has no {which}")
        return None
    try:
        return read_cron(text)
    except ValueError as error:
        mistakes.append(f"{which} {error}")
        return None
