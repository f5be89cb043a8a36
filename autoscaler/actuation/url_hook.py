"""Sends a hook's POST to the member itself, never to anybody else."""

from __future__ import annotations

from typing import TYPE_CHECKING

from autoscaler.actuation.addresses import Problem, address_of
from autoscaler.actuation.http_get import post
from autoscaler.errors import HookFailedError
from autoscaler.hooks import HookFailure, UrlHook

if TYPE_CHECKING:
    from autoscaler.model import Member

OUTPUT_BYTES = 4096
"""How much of the answer to a failed one is kept."""

_OK = range(200, 300)


def call_url(member: Member, hook: UrlHook, timeout_seconds: float) -> None:
    """POST to the member's own address; return when it answered 2xx.

    A redirection is not followed. Raises HookFailedError.
    """
    where = address_of(member, "container", None, frozenset())
    if isinstance(where, Problem):
        raise HookFailedError(where.text, HookFailure.UNREACHABLE)
    endpoint = (where[0], hook.port or where[1])
    shown = f"POST {endpoint[0]}:{endpoint[1]}{hook.path}"
    try:
        reply = post(endpoint, hook.path, timeout_seconds, OUTPUT_BYTES)
    except TimeoutError as error:
        text = f"{shown} was not answered within {timeout_seconds:g} s; it may still have an effect"
        raise HookFailedError(text, HookFailure.TIMED_OUT) from error
    except OSError as error:
        text = f"{shown}: {error.strerror or error}"
        raise HookFailedError(text, HookFailure.UNREACHABLE) from error
    if reply.status not in _OK:
        output = reply.body.decode(errors="replace").strip()
        raise HookFailedError(f"{shown} answered {reply.status}", HookFailure.HTTP_STATUS, output)
