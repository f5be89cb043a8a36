"""Everything the controller thread owns. Plain data: no engine, no threads, no clock."""

from __future__ import annotations

from dataclasses import dataclass, field

from autoscaler.daemon.hands import Hands
from autoscaler.daemon.publication import Endpoint, Publication
from autoscaler.daemon.tracking import Track, TrackRules
from autoscaler.model import (
    Decision,
    Member,
    MemberLoad,
    Memory,
    Overrides,
    Reading,
    RolePolicy,
    Step,
    StepKind,
)
from autoscaler.policy.headroom import Headroom, HostLoad
from autoscaler.policy.overrides import Standing
from autoscaler.policy.schedule import Forecast
from autoscaler.policy.turns import Turns
from autoscaler.policy.usefulness import Trials
from autoscaler.settings import RoleSettings, Settings


@dataclass(slots=True)
class RoleState:
    """One role: its rules, memory and members as last seen.

    `leaving` are runs being taken down by us, by member name: they survive a restart, so that a
    half-done stop is not mistaken for capacity. `owing` are the runs whose hook after healthy is
    still to come, with no start time for one about to be started; `let_go` are those whose hook
    before stop was begun and did not fail. `known` are names of members ever
    seen, `counted` says that those running at the start were taken into the count; `found` is that
    count if it was higher than the stored one. `left` is the memory after the last decision, None
    before the first. `steps` is what the last plan wants done.
    `strangers` are what NGINX serves for the role though no scope has their container; `returning`
    are those that the last look found again and that were not asked yet.
    `policy` has the bounds that the schedule makes now; `forecast` is None without a schedule, and
    `told_windows` were last told to be in force.
    """

    name: str
    settings: RoleSettings
    policy: RolePolicy
    rules: TrackRules
    hands: Hands
    memory: Memory
    left: Memory | None = None
    found: int | None = None
    overrides: Overrides = field(default_factory=Overrides)
    forecast: Forecast | None = None
    told_windows: tuple[str, ...] = ()
    members: dict[str, Member] = field(default_factory=dict)
    tracks: dict[str, Track] = field(default_factory=dict)
    readings: dict[str, Reading] = field(default_factory=dict)
    chosen: tuple[str, ...] = ()
    serve: tuple[str, ...] = ()
    steps: tuple[Step, ...] = ()
    leaving: dict[str, tuple[str, str]] = field(default_factory=dict)
    owing: dict[str, tuple[str, str]] = field(default_factory=dict)
    let_go: dict[str, tuple[str, str]] = field(default_factory=dict)
    known: set[str] = field(default_factory=set)
    missing: set[str] = field(default_factory=set)
    unaddressed: dict[str, str] = field(default_factory=dict)
    strangers: frozenset[Endpoint] = frozenset()
    returning: frozenset[Endpoint] = frozenset()
    decision: Decision | None = None
    decided: bool = False
    low_since: float | None = None
    counted: bool = False
    told_short: int = 0
    last_change: dict[str, object] | None = None
    trials: Trials = field(default_factory=Trials)
    turns: Turns = field(default_factory=Turns)
    stored: tuple[object, ...] | None = None

    def track(self, name: str) -> Track:
        """Return the record of a member, a new one at first sight."""
        track = self.tracks.get(name)
        if track is None:  # `setdefault` would make a record at every call
            track = self.tracks[name] = Track()
        return track

    @property
    def ordered(self) -> tuple[Member, ...]:
        """The members by order, the primary first."""
        return tuple(sorted(self.members.values(), key=lambda m: (m.order, m.name)))

    @property
    def primary(self) -> str | None:
        """Name of the primary, None if the role has no members."""
        return next((m.name for m in self.ordered), None)

    @property
    def running(self) -> int:
        """How many members run."""
        return sum(m.running for m in self.members.values())

    @property
    def kept_running(self) -> int:
        """How many members run that are never stopped: no fewer can be wanted."""
        primary = self.primary
        return sum(m.running and (m.protected or m.name == primary) for m in self.members.values())

    def loads(self, now: float) -> tuple[MemberLoad, ...]:
        """Return what the rules see of the chosen members."""
        return tuple(self._load(name, now) for name in self.chosen if name in self.members)

    def _load(self, name: str, now: float) -> MemberLoad:
        track, reading = self.track(name), self.readings.get(name)
        cpu = reading.cpu_percent if reading and track.running else None
        warming = track.ready_since is not None and now - track.ready_since < self.settings.warmup
        ready = track.ready and not self.owes_hook(name)
        return MemberLoad(name, cpu, ready=ready, warming=warming)

    def owes_hook(self, name: str) -> bool:
        """Tell whether a member has to run its hook after healthy before it may serve.

        One whose hook before stop was run, but which is wanted again, has to as well.
        """
        if self.settings.after_healthy is None:
            return False
        run = self.track(name).run
        return run in {self.let_go.get(name), self.owing.get(name)}

    def busy(self, kind: StepKind) -> bool:
        """Tell whether any member has such a step under way."""
        return any(t.busy is kind for t in self.tracks.values())


@dataclass(slots=True)
class State:
    """The whole of what the controller knows.

    `engine_up` is None until the first look. When the engine or NGINX begins anew, addresses known
    before (`distrusted_at`) are in doubt, until a look that began later (`looked_from`: when the
    last one began) has shown them. `publish_first` holds all other work back until NGINX was then
    told of them, or failed to take them. `nginx_networks` are networks of NGINX's container.
    `late` says in words what has not come back for too long. `host` is the last look at the host
    itself, None where it is not measured. `scope_meant`: whoever forced a reload means that what
    its settings do not find leaves NGINX.
    """

    settings: Settings
    roles: dict[str, RoleState] = field(default_factory=dict)
    publication: Publication = field(default_factory=Publication)
    engine_up: bool | None = None
    engine_error: str = ""
    ticked_at: float = 0.0
    looked_at: float | None = None
    looked_from: float = 0.0
    publish_first: bool = True
    distrusted_at: float = 0.0
    nginx_networks: frozenset[str] = frozenset()
    warnings: frozenset[str] = frozenset()
    sampled_at: float | None = None
    late: str = ""
    scope_meant: bool = False
    history_trouble: str | None = None
    overrides: Standing = ()
    source_troubles: dict[tuple[str, str], str] = field(default_factory=dict)
    started_wall: str = ""
    host: HostLoad | None = None
    headroom: Headroom = field(default_factory=Headroom)

    @property
    def addresses_fresh(self) -> bool:
        """Whether a look that began after the last doubt about addresses was taken in."""
        return self.looked_from >= self.distrusted_at

    def member(self, name: str) -> tuple[RoleState, Member] | None:
        """Find a member by name."""
        for role in self.roles.values():
            if name in role.members:
                return role, role.members[name]
        return None

    def by_id(self, container_id: str) -> tuple[RoleState, Member] | None:
        """Find a member by container id."""
        for role in self.roles.values():
            for member in role.members.values():
                if member.container_id == container_id:
                    return role, member
        return None
