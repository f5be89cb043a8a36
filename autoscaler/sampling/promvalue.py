"""What a member's own series say: its percentage, or why there is none. Pure."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from autoscaler.model import NoReading
from autoscaler.sampling.cpu import Missing
from autoscaler.sampling.promql import AT, LIMIT, PART, SINCE, USED

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from autoscaler.model import Member

_ID = re.compile(r"\b([0-9a-f]{12})[0-9a-f]{52}\b")

_LARGEST = 1e5
"""Percent above this are no CPU use of a container but the value of something else."""

_SMALLEST_CORES = 0.001
"""The kernel's least quota in its longest period; what is below, or negative, is no limit."""

_NARROW = "narrow the query, or join them with `max by (name) (...)`"
_SCRAPE_ONCE = "do two jobs scrape it? Let one do it, or give the role a query of its own"

_CLOCKS_APART = 5.0
"""A start so many seconds ahead of Prometheus' clock is no start, but another clock."""

_SHORTEST = 0.5
"""Regular scrapes, at least one in an averaging time, lie further apart than this part of it."""

_STALE_AFTER = 2.0
"""Counters further apart than so many averaging times would hide what came between."""


@dataclass(frozen=True, slots=True)
class Series:
    """One series of an instant vector; `evaluated` is Prometheus' clock (Unix seconds)."""

    labels: Mapping[str, str]
    value: float
    evaluated: float


@dataclass(frozen=True, slots=True)
class Limits:
    """What the judgement depends on, in seconds."""

    average_over: float
    max_age: float


def brief(text: str) -> str:
    """Return a text with the ids of containers as short as Docker shows them."""
    return _ID.sub(r"\1...", text)


def custom_percent(own: Sequence[Series], limits: Limits) -> float | Missing:
    """Return what a custom query gives; its age is checked if it says so in a marked series."""
    scraped = _only(
        [one for one in own if one.labels.get(PART) == AT], "the time of its scrape", _NARROW
    )
    if isinstance(scraped, Missing):
        return scraped
    too_old = scraped and _age(scraped, limits)
    if too_old:
        return too_old
    found = _only([one for one in own if one.labels.get(PART) != AT], "its percentage", _NARROW)
    if found is None:
        return Missing(NoReading.EMPTY, "the query gives the time of a scrape but no percentage")
    return found if isinstance(found, Missing) else _checked(found.value)


def measured_percent(member: Member, own: Sequence[Series], limits: Limits) -> float | Missing:
    """Return percent from CPU seconds between two scrapes of the present run, and the limit."""
    parts: dict[str, Series | None] = {}
    for part, what in (
        (AT, "its CPU counter"),
        (SINCE, "its CPU counter before"),
        (USED, "CPU seconds used"),
        (LIMIT, "its CPU limit"),
    ):
        found = _only([one for one in own if one.labels.get(PART) == part], what, _SCRAPE_ONCE)
        if isinstance(found, Missing):
            return found
        parts[part] = found
    scraped, since, used = parts[AT], parts[SINCE], parts[USED]
    if scraped is None:
        return Missing(NoReading.EMPTY, f"Prometheus has no CPU counter of {member.name}")
    window = _age(scraped, limits) or _span(member, scraped, since, limits)
    if isinstance(window, Missing):
        return window
    if used is None or math.isnan(used.value):
        return Missing(NoReading.NOT_A_NUMBER, "its CPU counter is NaN, which is no number")
    if used.value < 0:
        return Missing(NoReading.COUNTER_WENT_BACK, "its CPU counter went back")
    return _checked(100.0 * used.value / (window * _cores(member, parts[LIMIT])))


def _cores(member: Member, limit: Series | None) -> float:
    """Return the limit that Prometheus knows, else what the engine says the member may use."""
    if limit is None or not _SMALLEST_CORES <= limit.value < math.inf:
        return member.allowed_cpus
    return limit.value


def _span(member: Member, scraped: Series, since: Series | None, limits: Limits) -> float | Missing:
    """Return the seconds between both scrapes, or why they are no window of the present run."""
    average = limits.average_over
    started = _unix(member.started_at)
    if since is None:
        age = math.inf if started is None else scraped.evaluated - started
        new = age < _STALE_AFTER * average
        return Missing(
            NoReading.FIRST_SIGHT if new else NoReading.TOO_FEW_SAMPLES,
            f"Prometheus has no scrape of it from {average:g} s ago: "
            + ("it is new" if new else "it has only begun to scrape it, or lost what it had"),
        )
    if started is not None and since.value < started:
        ahead = started - scraped.evaluated
        text = (
            f"by Prometheus' clock it is started in {ahead:.0f} s: set the clocks of both hosts"
            if ahead > _CLOCKS_APART
            else f"it was restarted; {max(scraped.value - started, 0.0):.0f} of {average:g} s are "
            "measured"
        )
        return Missing(NoReading.RESTARTED, text)
    window = scraped.value - since.value
    if window < _SHORTEST * average:
        age = scraped.evaluated - scraped.value
        return Missing(
            NoReading.TOO_FEW_SAMPLES,
            f"its newest scrape is {age:.1f} s old: is the exporter down, or scraped less than "
            f"once in {average:g} s? Then scrape more often, or raise AUTOSCALER_AVERAGE_OVER",
        )
    if window > _STALE_AFTER * average:
        return Missing(
            NoReading.STALE, f"not scraped for {window:.0f} s until just now; its window fills"
        )
    return window


def _unix(timestamp: str) -> float | None:
    """Return the engine's timestamp in Unix seconds, None if it is none."""
    try:
        return datetime.fromisoformat(timestamp).timestamp()
    except ValueError:
        return None


def _only(own: Sequence[Series], what: str, remedy: str) -> Series | Missing | None:
    """Return the one series, None without any, AMBIGUOUS with the remedy if there are more."""
    if len(own) < 2:  # noqa: PLR2004 - two are one too many
        return own[0] if own else None
    first, second = own[0].labels, own[1].labels
    keys = sorted(key for key in first.keys() | second.keys() if first.get(key) != second.get(key))
    apart = " and ".join(
        "{" + ", ".join(f'{key}="{one.get(key, "")}"' for key in keys) + "}"
        for one in (first, second)
    )
    return Missing(
        NoReading.AMBIGUOUS,
        f"{len(own)} series give {what}, such as {brief(apart)}: {remedy}",
    )


def _age(scraped: Series, limits: Limits) -> Missing | None:
    """Say that the newest scrape is too old, by Prometheus' own clock."""
    age = scraped.evaluated - scraped.value
    if math.isfinite(age) and age <= limits.max_age:
        return None
    return Missing(
        NoReading.STALE,
        f"its newest scrape is {age:.0f} s old, more than {limits.max_age:g} s: is the exporter"
        " down?",
    )


def _checked(percent: float) -> float | Missing:
    """Return a value that can be CPU use."""
    if not math.isfinite(percent):
        word = "NaN" if math.isnan(percent) else f"{percent:+}".replace("inf", "Inf")
        return Missing(
            NoReading.NOT_A_NUMBER, f"its value is {word}, as of a division by zero: no percentage"
        )
    if not 0 <= percent <= _LARGEST:
        return Missing(
            NoReading.NOT_A_NUMBER, f"its value is {percent:g}, which no percentage of CPU can be"
        )
    return percent
