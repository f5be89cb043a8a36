"""What an answer of Prometheus says about each member: a percentage, or why there is none. Pure."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from autoscaler.model import NoReading
from autoscaler.sampling.cpu import Missing
from autoscaler.sampling.promql import AT, LIMIT, PART, USED

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from autoscaler.model import Member

_HEX = re.compile(r"[0-9a-f]{64}")
_NAME_LABELS = ("name", "container_name", "container", "member")
_ID_LABELS = ("id", "container_id", "name")
_LARGEST = 1e5
"""Percent or cores above this are no CPU use of a container but the value of something else."""


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


def parse_vector(result: object) -> list[Series] | Missing:
    """Return the series of a `result`; what is not an instant vector is no answer at all."""
    if not isinstance(result, list):
        return _malformed("its result is no list of series")
    found = []
    for one in result:
        try:
            labels, (evaluated, value) = one["metric"], one["value"]
            plain = {str(key): str(text) for key, text in labels.items()}
            if not isinstance(value, str):
                return _malformed("a value is not written as a text")
            found.append(Series(plain, float(value), float(evaluated)))
        except (KeyError, TypeError, ValueError, AttributeError):
            return _malformed("a series has no metric or no value")
    return found


def _malformed(what: str) -> Missing:
    """Word an answer that is none of Prometheus' own."""
    return Missing(NoReading.SOURCE_FAILED, f"Prometheus' answer cannot be used: {what}")


def judge(
    members: Sequence[Member], series: Sequence[Series], limits: Limits, *, custom: bool
) -> dict[str, float | Missing]:
    """Return percent of the allowed CPU of each member, by name, or why there is none."""
    owned: dict[str, list[Series]] = {member.name: [] for member in members}
    claimed: dict[str, str] = {}
    for one in series:
        owners = [member for member in members if belongs(one.labels, member)]
        for member in owners:
            owned[member.name].append(one)
        if len(owners) > 1:
            names = ", ".join(member.name for member in owners)
            text = f"the series {show(one.labels)} fits {names}: give the query narrower labels"
            claimed.update(dict.fromkeys((member.name for member in owners), text))
    judged: dict[str, float | Missing] = {}
    for member in members:
        own = owned[member.name]
        if member.name in claimed:
            judged[member.name] = Missing(NoReading.AMBIGUOUS, claimed[member.name])
        elif not own:
            judged[member.name] = _nothing(member, series)
        else:
            judged[member.name] = _custom(own, limits) if custom else _percent(member, own, limits)
    return judged


def belongs(labels: Mapping[str, str], member: Member) -> bool:
    """Whether a series is of this member: by container id, where it has none by name or instance.

    The id of another container, such as one that was replaced, always says no.
    """
    ids = [found for key in _ID_LABELS for found in _HEX.findall(labels.get(key, ""))]
    if ids:
        return member.container_id in ids
    names = [labels[key].removeprefix("/") for key in _NAME_LABELS if labels.get(key)]
    if names:
        return member.name in names
    host, _, port = labels.get("instance", "").rpartition(":")
    if not host:
        host, port = port, ""
    if host in (member.name, *(address for _, address in member.addresses)):
        return True
    return bool(port) and any(str(one.host_port) == port for one in member.published)


def show(labels: Mapping[str, str]) -> str:
    """Return the labels that tell whose a series is, as PromQL writes them."""
    known = ("__name__", *_NAME_LABELS, "id", "instance", "job")
    shown = [f'{key}="{labels[key]}"' for key in known if labels.get(key)]
    return "{" + ", ".join(shown) + "}"


def _nothing(member: Member, series: Sequence[Series]) -> Missing:
    """Say that no series is of the member, and what may be the cause."""
    if not series:
        why = "the query returned nothing; is it scraped, and do its labels name the containers?"
        docker_29 = " (cAdvisor on Docker 29 may leave `name` empty; then `id` must hold the id)"
        return Missing(NoReading.EMPTY, f"no series of {member.name}: {why}{docker_29}")
    seen = "; ".join(show(one.labels) for one in series[:3])
    return Missing(
        NoReading.EMPTY,
        f"none of {len(series)} series is of {member.name} by name, id or instance: {seen}",
    )


def _only(own: Sequence[Series], what: str) -> Series | Missing | None:
    """Return the one series, None without any, AMBIGUOUS if there are more."""
    if len(own) < 2:  # noqa: PLR2004 - two are one too many
        return own[0] if own else None
    seen = " and ".join(show(one.labels) for one in own[:2])
    return Missing(NoReading.AMBIGUOUS, f"{len(own)} series of {what}: {seen}")


def _custom(own: Sequence[Series], limits: Limits) -> float | Missing:
    """Return what a custom query gives; its age is checked if it says so in a marked series."""
    scraped = _only([one for one in own if one.labels.get(PART) == AT], "the time of its scrape")
    if isinstance(scraped, Missing):
        return scraped
    too_old = scraped and _age(scraped, limits)
    if too_old:
        return too_old
    found = _only([one for one in own if one.labels.get(PART) != AT], "percent")
    if found is None:
        return Missing(NoReading.EMPTY, "the query gives the time of a scrape but no percentage")
    return found if isinstance(found, Missing) else _checked(found.value, "percent")


def _percent(member: Member, own: Sequence[Series], limits: Limits) -> float | Missing:
    """Return percent from cores used and the limit, if the newest scrape is young enough."""
    parts = {}
    for part, what in ((AT, "its CPU counter"), (USED, "cores used"), (LIMIT, "its CPU limit")):
        found = _only([one for one in own if one.labels.get(PART) == part], what)
        if isinstance(found, Missing):
            return found
        parts[part] = found
    scraped, used, limit = parts[AT], parts[USED], parts[LIMIT]
    if scraped is None:
        return Missing(NoReading.EMPTY, f"Prometheus has no CPU counter of {member.name}")
    too_old = _age(scraped, limits)
    if too_old:
        return too_old
    if used is None:
        return Missing(
            NoReading.TOO_FEW_SAMPLES,
            f"fewer than two scrapes of it within {limits.average_over:g} s: it is new, or scraped "
            f"too rarely; scrape every {limits.average_over / 2:g} s or more often, or raise "
            "AUTOSCALER_AVERAGE_OVER to twice the scrape interval or more",
        )
    cores = member.allowed_cpus
    if limit is not None and math.isfinite(limit.value) and limit.value > 0:
        cores = limit.value
    checked = _checked(used.value, "cores used")
    return checked if isinstance(checked, Missing) else 100.0 * checked / cores


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


def _checked(value: float, what: str) -> float | Missing:
    """Return a value that can be CPU use."""
    if not math.isfinite(value):
        return Missing(NoReading.NOT_A_NUMBER, f"the {what} are {value}")
    if not 0 <= value <= _LARGEST:
        return Missing(NoReading.NOT_A_NUMBER, f"the {what} are {value:g}, which no CPU use can be")
    return value
