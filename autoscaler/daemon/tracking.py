"""What the daemon remembers of each member between looks: readiness, failures, quarantine.

Knows no engine and no NGINX, and reads no clock: `now` is monotonic seconds and an argument.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from autoscaler.actuation.health import ProbeResult, Standing, judge
from autoscaler.actuation.workers import Worker
from autoscaler.backoff import doubled
from autoscaler.model import Health, Member, StepKind

FLAPS_BEFORE_QUARANTINE = 3
"""Failures within `FLAP_PERIOD_SECONDS` after which a member that starts well is quarantined."""

FLAP_PERIOD_SECONDS = 600.0
"""How long a failure counts; a member well for this long has a clean record again."""


@dataclass(frozen=True, slots=True)
class TrackRules:
    """The settings that judge a member. Seconds, but `health_failures` is a count of probes."""

    start_timeout: float
    health_failures: int
    quarantine: float
    quarantine_max: float


@dataclass(frozen=True, slots=True)
class HookTrouble:
    """A hook's last failure: which one, its code and why in words."""

    kind: StepKind
    code: str
    reason: str


@dataclass(slots=True)
class Track:
    """One member's record. `run` is the (container id, started at) the record is about.

    `busy` is the step under way; once it is done (`done_at`) it stays until a look that began
    later shows its effect; `step_told` says that it failed and was dealt with. `started_by_us` and
    `stopped_by_us` mark effects still to be seen, `our_run` the last run we began. `old_workers`
    are NGINX's workers from before the reload that took the member out at `unpublished_at`.
    `hook` is the one that was begun last; `hook_trouble` stays until it succeeds; `stop_refusals`
    counts how often in a row the one before stop failed. `died_at` and `health_told_at` are when an
    event last told so: a look that began earlier does not know of it.
    """

    run: tuple[str, str] = ("", "")
    running: bool = False
    up_since: float = 0.0
    ready_since: float | None = None
    was_ready: bool = False
    slow: bool = False
    told_slow: bool = False
    probe_failures: int = 0
    probe_detail: str = ""
    condemned: bool = False
    told_late: bool = False
    drained: bool = True
    hooks_done: set[StepKind] = field(default_factory=set)
    hook: str = ""
    hook_trouble: HookTrouble | None = None
    stop_refusals: int = 0
    stop_refused_until: float = 0.0
    failures: list[float] = field(default_factory=list)
    quarantines: int = 0
    quarantined_until: float = 0.0
    died_at: float = float("-inf")
    health_told_at: float = float("-inf")
    busy: StepKind | None = None
    done_at: float | None = None
    step_told: bool = False
    started_by_us: bool = False
    stopped_by_us: bool = False
    our_run: tuple[str, str] = ("", "")
    unpublished_at: float = 0.0
    old_workers: frozenset[Worker] = frozenset()
    next_probe: float = 0.0
    probing: bool = False
    retry_at: float = 0.0
    retries: int = 0

    def observe(self, member: Member, now: float) -> bool:
        """Take in a look at the member; return whether it came up: in a new run, or unpaused."""
        if not member.running:
            self.running = False
            self.ready_since = None
            self.condemned = False
            return False
        if member.run == self.run and self.running:
            return False
        if member.run != self.run:
            self.drained = True
            self.forget_hooks()
        self.run = member.run
        self.running = True
        self.up_since = now
        self.ready_since = None
        self.was_ready = False
        self.slow = False
        self.told_slow = False
        self.told_late = False
        self.next_probe = now
        self.probe_failures = 0
        self.probe_detail = ""
        return True

    @property
    def ready(self) -> bool:
        """Whether the member was proven to answer and has not failed since."""
        return self.running and self.ready_since is not None

    def judge(
        self, health: Health, probe: ProbeResult | None, path: str, rules: TrackRules, now: float
    ) -> str:
        """Update readiness from the container's own check and a probe just made (None: none).

        The container's own verdict counts at once; a bad probe only takes readiness away when it
        is the `health_failures`th in a row. `slow` remembers a member that lost it only because
        it did not answer in time. Return the sign that decided, in words.
        """
        if not self.running:
            return "it does not run"
        judgement = judge(health, probe, path)
        if judgement.standing is Standing.HEALTHY:
            self.probe_failures = 0
            self.slow = self.told_slow = False
            if self.ready_since is None:
                self.ready_since = now
                self.was_ready = True
        else:
            self.probe_failures += probe is not None and not probe.ok
            if health is Health.UNHEALTHY or self.probe_failures >= rules.health_failures:
                late = probe is not None and probe.slow and health is not Health.UNHEALTHY
                self.slow = late and (self.slow or self.ready_since is not None)
                self.ready_since = None
        self.probe_detail = judgement.reason
        return judgement.reason

    def judged(self, health: Health, path: str, rules: TrackRules) -> bool:
        """Tell whether enough is known of a running member to leave it out of NGINX.

        After a restart of the daemon nothing is; a member that serves must not lose its requests
        because it was not asked yet.
        """
        if not self.running or self.was_ready or health is Health.UNHEALTHY:
            return True
        if health is Health.STARTING and not path:
            return True
        return self.probe_failures >= rules.health_failures

    @property
    def unasked(self) -> bool:
        """Whether no probe of this run has answered yet, neither well nor badly."""
        return self.running and not self.was_ready and not self.probe_failures

    def coming_up(self, rules: TrackRules, now: float) -> bool:
        """Tell whether it runs, never was ready in this run, and still has time to become so."""
        if not self.running or self.ready or self.was_ready:
            return False
        return now - self.up_since < rules.start_timeout

    def overdue(self, rules: TrackRules, now: float) -> bool:
        """Tell whether this run never became ready within `start_timeout`."""
        if not self.running or self.ready or self.was_ready:
            return False
        return now - self.up_since >= rules.start_timeout

    def quarantined(self, now: float) -> bool:
        """Tell whether the member is to be left alone for now."""
        return now < self.quarantined_until

    def steady_at(self, settle: float) -> float:
        """Return from when on it has been ready for `settle` seconds, infinity if it is not."""
        return float("inf") if self.ready_since is None else self.ready_since + settle

    def failed_starts(self, now: float) -> int:
        """Return how many quarantines in a row it has behind it, 0 if the last is long over."""
        return self.quarantines if now - self.quarantined_until <= FLAP_PERIOD_SECONDS else 0

    def quarantine(self, rules: TrackRules, now: float) -> float:
        """Leave the member alone for a while, doubling each time; return the seconds."""
        if self.quarantines and now - self.quarantined_until > FLAP_PERIOD_SECONDS:
            self.quarantines = 0
        seconds = doubled(rules.quarantine, self.quarantines, rules.quarantine_max)
        self.quarantines += 1
        self.quarantined_until = now + seconds
        return seconds

    def failed_after_ready(self, rules: TrackRules, now: float) -> float | None:
        """Note that a serving member crashed or turned unhealthy.

        Return the seconds of quarantine if it did so too often, else None: the first failures are
        mended at once.
        """
        self.failures = [t for t in self.failures if now - t < FLAP_PERIOD_SECONDS]
        self.failures.append(now)
        if len(self.failures) < FLAPS_BEFORE_QUARANTINE:
            return None
        return self.quarantine(rules, now)

    def forget_hooks(self) -> None:
        """Begin anew with a run that has had none."""
        self.hooks_done.clear()
        self.hook_trouble = None
        self.stop_refusals = 0
        self.stop_refused_until = 0.0

    def hook_succeeded(self, kind: StepKind) -> None:
        """Note a hook that was run. After the one before stop, another start of service is due."""
        self.forget_hooks()
        if kind is StepKind.BEFORE_STOP:
            self.hooks_done.add(kind)

    def refuse_stop(self, rules: TrackRules, now: float) -> float:
        """Leave the member in service for a while, doubling each time; return the seconds."""
        seconds = doubled(rules.quarantine, self.stop_refusals, rules.quarantine_max)
        self.stop_refusals += 1
        self.stop_refused_until = now + seconds
        return seconds

    def step_failed(self, now: float) -> float:
        """Back off after a failed step: 1 s, doubling to 60 s. Return the seconds."""
        seconds = doubled(1.0, self.retries, 60.0)
        self.retries += 1
        self.retry_at = now + seconds
        return seconds

    def step_done(self) -> None:
        """Forget failed tries after a good one."""
        self.retries = 0
        self.retry_at = 0.0
