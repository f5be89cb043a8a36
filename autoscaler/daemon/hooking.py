"""Which lifecycle hooks a member is due, and what follows from how one ended.

The hook after healthy belongs to each start that this daemon, or the one before it, has seen.
Members that ran already when it began to look are in service and owe none. What is owed is stored
before the start, and forgotten after the hook: killed in between, a daemon makes the next one run
it again. Likewise a run that was let go: before its hook before stop begins it is stored that it
has to join again to serve. The waits between tries are not stored: a new daemon tries at once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from autoscaler.daemon.journal import Journal
from autoscaler.daemon.ports import Parts
from autoscaler.daemon.publication import Publication
from autoscaler.daemon.state import RoleState
from autoscaler.daemon.tracking import HookTrouble
from autoscaler.errors import AutoscalerError, HookFailedError
from autoscaler.hooks import HookFailure
from autoscaler.model import Member, Step, StepKind

HOOKS = frozenset({StepKind.AFTER_HEALTHY, StepKind.BEFORE_STOP})

TOLD_TRIES = 8
"""Tries in a row of a hook after healthy that are told though they fail in the same way."""


def due(role: RoleState, member: Member) -> frozenset[StepKind]:
    """Return the hooks that a member has to run before it may serve, and before it is stopped."""
    track = role.track(member.name)
    found = set()
    if role.owes_hook(member.name):
        found.add(StepKind.AFTER_HEALTHY)
    if _stops_with_hook(role, member) and StepKind.BEFORE_STOP not in track.hooks_done:
        found.add(StepKind.BEFORE_STOP)
    return frozenset(found)


def _stops_with_hook(role: RoleState, member: Member) -> bool:
    """Tell whether the hook before stop is for this run: one that was never in service has none.

    One that this daemon never saw well may have served under the one before.
    """
    return role.settings.before_stop is not None and role.owing.get(member.name) != member.run


def begun(role: RoleState, member: Member) -> None:
    """Note that a run of a member began, or was there when the daemon first looked."""
    owed = role.owing.get(member.name)
    if role.counted or owed in {member.run, (member.container_id, "")}:
        role.owing[member.name] = member.run
    else:
        role.owing.pop(member.name, None)


def expect(role: RoleState, steps: Iterable[Step]) -> None:
    """Note for the members about to be started that their next run owes its hook.

    And for those about to be let go that they would have to join again.
    """
    for step in steps:
        if step.kind is StepKind.BEFORE_STOP:
            role.let_go[step.member] = role.members[step.member].run
        if step.kind is StepKind.START and role.settings.after_healthy is not None:
            role.owing[step.member] = (role.members[step.member].container_id, "")


def settle(role: RoleState, publication: Publication) -> None:
    """Forget what is no longer owed: of vanished members, and where there is no hook to run.

    A member back in service has to run its hook before stop anew, the next time.
    """
    for name in list(role.owing):
        unhooked = role.settings.after_healthy is None and role.track(name).ready
        if name not in role.members or unhooked:
            del role.owing[name]
    for name in list(role.let_go):
        if name not in role.members or role.members[name].run != role.let_go[name]:
            del role.let_go[name]
    if not publication.known:
        return
    for name, track in role.tracks.items():
        if publication.exposed(role.name, name):
            track.hooks_done.discard(StepKind.BEFORE_STOP)
            role.let_go.pop(name, None)


def overdue(role: RoleState, member: Member, now: float) -> str:
    """Say why a healthy member counts as a failed start, empty if it does not."""
    track = role.track(member.name)
    trouble = track.hook_trouble
    if trouble is None or track.busy is not None or not role.owes_hook(member.name):
        return ""
    if now - track.up_since < role.rules.start_timeout:
        return ""
    return (
        f"its hook after healthy did not succeed within start_timeout of "
        f"{role.rules.start_timeout:g} s: {trouble.reason}"
    )


def call(parts: Parts, role: RoleState, member: Member, kind: StepKind) -> Callable[[], None]:
    """Return what runs a member's hook as it is set now."""
    settings = role.settings
    hook = settings.after_healthy if kind is StepKind.AFTER_HEALTHY else settings.before_stop
    seconds = settings.hook_timeout
    role.track(member.name).hook = str(hook or "")

    def run() -> None:
        if hook is not None:
            parts.hook(member, hook, seconds)

    return run


def succeeded(
    role: RoleState, member: Member, kind: StepKind, seconds: float, journal: Journal
) -> None:
    """Take in that a hook has been run; nothing follows for a member that ended meanwhile."""
    track = role.track(member.name)
    track.busy = None
    journal.info(
        f"member.{kind.value}_done",
        role=role.name,
        member=member.name,
        hook=track.hook,
        seconds=round(seconds, 3),
    )
    if track.run != member.run:
        return
    track.hook_succeeded(kind)
    if kind is StepKind.AFTER_HEALTHY:
        role.owing.pop(member.name, None)
        role.let_go.pop(member.name, None)


def failed(
    role: RoleState, member: Member, kind: StepKind, error: AutoscalerError, journal: Journal
) -> None:
    """Take in that a hook failed: it is tried again later, and a stop does not happen."""
    track = role.track(member.name)
    now = journal.clock.monotonic()
    code, output = HookFailure.CRASHED.value, ""
    if isinstance(error, HookFailedError):
        code, output = str(error.code), error.output
    gone = track.run != member.run or not track.running
    retry, tell = None, journal.warning
    if gone:
        code = HookFailure.MEMBER_GONE.value
    else:
        before, track.hook_trouble = track.hook_trouble, HookTrouble(kind, code, str(error))
        stops = kind is StepKind.BEFORE_STOP
        if stops:
            role.let_go.pop(member.name, None)
        retry = track.refuse_stop(role.rules, now) if stops else track.step_failed(now)
        if before == track.hook_trouble and track.retries > TOLD_TRIES:
            tell = journal.debug  # a primary is tried for ever, and nothing about it is new
    tell(
        f"member.{kind.value}_failed",
        role=role.name,
        member=member.name,
        reason=f"it ended while its hook ran: {error}" if gone else str(error),
        code=code,
        hook=track.hook,
        output=output or None,
        retry_seconds=retry,
        consequence=_consequence(role, member, kind, gone=gone),
    )


def _consequence(role: RoleState, member: Member, kind: StepKind, *, gone: bool) -> str:
    if gone:
        return "nothing is left to do to this run of it"
    if kind is StepKind.BEFORE_STOP:
        return "it is not stopped but serves on, until the hook succeeds"
    if member.protected or member.name == role.primary:
        return "it gets no requests until the hook succeeds"
    return (
        f"it gets no requests until the hook succeeds; if that is not within start_timeout of "
        f"{role.rules.start_timeout:g} s, it is stopped and the next spare is tried"
    )


def blocked(role: RoleState, member: Member, now: float) -> dict[str, object] | None:
    """Return which hook is in a member's way, why, and when it is tried again; None if none is."""
    track = role.track(member.name)
    trouble = track.hook_trouble
    if trouble is None or not track.running:
        return None
    stops = trouble.kind is StepKind.BEFORE_STOP
    if not stops and not role.owes_hook(member.name):
        return None
    if stops and member.name in role.chosen:
        return None
    at = track.stop_refused_until if stops else track.retry_at
    return {
        "hook": trouble.kind.value,
        "code": trouble.code,
        "reason": trouble.reason,
        "in_seconds": round(max(0.0, at - now), 1),
    }


def sentences(role: RoleState, now: float) -> list[str]:
    """Say of each member that a hook is in the way of what it is in the way."""
    told = []
    for member in role.ordered:
        found = blocked(role, member, now)
        if found is not None:
            what = "is not stopped" if found["hook"] == "before_stop" else "gets no requests"
            told.append(
                f"{member.name} {what}, because its hook failed: {found['reason']}; "
                f"it is tried again in {found['in_seconds']:.0f} s."
            )
    return told
