"""What the JSON answers hold, as JSON Schema: every field that is there, with its unit."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from autoscaler.model import ContainerState, Reason

Schema = dict[str, Any]


def _is(kind: str, description: str = "", **more: Any) -> Schema:  # noqa: ANN401 - JSON Schema
    said = {"description": description} if description else {}
    return {"type": kind, **said, **more}


def _maybe(schema: Schema) -> Schema:
    """Let a value be null too."""
    if "type" in schema:
        return {**schema, "type": [schema["type"], "null"]}
    return {"anyOf": [schema, {"type": "null"}]}


def _all(
    description: str = "", some: Mapping[str, Schema] | None = None, /, **fields: Schema
) -> Schema:
    """Return an object whose fields are always there, apart from `some`."""
    said = {"description": description} if description else {}
    named = {**fields, **(some or {})}
    return {"type": "object", **said, "properties": named, "required": sorted(fields)}


def _list(items: Schema, description: str = "") -> Schema:
    return _is("array", description, items=items)


def _map(values: Schema, description: str) -> Schema:
    return _is("object", description, additionalProperties=values)


_TEXT, _TRUTH = _is("string"), _is("boolean")
_COUNT = _is("integer", "members", minimum=0)
_PERCENT = _is("number", "percent of the CPU that is allowed", minimum=0)
_SECONDS = _is("number", "seconds")
_MOMENT = _is("string", format="date-time")
_UNIX = _is("number", "Unix seconds")

ERROR = _all(error=_is("string", "what is wrong"))
_WHY_NOT = {"reason": _is("string", "why not")}
LIVE = _all("", _WHY_NOT, live=_TRUTH)
READY = _all("", _WHY_NOT, ready=_TRUTH)

_PHASE: dict[str, Schema] = {
    "windows": _list(_TEXT, "windows in force; none: the role's own bounds"),
    "min": _COUNT,
    "max": _COUNT,
}
SCHEDULE = _all(
    "The bounds by the time of day: what is in force, until when, and what is next.",
    zone=_is("string", "time zone of the windows"),
    **_PHASE,
    until=_maybe(_is("string", "null: no change is in sight", format="date-time")),
    next=_maybe(_all("", **_PHASE)),
)
OVERRIDE = _all(
    "Set by hand.",
    {
        "direction": _is("string", "of a pause", enum=["up", "down", "both"]),
        "count": _is("integer", "of a pin"),
        "forced": _is("boolean", "of a pin: it may leave the bounds"),
    },
    kind=_is("string", enum=["pause", "pin", "hold", "freeze"]),
    role=_maybe(_is("string", "null: all roles")),
    by=_is("string", "user"),
    reason=_TEXT,
    since=_MOMENT,
    until=_maybe(
        _is(
            "string",
            "null: until it is ended; a hold ends then unless its command still runs",
            format="date-time",
        )
    ),
    seconds_left=_maybe(_SECONDS),
)
_DECISION = _all(
    "What the rules said last, and with which numbers.",
    reason=_is("string", enum=[reason.value for reason in Reason]),
    desired_before=_COUNT,
    desired=_COUNT,
    would_be=_is("integer", "what it were without hands and a full host"),
    mean=_maybe(_PERCENT),
    average=_maybe(_PERCENT),
    cpu_high=_PERCENT,
    cpu_low=_PERCENT,
    recommended=_maybe(_is("integer")),
    stabilized=_maybe(_is("integer")),
    limit=_maybe(_is("integer")),
)
_MEMBER = _all(
    name=_TEXT,
    order=_is("integer", "the lowest is never stopped"),
    container_id=_TEXT,
    state=_is("string", enum=[state.value for state in ContainerState]),
    phase=_is("string", "serving, spare, warming up, unhealthy, draining, ..."),
    healthy=_TRUTH,
    published=_is("boolean", "NGINX provably sends it requests"),
    chosen=_is("boolean", "meant to run"),
    protected=_TRUTH,
    detail=_is("string", "the last answer to a look at its health"),
    cpu_percent=_maybe(_PERCENT),
    memory_percent=_maybe(_is("number", "percent of the memory that is allowed")),
    no_reading=_maybe(_is("string", "why there is no reading")),
    source=_maybe(_is("string", "where the reading is from")),
    quarantine_seconds=_maybe(_SECONDS),
    blocked=_maybe(
        _all(
            "The hook that is in its way, and when it is tried again.",
            hook=_TEXT,
            code=_TEXT,
            reason=_TEXT,
            in_seconds=_SECONDS,
        )
    ),
    next_step=_maybe(_all(step=_TEXT, reason=_TEXT, in_seconds=_SECONDS)),
)
_ROLE = _all(
    desired=_COUNT,
    min=_COUNT,
    max=_COUNT,
    schedule=_maybe(SCHEDULE),
    cpu_high=_PERCENT,
    cpu_low=_PERCENT,
    running=_COUNT,
    healthy=_COUNT,
    published=_COUNT,
    chosen=_list(_TEXT, "members meant to run"),
    decision=_maybe(_DECISION),
    last_change=_maybe(
        _all(desired_before=_COUNT, desired=_COUNT, reason=_TEXT, mean=_maybe(_PERCENT), at=_MOMENT)
    ),
    turns_last_hour=_is("integer", "how often load turned the count"),
    next_change=_maybe(
        _all("If the readings stay as they are.", in_seconds=_SECONDS, desired=_COUNT)
    ),
    next_change_waits=_maybe(_is("string", "while which commands nothing changes, in words")),
    missing=_list(_TEXT, "members that are gone"),
    out_of_scope=_maybe(
        _all(
            "What serves the role though these settings do not find it.",
            members=_list(_TEXT),
            reason=_TEXT,
            consequence=_TEXT,
            hint=_TEXT,
        )
    ),
    members=_list(_MEMBER),
    why=_list(_TEXT, "why the count is what it is, in sentences"),
    flap_margin=_maybe(_is("number", "a fraction of cpu_high; null: no guard")),
)
_HOST = _all(
    cpu_percent=_maybe(_is("number")),
    memory_percent=_is("number", "percent of the memory that is left"),
    cpu_saturated=_TRUTH,
    memory_saturated=_TRUTH,
    cpu_ceiling=_maybe(_is("number")),
    memory_floor=_maybe(_is("number")),
)
STATUS = _all(
    pid=_is("integer", "process of the daemon"),
    version=_TEXT,
    started=_MOMENT,
    time=_UNIX,
    interval_seconds=_SECONDS,
    late_seconds=_maybe(_is("number", "how long the loop has not moved, if too long")),
    engine=_all(up=_maybe(_is("boolean", "null: not looked at yet")), error=_TEXT),
    nginx=_all(
        generation=_maybe(_is("string", "what it provably serves")),
        settled=_is("boolean", "it serves what it should"),
        error=_maybe(_TEXT),
    ),
    history=_all(error=_maybe(_TEXT)),
    late=_is("string", "what has not come back for too long"),
    host=_maybe(_HOST),
    last_sample_seconds_ago=_maybe(_SECONDS),
    overrides=_list(OVERRIDE),
    warnings=_list(_TEXT),
    sources=_map(_TEXT, "CPU sources that fail, and why"),
    roles=_map(_ROLE, "by name"),
)
EVENTS = _all(
    events=_list(
        _all(
            "With the fields of its line in the log.",
            event=_is("string", "its stable name"),
            time=_UNIX,
            number=_is("integer"),
        )
    )
)
_POINT = {"type": "array", "minItems": 2}
SERIES = _all(
    role=_TEXT,
    since=_UNIX,
    until=_UNIX,
    width_seconds=_is("number", "time between two points"),
    points=_list(_POINT, "[Unix seconds, mean, desired, cpu_high, cpu_low]"),
    members=_map(_list(_POINT), "[Unix seconds, percent or null], by name"),
)
