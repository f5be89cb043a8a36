"""`kill -9` of the daemon at every step of a grow and of a shrink, before and after each effect."""

from __future__ import annotations

import signal
import sqlite3
from typing import TYPE_CHECKING, cast

import pytest

from autoscaler.clock import SystemClock
from autoscaler.daemon.actions import Actions
from autoscaler.daemon.history import NoHistory
from autoscaler.daemon.journal import Journal
from autoscaler.daemon.roles import Now, make_role
from autoscaler.daemon.worker import Pool
from autoscaler.model import ContainerState, Health, Member, Step, StepKind
from autoscaler.settings import load
from tests.e2e.harness import BY_HAND, path, role
from tests.e2e.waiting import until
from tests.faults.counts import has, nginx_agrees, nothing_failed, runs, wish
from tests.faults.hook_marks import JOINED, LEFT, MARKING, marks
from tests.faults.kill_points import POINTS, PROGRAM, points

if TYPE_CHECKING:
    from autoscaler.daemon.ports import Parts
    from tests.e2e.conftest import MakeHost
    from tests.e2e.harness import Host
    from tests.faults.kill_points import Point

RATE = 60.0
LONG = path("validator").partition("?")[0]
LONG_MS = 700.0
LINGERS = {3: {"NODE_LINGER": "3"}}


class _NoPool(Pool):
    """Runs no job."""

    def submit(self, *_job: object) -> None:
        """Forget the job."""


def _begins(kind: StepKind) -> bool:
    """Whether the daemon's actions carry out such a step."""
    clock = SystemClock()
    settings = load(None, {"AUTOSCALER_PROJECT": "x", "AUTOSCALER_NGINX__CONTAINER": "x"}).settings
    state = make_role("validator", settings, None, Now.of(clock, "boot"))
    running = ContainerState.RUNNING
    state.members["a"] = Member("validator", "a", 1, "id", running, Health.NONE, "now", 9003)
    actions = Actions(
        Journal(NoHistory(), clock), NoHistory(), _NoPool(1, lambda _: None, "none"), lambda: None
    )
    parts = cast("Parts", None)  # only the jobs, which never run, would use them
    return actions.begin(parts, state, Step(kind, "validator", "a", "asked"))


def test_every_kind_of_step_has_kill_points() -> None:
    """Those that the actions carry out by the code's own word, publishing, and the wait that only
    probes: these are all there are, and each has a point before and after its effect.
    """
    others = {StepKind.PUBLISH, StepKind.UNPUBLISH, StepKind.WAIT_HEALTHY}
    have_effect = {kind for kind in StepKind if _begins(kind)} | others
    assert have_effect == set(POINTS), "give each of them a line in kill_points.POINTS"
    assert set(POINTS) == set(StepKind)
    assert all({"before", "after"} <= set(moments) for moments in POINTS.values())


@pytest.fixture(scope="module")
def host(make_shared_host: MakeHost) -> Host:
    """A host under load with both hooks, whose third member ends only 3 s after it is told to."""
    made = make_shared_host(
        role("validator", 3, member_env=LINGERS, settings={**BY_HAND, **MARKING}),
    )
    made.start()
    made.load(RATE, "validator")
    return made


@pytest.mark.engine
def test_a_grow_and_a_shrink_record_no_action_without_kill_points(host: Host) -> None:
    """What history tells of both is exactly the kinds with points, and the wait, which is none."""
    has(host, 2)
    has(host, 1)

    def recorded() -> set[str]:
        database = sqlite3.connect(host.stack.directory / "state" / "history.db")
        with database:
            rows = database.execute("SELECT DISTINCT action FROM actions WHERE outcome = 'ok'")
            return {str(action) for (action,) in rows}

    until(lambda: recorded() >= {kind.value for kind in POINTS if kind.value != "wait_healthy"}, "")
    assert recorded() == {kind.value for kind in POINTS} - {StepKind.WAIT_HEALTHY.value}


@pytest.mark.engine
@pytest.mark.parametrize("point", points(), ids=str)
def test_a_daemon_killed_at_any_step_is_followed_by_one_that_ends_what_it_began(
    host: Host, point: Point
) -> None:
    """Both under load: the wished count is reached and NGINX itself serves it, no request fails,
    nothing is started or stopped because of the restart, its hook has run at least once, and what
    was under way is told.
    """
    number = 3 if point.moment == "underway" else 2
    target = host.name("validator", number)
    before, wished = (number - 1, number) if point.grows else (number, number - 1)
    has(host, before)
    load = host.loads[0]
    marked = marks(host.stack.container(target))
    host.daemon.kill()
    wish(host, wished)

    killed = host.launch(program=(PROGRAM, str(point), target))
    long = [] if point.grows else [load.long_request(LONG, LONG_MS) for _ in range(before)]
    assert killed.wait(20) == -signal.SIGKILL, f"{point} was never reached"
    were = runs(host)
    after = host.launch()

    host.wait_published("validator", *range(1, wished + 1))
    nginx_agrees(host)
    kept = {name: run for name, run in were.items() if point.grows or name != target}
    assert kept.items() <= runs(host).items()
    stopped = {e.fields["member"] for e in after.of("member.stopped")}
    assert stopped <= (set() if point.grows else {target})
    assert all(future.result().ok for future in long)
    if point.moment != "before" and point.kind is not StepKind.WAIT_HEALTHY:
        (told,) = after.of("action.interrupted", member=target, action=point.kind.value)
        assert "the daemon ended while it was under way" in told.fields["reason"]
    ran = marks(host.stack.container(target))[len(marked) :]
    assert ran in _hooked(point)
    nothing_failed(load)


def _hooked(point: Point) -> list[list[str]]:
    """Return the marks that may be left: one, and two where the hook may have run unrecorded."""
    once = [JOINED] if point.grows else [LEFT]
    if point.kind in {StepKind.AFTER_HEALTHY, StepKind.BEFORE_STOP}:
        return [once] if point.moment == "before" else [once * 2]
    return [once, once * 2]
