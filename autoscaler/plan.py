"""Which members should run and serve, and the next step towards that.

Pure: the world and the wish are arguments, steps are the answer. Level-triggered: asked again
after every change, it never needs to remember what it answered before. It is the only place that
turns a count into members.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import IntEnum

from autoscaler.model import ContainerState, Member, Step, StepKind

_STARTABLE = frozenset({ContainerState.CREATED, ContainerState.EXITED})

_GOING = frozenset({StepKind.BEFORE_STOP, StepKind.STOP})

_OUT_OF_SERVICE = _GOING | {StepKind.AFTER_HEALTHY}
"""Steps during which a member gets no requests, also if it is wanted again meanwhile."""


@dataclass(frozen=True, slots=True)
class MemberView:
    """What the planner knows of one member.

    `ready`: proven to answer now. `exposed`: NGINX may send it requests: it is in the generation
    last proven or in one tried since. `published`: it is in the proven generation with the address
    it has now. `coming_up`: runs, not ready yet, and its time to become ready is not over.
    `condemned`: its start failed, it is to be stopped. `quarantined`: not to be started nor
    published for now. `steady`: it has been ready for a while. `failed_starts`: quarantines in a
    row; the spare with the fewest is tried first, so that broken ones cannot take turns for ever.
    `slow`: it was ready, and lost that only because it answers late. `awaited`: somebody else
    stopped it and it is not yet clear whether that is meant to last. `drained`: no request is left
    in it since it was last unpublished.
    `busy`: the step under way. `hooks_due`: lifecycle hooks still to run. `stays`: its hook before
    stop failed; it is not to be stopped for now and serves on.
    """

    member: Member
    ready: bool = False
    exposed: bool = False
    published: bool = False
    coming_up: bool = False
    condemned: bool = False
    quarantined: bool = False
    steady: bool = True
    failed_starts: int = 0
    slow: bool = False
    awaited: bool = False
    drained: bool = False
    busy: StepKind | None = None
    hooks_due: frozenset[StepKind] = frozenset()
    stays: bool = False


@dataclass(frozen=True, slots=True)
class RoleView:
    """A role at one moment: the count wished for, its bounds and its members.

    `frozen` stops starts and stops; `starts_wait` holds back growth above `minimum` (NGINX is
    gone: nobody could send a new member a request).
    """

    role: str
    desired: int
    minimum: int
    maximum: int
    members: tuple[MemberView, ...]
    frozen: bool = False
    starts_wait: bool = False

    @property
    def wanted(self) -> int:
        """How many members are to run: `minimum` may be raised before `desired` follows."""
        return max(self.desired, self.minimum)


@dataclass(frozen=True, slots=True)
class RolePlan:
    """`chosen` members are meant to run, `serve` ones to get requests; both by name, by order."""

    chosen: tuple[str, ...]
    serve: tuple[str, ...]
    steps: tuple[Step, ...]


class _Rank(IntEnum):
    """How well a member fills a place, best first."""

    READY = 0
    COMING_UP = 1
    SPARE = 2
    UNHEALTHY = 3
    QUARANTINED = 4
    UNUSABLE = 5


def plan_role(view: RoleView) -> RolePlan:
    """Return the chosen and serving members of a role and the steps that can begin now."""
    members = tuple(sorted(view.members, key=lambda m: (m.member.order, m.member.name)))
    kept = _kept(members)
    chosen = _choose(view, members, kept)
    names = frozenset(m.member.name for m in chosen)
    keeps_capacity = sum(m.ready and m.published for m in chosen) >= view.wanted
    serve = _serving(members, names | kept, keeps_capacity=keeps_capacity)
    steps = _Steps(view, members, names, kept, frozenset(serve), keeps_capacity)
    return RolePlan(tuple(m.member.name for m in chosen), serve, tuple(steps.all()))


def _choose(
    view: RoleView, members: tuple[MemberView, ...], kept: frozenset[str]
) -> tuple[MemberView, ...]:
    """Pick `desired` members: those that answer first, then by order.

    Of the spares those that failed least come first. Of those that answer, the ones that are kept
    come before the others: they run on in any case.
    """
    by_rank = sorted(
        members,
        key=lambda m: (
            _rank(m),
            _rank(m) is _Rank.READY and m.member.name not in kept,
            m.failed_starts if _rank(m) is _Rank.SPARE else 0,
            m.member.order,
            m.member.name,
        ),
    )
    picked = by_rank[: view.wanted]
    return tuple(sorted(picked, key=lambda m: (m.member.order, m.member.name)))


def _kept(members: tuple[MemberView, ...]) -> frozenset[str]:
    """Name the members that are kept, so never stopped: the primary and protected ones."""
    return frozenset(m.member.name for n, m in enumerate(members) if n == 0 or m.member.protected)


def _rank(view: MemberView) -> _Rank:
    state = view.member.state
    if view.busy in _GOING or view.condemned:
        return _Rank.QUARANTINED
    if view.awaited or state is ContainerState.RESTARTING:
        return _Rank.QUARANTINED if view.quarantined else _Rank.COMING_UP
    if view.member.running:
        return _rank_running(view)
    if state in _STARTABLE:
        if view.busy is StepKind.START:
            return _Rank.COMING_UP
        return _Rank.QUARANTINED if view.quarantined else _Rank.SPARE
    return _Rank.UNUSABLE


def _rank_running(view: MemberView) -> _Rank:
    if view.quarantined:
        return _Rank.UNHEALTHY
    if view.ready:
        hooked = StepKind.AFTER_HEALTHY not in view.hooks_due
        return _Rank.READY if hooked else _Rank.COMING_UP
    return _Rank.COMING_UP if view.coming_up else _Rank.UNHEALTHY


def _serving(
    members: tuple[MemberView, ...], meant: frozenset[str], *, keeps_capacity: bool
) -> tuple[str, ...]:
    """Name the members that should get requests.

    Of those that answer they are the ones `meant` to, chosen or kept: a surplus member that is kept
    runs on in any case. Another surplus one that gets requests keeps them until enough chosen
    members do, and one whose stop was refused gets them again. Where nobody else can, a quarantined
    one serves, and then a slow one: late answers are better than none. A quarantined one must be
    steady to come back, as each of its returns and failures costs all others a reload; one that
    gets requests already, because it was slow, keeps them as soon as it answers well again.
    """
    up = [
        m
        for m in members
        if m.member.running
        and StepKind.AFTER_HEALTHY not in m.hooks_due
        and m.busy not in _OUT_OF_SERVICE
    ]
    able = [m for m in up if m.ready]
    serve = [
        m.member.name
        for m in able
        if not m.quarantined
        and (m.member.name in meant or m.stays or (m.exposed and not keeps_capacity))
    ]
    last_resort = [m.member.name for m in able if m.quarantined and (m.steady or m.exposed)]
    return tuple(serve or last_resort or [m.member.name for m in up if m.slow])


@dataclass(frozen=True, slots=True)
class _Steps:
    """Finds the next step of every member of one role."""

    view: RoleView
    members: tuple[MemberView, ...]
    chosen: frozenset[str]
    kept: frozenset[str]
    serve: frozenset[str]
    keeps_capacity: bool

    def all(self) -> Iterable[Step]:
        """Yield at most one step a member; members with a step under way are left alone."""
        free = self.view.maximum - sum(self._takes_place(m) for m in self.members)
        for m in self.members:
            if m.busy is not None:
                continue
            step = self._of_chosen(m, free) if m.member.name in self.chosen else self._of_other(m)
            if step is None and m.condemned and self._may_stop(m):
                step = self._towards_stop(m, "it did not become healthy in time")
            if step is None:
                continue
            if step.kind is StepKind.START:
                free -= 1
            yield step

    @staticmethod
    def _takes_place(m: MemberView) -> bool:
        """Whether the member counts towards the maximum."""
        stopped = m.member.state in _STARTABLE
        return (not stopped or m.busy is StepKind.START) and m.member.state not in {
            ContainerState.DEAD,
            ContainerState.REMOVING,
        }

    def _of_chosen(self, m: MemberView, free: int) -> Step | None:
        if m.condemned:
            return None
        if m.member.running:
            return self._of_running(m)
        if m.member.state not in _STARTABLE or m.quarantined or m.awaited or self.view.frozen:
            return self._off_list(m)
        taken = self.view.maximum - free
        if free <= 0 or (self.view.starts_wait and taken >= self.view.minimum):
            return self._off_list(m)
        return self._step(StepKind.START, m, f"wanted are {self.view.wanted}")

    def _of_running(self, m: MemberView) -> Step | None:
        if not m.ready:
            return self._off_list(m) or self._step(StepKind.WAIT_HEALTHY, m, "it was started")
        if StepKind.AFTER_HEALTHY in m.hooks_due:
            hook = self._step(StepKind.AFTER_HEALTHY, m, "it became healthy")
            return self._off_list(m) or hook
        if m.member.name in self.serve and not m.published:
            return self._step(StepKind.PUBLISH, m, "it is healthy")
        return self._off_list(m)

    def _of_other(self, m: MemberView) -> Step | None:
        """Return the next step of a member nobody wants: out of NGINX, drained, stopped."""
        if not m.member.running:
            return self._off_list(m)
        if m.member.name in self.serve and not (m.published or self._may_stop(m)):
            why = "its hook before stop failed" if m.stays else "it is healthy, and never stopped"
            return self._step(StepKind.PUBLISH, m, why)
        if not self._may_stop(m):
            return self._off_list(m) or self._hook_of_kept(m)
        makes_room = m.member.name not in self.serve and self._place_is_needed()
        if not self.keeps_capacity and not makes_room:
            return self._off_list(m)
        return self._towards_stop(m, f"surplus: wanted are {self.view.wanted}")

    def _hook_of_kept(self, m: MemberView) -> Step | None:
        """Return the hook of a member that runs whether or not it is wanted, so that it can be."""
        if m.ready and not m.quarantined and StepKind.AFTER_HEALTHY in m.hooks_due:
            return self._step(StepKind.AFTER_HEALTHY, m, "it became healthy")
        return None

    def _may_stop(self, m: MemberView) -> bool:
        """Tell whether the member may be stopped: it is not kept, nor is its stop refused."""
        return m.member.running and not m.stays and m.member.name not in self.kept

    def _towards_stop(self, m: MemberView, reason: str) -> Step | None:
        if m.exposed:
            return self._off_list(m)
        if self.view.frozen:
            return None
        if not m.drained:
            return self._step(StepKind.DRAIN, m, reason)
        if StepKind.BEFORE_STOP in m.hooks_due:
            return self._step(StepKind.BEFORE_STOP, m, reason)
        return self._step(StepKind.STOP, m, reason)

    def _off_list(self, m: MemberView) -> Step | None:
        """Return the step that takes an exposed member out of NGINX if it should not be there."""
        if m.exposed and m.member.name not in self.serve:
            reason = "it is surplus" if m.ready else "it cannot answer"
            return self._step(StepKind.UNPUBLISH, m, reason)
        return None

    def _place_is_needed(self) -> bool:
        """Whether a chosen spare waits for a place below the maximum."""
        taken = sum(self._takes_place(m) for m in self.members)
        waits = any(m.member.name in self.chosen and _rank(m) is _Rank.SPARE for m in self.members)
        return waits and taken >= self.view.maximum

    def _step(self, kind: StepKind, m: MemberView, reason: str) -> Step:
        return Step(kind, self.view.role, m.member.name, reason)
