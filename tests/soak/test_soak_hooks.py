"""The soak's rules about hooks: each notices what it is for, and nothing else."""

from __future__ import annotations

import pytest

from tests.faults.hook_marks import JOINED, LEFT, leaves
from tests.soak.hooks import HookRules
from tests.soak.looks import Look
from tests.soak.troubles import LISTED_SECONDS, Ledger, Trouble

NAME = "web-2"
ROLE = frozenset({"web"})


class Story:
    """Tells the rules what happens to one member, and keeps what they said."""

    def __init__(self) -> None:
        self.rules = HookRules({"web"})
        self.ledger = Ledger()
        self.told: list[str] = []

    def started(self, at: float, *, by_hand: bool = False) -> None:
        """A run begins."""
        self.rules.began(NAME, at, by_hand=by_hand)

    def hook(self, mark: str, at: float, *, code: int = 0, seconds: float = 0.1) -> None:
        """A hook ends at a moment."""
        command = leaves(mark).removeprefix("exec: ")
        self.rules.command(NAME, f"exec_create: {command}", at - seconds, {"execID": "x"})
        self.rules.command(NAME, "exec_die", at, {"execID": "x", "exitCode": str(code)})

    def look(self, at: float, *, listed: bool) -> None:
        """NGINX lists the member, or does not."""
        names = {NAME: "10.0.0.2"} if listed else {}
        self.told += self.rules.look(Look(at, {}, {"web": names}, True, at), self.ledger)

    def looks(self, begin: float, end: float) -> None:
        """NGINX lists the member for a while."""
        for step in range(int((end - begin) / 0.2)):
            self.look(begin + 0.2 * step, listed=True)

    def stopped(self) -> None:
        """The daemon stops it."""
        self.told += self.rules.stop(NAME, "web")


@pytest.fixture
def serving() -> Story:
    """A member that was started, joined and serves."""
    story = Story()
    story.look(0.5, listed=False)
    story.started(1.0)
    story.hook(JOINED, 1.5)
    story.looks(1.6, 3.0)
    return story


def test_a_member_that_joins_serves_leaves_and_is_stopped_breaks_no_rule(serving: Story) -> None:
    """A stop that its hook refused at first included."""
    serving.look(3.2, listed=False)
    serving.hook(LEFT, 4.0, code=3)
    serving.looks(4.2, 5.0)
    serving.look(5.2, listed=False)
    serving.hook(LEFT, 6.5)
    serving.stopped()
    assert serving.told == []
    assert serving.rules.done == {JOINED: 1, LEFT: 1, f"not {LEFT}": 1}


def test_a_stop_after_a_hook_that_failed_is_told(serving: Story) -> None:
    """Or without any."""
    serving.hook(LEFT, 4.0, code=3)
    serving.stopped()
    assert serving.told == [f"{NAME} was stopped before its hook before stop had succeeded"]


def test_a_hook_before_stop_is_for_one_run_and_one_service(serving: Story) -> None:
    """A member that is started anew, or joins again, has to be let go again."""
    serving.look(3.2, listed=False)
    serving.hook(LEFT, 4.0)
    serving.hook(JOINED, 5.0)
    serving.looks(5.2, 6.0)
    serving.stopped()
    serving.started(10.0)
    serving.hook(JOINED, 10.5)
    serving.looks(10.6, 12.0)
    serving.stopped()
    assert len(serving.told) == 2


def test_a_member_that_was_never_in_service_may_be_stopped_without_a_hook() -> None:
    """It had nothing to hand over."""
    story = Story()
    story.started(1.0)
    story.look(2.0, listed=False)
    story.stopped()
    assert story.told == []


@pytest.mark.parametrize("joined", [None, 3.0])
def test_requests_before_the_hook_after_healthy_are_told(joined: float | None) -> None:
    """Whether it comes later or never; one look alone may be ahead of the engine's events."""
    story = Story()
    story.started(1.0)
    story.look(2.0, listed=False)
    story.look(2.2, listed=True)
    assert story.told == []
    if joined is not None:
        story.hook(JOINED, joined)
    story.look(3.2, listed=True)
    assert story.told == [f"{NAME} got requests before its hook after healthy had succeeded"]


def test_requests_to_a_member_that_has_left_are_told(serving: Story) -> None:
    """Wanted again, it has to join again."""
    serving.look(3.2, listed=False)
    serving.hook(LEFT, 4.0)
    serving.look(5.0, listed=True)
    serving.look(5.2, listed=True)
    assert "before its hook after healthy" in serving.told[0]


@pytest.mark.parametrize(("killed", "breaks"), [(4.5, False), (9.0, True)])
def test_a_leave_that_could_not_be_recorded_may_be_forgotten_with_the_daemon(
    serving: Story, killed: float, *, breaks: bool
) -> None:
    """History was locked from 3.0 to 6.0: the daemon was killed meanwhile, or could store it."""
    serving.ledger.unrecorded.append((3.0, 6.0))
    away = Trouble("daemon killed", ROLE, killed, unseen=True, of_all=True, closed=killed + 1.0)
    serving.ledger.all.append(away)
    serving.look(3.2, listed=False)
    serving.hook(LEFT, 4.0)
    serving.look(11.0, listed=True)
    serving.look(11.2, listed=True)
    assert bool(serving.told) is breaks


def test_a_member_that_was_restarted_and_stays_listed_must_join(serving: Story) -> None:
    """The list may be behind for a moment."""
    serving.started(3.0, by_hand=True)
    serving.looks(3.2, 2.8 + LISTED_SECONDS)
    assert serving.told == []
    serving.looks(3.0 + LISTED_SECONDS, 5.0 + LISTED_SECONDS)
    assert "although its hook after healthy has not" in serving.told[0]


def test_a_run_begun_by_hand_that_no_daemon_saw_is_in_service() -> None:
    """One that the daemon began owes its hook whoever looks."""
    for by_hand in (True, False):
        story = Story()
        away = Trouble("daemon killed", ROLE, 1.5, unseen=True, of_all=True, closed=4.0)
        story.ledger.all.append(away)
        story.look(0.5, listed=False)
        story.started(2.0, by_hand=by_hand)
        story.look(5.0, listed=True)
        story.look(5.2, listed=True)
        assert bool(story.told) is not by_hand


def test_a_hook_that_took_as_long_as_the_daemon_waits_is_not_judged(serving: Story) -> None:
    """It may count as failed or not."""
    serving.hook(LEFT, 8.0, seconds=3.0)
    serving.stopped()
    serving.looks(8.2, 9.0)
    assert serving.told == []
