"""Says in sentences why a role has its count, what stands in the way of a change, and until when.

Pure: times are monotonic seconds and become durations; whoever shows them may add the time of day.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from autoscaler.model import Decision, MemberLoad, Memory, Overrides, Reason, RolePolicy
from autoscaler.policy.decide import decide, earliest_change

_LONG_SECONDS = 900.0
"""Times from here on are told in hours and minutes."""


@dataclass(frozen=True, slots=True)
class Turn:
    """What changes by time alone: from `at` (monotonic seconds) on these rules and overrides count.

    `words` say when and through what, as in "At 18:00 the window workdays ends".
    """

    at: float
    policy: RolePolicy
    overrides: Overrides
    words: str


@dataclass(frozen=True, slots=True)
class Situation:
    """A role after a decision at `now`. `memory` is that after the decision.

    `policy` has the bounds that were in force at the decision, until the first of the `turns`,
    which come in the order of time. `low_since` is when the mean fell below the lower threshold,
    None while it is not below. `host` says what a saturated host lacks, with the numbers. `lease`
    says while which commands no member is stopped; when they end is known to nobody. The rules are
    asked every `step_seconds`.
    """

    role: str
    policy: RolePolicy
    memory: Memory
    decision: Decision
    loads: Sequence[MemberLoad]
    now: float
    step_seconds: float
    overrides: Overrides
    low_since: float | None = None
    host: str = ""
    turns: Sequence[Turn] = ()
    lease: str = ""


@dataclass(frozen=True, slots=True)
class Explanation:
    """Sentences in the order of reading, and the next change if the readings stay as they are.

    `next_seconds` and `next_desired` are None if nothing would change, or if a command is in the
    way that may end at any time: then `waits` says while which.
    """

    sentences: tuple[str, ...]
    next_seconds: float | None
    next_desired: int | None
    waits: str = ""


def explain(at: Situation) -> Explanation:
    """Explain a role's last decision."""
    first = f"{at.role} {_count_words(at.decision)}: {_why(at)}."
    sentences = [first, *_held_by(at)]
    coming, passed = _next_change(at)
    before = at.policy
    for turn in passed:
        sentences.append(f"{turn.words}{_new_bounds(before, turn.policy)}.")
        before = turn.policy
    waits = at.lease if _waits(at, coming[0] if coming else float("inf")) else ""
    if coming is None or waits:
        even_then = f"; {_becomes(at, *coming)} in any case" if coming else ""
        nothing = f"nothing changes {waits}".rstrip()
        sentences.append(f"If the readings stay as they are, {nothing}{even_then}.")
        return Explanation(tuple(sentences), None, None, waits)
    sentences.append(f"If the readings stay as they are, {_becomes(at, *coming)}.")
    return Explanation(tuple(sentences), round(coming[0] - at.now, 1), coming[1].desired)


def _becomes(at: Situation, when: float, then: Decision) -> str:
    return f"it becomes {then.desired} in {duration_words(when - at.now)} ({then.reason.value})"


def _waits(at: Situation, until: float) -> bool:
    """Whether the count would change before that time if no lease were in the way."""
    if not at.lease or not at.overrides.hold:
        return False
    turns = [replace(turn, overrides=replace(turn.overrides, hold=False)) for turn in at.turns]
    free = replace(at, overrides=replace(at.overrides, hold=False), turns=turns)
    coming, _ = _next_change(free)
    return coming is not None and coming[0] < until


def _next_change(at: Situation) -> tuple[tuple[float, Decision] | None, list[Turn]]:
    """Return when the count changes next if the readings stay as they are, and that decision.

    And the turns until then, or all of them if nothing changes.
    """
    step, memory, recommended = at.step_seconds, at.memory, at.decision.recommended
    coming = earliest_change(at.policy, memory, at.loads, at.now, step, at.overrides)
    passed: list[Turn] = []
    for turn in at.turns:
        if coming is not None and coming[0] < turn.at:
            break
        passed.append(turn)
        then = max(turn.at, at.now)
        last_look = max(then - min(step, turn.policy.gap_seconds), at.now)
        memory = _by_then(memory, recommended, last_look)
        decision, memory = decide(turn.policy, memory, at.loads, then, turn.overrides)
        if decision.desired != decision.desired_before:
            return (then, decision), passed
        recommended = decision.recommended
        coming = earliest_change(turn.policy, memory, at.loads, then, step, turn.overrides)
    return coming, passed


def _by_then(memory: Memory, recommended: int | None, then: float) -> Memory:
    """Return the memory at a later time if each look until then recommends the same.

    Windows ask for extremes only, so the last recommendation stands for all of them.
    """
    if recommended is None:
        return memory
    recommendations = (*memory.recommendations, (then, recommended))
    return replace(memory, recommendations=recommendations, recorded_at=then)


def _new_bounds(old: RolePolicy, new: RolePolicy) -> str:
    """Say which bounds change, and to what."""
    said = []
    if new.minimum != old.minimum:
        said.append(f"minimum {new.minimum}")
    if new.maximum != old.maximum:
        said.append(f"maximum {new.maximum}")
    return f": {', '.join(said)}" if said else ""


def shrink_below(policy: RolePolicy, count: int) -> float:
    """Return the mean in percent below which one of `count` members could go.

    The lower threshold, or with the guard what keeps the others below the upper one less its
    margin, whichever is lower.
    """
    if not policy.flap_guard or count <= 1:
        return policy.cpu_low
    return min(policy.cpu_low, _flap_line(policy) * (count - 1) / count)


def _flap_line(policy: RolePolicy) -> float:
    return policy.cpu_high * (1.0 - policy.flap_margin)


def _count_words(d: Decision) -> str:
    if d.desired == d.desired_before:
        return f"stays at {d.desired}"
    return f"goes from {d.desired_before} to {d.desired}"


def _why(at: Situation) -> str:
    """Return the reason in words, with the numbers it rests on."""
    d, policy = at.decision, at.policy
    mean = f"mean {_percent(d.mean)}"
    high, low = _percent(policy.cpu_high), _percent(policy.cpu_low)
    above, below = f"{mean} is above {high}", f"{mean} is below {low}"
    words = {
        Reason.WITHIN_BAND: f"{mean} is between {low} and {high}",
        Reason.SCALE_UP: f"{above}; that load asks for {d.recommended}",
        Reason.SCALE_DOWN: f"{below}, and was for the whole window",
        Reason.SCALE_UP_LIMITED: f"{above} and asks for {d.recommended}, but the rate limit "
        f"allows {d.limit} now",
        Reason.SCALE_DOWN_LIMITED: f"{below} and asks for {d.recommended}, but the rate limit "
        f"allows no fewer than {d.limit} now",
        Reason.SCALE_UP_STABILIZED: f"{above}, but not yet for the whole window of "
        f"{duration_words(policy.scale_up.window_seconds)}",
        Reason.SCALE_DOWN_STABILIZED: _low(at),
        Reason.ANTICIPATED_FLAPPING: _flapping(at),
        Reason.AT_MAX: f"{above}, but {policy.maximum} is the maximum",
        Reason.AT_MIN: f"{below}, but {policy.minimum} is the minimum",
        Reason.ABOVE_MAX: f"{d.desired_before} is above the maximum of {policy.maximum}",
        Reason.BELOW_MIN: f"{d.desired_before} is below the minimum of {policy.minimum}",
        Reason.NO_DATA: "no member has a usable reading, and without one nothing changes",
        Reason.INCOMPLETE_DATA: f"{mean}, but counting the members without a reading (and those "
        f"warming up) on the safe side it is {_percent(d.average)}, which asks for no change",
        Reason.HOST_SATURATED: _saturated(at),
        Reason.FIXED: "its count is fixed by the settings",
        Reason.PINNED: f"an operator pinned the count; {mean}",
        Reason.PAUSED: f"an operator paused this change; {mean}",
        Reason.HELD: f"no member is stopped {at.lease or 'while a command runs'}; {mean}",
        Reason.FROZEN: f"the host is frozen, so nothing is started or stopped; {mean}",
    }
    return words[d.reason]


def _low(at: Situation) -> str:
    """Say for how much of the grace the load has been low."""
    window = at.policy.scale_down.window_seconds
    desired, mean = at.decision.desired, _percent(at.decision.mean)
    busy = [t for t, count in at.memory.recommendations if count >= desired]
    since = busy[-1] if busy else at.low_since
    quiet = "" if since is None else f" for {at.now - since:.0f} of {window:g} s"
    return f"mean {mean} has been below {_percent(at.policy.cpu_low)}{quiet}"


def _saturated(at: Situation) -> str:
    """Say why a host at its limits holds the count."""
    d = at.decision
    host = f"the host is saturated: {at.host}" if at.host else "the host is saturated"
    mean = f"mean {_percent(d.mean)}"
    if d.mean is not None and d.mean < d.cpu_low:
        return (
            f"{mean} is below {_percent(d.cpu_low)}, but {host}; members that lack CPU look idle, "
            "so none is stopped"
        )
    return (
        f"{mean} is above {_percent(d.cpu_high)}, but {host}; one more member would only share "
        "what is left"
    )


def _flapping(at: Situation) -> str:
    """Say what one member fewer would mean."""
    d, policy = at.decision, at.policy
    rest = d.desired - 1
    nodes = "one node" if rest == 1 else f"{rest} nodes"
    average = d.average or 0.0
    quiet = ""
    if at.low_since is not None:
        window = policy.scale_down.window_seconds
        quiet = f" for {min(at.now - at.low_since, window):.0f} of {window:g} s"
    return (
        f"mean {_percent(d.mean)} has been below {_percent(policy.cpu_low)}{quiet}; even then "
        f"{nodes} would run at {_percent(average * d.desired / max(rest, 1))}, above "
        f"{_percent(_flap_line(policy))}, so it will not shrink until the mean is below "
        f"{_percent(shrink_below(policy, d.desired))}"
    )


def _held_by(at: Situation) -> list[str]:
    """Say what the rules would do, and what would make them change the count."""
    d, policy = at.decision, at.policy
    said = []
    if d.would_be != d.desired:
        said.append(f"Without that the rules would want {d.would_be}.")
    if d.reason is Reason.WITHIN_BAND:
        said.append(
            f"It grows above {_percent(policy.cpu_high)}."
            if d.desired < policy.maximum
            else f"It cannot grow: {policy.maximum} is the maximum."
        )
        if d.desired > policy.minimum:
            said.append(
                f"It shrinks when the mean stays below {_percent(shrink_below(policy, d.desired))} "
                f"for {duration_words(policy.scale_down.window_seconds)}."
            )
    return said


def _percent(value: float | None) -> str:
    return "unknown" if value is None else f"{round(value, 1):g} %"


def duration_words(seconds: float) -> str:
    """Return seconds for people: in hours and minutes from a quarter of an hour on."""
    if seconds < _LONG_SECONDS:
        return f"{seconds:.0f} s"
    hours, minutes = divmod(round(seconds / 60), 60)
    return " ".join(f"{n} {unit}" for n, unit in ((hours, "h"), (minutes, "min")) if n)
