"""Looks at the engine for the members: one list call a look, inspecting only what changed."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, replace
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING, Any

from autoscaler.clock import SystemClock
from autoscaler.engine.client import translated
from autoscaler.errors import EngineError, EngineUnavailableError, NoSuchMemberError
from autoscaler.inventory import (
    Claim,
    Found,
    Snapshot,
    claim,
    container_name,
    container_state,
    found,
    list_filters,
    settle,
)
from autoscaler.labels import LabelWarning
from autoscaler.strangers import Stranger, strangers

if TYPE_CHECKING:
    from collections.abc import Mapping

    import docker

    from autoscaler.clock import Clock
    from autoscaler.scope import Scope

MAX_AGE_SECONDS = 60.0
"""An inspected container is inspected again after this long: a changed --cpus shows only there."""

_CLOCK_SLACK_SECONDS = 1.5  # of the list call, and of the engine's rounding to whole seconds
_DURATION = re.compile(r"(Less than a|About an?|\d+) (second|minute|hour|day|week|month|year)s?")
_UNIT_SECONDS = {
    "second": 1.0,
    "minute": 60.0,
    "hour": 3600.0,
    "day": 86_400.0,
    "week": 604_800.0,
    "month": 2_592_000.0,
    "year": 31_536_000.0,
}


@dataclass(slots=True)
class _Look:
    """What was seen of a container when it was inspected.

    Its present state began at `since_latest` (monotonic seconds) or before, by every list so far.
    """

    fingerprint: tuple[Any, ...]
    found: Found
    warnings: tuple[LabelWarning, ...]
    inspected_at: float
    since_latest: float


class Inventory:
    """The members in `scope`, found anew at every look.

    `host_cpus` is the host's CPU count. `members` is for one caller at a time; `forget` may be
    called by any thread at any time.
    """

    def __init__(
        self, api: docker.APIClient, scope: Scope, host_cpus: float, clock: Clock | None = None
    ) -> None:
        self._api = api
        self._scope = scope
        self._host_cpus = host_cpus
        self._clock = clock or SystemClock()
        self._looks: dict[str, _Look] = {}
        self._forgotten: SimpleQueue[str] = SimpleQueue()

    def forget(self, container_id: str) -> None:
        """Inspect the container again at the next look, as an event told of a change."""
        self._forgotten.put(container_id)

    def members(self) -> Snapshot:
        """Look at the engine. A container that vanishes meanwhile is simply absent.

        Raises EngineUnavailableError if the engine does not answer, EngineError if it refuses.
        """
        self._distrust_forgotten()
        warnings: list[str] = []
        current: dict[str, _Look] = {}
        for listed in self._list():
            claimed = claim(listed, self._scope)
            if isinstance(claimed, LabelWarning):
                warnings.append(str(claimed))
            elif claimed is not None:
                look = self._look(listed, claimed, warnings)
                if look is not None:
                    current[str(listed["Id"])] = look
        self._looks = current
        for look in current.values():
            warnings.extend(map(str, look.warnings))
        settled = settle(look.found for look in current.values())
        return Snapshot(settled.members, tuple(sorted({*warnings, *settled.warnings})))

    def strangers(self) -> tuple[Stranger, ...]:
        """Return all running containers of the engine that are in no role's scope.

        Raises as `members` does.
        """
        with translated("list all containers"):
            return strangers(self._api.containers(), self._scope)

    def _distrust_forgotten(self) -> None:
        """Carry out what `forget` was asked since the last look.

        What is known stays: it counts if the container cannot be inspected right now.
        """
        while True:
            try:
                look = self._looks.get(self._forgotten.get_nowait())
            except Empty:
                return
            if look is not None:
                look.inspected_at = -math.inf

    def _list(self) -> list[Mapping[str, Any]]:
        """Return the engine's entries that may be in scope, each container once."""
        entries: dict[str, Mapping[str, Any]] = {}
        for filters in list_filters(self._scope):
            with translated("list the containers"):
                for listed in self._api.containers(all=True, filters=filters):
                    entries[str(listed["Id"])] = listed
        return list(entries.values())

    def _look(self, listed: Mapping[str, Any], claimed: Claim, warnings: list[str]) -> _Look | None:
        """Return what is known of a listed container, inspecting it if that may be outdated."""
        container_id = str(listed["Id"])
        now = self._clock.monotonic()
        fingerprint = (claimed, *_fingerprint(listed))
        shortest, longest = duration_bounds(str(listed.get("Status") or ""))
        known = self._looks.get(container_id)
        if (
            known is not None
            and known.fingerprint == fingerprint
            and now - known.inspected_at <= MAX_AGE_SECONDS
            and now - longest <= known.since_latest + _CLOCK_SLACK_SECONDS
        ):
            known.since_latest = min(known.since_latest, now - shortest)
            return known
        try:
            with translated(f"inspect {claimed.name}"):
                inspected = self._api.inspect_container(container_id)
                member, problems = found(inspected, claimed, self._host_cpus)
        except NoSuchMemberError:
            return None
        except EngineUnavailableError:
            raise
        except EngineError as error:
            # One broken container must not hide the others, nor be taken for one that is gone.
            if known is None:
                warnings.append(f"{error}; it counts as absent")
                return None
            warnings.append(f"{error}; what was last seen of it is used")
            return _in_state(known, str(listed.get("State") or ""))
        return _Look(fingerprint, member, problems, now, now - shortest)


def _in_state(known: _Look, status: str) -> _Look:
    """Return what is known of a container, but in the state that the list shows now."""
    member = replace(known.found.member, state=container_state(status))
    return replace(known, found=replace(known.found, member=member))


def _fingerprint(listed: Mapping[str, Any]) -> tuple[Any, ...]:
    """Return what the list tells of a container apart from its age."""
    networks: Mapping[str, Any] = (listed.get("NetworkSettings") or {}).get("Networks") or {}
    return (
        container_name(listed),
        listed.get("State"),
        _DURATION.sub("", str(listed.get("Status") or "")),
        listed.get("ImageID"),
        tuple(sorted(str(sorted(port.items())) for port in listed.get("Ports") or ())),
        tuple(sorted((n, e.get("IPAddress"), e.get("NetworkID")) for n, e in networks.items())),
    )


def duration_bounds(status: str) -> tuple[float, float]:
    """Return the least and most seconds that a list's Status speaks of, e.g. "Up 2 minutes".

    The engine rounds down to a single unit, hours to the nearest one; no duration gives (0, inf).
    """
    match = _DURATION.search(status)
    if match is None:
        return 0.0, math.inf
    count, unit = match.groups()
    seconds = _UNIT_SECONDS[unit]
    if count.startswith("Less"):
        return 0.0, seconds
    number = float(count) if count.isdecimal() else 1.0
    # Units above an hour are derived from hours rounded to the nearest.
    slack = 1800.0 if seconds >= _UNIT_SECONDS["hour"] else 0.0
    return number * seconds - slack, (number + 1) * seconds + slack
