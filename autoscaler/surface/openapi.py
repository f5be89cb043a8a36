"""The OpenAPI description of what the HTTP server answers in JSON."""

from __future__ import annotations

from typing import Any

_ROLE = {
    "name": "role",
    "in": "query",
    "schema": {"type": "string", "pattern": "^[a-z][a-z0-9-]{0,31}$"},
}


def document(version: str) -> dict[str, Any]:
    """Return the description."""
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "autoscaler",
            "version": version,
            "description": "Read-only. Commands go to the control socket.",
        },
        "paths": {
            "/livez": _get("Whether the loop is on time.", [], 503),
            "/readyz": _get("Whether Docker answers and NGINX is up to date.", [], 503),
            "/metrics": {
                "get": {
                    "summary": "Metrics for Prometheus.",
                    "responses": {"200": {"description": "Text or OpenMetrics, as accepted."}},
                }
            },
            "/api/v1/status": _get("Everything `autoscaler status` shows, and why.", [], 503),
            "/api/v1/events": _get("The newest events, oldest first.", _EVENTS, 400, 503),
            "/api/v1/series": _get(
                "CPU and counts of a role over time, thinned out.", _SERIES, 400, 404, 503
            ),
            "/api/v1/openapi.json": _get("This description.", []),
        },
    }


_EVENTS: list[dict[str, Any]] = [
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
_SERIES: list[dict[str, Any]] = [
    {**_ROLE, "required": True},
    {
        "name": "seconds",
        "in": "query",
        "description": "how far back",
        "schema": {"type": "integer", "minimum": 60, "maximum": 604800, "default": 3600},
    },
]
_WORDS = {
    400: "The query is wrong; `error` says what.",
    404: "There is no such role.",
    503: "Not now; the body says why.",
}


def _get(summary: str, parameters: list[dict[str, Any]], *refusals: int) -> dict[str, Any]:
    """Return a GET that answers a JSON object."""
    content = {"application/json": {"schema": {"type": "object"}}}
    return {
        "get": {
            "summary": summary,
            "parameters": parameters,
            "responses": {
                "200": {"description": "The answer.", "content": content},
                **{
                    str(code): {"description": _WORDS[code], "content": content}
                    for code in refusals
                },
            },
        }
    }
