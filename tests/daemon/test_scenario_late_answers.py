"""Late health answers: load is told from death, and an overload never becomes an outage."""

from __future__ import annotations

from tests.daemon.conftest import World


def test_a_busy_member_that_answers_late_keeps_its_requests(world: World) -> None:
    """Its CPU is over the upper threshold: taking it out would push its load on the other."""
    world.grow(2).load("validator", 95.0)
    world.run(20.0)
    world.box("validator-2").late = True
    world.run(60.0)
    assert "validator-2" in world.served()
    assert [e["cpu_percent"] for e in world.told("member.slow")] == [95.0]
    assert not world.told("member.unhealthy")


def test_an_idle_member_that_answers_late_is_hung_and_leaves(world: World) -> None:
    """It uses no CPU, so it is not load: a spare takes its place."""
    world.grow(2).load("validator", 50.0)
    world.run(20.0)
    world.box("validator-2").late = True
    world.until(lambda: world.served() == ["validator-1", "validator-3"])
    assert not world.told("member.slow")


def test_where_all_answer_late_they_serve_rather_than_nobody(world: World) -> None:
    """Late answers are better than none; the replacement takes over when it is ready."""
    world.run(20.0).box("validator-1").late = True
    world.until(lambda: world.told("member.unhealthy"))
    assert world.served() == ["validator-1"]
    world.until(lambda: world.served() == ["validator-2"])
    assert world.told("member.started")


def test_the_only_member_that_answers_late_at_times_never_leaves(world: World) -> None:
    """Also when it did so too often and then is well: it is better than nobody all the time."""
    world.run(20.0)
    for name in ("validator-2", "validator-3"):
        world.box(name).answers = False
    only = world.box("validator-1")
    while not any(e["quarantine_seconds"] for e in world.told("member.unhealthy")):
        only.late = not only.late
        world.run(30.0)
    only.late = False
    world.run(60.0)
    assert world.served() == ["validator-1"]
    assert not world.told("member.unpublished")


def test_a_member_that_refuses_is_out_although_nobody_else_is_there(world: World) -> None:
    """A refusal is no late answer: such a request is better told 503."""
    world.run(20.0)
    for name in ("validator-1", "validator-2", "validator-3"):
        world.box(name).answers = False
    world.until(lambda: world.served() == [])
