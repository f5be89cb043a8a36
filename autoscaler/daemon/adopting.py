"""Takes over counts that people set by starting and stopping members themselves."""

from __future__ import annotations

from dataclasses import dataclass, replace

from autoscaler.daemon.journal import Journal
from autoscaler.daemon.state import RoleState
from autoscaler.model import Member
from autoscaler.policy.decide import adopt


@dataclass(frozen=True, slots=True)
class _Change:
    """What somebody did (`started` or `stopped`), the count it leads to, and why in words."""

    change: str
    count: int
    reason: str
    hint: str


class Adopting:
    """Changes a role's count to what somebody else has made of it, and tells so."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal

    def at_start(self, role: RoleState) -> None:
        """Count what runs as wanted, except runs we were taking down when we ended."""
        running = sum(m.running and m.name not in role.leaving for m in role.members.values())
        if running > role.memory.desired:
            role.memory = replace(role.memory, desired=running)
            role.found = running

    def started(self, role: RoleState, member: Member, now: float) -> None:
        """Take one member more as wanted, unless it fills a place or is one too many."""
        before, maximum = role.memory.desired, role.policy.maximum
        count = max(before, min(role.running, before + 1, maximum))
        if count > before:
            reason = "adopted"
            hint = _pinned(role) or (
                "the rules stop it again after the grace; to keep it, raise MIN or "
                f"autoscaler pause {role.name} --direction down --reason TEXT"
            )
        elif role.running > maximum:
            reason, hint = "above_max", f"the maximum is {maximum}, so it will be stopped"
        else:
            reason, hint = "place_filled", "it takes the place of a member that cannot answer"
        self._take(role, member.name, _Change("started", count, reason, hint), now)

    def stopped(self, role: RoleState, name: str, now: float) -> None:
        """Take one member less as wanted, unless others run in its place or it is needed."""
        before, minimum = role.memory.desired, role.policy.minimum
        remaining = role.running + sum(role.hands.awaits(n) for n in role.members)
        count = max(min(remaining, before), minimum)
        if count < before:
            reason = "adopted"
            hint = _pinned(role) or "the rules start it again when the load asks for it"
        elif remaining < minimum:
            reason = "below_min"
            how = (
                f"autoscaler scale {role.name} {remaining} --force --for 1h --reason TEXT"
                if remaining
                else "write a reason into the freeze file (AUTOSCALER_FREEZE_FILE)"
            )
            hint = f"the minimum is {minimum}, so it is started again; to keep it down, first {how}"
        else:
            reason, hint = "place_filled", "another member runs in its place"
        self._take(role, name, _Change("stopped", count, reason, hint), now)

    def _take(self, role: RoleState, name: str, change: _Change, now: float) -> None:
        before = role.memory.desired
        self._journal.info(
            "member.changed_by_hand",
            role=role.name,
            member=name,
            change=change.change,
            desired_before=before,
            desired=change.count,
            reason=change.reason,
            hint=change.hint,
        )
        if change.count == before:
            return
        role.memory = adopt(role.memory, change.count, now)
        role.last_change = {
            "desired_before": before,
            "desired": change.count,
            "reason": f"{change.change}_by_hand",
            "at": self._journal.now_text(),
        }


def _pinned(role: RoleState) -> str:
    """Say that an operator's count undoes the change; empty without one."""
    pin = role.overrides.pin
    if pin is None:
        return ""
    return f"the pin at {pin} undoes it; end that first: autoscaler resume {role.name}"
