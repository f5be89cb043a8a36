"""The values that flow through the program: members, readings, policies, decisions, steps.

Nothing here acts, reads a clock or knows an SDK. Times are monotonic seconds unless a name says
otherwise; CPU is percent of what a container is allowed to use.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class ContainerState(StrEnum):
    """State of a container as the engine names it."""

    CREATED = "created"
    RUNNING = "running"
    PAUSED = "paused"
    RESTARTING = "restarting"
    REMOVING = "removing"
    EXITED = "exited"
    DEAD = "dead"


class Health(StrEnum):
    """What the container's own HEALTHCHECK says; NONE when it has no such check."""

    NONE = "none"
    STARTING = "starting"
    HEALTHY = "healthy"
    UNHEALTHY = "unhealthy"


@dataclass(frozen=True, slots=True)
class PublishedPort:
    """A container port that the engine forwards from an address of the host."""

    container_port: int
    host_ip: str
    host_port: int


@dataclass(frozen=True, slots=True)
class Member:
    """A container of a role, as the engine showed it at one look.

    `order` ranks the members of a role; the lowest is the primary. `container_id` with
    `started_at` (the engine's timestamp, empty if it never ran) identifies one run.
    `addresses` are (network, IP) pairs, empty while it does not run. `allowed_cpus` is the quota,
    else the size of the cpuset, else the host's count. `pid` is 0 while it does not run.
    `restarts` counts how often its restart policy started it since somebody last did.
    """

    role: str
    name: str
    order: int
    container_id: str
    state: ContainerState
    health: Health
    started_at: str
    port: int
    addresses: tuple[tuple[str, str], ...] = ()
    published: tuple[PublishedPort, ...] = ()
    networks: tuple[str, ...] = ()
    static_address: bool = False
    protected: bool = False
    project: str | None = None
    allowed_cpus: float = 1.0
    pid: int = 0
    exit_code: int | None = None
    oom_killed: bool = False
    image_id: str = ""
    cgroup_parent: str = ""
    restarts: int = 0

    @property
    def running(self) -> bool:
        """Whether the container runs; paused and restarting ones do not."""
        return self.state is ContainerState.RUNNING

    @property
    def run(self) -> tuple[str, str]:
        """Identity of this run: a restart or a recreated container has another."""
        return (self.container_id, self.started_at)


class NoReading(StrEnum):
    """Why there is no reading of a member. Never the number 0."""

    FIRST_SIGHT = "first_sight"
    RESTARTED = "restarted"
    COUNTER_WENT_BACK = "counter_went_back"
    TIMED_OUT = "timed_out"
    SOURCE_FAILED = "source_failed"
    NO_COUNTER = "no_counter"
    NOT_RUNNING = "not_running"
    STALE = "stale"
    EMPTY = "empty"
    NOT_A_NUMBER = "not_a_number"
    AMBIGUOUS = "ambiguous"
    TOO_FEW_SAMPLES = "too_few_samples"


@dataclass(frozen=True, slots=True)
class Reading:
    """CPU of one member in percent of what it is allowed, or the reason why there is none.

    Exactly one of `cpu_percent` and `reason` is set. `memory_percent` is percent of the
    container's memory limit (of the host's memory without one), None if unknown. `detail` is a
    sentence for people when there is no reading.
    """

    member: str
    cpu_percent: float | None
    reason: NoReading | None = None
    memory_percent: float | None = None
    source: str = ""
    detail: str = ""


class Select(StrEnum):
    """Which of several rate-limit policies counts: the one allowing most, least, or none."""

    MAX = "Max"
    MIN = "Min"
    DISABLED = "Disabled"


class LimitKind(StrEnum):
    """Whether a rate limit counts percent of the members or members."""

    PERCENT = "Percent"
    MEMBERS = "Members"


@dataclass(frozen=True, slots=True)
class RateLimit:
    """At most `value` percent or members of change within `period_seconds`."""

    kind: LimitKind
    value: int
    period_seconds: float


@dataclass(frozen=True, slots=True)
class ScalingRules:
    """Behaviour in one direction: stabilisation window in seconds and rate limits."""

    window_seconds: float
    select: Select
    limits: tuple[RateLimit, ...]


@dataclass(frozen=True, slots=True)
class RolePolicy:
    """The rules of one role. Thresholds are percent; `gap_seconds` is twice `average_over`.

    `fixed` roles are never scaled by load. `flap_margin` is a fraction of `cpu_high`.
    """

    minimum: int
    maximum: int
    cpu_high: float
    cpu_low: float
    scale_up: ScalingRules
    scale_down: ScalingRules
    flap_guard: bool = True
    flap_margin: float = 0.1
    gap_seconds: float = 30.0
    fixed: bool = False


@dataclass(frozen=True, slots=True)
class MemberLoad:
    """What the rules see of one chosen member: its CPU percent, None without a reading.

    `ready` members answer requests; `warming` ones became ready less than `warmup` ago.
    """

    name: str
    cpu_percent: float | None
    ready: bool = True
    warming: bool = False


@dataclass(frozen=True, slots=True)
class Memory:
    """What the rules remember of a role between ticks. Times are monotonic seconds.

    `recommendations` are (time, raw count), oldest first; `up_events` and `down_events` are
    (time, members changed). `recorded_at` is the time of the last recommendation, None if there
    is none (a fresh start).
    """

    desired: int
    recommendations: tuple[tuple[float, int], ...] = ()
    up_events: tuple[tuple[float, int], ...] = ()
    down_events: tuple[tuple[float, int], ...] = ()
    recorded_at: float | None = None


class Reason(StrEnum):
    """Why a decision came out as it did. The names are stable: they are metric labels."""

    WITHIN_BAND = "within_band"
    SCALE_UP = "scale_up"
    SCALE_DOWN = "scale_down"
    SCALE_UP_LIMITED = "scale_up_limited"
    SCALE_DOWN_LIMITED = "scale_down_limited"
    SCALE_DOWN_STABILIZED = "scale_down_stabilized"
    SCALE_UP_STABILIZED = "scale_up_stabilized"
    AT_MAX = "at_max"
    AT_MIN = "at_min"
    ABOVE_MAX = "above_max"
    BELOW_MIN = "below_min"
    ANTICIPATED_FLAPPING = "anticipated_flapping"
    NO_DATA = "no_data"
    INCOMPLETE_DATA = "incomplete_data"
    HOST_SATURATED = "host_saturated"
    PAUSED = "paused"
    PINNED = "pinned"
    HELD = "held"
    FROZEN = "frozen"
    FIXED = "fixed"


@dataclass(frozen=True, slots=True)
class Overrides:
    """What stands over the rules of a role. `pin` is a count; `hold` blocks shrinking.

    Operators set all but `host_cpu` and `host_memory`, which say of what the host itself has too
    little left. `pin_forced` lets the pin leave the bounds, but never below one member or
    protected ones.
    """

    pause_up: bool = False
    pause_down: bool = False
    pin: int | None = None
    hold: bool = False
    freeze: bool = False
    pin_forced: bool = False
    host_cpu: bool = False
    host_memory: bool = False


@dataclass(frozen=True, slots=True)
class Decision:
    """The count a role should have, why, and every number used.

    `mean` is the average of usable readings, `average` the one with missing members filled in
    (percent, None without data). `recommended` is the raw count, `stabilized` after the windows,
    `limit` the rate limit; None where a step did not run. `would_be` is what the rules alone want.
    """

    reason: Reason
    desired_before: int
    desired: int
    would_be: int
    mean: float | None
    average: float | None
    cpu_high: float
    cpu_low: float
    recommended: int | None = None
    stabilized: int | None = None
    limit: int | None = None


class StepKind(StrEnum):
    """One thing to do to one member, in the order of its life."""

    START = "start"
    WAIT_HEALTHY = "wait_healthy"
    AFTER_HEALTHY = "after_healthy"
    PUBLISH = "publish"
    UNPUBLISH = "unpublish"
    DRAIN = "drain"
    BEFORE_STOP = "before_stop"
    STOP = "stop"


@dataclass(frozen=True, slots=True)
class Step:
    """A step for a member of a role, with the reason a person reads in the log."""

    kind: StepKind
    role: str
    member: str
    reason: str
