"""Folds a round of readings into decisions and tells those that change something."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, replace

from autoscaler.daemon import doubts, hosting, rounds, scheduling, schema
from autoscaler.daemon.history import HistorySink
from autoscaler.daemon.journal import Journal
from autoscaler.daemon.state import RoleState, State
from autoscaler.model import Decision, MemberLoad, NoReading, Overrides, Reading, Reason, RolePolicy
from autoscaler.policy.decide import decide, within_reach

_FRESH = frozenset({NoReading.FIRST_SIGHT.value, NoReading.RESTARTED.value})
"""Reasons for no reading that pass by themselves."""

_NO_ERROR = frozenset({NoReading.FIRST_SIGHT, NoReading.RESTARTED, NoReading.NOT_RUNNING})
"""Reasons for no reading that are nobody's failure."""


class Deciding:
    """Applies the rules of every role once per round of readings.

    In a dry run the count is what runs, and a change is only proposed.
    """

    def __init__(
        self, state: State, journal: Journal, history: HistorySink, *, dry_run: bool
    ) -> None:
        self._state = state
        self._journal = journal
        self._history = history
        self._dry_run = dry_run

    def round(self, readings: Mapping[str, Reading], now: float) -> None:
        """Decide all roles on these readings, which are by member name."""
        moment = self._journal.clock.wall()
        for role in self._state.roles.values():
            role.readings = {n: readings[n] for n in role.members if n in readings}
            self._count(role)
            scheduling.follow(role, self._state.settings, moment)
            scheduling.tell(role, self._state.settings, moment, self._journal)
            self._decide(role, moment.timestamp(), now)
        self._state.sampled_at = now
        self._journal.counts.round_done(self._journal.clock.monotonic() - self._state.ticked_at)

    def _decide(self, role: RoleState, wall: float, now: float) -> None:
        if self._dry_run:
            role.memory = replace(role.memory, desired=max(role.running, 1))
        loads = role.loads(now)
        overrides = hosting.in_force(role, self._state)
        self._record(role, loads, overrides, wall, now)
        decision, memory = decide(
            self._reachable(role), role.memory, loads, now, overrides, role.kept_running
        )
        before, role.decision = role.decision, decision
        role.decided = True
        low = decision.mean is not None and decision.mean < decision.cpu_low
        role.low_since = (role.low_since if role.low_since is not None else now) if low else None
        # A change that is only proposed must not use up the limits of the next.
        role.memory = replace(memory, up_events=(), down_events=()) if self._dry_run else memory
        role.left = role.memory
        changed = decision.desired != decision.desired_before
        if changed:
            role.last_change = {
                "desired_before": decision.desired_before,
                "desired": decision.desired,
                "reason": decision.reason.value,
                "mean": decision.mean,
                "at": self._journal.now_text(),
            }
        self._journal.counts.decided(role.name, decision.reason.value)
        self._history.write([schema.decision(role.name, wall, decision)])
        self._tell(role, decision, before, changed=changed)
        if not self._dry_run:
            settle = self._state.settings.average_over
            doubts.follow(role, decision, loads, now, self._journal, settle)

    def _record(
        self,
        role: RoleState,
        loads: tuple[MemberLoad, ...],
        overrides: Overrides,
        wall: float,
        now: float,
    ) -> None:
        """Put on record all that the rules are given, so that it can be played to them again."""
        around = rounds.Surroundings(
            now,
            role.memory,
            role.left,
            len(role.members),
            role.kept_running,
            overrides,
            role.found,
        )
        readings = tuple(role.readings.values())
        self._history.write(rounds.statements(role.name, wall, readings, loads, around))

    def _count(self, role: RoleState) -> None:
        """Count the readings that should be there and are not."""
        for reading in role.readings.values():
            if reading.reason is not None and reading.reason not in _NO_ERROR:
                self._journal.counts.no_reading(reading.source, reading.reason.value)

    def _reachable(self, role: RoleState) -> RolePolicy:
        """Return the role's rules with a maximum that its containers can fill.

        A missing container only keeps the count from growing: it may be in the middle of being
        made anew, so it never lowers the count.
        """
        maximum, exist = role.policy.maximum, len(role.members)
        short = 0 if role.strangers else max(0, maximum - exist)
        if short and role.told_short != short:
            self._journal.warning(
                "role.spares_missing",
                role=role.name,
                reason=f"max is {maximum}, but {exist} containers exist",
                hint=f"create {short} more (docker compose create), or lower max",
            )
        role.told_short = short
        return reachable(role)

    def _tell(
        self, role: RoleState, decision: Decision, before: Decision | None, *, changed: bool
    ) -> None:
        """Log a change, a new reason, or (debug) that nothing is new."""
        fields = rounded(decision)
        missing = {
            n: str(r.reason.value)
            for n in role.chosen
            if (r := role.readings.get(n)) is not None and r.reason is not None
        }
        if missing:
            fields["missing"] = missing
        same = before is not None and before.reason is decision.reason
        if self._dry_run:
            new = before is None or before.desired != decision.desired or not same
            name = "scale.proposed"
        else:
            new, name = changed or not same, "scale.decided"
        if not new:
            self._journal.debug("scale.checked", role=role.name, **fields)
            return
        fresh = all(reason in _FRESH for reason in missing.values())
        blind = decision.reason is Reason.NO_DATA and not fresh
        tell = self._journal.warning if blind else self._journal.info
        tell(name, role=role.name, **fields)


def reachable(role: RoleState) -> RolePolicy:
    """Return the role's rules with a maximum that its containers can fill."""
    return within_reach(role.policy, role.memory.desired, len(role.members))


def rounded(decision: Decision) -> dict[str, object]:
    """Return a decision's fields for people and JSON: percents with two decimals."""
    return {
        name: round(value, 2) if isinstance(value, float) else value
        for name, value in asdict(decision).items()
    }
