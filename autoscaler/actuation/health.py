"""Whether a member can answer requests: a probe over the network, and what all signs mean.

A running container is not a healthy one. A plain TCP connection says something only on the
container's own address: the engine's proxy accepts on a published port with nothing behind it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum

from autoscaler.actuation.http_get import connect, get
from autoscaler.model import Health

_OK = range(200, 400)
_PATH = re.compile(r"/[!-~]*")


class Standing(StrEnum):
    """What is known of a member: it can answer, it cannot, or it is too early to say."""

    HEALTHY = "healthy"
    UNHEALTHY = "unhealthy"
    WAITING = "waiting"


@dataclass(frozen=True, slots=True)
class ProbeResult:
    """Whether a probe succeeded, and a few words for the log either way.

    A failed one was `slow` if there was no answer in time: that can be load as well as death.
    """

    ok: bool
    detail: str
    slow: bool = False


@dataclass(frozen=True, slots=True)
class Judgement:
    """The standing of a member and the sign that decided it."""

    standing: Standing
    reason: str


def probe(address: str, port: int, path: str, timeout: float) -> ProbeResult:
    """GET `path` of a member, or only connect if it is empty; `timeout` seconds for all of it.

    2xx and 3xx are well. Failing is a result, not an error; ValueError only for a path that
    could not stand in a request, or an address that is not numeric.
    """
    if path and _PATH.fullmatch(path) is None:
        raise ValueError(f"health path {path!r} must start with '/' and hold no blanks")
    where = f"{address}:{port}"
    try:
        if not path:
            connect(address, port, timeout).close()
            return ProbeResult(ok=True, detail=f"{where} accepts connections")
        reply = get((address, port), path, timeout)
    except TimeoutError:
        detail = f"{where}{path} did not answer within {timeout:g} s"
        return ProbeResult(ok=False, detail=detail, slow=True)
    except OSError as error:
        return ProbeResult(ok=False, detail=f"{where}{path}: {error.strerror or error}")
    return ProbeResult(ok=reply.status in _OK, detail=f"{where}{path} answered {reply.status}")


def leaves_open(health: Health, path: str) -> bool:
    """Tell whether the container's own check leaves anything to ask; while it starts, a `path`."""
    return health is Health.NONE or (health is Health.STARTING and bool(path))


def judge(health: Health, last: ProbeResult | None, path: str) -> Judgement:
    """Say what the container's own check and the last probe mean together.

    The container's word stands: unhealthy is a veto, healthy is healthy. While it still says
    starting, a probe of the health `path` may prove readiness earlier; a bare connection may not.
    Without a check of its own the last probe decides; `last` is None before the first one.
    """
    if health is Health.UNHEALTHY:
        return Judgement(Standing.UNHEALTHY, "its health check says unhealthy")
    if health is Health.HEALTHY:
        return Judgement(Standing.HEALTHY, "its health check says healthy")
    if health is Health.STARTING:
        if path and last is not None and last.ok:
            return Judgement(Standing.HEALTHY, last.detail)
        return Judgement(Standing.WAITING, "its health check says starting")
    if last is None:
        return Judgement(Standing.WAITING, "it has no health check and was not probed yet")
    return Judgement(Standing.HEALTHY if last.ok else Standing.UNHEALTHY, last.detail)
