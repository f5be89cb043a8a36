"""What may be asked over the control socket: verbs, their fields, and what each field may hold.

A body that is not exactly that is refused with words that name the field, what was given and what
is allowed. Whether a role exists only the daemon knows.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any, Literal
from urllib.parse import parse_qsl

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError

LONGEST_SECONDS = 366 * 86400.0
"""No override that ends by itself lasts longer than a year."""

LONGEST_REASON = 500
"""Most characters of a reason."""

MOST_MEMBERS = 10_000
"""Highest count that may be asked for."""

ONE_LINE = r"^[^\x00-\x1f\x7f-\x9f\u2028\u2029]*$"
"""Pattern of a text without control characters and line ends."""

_SHOWN = 60

_Role = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9-]{0,31}$")]
_Reason = Annotated[
    str,
    StringConstraints(
        strip_whitespace=True,
        min_length=1,
        max_length=LONGEST_REASON,
        pattern=ONE_LINE,
    ),
]
_Lease = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9-]{8,64}$")]
_Seconds = Annotated[float, Field(gt=0, le=LONGEST_SECONDS, allow_inf_nan=False)]


class Body(BaseModel):
    """Fields of a request; nothing is converted and nothing unknown passes."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)


class NoBody(Body):
    """A request without fields."""


class RoleBody(Body):
    """About one role."""

    role: _Role


class ReloadBody(Body):
    """Read the env file; `force`: what it no longer finds of a role is meant to go."""

    force: bool = False


class PauseBody(Body):
    """Stop changes of the count. Without a role: of all; without seconds: until resumed."""

    reason: _Reason
    role: _Role | None = None
    direction: Literal["up", "down", "both"] = "both"
    seconds: _Seconds | None = None


class ResumeBody(Body):
    """End pauses and pins of a role, or (without one) all of them."""

    role: _Role | None = None


class ScaleBody(Body):
    """Pin a role's count for so many seconds; `force` lets it leave the bounds."""

    role: _Role
    count: Annotated[int, Field(ge=1, le=MOST_MEMBERS)]
    seconds: _Seconds
    reason: _Reason
    force: bool = False


class HoldBody(Body):
    """Take or renew a lease, named by whoever holds it, that keeps members from being stopped."""

    lease: _Lease
    reason: _Reason
    role: _Role | None = None


class ReleaseBody(Body):
    """End a lease before it runs out."""

    lease: _Lease


VERBS: Mapping[tuple[str, str], tuple[str, type[Body]]] = {
    ("GET", "/v1/status"): ("status", NoBody),
    ("GET", "/v1/explain"): ("explain", RoleBody),
    ("POST", "/v1/reload"): ("reload", ReloadBody),
    ("POST", "/v1/pause"): ("pause", PauseBody),
    ("POST", "/v1/resume"): ("resume", ResumeBody),
    ("POST", "/v1/scale"): ("scale", ScaleBody),
    ("POST", "/v1/hold"): ("hold", HoldBody),
    ("POST", "/v1/release"): ("release", ReleaseBody),
}
"""Verb and fields by method and path. Fields of a GET stand in the query."""


@dataclass(frozen=True, slots=True)
class Request:
    """A command that is well formed, and the user it came from."""

    verb: str
    body: Body = field(default_factory=NoBody)
    by: str = "?"


@dataclass(frozen=True, slots=True)
class Reply:
    """The daemon's answer. A `code` other than 200 comes with a body of `{"error": words}`."""

    body: dict[str, Any]
    code: int = 200


class RefusedError(Exception):
    """A request that is not carried out; `code` is HTTP's."""

    def __init__(self, code: int, text: str) -> None:
        super().__init__(text)
        self.code = code


def read_request(method: str, target: str, content: bytes, by: str) -> Request:
    """Return the command a request stands for; raises RefusedError with what is wrong with it."""
    path, _, query = target.partition("?")
    known = VERBS.get((method, path))
    if known is None:
        there = ", ".join(f"{m} {p}" for m, p in VERBS)
        methods = [m for m, p in VERBS if p == path]
        text = f"no {method} {_short(path)}; there are {there}"
        raise RefusedError(405 if methods else 404, text)
    verb, model = known
    if method == "GET" and content:
        raise RefusedError(400, f"GET {path} takes no body; its fields stand in the query")
    if method != "GET" and query:
        raise RefusedError(400, f"{method} {path} takes no query; its fields stand in the body")
    try:
        if method == "GET":
            return Request(verb, model.model_validate(_fields(query)), by)
        return Request(verb, model.model_validate_json(content or b"{}"), by)
    except ValidationError as error:
        raise RefusedError(400, _words(error, model)) from None


def _fields(query: str) -> dict[str, str]:
    """Return the fields of a query, each given once."""
    try:
        pairs = parse_qsl(
            query, keep_blank_values=True, strict_parsing=bool(query), max_num_fields=20
        )
    except ValueError:
        raise RefusedError(400, f"the query {_short(query)!r} is not name=value") from None
    if len(dict(pairs)) != len(pairs):
        raise RefusedError(400, "a field of the query is given twice")
    return dict(pairs)


def _words(error: ValidationError, model: type[Body]) -> str:
    """Name every field that is wrong, what was given and what is allowed."""
    allowed = ", ".join(model.model_fields) or "none"
    said = []
    for one in error.errors(include_url=False):
        where = ".".join(map(str, one["loc"])) or "the body"
        kind = one["type"]
        if kind == "extra_forbidden":
            said.append(f"{_short(where)!r} is no field of this request; allowed: {allowed}")
        elif kind == "missing":
            said.append(f"{where} is required; allowed fields: {allowed}")
        elif kind in {"json_invalid", "model_type", "model_attributes_type"}:
            said.append(f"the body is no JSON object with the fields: {allowed} ({one['msg']})")
        elif kind == "string_pattern_mismatch":
            rule = _RULES.get(str(one["loc"][0]), one["msg"])
            said.append(f"{where} is {_short(str(one['input']))!r}; allowed: {rule}")
        else:
            said.append(f"{where} is {_short(repr(one['input']))}: {one['msg']}")
    return "; ".join(said)


_RULES = {
    "role": "a role's name: small letters, digits and -, a letter first, at most 32",
    "reason": "one line of text without control characters",
    "lease": "8 to 64 letters, digits and -",
}


def _short(text: str) -> str:
    """Return a text of bounded length without control characters."""
    clean = re.sub(r"[^\x20-\x7e\xa0-\uffff]", "?", text)
    return clean if len(clean) <= _SHOWN else clean[:_SHOWN] + "..."
