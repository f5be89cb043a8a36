"""The OpenAPI description of what the HTTP server answers in JSON."""

from __future__ import annotations

from typing import Any

from autoscaler.surface import openapi_schemas as schemas
from autoscaler.surface.openapi_schemas import Schema

_ROLE = {
    "name": "role",
    "in": "query",
    "schema": {"type": "string", "pattern": "^[a-z][a-z0-9-]{0,31}$"},
}
_EVENTS: list[Schema] = [
    _ROLE,
    {
        "name": "since",
        "in": "query",
        "description": "Unix seconds",
        "schema": {"type": "number", "minimum": 0, "maximum": 1e11, "default": 0},
    },
    {
        "name": "limit",
        "in": "query",
        "schema": {"type": "integer", "minimum": 1, "maximum": 1000, "default": 200},
    },
]
_SERIES: list[Schema] = [
    {**_ROLE, "required": True},
    {
        "name": "seconds",
        "in": "query",
        "description": "how far back",
        "schema": {"type": "integer", "minimum": 60, "maximum": 604800, "default": 3600},
    },
]
_WORDS = {
    400: "The query is wrong (a field that is unknown, given twice, or out of range).",
    404: "There is no such role.",
    503: "Not now.",
}


def document(version: str) -> dict[str, Any]:
    """Return the description."""
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "autoscaler",
            "version": version,
            "description": "Read-only: other methods than GET and HEAD are answered 405. Commands "
            "go to the control socket.",
        },
        "paths": {
            "/livez": _get("Whether the loop is on time.", schemas.LIVE, not_now=schemas.LIVE),
            "/readyz": _get(
                "Whether Docker answers and NGINX is up to date.",
                schemas.READY,
                not_now=schemas.READY,
            ),
            "/metrics": _metrics(),
            "/api/v1/status": _get(
                "Everything `autoscaler status` shows, and why.",
                schemas.STATUS,
                not_now=schemas.ERROR,
            ),
            "/api/v1/events": _get(
                "The newest events, oldest first.", schemas.EVENTS, _EVENTS, not_now=schemas.ERROR
            ),
            "/api/v1/series": _get(
                "CPU and counts of a role over time, thinned out.",
                schemas.SERIES,
                _SERIES,
                not_now=schemas.ERROR,
            ),
            "/api/v1/openapi.json": _get("This description.", {"type": "object"}),
        },
    }


def _get(
    summary: str,
    answer: Schema,
    parameters: list[Schema] | None = None,
    *,
    not_now: Schema | None = None,
) -> Schema:
    """Return a GET that answers a JSON object; `not_now` is the one of a 503."""
    codes = {400: schemas.ERROR}
    if parameters is _SERIES:
        codes[404] = schemas.ERROR
    if not_now is not None:
        codes[503] = not_now
    refusals = {str(code): _answer(_WORDS[code], schema) for code, schema in codes.items()}
    return {
        "get": {
            "summary": summary,
            "parameters": parameters or [],
            "responses": {"200": _answer("The answer.", answer), **refusals},
        }
    }


def _answer(words: str, schema: Schema) -> Schema:
    return {"description": words, "content": {"application/json": {"schema": schema}}}


def _metrics() -> Schema:
    kinds = ("text/plain", "application/openmetrics-text")
    content = {kind: {"schema": {"type": "string"}} for kind in kinds}
    said = {"description": "Text or OpenMetrics, as accepted.", "content": content}
    return {"get": {"summary": "Metrics for Prometheus.", "responses": {"200": said}}}
