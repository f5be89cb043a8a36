"""What an answer of Prometheus says about each member: a percentage, or why there is none. Pure."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from autoscaler.model import NoReading
from autoscaler.sampling.cpu import Missing
from autoscaler.sampling.promql import PART
from autoscaler.sampling.promvalue import (
    Limits,
    Series,
    brief,
    custom_percent,
    measured_percent,
)

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from autoscaler.model import Member
    from autoscaler.sampling.promql import Query

_HEX = re.compile(r"[0-9a-f]{64}")
_NAME_LABELS = ("name", "container_name", "container", "member")
_ID_LABELS = ("id", "container_id", "name")
_TELLING = (*_NAME_LABELS, *_ID_LABELS, "instance")
_SHOWN = 8


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
    members: Sequence[Member], series: Sequence[Series], limits: Limits, query: Query
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
            judged[member.name] = _nothing(member, series, query)
        elif query.custom:
            judged[member.name] = custom_percent(own, limits)
        else:
            judged[member.name] = measured_percent(member, own, limits)
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
    """Return the labels that tell whose a series is, else all, as PromQL writes them."""
    known = ("__name__", *_NAME_LABELS, "id", "instance", "job")
    keys = [key for key in known if labels.get(key)] or sorted(labels.keys() - {PART})
    return "{" + ", ".join(f'{key}="{labels[key]}"' for key in keys[:_SHOWN]) + "}"


def _nothing(member: Member, series: Sequence[Series], query: Query) -> Missing:
    """Say that no series is of the member, and what may be the cause."""
    if not series:
        return Missing(NoReading.EMPTY, f"the query returned nothing: {query.hint}")
    seen = brief("; ".join(show(one.labels) for one in series[:3]))
    if any(one.labels.get(key) for one in series for key in _TELLING):
        lack = f"none of {member.name} by name, id or instance"
    else:
        lack = (
            "none with a label `name`, `id` or `instance` that tells whose it is (a sum keeps it "
            "by `sum by (name)`)"
        )
    return Missing(NoReading.EMPTY, f"the answer has {len(series)} series, {lack}: {seen}")
