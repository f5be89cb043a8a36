"""What the HTTP server answers: each path, from the latest view and from history.

Runs in the server's threads, and must not wait for the controller.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib import resources
from typing import Annotated, Any, Protocol
from urllib.parse import parse_qsl

from prometheus_client.exposition import choose_encoder
from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError

from autoscaler.clock import Clock
from autoscaler.errors import AutoscalerError
from autoscaler.policy.explain import Explanation, explain
from autoscaler.surface.counts import Counts
from autoscaler.surface.exposition import ViewCollector
from autoscaler.surface.openapi import document
from autoscaler.surface.view import Board, RoleView, View

LATE_INTERVALS = 3.0
LATE_SECONDS = 5.0
"""The loop is late when its last tick is older than so many intervals and this."""

_TYPES = {
    "html": "text/html; charset=utf-8",
    "css": "text/css; charset=utf-8",
    "js": "text/javascript; charset=utf-8",
    "svg": "image/svg+xml",
}
_FILES = ("page.css", "page.js", "role.js", "chart.js", "events.js", "icon.svg")
_PAGE = {"/": "index.html", **{f"/{n}": n for n in _FILES}}
_JSON = "application/json"

_Role = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9-]{0,31}$")]


class _Query(BaseModel):
    """Fields of a query; nothing unknown passes."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class NoQuery(_Query):
    """No fields."""


class EventsQuery(_Query):
    """Events since a Unix time, of one role or all, the newest `limit` of them."""

    since: Annotated[float, Field(ge=0, le=1e11, allow_inf_nan=False)] = 0.0
    role: _Role | None = None
    limit: Annotated[int, Field(ge=1, le=1000)] = 200


class SeriesQuery(_Query):
    """A role's readings over the last `seconds`, in at most about 300 points."""

    role: _Role
    seconds: Annotated[int, Field(ge=60, le=7 * 86400)] = 3600


class Archive(Protocol):
    """The history file, for reading. Raises AutoscalerError if it cannot be read now."""

    def events(self, since: float, role: str | None, limit: int) -> list[dict[str, Any]]:
        """Return the newest events, oldest first."""

    def series(self, role: str, seconds: int) -> dict[str, Any]:
        """Return a role's readings and decisions, thinned out."""


@dataclass(frozen=True, slots=True)
class Answer:
    """A response."""

    code: int
    content_type: str
    body: bytes


_Route = tuple[type[_Query], Callable[[Any], Answer]]


class Site:
    """Answers paths."""

    def __init__(
        self, board: Board, archive: Archive, counts: Counts, clock: Clock, version: str
    ) -> None:
        self._board = board
        self._archive = archive
        self._registry = counts.registry
        self._registry.register(ViewCollector(board, version))
        self._clock = clock
        self._began = clock.monotonic()
        self._why = _Why()
        self._version = version
        folder = resources.files("autoscaler.surface") / "page"
        self._files = {
            path: Answer(200, _TYPES[name.rpartition(".")[2]], (folder / name).read_bytes())
            for path, name in _PAGE.items()
        }
        self._routes: Mapping[str, _Route] = {
            "/livez": (NoQuery, self._livez),
            "/readyz": (NoQuery, self._readyz),
            "/api/v1/status": (NoQuery, self._status),
            "/api/v1/events": (EventsQuery, self._events),
            "/api/v1/series": (SeriesQuery, self._series),
            "/api/v1/openapi.json": (NoQuery, lambda _: _json(200, document(version))),
        }

    def answer(self, target: str, accept: str) -> Answer:
        """Return the response to a GET. `target` is path and query, `accept` the header."""
        path, _, query = target.partition("?")
        if path in self._files:
            return self._files[path]
        if path == "/metrics":
            encode, content_type = choose_encoder(accept)
            return Answer(200, content_type, encode(self._registry))
        route = self._routes.get(path)
        if route is None:
            return _json(404, {"error": "nothing is here; /api/v1/openapi.json lists what is"})
        return self._handled(route, query)

    @staticmethod
    def _handled(route: _Route, query: str) -> Answer:
        """Answer a query, or say why not."""
        model, handle = route
        try:
            return handle(model.model_validate(_fields(query)))
        except ValidationError as error:
            return _json(400, {"error": _words(error)})
        except ValueError:
            return _json(400, {"error": "the query is not name=value, each name once"})
        except AutoscalerError as error:
            return _json(503, {"error": str(error)})

    def _late(self) -> float | None:
        """Return how many seconds ago the last tick was if that is too long, else None."""
        view = self._board.latest
        ticked = self._began if view is None else view.ticked_at
        ago = self._clock.monotonic() - ticked
        interval = 0.0 if view is None else view.interval
        return ago if ago > LATE_INTERVALS * interval + LATE_SECONDS else None

    def _livez(self, _query: NoQuery) -> Answer:
        late = self._late()
        if late is not None:
            return _json(503, {"live": False, "reason": f"the last tick was {late:.0f} s ago"})
        return _json(200, {"live": True})

    def _readyz(self, _query: NoQuery) -> Answer:
        view = self._board.latest
        if view is None or not view.ready:
            return _json(503, {"ready": False, "reason": _why_not_ready(view)})
        if self._late() is not None:
            return _json(503, {"ready": False, "reason": "the loop is late"})
        return _json(200, {"ready": True})

    def _status(self, _query: NoQuery) -> Answer:
        view = self._board.latest
        if view is None:
            return _json(503, {"error": "the daemon is starting"})
        roles = {
            name: {**shown, **self._beside(view.roles.get(name))}
            for name, shown in view.status["roles"].items()
        }
        return _json(
            200,
            {
                **view.status,
                "version": self._version,
                "time": self._clock.wall().timestamp(),
                "interval_seconds": view.interval,
                "late_seconds": self._late(),
                "roles": roles,
            },
        )

    def _beside(self, role: RoleView | None) -> dict[str, Any]:
        """Return what the page needs of a role beside its status."""
        if role is None:
            nothing = {"next_change": None, "next_change_waits": None}
            return {"why": [], **nothing, "flap_margin": None}
        margin = role.policy.flap_margin if role.policy.flap_guard else None
        told = self._why.of(role)
        coming = None
        if told is not None and told.next_seconds is not None:
            coming = {"in_seconds": told.next_seconds, "desired": told.next_desired}
        why = list(told.sentences) if told else []
        waits = (told.waits or None) if told else None
        return {
            "why": why,
            "next_change": coming,
            "next_change_waits": waits,
            "flap_margin": margin,
        }

    def _events(self, query: EventsQuery) -> Answer:
        found = self._archive.events(query.since, query.role, query.limit)
        return _json(200, {"events": found})

    def _series(self, query: SeriesQuery) -> Answer:
        view: View | None = self._board.latest
        if view is None or query.role not in view.roles:
            return _json(404, {"error": "there is no such role"})
        return _json(200, self._archive.series(query.role, query.seconds))


class _Why:
    """Explains situations, each once: stepping the rules forward takes some milliseconds."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._known: dict[str, tuple[object, object, Explanation]] = {}

    def of(self, role: RoleView) -> Explanation | None:
        """Return the explanation, None before a first decision."""
        at = role.situation
        if at is None:
            return None
        with self._lock:
            known = self._known.get(at.role)
            hands = (at.overrides, at.lease)
            if known and known[0] is at.decision and known[1] == hands:
                return known[2]
            told = explain(at)
            self._known[at.role] = (at.decision, hands, told)
            return told


def _why_not_ready(view: View | None) -> str:
    """Return what is missing: the first look, Docker, a look in time, or NGINX's proof."""
    if view is None:
        return "the daemon is starting"
    engine = view.status["engine"]
    told = view.status.get("late") or engine["error"]
    if told:
        return str(told)
    if not engine["up"]:
        return "Docker was not looked at yet"
    trouble = view.status["nginx"]["error"]
    return f"NGINX was not proven up to date{f': {trouble}' if trouble else ' yet'}"


def _fields(query: str) -> dict[str, str]:
    """Return the fields of a query. Raises ValueError if it is malformed or names one twice."""
    pairs = parse_qsl(query, keep_blank_values=True, strict_parsing=bool(query), max_num_fields=10)
    if len(dict(pairs)) != len(pairs):
        raise ValueError(query)
    return dict(pairs)


def _words(error: ValidationError) -> str:
    """Name every field that is wrong, without repeating what was sent."""
    fields = {".".join(map(str, e["loc"]))[:32]: e["msg"] for e in error.errors()}
    return "; ".join(f"{name}: {text}" for name, text in fields.items())


def _json(code: int, value: Mapping[str, Any]) -> Answer:
    return Answer(code, _JSON, json.dumps(value, default=str).encode())
