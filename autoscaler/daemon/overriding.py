"""Keeps what operators have set: sets it, ends it in time, stores it and tells so."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from autoscaler.daemon import override_store
from autoscaler.daemon.freezing import FreezeFile
from autoscaler.daemon.history import HistorySink, Record
from autoscaler.daemon.journal import Journal
from autoscaler.daemon.state import RoleState, State
from autoscaler.policy.overrides import (
    Direction,
    Moment,
    Override,
    OverrideKind,
    Standing,
    effect,
    split_ended,
    split_resumed,
    with_new,
)
from autoscaler.surface.requests import (
    Body,
    HoldBody,
    PauseBody,
    RefusedError,
    ReleaseBody,
    ResumeBody,
    ScaleBody,
)
from autoscaler.windows import Bounds

LEASE_SECONDS = 30.0
"""How long a lease lasts when it is not renewed."""

MOST_LEASES = 100
"""Leases that may be held at once; a broken script must not fill the memory."""


class Overriding:
    """Owns `state.overrides` and what follows from it for each role."""

    def __init__(self, state: State, journal: Journal, history: HistorySink, boot_id: str) -> None:
        self._state = state
        self._journal = journal
        self._history = history
        self._boot_id = boot_id

    def begin(self, stored: Iterable[Override]) -> None:
        """Take over what a daemon before this one has stored; `expire` ends what is over."""
        self._state.overrides = tuple(stored)
        self.apply()

    def apply(self) -> None:
        """Let the rules of every role see what is in force; end what has lost its role."""
        state = self._state
        gone = tuple(o for o in state.overrides if o.role is not None and o.role not in state.roles)
        if gone:
            left = tuple(o for o in state.overrides if o not in gone)
            self._end(left, gone, "the role is gone from the settings", by="reload")
        for role in state.roles.values():
            role.overrides = effect(state.overrides, role.name)

    def handle(self, body: Body, by: str) -> tuple[dict[str, Any], Record | None]:
        """Do what a request asks; return the answer and the record on its way to disk, if any.

        Raises RefusedError.
        """
        if isinstance(body, ResumeBody):
            return self._resume(body, by)
        if isinstance(body, ReleaseBody):
            return self._release(body, by), None
        if isinstance(body, HoldBody):
            return self._hold(body, by), None
        if isinstance(body, PauseBody):
            self._role(body.role)
            return self._set(
                replace(
                    self._new(OverrideKind.PAUSE, by, body.reason, body.seconds),
                    role=body.role,
                    direction=Direction(body.direction),
                )
            )
        if isinstance(body, ScaleBody):
            self._check_count(body)
            answer, record = self._set(
                replace(
                    self._new(OverrideKind.PIN, by, body.reason, body.seconds),
                    role=body.role,
                    count=body.count,
                    forced=body.force,
                )
            )
            return answer | self._out_of_reach(body), record
        raise RefusedError(404, "no such command")

    def freeze(self, found: FreezeFile | None) -> None:
        """Take in whether the freeze file is there."""
        before = next((o for o in self._state.overrides if o.kind is OverrideKind.FREEZE), None)
        left = tuple(o for o in self._state.overrides if o.kind is not OverrideKind.FREEZE)
        if found is None:
            if before is not None:
                self._end(left, (before,), "the freeze file is gone", by="")
                self.apply()
            return
        new = Override(OverrideKind.FREEZE, found.by, found.reason, found.since)
        if new != before:
            self._state.overrides = with_new(left, new)
            self._tell_set(new)
            self.apply()

    def expire(self, now: float) -> None:
        """End what is over at `now` (monotonic seconds)."""
        left, over = split_ended(self._state.overrides, now)
        if over:
            self._end(left, over, "its time is over", by="")
            self.apply()

    def next_at(self) -> float | None:
        """Return when the next one ends, None if none does by itself."""
        return min(
            (o.ends_at for o in self._state.overrides if o.ends_at is not None), default=None
        )

    def store(self) -> Record:
        """Put what must survive a restart on its way to disk."""
        return self._history.write(override_store.statements(self._state.overrides, self._moment()))

    def _moment(self) -> Moment:
        clock = self._journal.clock
        return Moment(clock.monotonic(), clock.wall().timestamp(), self._boot_id)

    def _new(self, kind: OverrideKind, by: str, reason: str, seconds: float | None) -> Override:
        now = self._moment()
        until = ends_at = None
        if seconds is not None:
            until, ends_at = now.wall + seconds, now.monotonic + seconds
        return Override(kind, by, reason, now.wall, until=until, ends_at=ends_at)

    def _role(self, name: str | None) -> RoleState | None:
        if name is None:
            return None
        role = self._state.roles.get(name)
        if role is None:
            raise RefusedError(404, no_such_role(name, self._state))
        return role

    def _check_count(self, body: ScaleBody) -> None:
        role = self._role(body.role)
        assert role is not None  # noqa: S101 - the model requires a role
        low, high = role.policy.minimum, role.policy.maximum
        own = role.settings.bounds == Bounds(low, high)
        origin = "MIN and MAX" if own else "its schedule, now"
        if not body.force and not low <= body.count <= high:
            raise RefusedError(
                409,
                f"count is {body.count}; role {body.role} allows {low} to {high} ({origin}); "
                "add --force to leave these bounds",
            )
        if body.force and body.count > len(role.members):
            raise RefusedError(
                409, f"count is {body.count}; role {body.role} has {len(role.members)} containers"
            )

    def _out_of_reach(self, body: ScaleBody) -> dict[str, str]:
        """Return a warning if there are too few containers, or too many that are never stopped."""
        role = self._state.roles[body.role]
        there, kept = len(role.members), role.kept_running
        if there < body.count:
            words = f"role {body.role} has {there} containers, so {there} is the most it gets"
        elif body.count < kept:
            words = (
                f"the primary and protected members of role {body.role} that run are never "
                f"stopped, so {kept} is the fewest it gets"
            )
        else:
            return {}
        return {"warning": words}

    def _set(self, new: Override) -> tuple[dict[str, Any], Record]:
        self._state.overrides = with_new(self._state.overrides, new)
        self._tell_set(new)
        self.apply()
        return {"set": shown(new, self._moment())}, self.store()

    def _tell_set(self, new: Override) -> None:
        self._journal.info("override.set", **_fields(new), until=_time(new.until))

    def _hold(self, body: HoldBody, by: str) -> dict[str, Any]:
        self._role(body.role)
        leases = [o for o in self._state.overrides if o.kind is OverrideKind.HOLD]
        before = next((o for o in leases if o.key == body.lease), None)
        if before is None and len(leases) >= MOST_LEASES:
            raise RefusedError(409, f"{MOST_LEASES} leases are held already")
        new = replace(
            self._new(OverrideKind.HOLD, by, body.reason, LEASE_SECONDS),
            role=body.role,
            key=body.lease,
        )
        if before is not None:
            new = replace(before, until=new.until, ends_at=new.ends_at)
        self._state.overrides = with_new(self._state.overrides, new)
        if before is None:
            self._tell_set(new)
            self.apply()
        return {"set": shown(new, self._moment()), "seconds": LEASE_SECONDS}

    def _release(self, body: ReleaseBody, by: str) -> dict[str, Any]:
        of_lease = tuple(
            o for o in self._state.overrides if o.kind is OverrideKind.HOLD and o.key == body.lease
        )
        left = tuple(o for o in self._state.overrides if o not in of_lease)
        self._end(left, of_lease, "the command has ended", by=by)
        self.apply()
        return {"ended": [shown(o, self._moment()) for o in of_lease]}

    def _resume(self, body: ResumeBody, by: str) -> tuple[dict[str, Any], Record]:
        self._role(body.role)
        left, goes = split_resumed(self._state.overrides, body.role)
        self._end(left, goes, "resumed", by=by)
        self.apply()
        still = [o for o in left if body.role is None or o.concerns(body.role)]
        moment = self._moment()
        answer = {
            "ended": [shown(o, moment) for o in goes],
            "still": [shown(o, moment) for o in still],
        }
        return answer, self.store()

    def _end(self, left: Standing, over: Standing, why: str, *, by: str) -> None:
        self._state.overrides = left
        for one in over:
            fields = {**_fields(one), "reason": why, "was": one.reason}
            if by:
                fields["ended_by"] = by
            self._journal.info("override.ended", **fields)
        if any(o.kind in override_store.KEPT for o in over):
            self.store()


def no_such_role(name: str, state: State) -> str:
    """Say that there is no such role, and which there are."""
    return f"no role {name!r}; there are: {', '.join(state.roles) or 'none'}"


def shown(one: Override, now: Moment) -> dict[str, Any]:
    """Return an override for JSON; `until` on the wall clock as it stands now."""
    left = None if one.ends_at is None else max(0.0, one.ends_at - now.monotonic)
    return {
        **_fields(one),
        "since": _time(one.since),
        "until": None if left is None else _time(now.wall + left),
        "seconds_left": None if left is None else round(left, 1),
    }


def _fields(one: Override) -> dict[str, Any]:
    fields: dict[str, Any] = {
        "kind": one.kind.value,
        "role": one.role,
        "by": one.by,
        "reason": one.reason,
    }
    if one.kind is OverrideKind.PAUSE:
        fields["direction"] = one.direction.value
    elif one.kind is OverrideKind.PIN:
        fields |= {"count": one.count, "forced": one.forced}
    return fields


def _time(wall: float | None) -> str | None:
    if wall is None:
        return None
    return datetime.fromtimestamp(wall, UTC).isoformat(timespec="seconds")
