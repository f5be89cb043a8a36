"""Durations as people write them: 300, 300s, 5m, 1h30m, 250ms."""

from __future__ import annotations

import math
import re

from autoscaler.settings.kinds import Kind, plain_decimal

_BARE = re.compile(r"[0-9]+(\.[0-9]+)?")
_SPLIT = re.compile(r"[0-9.] +[0-9.]")  # "70 40" is a slip, not 7040
_PARTS = re.compile(
    r"(?:(?P<d>[0-9]+(?:\.[0-9]+)?)d)?(?:(?P<h>[0-9]+(?:\.[0-9]+)?)h)?"
    r"(?:(?P<m>[0-9]+(?:\.[0-9]+)?)m(?!s))?(?:(?P<s>[0-9]+(?:\.[0-9]+)?)s)?"
    r"(?:(?P<ms>[0-9]+(?:\.[0-9]+)?)ms)?"
)
_SECONDS = {"d": 86400.0, "h": 3600.0, "m": 60.0, "s": 1.0, "ms": 0.001}
FORMS = "such as 300, 300s, 5m, 1h30m or 250ms"
"""Examples of every form; messages and the documented env file show them."""


def read_duration(text: str) -> float:
    """Return the seconds a text stands for; a bare number is seconds.

    Raises ValueError when the text is no duration.
    """
    if _SPLIT.search(text):
        raise ValueError("is not a duration")
    compact = text.replace(" ", "").lower()
    if compact.startswith("-"):
        raise ValueError("is negative")
    if _BARE.fullmatch(compact):
        seconds = float(compact)
    else:
        match = _PARTS.fullmatch(compact)
        if match is None or not compact:
            raise ValueError("is not a duration")
        seconds = math.fsum(
            float(amount) * _SECONDS[unit]
            for unit, amount in match.groupdict().items()
            if amount is not None
        )
    if not math.isfinite(seconds):
        raise ValueError("is out of range")
    return seconds


def show_duration(seconds: float) -> str:
    """Return the shortest exact text: 300 as 5m, 90 as 90s, 0.25 as 250ms, 0 as 0s."""
    if seconds and float(seconds).is_integer():
        for unit in ("d", "h", "m"):
            if seconds % _SECONDS[unit] == 0:
                return f"{int(seconds / _SECONDS[unit])}{unit}"
    if float(seconds).is_integer():
        return f"{int(seconds)}s"
    milliseconds = round(seconds * 1000)
    if seconds < 1 and milliseconds * 0.001 == seconds:
        return f"{milliseconds}ms"
    return f"{plain_decimal(seconds)}s"


def duration(low: float, high: float) -> Kind:
    """Return the kind of a duration from `low` to `high` seconds."""

    def read(text: str) -> float:
        seconds = read_duration(text)
        if not low <= seconds <= high:
            raise ValueError("is out of range")
        return seconds

    allowed = f"a duration from {show_duration(low)} to {show_duration(high)}, {FORMS}"
    return Kind(allowed, read, show_duration)
