"""The planner in a world that breaks at random: what must hold at every moment, and at rest."""

from __future__ import annotations

from dataclasses import dataclass, field

from hypothesis import given, settings
from hypothesis import strategies as st

from autoscaler.model import ContainerState, Health, Member, StepKind
from autoscaler.plan import MemberView, RolePlan, RoleView, plan_role

HOOKS = frozenset({StepKind.AFTER_HEALTHY, StepKind.BEFORE_STOP})
WORK = (StepKind.START, StepKind.DRAIN, StepKind.STOP, *HOOKS)


@dataclass
class Model:
    """A container as it is; `listed` says NGINX may send it requests, `used` that it ever did."""

    order: int
    protected: bool = False
    state: ContainerState = ContainerState.CREATED
    able: bool = True
    ready: bool = False
    waits: int = 0
    failures: int = 0
    condemned: bool = False
    quarantine: int = 0
    awaited: int = 0
    listed: bool = False
    used: bool = False
    drained: bool = True
    busy: StepKind | None = None
    hooks_done: set[StepKind] = field(default_factory=set)
    stays: int = 0
    refuses: bool = False

    @property
    def name(self) -> str:
        """Its name."""
        return f"v{self.order}"

    @property
    def running(self) -> bool:
        """Whether it runs."""
        return self.state is ContainerState.RUNNING

    def view(self) -> MemberView:
        """Return what the planner sees of it."""
        member = Member(
            "validator", self.name, self.order, self.name, self.state, Health.NONE, "", 9003,
            protected=self.protected,
        )  # fmt: skip
        return MemberView(
            member,
            ready=self.running and self.ready,
            exposed=self.listed,
            published=self.listed and self.running,
            coming_up=self.running and not self.ready and not self.used and not self.condemned,
            condemned=self.condemned,
            quarantined=self.quarantine > 0,
            awaited=self.awaited > 0,
            drained=self.drained,
            busy=self.busy,
            hooks_due=HOOKS - self.hooks_done,
            stays=self.stays > 0,
        )

    def die(self) -> None:
        """End, for whatever reason."""
        self.state = ContainerState.EXITED
        self.ready = self.condemned = False
        self.busy = None


@dataclass
class Play:
    """A role under a planner: the steps are applied as an engine and an NGINX would."""

    boxes: list[Model]
    desired: int
    minimum: int
    maximum: int

    def view(self) -> RoleView:
        """Return what the planner sees."""
        members = tuple(box.view() for box in self.boxes)
        return RoleView("validator", self.desired, self.minimum, self.maximum, members)

    def box(self, name: str) -> Model:
        """Find a container."""
        return next(b for b in self.boxes if b.name == name)

    def turn(self, *, publish: bool = True) -> RolePlan:
        """Finish the work under way, plan, publish what should serve, begin the next steps."""
        for box in self.boxes:
            self.finish(box)
            self.age(box)
        plan = plan_role(self.view())
        places = sum(takes_place(b) for b in self.boxes)
        starts = [s for s in plan.steps if s.kind is StepKind.START]
        assert not starts or places + len(starts) <= self.maximum
        for name in plan.serve:
            assert self.box(name).running
            assert self.box(name).ready
            assert StepKind.AFTER_HEALTHY in self.box(name).hooks_done
            assert self.box(name).busy not in HOOKS
        if publish:
            for box in self.boxes:
                box.drained = box.drained and not box.listed
                box.listed = box.name in plan.serve
                box.used = box.used or box.listed
                box.drained = box.drained and not box.listed
        for step in plan.steps:
            if step.kind in WORK:
                self.begin(self.box(step.member), step.kind)
        return plan

    def begin(self, box: Model, kind: StepKind) -> None:
        """Begin a step, which has to be allowed."""
        assert box.busy is None
        if kind in HOOKS:
            assert not box.listed, "in a hook while it may get requests"
        if kind is StepKind.STOP:
            assert not box.stays, "stopped though it refused"
            assert not box.listed, "stopped while it may get requests"
            assert box.drained, "stopped with requests in it"
            assert not box.protected
            assert box.order != min(b.order for b in self.boxes)
            assert StepKind.BEFORE_STOP in box.hooks_done
        if kind is StepKind.START:
            assert not box.running
            assert not box.quarantine
            assert not box.awaited
        box.busy = kind

    def finish(self, box: Model) -> None:
        """Let the step under way have its effect."""
        kind, box.busy = box.busy, None
        if kind is StepKind.START:
            box.state = ContainerState.RUNNING
            box.ready, box.waits, box.used, box.drained = False, 0, False, True
            box.hooks_done.clear()
            box.stays = 0
        elif kind is StepKind.STOP:
            box.die()
        elif kind is StepKind.DRAIN:
            box.drained = not box.listed
        elif kind is StepKind.BEFORE_STOP and box.refuses:
            box.stays = 3
        elif kind is not None:
            box.hooks_done.add(kind)

    @staticmethod
    def age(box: Model) -> None:
        """Let time pass: readiness comes, quarantine and doubt go, a start can be too late."""
        box.quarantine = max(0, box.quarantine - 1)
        box.awaited = max(0, box.awaited - 1)
        box.stays = max(0, box.stays - 1)
        if not box.running:
            return
        box.awaited = 0
        box.ready = box.able
        box.waits += not box.ready
        if not box.ready and not box.used and box.waits > 2 and not box.condemned:
            box.condemned = not box.protected and box.order != 1
            box.quarantine = 2 * 2**box.failures
            box.failures = min(box.failures + 1, 4)


def takes_place(box: Model) -> bool:
    """Tell whether a container counts against the maximum."""
    return box.state not in {ContainerState.CREATED, ContainerState.EXITED} or (
        box.busy is StepKind.START
    )


TROUBLE = st.tuples(
    st.sampled_from(
        ["die", "sick", "well", "quarantine", "pause", "unpause", "wish", "nginx", "hand", "refuse"]
    ),
    st.integers(0, 4),
)


def trouble(play: Play, kind: str, number: int) -> None:
    """Let something happen that nobody asked the planner about."""
    box = play.boxes[number % len(play.boxes)]
    if kind == "wish":
        play.desired = play.minimum + number % (play.maximum - play.minimum + 1)
    elif kind == "die" and box.running:
        box.die()
        box.awaited = number % 3
    elif kind in {"sick", "well"}:
        box.able = kind == "well"
        box.ready = box.ready and box.able
    elif kind == "quarantine":
        box.quarantine = 5
    elif kind == "refuse":
        box.refuses = number % 2 == 0
    elif kind == "pause" and box.running and box.busy is None:
        box.state, box.ready = ContainerState.PAUSED, False
    elif kind == "unpause" and box.state is ContainerState.PAUSED:
        box.state = ContainerState.RUNNING
    elif kind == "hand" and box.busy is None and not box.running:
        box.state, box.ready, box.used, box.drained = ContainerState.RUNNING, False, False, True
        box.hooks_done.clear()


@st.composite
def plays(draw: st.DrawFn) -> Play:
    """Draw a role of one to five containers, some of them protected or running."""
    count = draw(st.integers(1, 5))
    minimum = draw(st.integers(1, count))
    maximum = draw(st.integers(minimum, count))
    boxes = [Model(n + 1, protected=draw(st.integers(0, 5)) == 5) for n in range(count)]
    for box in boxes:
        if draw(st.booleans()):
            box.state = ContainerState.RUNNING
    return Play(boxes, draw(st.integers(minimum, maximum)), minimum, maximum)


@settings(max_examples=120, deadline=None, derandomize=True)
@given(play=plays(), story=st.lists(st.tuples(TROUBLE, st.booleans()), max_size=25))
def test_no_promise_is_broken_whatever_happens(
    play: Play, story: list[tuple[tuple[str, int], bool]]
) -> None:
    """Deaths, sickness, pauses, wishes, hands and failed publishes: `Play` checks each step."""
    for (kind, number), publishes in story:
        trouble(play, kind, number)
        play.turn(publish=publishes and kind != "nginx")


@settings(max_examples=120, deadline=None, derandomize=True)
@given(play=plays(), story=st.lists(st.tuples(TROUBLE, st.booleans()), max_size=15))
def test_a_world_that_stays_still_comes_to_rest_as_wished(
    play: Play, story: list[tuple[tuple[str, int], bool]]
) -> None:
    """No step is left, and as many serve as are wished for or are never stopped.

    A paused container, a hook that refuses and a lasting failure are the world's; everything else
    is mended.
    """
    for (kind, number), publishes in story:
        trouble(play, kind, number)
        play.turn(publish=publishes and kind != "nginx")
    for box in play.boxes:
        box.able, box.refuses = True, False
        if box.state is ContainerState.PAUSED:
            box.state = ContainerState.RUNNING
    for _ in range(40):
        plan = play.turn()
    assert plan.steps == ()
    kept = sum(b.running and (b.protected or b.order == 1) for b in play.boxes)
    assert len(plan.serve) == max(play.desired, kept)
    assert {b.name for b in play.boxes if b.listed} == set(plan.serve)


@settings(max_examples=60, deadline=None, derandomize=True)
@given(play=plays(), broken=st.sets(st.integers(1, 5), max_size=4))
def test_members_that_never_become_healthy_cause_no_end_of_capacity(
    play: Play, broken: set[int]
) -> None:
    """However many spares are broken, every member that can answer and is wanted does in time."""
    for box in play.boxes:
        box.able = box.order not in broken
    best = 0
    for _ in range(60):
        best = max(best, len(play.turn().serve))
    well = sum(box.able for box in play.boxes)
    stuck = sum(b.running and not b.able and (b.protected or b.order == 1) for b in play.boxes)
    assert best >= min(play.desired, well, play.maximum - stuck)
