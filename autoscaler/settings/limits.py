"""Rate limits as people write them: `100%/30s,2/1m` is two limits, percent and members."""

from __future__ import annotations

import re

from autoscaler.model import LimitKind, RateLimit
from autoscaler.settings.durations import read_duration, show_duration
from autoscaler.settings.kinds import Kind

_LIMIT = re.compile(r"(?P<value>[0-9]{1,6})\s*(?P<percent>%?)\s*/\s*(?P<period>.+)")
_LONGEST_PERIOD = 1800.0
"""The longest period Kubernetes accepts for the same rule; seconds."""


def _read_one(text: str) -> RateLimit:
    """Read one limit; raises ValueError with what is wrong with it."""
    match = _LIMIT.fullmatch(text)
    if match is None:
        raise ValueError(f"holds {text!r}, which is no limit")
    value = int(match["value"])
    if value < 1:
        raise ValueError(f"holds {text!r}: a limit is at least 1 (`disabled` is the way to forbid)")
    try:
        period = read_duration(match["period"])
    except ValueError as error:
        raise ValueError(f"holds {text!r}, whose period {error}") from None
    if not 1.0 <= period <= _LONGEST_PERIOD:
        raise ValueError(f"holds {text!r}, whose period is out of range")
    kind = LimitKind.PERCENT if match["percent"] else LimitKind.MEMBERS
    return RateLimit(kind, value, period)


def _read(text: str) -> tuple[RateLimit, ...]:
    """Read a comma-separated list of limits."""
    return tuple(_read_one(part.strip()) for part in text.split(","))


def _show(limits: tuple[RateLimit, ...]) -> str:
    """Write limits the way they are read."""
    return ",".join(
        f"{limit.value}{'%' if limit.kind is LimitKind.PERCENT else ''}"
        f"/{show_duration(limit.period_seconds)}"
        for limit in limits
    )


def rate_limits() -> Kind:
    """Return the kind of a list of rate limits."""
    allowed = (
        "a comma-separated list of PERCENT%/PERIOD or MEMBERS/PERIOD, "
        "such as 100%/30s,2/1m (period from 1s to 30m)"
    )
    return Kind(allowed, _read, _show)
