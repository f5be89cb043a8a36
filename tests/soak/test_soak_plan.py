"""The plan of a soak run is a pure function of its seed."""

from __future__ import annotations

import pytest

from tests.soak.plan import OF_DAEMON, PEAK_RATES, ROLES, WITH_SPARES_ONLY, Kind, make_plan


def test_the_same_seed_gives_the_same_plan() -> None:
    """A failure can be repeated."""
    assert make_plan(7, 600.0) == make_plan(7, 600.0)


def test_another_seed_gives_another_plan() -> None:
    """Both the load and the faults differ."""
    one, other = make_plan(1, 600.0), make_plan(2, 600.0)
    assert one.segments != other.segments
    assert one.faults != other.faults


@pytest.mark.parametrize("seed", range(20))
def test_every_fault_of_the_list_occurs(seed: int) -> None:
    """Eight minutes hold at least one whole deck, whatever the seed."""
    assert {fault.kind for fault in make_plan(seed, 480.0).faults} == set(Kind)


def test_the_daemon_is_left_alone_in_the_second_half() -> None:
    """One life is as long as half the run, so that growth would show."""
    late = [f for f in make_plan(3, 1200.0).faults if f.at > 600.0]
    assert late
    assert not OF_DAEMON.intersection(f.kind for f in late)


def test_faults_of_spares_go_to_roles_that_have_some() -> None:
    """The fixed role of one member has no spare."""
    faults = make_plan(4, 3600.0).faults
    assert all(ROLES[f.role] > 1 for f in faults if f.kind in WITH_SPARES_ONLY)


def test_the_load_is_bounded() -> None:
    """No role gets more than its peak, and all together stay below 200 requests a second."""
    for segment in make_plan(5, 3600.0).segments:
        assert all(0 < rate <= PEAK_RATES[role] for role, rate in segment.rates.items())
        assert sum(segment.rates.values()) < 200
