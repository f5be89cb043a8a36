"""What a stop by somebody else turns out to be."""

from __future__ import annotations

from dataclasses import replace

import pytest

from autoscaler.daemon.hands import Hands, Verdict
from autoscaler.model import ContainerState, Health, Member

UP = Member("validator", "v2", 2, "id-2", ContainerState.RUNNING, Health.NONE, "t1", 9003)
DOWN = replace(UP, state=ContainerState.EXITED)


@pytest.fixture
def hands() -> Hands:
    """Return watching hands that saw v2 go down at second 100, told by an event."""
    watching = Hands(settle=15.0)
    watching.went_down(UP, 100.0, told=True)
    return watching


def test_a_stop_that_stays_for_the_settling_time_is_accepted(hands: Hands) -> None:
    """Clear at 15 s after the last change, not before."""
    hands.stop_event("v2", "id-2", 100.2)
    assert hands.verdicts({"v2": DOWN}, 115.1) == {}
    assert hands.verdicts({"v2": DOWN}, 115.2) == {"v2": Verdict.ACCEPTED}
    assert not hands.awaits("v2")


def test_a_death_without_a_stop_event_is_repaired_after_a_second(hands: Hands) -> None:
    """It crashed."""
    assert hands.verdicts({"v2": DOWN}, 100.9) == {}
    assert hands.verdicts({"v2": DOWN}, 101.0) == {"v2": Verdict.REPAIRED}


def test_another_container_of_the_name_is_nobodys_stop(hands: Hands) -> None:
    """It was made anew."""
    hands.stop_event("v2", "id-2", 100.2)
    anew = replace(DOWN, container_id="id-9")
    assert hands.verdicts({"v2": anew}, 100.3) == {"v2": Verdict.REPLACED}


def test_a_vanished_container_is_nobodys_stop(hands: Hands) -> None:
    """It may come back under the name any moment."""
    assert hands.verdicts({}, 100.3) == {"v2": Verdict.REPLACED}


def test_a_stop_event_of_another_container_proves_nothing(hands: Hands) -> None:
    """Only the same id counts."""
    hands.stop_event("v2", "id-9", 100.2)
    assert hands.verdicts({"v2": DOWN}, 101.0) == {"v2": Verdict.REPAIRED}


def test_a_change_elsewhere_puts_the_verdict_off(hands: Hands) -> None:
    """The settling time begins anew."""
    hands.stop_event("v2", "id-2", 100.2)
    hands.changed(110.0)
    assert hands.next_at() == 125.0
    assert hands.verdicts({"v2": DOWN}, 124.9) == {}


def test_an_interrupted_event_stream_ends_all_watching(hands: Hands) -> None:
    """Events were missed: nothing is taken for a wish."""
    hands.stop_event("v2", "id-2", 100.2)
    hands.disconnected()
    assert hands.verdicts({"v2": DOWN}, 200.0) == {}
    assert hands.next_at() is None


def test_a_stop_event_alone_begins_no_watching() -> None:
    """The late event of a stop of ours is no change by hand."""
    hands = Hands(15.0)
    hands.stop_event("v2", "id-2", 100.0)
    assert not hands.awaits("v2")


@pytest.mark.parametrize(
    ("told", "stop", "anew", "crashed"),
    [
        (True, False, False, True),
        (True, True, False, False),
        (False, False, False, False),
        (True, False, True, False),
    ],
    ids=["event without stop", "docker restart", "only a look saw it", "another container"],
)
def test_a_run_that_follows_a_death_tells_whether_it_was_a_crash(
    told: bool, stop: bool, anew: bool, crashed: bool
) -> None:
    """The engine's restart policy revived it, and only an event without a stop proves that."""
    hands = Hands(15.0)
    hands.went_down(UP, 100.0, told=told)
    if stop:
        hands.stop_event("v2", "id-2", 100.1)
    assert hands.came_up(replace(UP, container_id="id-9") if anew else UP) is crashed
    assert not hands.awaits("v2")
