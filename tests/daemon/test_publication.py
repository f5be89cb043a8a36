"""What NGINX may be serving, and when it is asked next."""

from __future__ import annotations

import pytest

from autoscaler.actuation.upstreams import Rendered
from autoscaler.daemon.publication import Endpoint, Publication

ONE, TWO = (Endpoint("validator", f"v{n}", f"10.0.0.{n}", 9003) for n in (1, 2))
MOVED = Endpoint("validator", "v2", "10.0.0.9", 9003)


def wanted(publication: Publication, generation: str, *endpoints: Endpoint) -> None:
    """Want a file with these members."""
    publication.want(Rendered(generation, "text"), endpoints)


@pytest.fixture
def publication() -> Publication:
    """Return one that was proven to serve v1 and v2 at second 100."""
    one = Publication()
    wanted(one, "g1", ONE, TWO)
    one.begin()
    one.succeeded("g1", 100.0, reloaded=True)
    return one


def leaves_two(publication: Publication) -> None:
    """Want v2 out and begin to publish that."""
    wanted(publication, "g2", ONE)
    publication.begin()


def test_before_the_first_proof_every_member_may_get_requests() -> None:
    """Nobody knows what NGINX serves."""
    assert Publication().exposed("validator", "v7")
    assert not Publication().published(ONE)


def test_after_a_proof_exactly_its_members_do(publication: Publication) -> None:
    """A third member does not."""
    assert publication.exposed("validator", "v2")
    assert not publication.exposed("validator", "v3")
    assert publication.published(TWO)


def test_a_member_at_another_address_is_not_published(publication: Publication) -> None:
    """Requests go to where it was."""
    assert not publication.published(MOVED)
    assert publication.exposed("validator", "v2")


def test_a_member_stays_exposed_until_its_absence_is_proven(publication: Publication) -> None:
    """Neither the wish nor the try counts."""
    leaves_two(publication)
    assert publication.exposed("validator", "v2")
    publication.succeeded("g2", 101.0, reloaded=True)
    assert not publication.exposed("validator", "v2")


def test_a_member_is_exposed_from_the_moment_its_file_is_tried() -> None:
    """The reload may be ahead of its proof."""
    one = Publication()
    wanted(one, "g1", ONE)
    one.begin()
    one.succeeded("g1", 1.0, reloaded=True)
    wanted(one, "g2", ONE, TWO)
    assert not one.exposed("validator", "v2")
    one.begin()
    assert one.exposed("validator", "v2")


def test_after_an_unproven_try_members_of_both_files_are_at_risk(publication: Publication) -> None:
    """NGINX may have taken the new one: v2 of the old and v3 of the new both count."""
    third = Endpoint("validator", "v3", "10.0.0.3", 9003)
    wanted(publication, "g2", ONE, third)
    publication.begin()
    publication.failed("not proven", 101.0, applied_maybe=True, unreachable=False)
    assert publication.exposed("validator", "v2")
    assert publication.exposed("validator", "v3")


def test_risk_adds_up_over_several_failed_tries(publication: Publication) -> None:
    """The second failure does not forget the first."""
    for n in (3, 4):
        wanted(publication, f"g{n}", Endpoint("validator", f"v{n}", f"10.0.0.{n}", 9003))
        publication.begin()
        publication.failed("not proven", 101.0, applied_maybe=True, unreachable=False)
    assert publication.exposed("validator", "v3")
    assert publication.exposed("validator", "v4")


def test_a_refused_file_puts_nobody_at_risk(publication: Publication) -> None:
    """The test failed, so nothing was reloaded."""
    wanted(publication, "g2", ONE, Endpoint("validator", "v3", "10.0.0.3", 9003))
    publication.begin()
    publication.failed("refused", 101.0, applied_maybe=False, unreachable=False)
    assert not publication.exposed("validator", "v3")


def test_a_proof_ends_all_risk(publication: Publication) -> None:
    """What is served is known again."""
    leaves_two(publication)
    publication.failed("not proven", 101.0, applied_maybe=True, unreachable=True)
    assert publication.unreachable
    publication.begin()
    publication.succeeded("g2", 102.0, reloaded=True)
    assert not publication.exposed("validator", "v2")
    assert (publication.error, publication.unreachable) == (None, False)


def test_nothing_is_due_while_the_wish_is_proven(publication: Publication) -> None:
    """No reload when nothing changed."""
    assert publication.due_at(2.0, urgent=False) is None


def test_a_change_waits_for_the_reload_interval(publication: Publication) -> None:
    """Two seconds after the last reload."""
    wanted(publication, "g2", ONE)
    assert publication.due_at(2.0, urgent=False) == 102.0


def test_an_urgent_change_does_not_wait(publication: Publication) -> None:
    """A dead member stands in the file."""
    wanted(publication, "g2", ONE)
    due = publication.due_at(2.0, urgent=True)
    assert due is not None
    assert due <= 100.0


def test_a_proof_without_a_reload_does_not_push_the_interval(publication: Publication) -> None:
    """Only reloads cost anything."""
    wanted(publication, "g2", ONE)
    publication.begin()
    publication.succeeded("g2", 150.0, reloaded=False)
    wanted(publication, "g3", TWO)
    assert publication.due_at(2.0, urgent=False) == 102.0


def test_one_publish_at_a_time(publication: Publication) -> None:
    """A wish that changes meanwhile waits for the outcome."""
    leaves_two(publication)
    wanted(publication, "g3", TWO)
    assert publication.due_at(2.0, urgent=True) is None
    publication.succeeded("g2", 101.0, reloaded=True)
    assert not publication.settled
    assert publication.due_at(2.0, urgent=False) == 103.0


def test_a_failed_publish_is_tried_again_with_back_off_though_nothing_changed(
    publication: Publication,
) -> None:
    """0.5 s, doubling to 15 s, also for urgent ones."""
    wanted(publication, "g2", ONE)
    seconds = []
    for _ in range(7):
        publication.begin()
        seconds.append(publication.failed("no", 200.0, applied_maybe=False, unreachable=False))
        assert publication.due_at(2.0, urgent=True) == 200.0 + seconds[-1]
    assert seconds == [0.5, 1.0, 2.0, 4.0, 8.0, 15.0, 15.0]


def test_an_outage_of_any_length_is_only_waited_for(publication: Publication) -> None:
    """NGINX away for four hours is more than a thousand tries; 2.0**1024 is no float."""
    for _ in range(1100):
        leaves_two(publication)
        publication.failed("no answer", 110.0, applied_maybe=False, unreachable=True)
    assert publication.due_at(2.0, urgent=True) == 125.0


def test_failures_in_a_row_tell_for_how_long_nothing_was_published(
    publication: Publication,
) -> None:
    """From the first of them until it works again."""
    assert publication.failed_for(110.0) == 0
    for now in (110.0, 112.0):
        leaves_two(publication)
        publication.failed("no answer", now, applied_maybe=False, unreachable=True)
    assert publication.failed_for(117.5) == 7.5
    leaves_two(publication)
    publication.succeeded("g2", 118.0, reloaded=True)
    assert publication.failed_for(130.0) == 0


def test_doubt_makes_the_same_file_due_again_and_keeps_what_may_be_served(
    publication: Publication,
) -> None:
    """NGINX no longer answers: nobody counts as published, everybody stays exposed."""
    publication.doubt()
    assert publication.due_at(2.0, urgent=True) == 0.0
    assert not publication.published(ONE)
    assert publication.exposed("validator", "v1")


def test_beginning_without_a_wish_is_a_defect() -> None:
    """There is nothing to publish."""
    with pytest.raises(RuntimeError, match="nothing to publish"):
        Publication().begin()


def test_a_doubt_ends_the_wait_after_failures(publication: Publication) -> None:
    """NGINX or the engine has begun anew, so what failed may work now."""
    leaves_two(publication)
    publication.failed("no answer", 200.0, applied_maybe=True, unreachable=True)
    assert publication.due_at(2.0, urgent=True) == 200.5
    publication.doubt()
    assert publication.due_at(2.0, urgent=True) == 0.0
