"""Asking NGINX which generation it serves: the only evidence that a reload took effect."""

from __future__ import annotations

from dataclasses import dataclass

from autoscaler.actuation.http_get import get
from autoscaler.actuation.upstreams import host_of

_HTTP_OK = 200
_BODY_LIMIT = 64


@dataclass(frozen=True, slots=True)
class Answer:
    """Whether NGINX answered as the generation asked for, and else what came instead."""

    proven: bool
    detail: str


def ask(endpoint: tuple[str, int], generation: str, timeout_seconds: float) -> Answer:
    """Ask (address, port) once, on a fresh connection: a kept one stays with an old worker."""
    where = f"{endpoint[0]}:{endpoint[1]}"
    try:
        reply = get(endpoint, "/", timeout_seconds, host_of(generation), _BODY_LIMIT)
    except TimeoutError:
        return Answer(proven=False, detail=f"{where} did not answer in time")
    except OSError as error:
        return Answer(proven=False, detail=f"{where}: {error.strerror or error}")
    if reply.status == _HTTP_OK and reply.body == generation.encode("ascii"):
        return Answer(proven=True, detail=f"{where} answers {generation}")
    return Answer(
        proven=False, detail=f"{where} answers {reply.status}, not as generation {generation}"
    )
