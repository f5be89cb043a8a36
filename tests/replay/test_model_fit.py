"""How well the model of load on another count meets what was recorded."""

from __future__ import annotations

from pathlib import Path

import pytest

from autoscaler.model import MemberLoad
from autoscaler.replay.fit import Fit
from autoscaler.replay.from_csv import csv_file
from autoscaler.replay.recorded import Round
from autoscaler.replay.source import Span

SETTLE = 10.0
REAL_RUN = Path(__file__).parent / "data" / "steady_load.csv"
"""Readings of the real daemon on a real engine: 40 requests a second, counts set by hand."""


def a_round(at: float, *cpus: float | None, warming: bool = False, ready: bool = True) -> Round:
    """Return a round whose members show these percents."""
    loads = tuple(MemberLoad(f"v{n}", cpu, ready, warming) for n, cpu in enumerate(cpus))
    return Round("validator", at, at, loads, len(cpus))


def fit_of(*rounds: Round) -> Fit:
    """Return the fit over these rounds."""
    fit = Fit()
    for one in rounds:
        fit.take(one, SETTLE)
    return fit


def test_the_mean_after_a_change_is_compared_with_the_load_before_it() -> None:
    """80 on one is 40 each on two by the model; it became 43: 3 points."""
    fit = fit_of(a_round(0, 80), a_round(5, 80, 0), a_round(10, 46, 40), a_round(20, 46, 40))
    assert (fit.changes, fit.mean_error, fit.largest) == (1, 3.0, 3.0)


def test_members_that_warm_up_are_waited_for() -> None:
    """And then until no reading reaches back to before."""
    fit = fit_of(
        a_round(0, 60, 60),
        a_round(5, 60, 60, 0, warming=True),
        a_round(10, 20, 20, 90, warming=True),
        a_round(15, 40, 40, 90),
        a_round(25, 42, 40, 41),
    )
    assert (fit.changes, fit.largest) == (1, 1.0)


@pytest.mark.parametrize(
    "rounds",
    [
        (a_round(0, 99), a_round(5, 50, 50), a_round(30, 50, 50)),  # what it lacked is unknown
        (a_round(0, None), a_round(5, 50, 50), a_round(30, 50, 50)),
        (a_round(0, 50, ready=False), a_round(5, 50, 50), a_round(30, 50, 50)),
        (a_round(0, 50), a_round(5, 25, 25), a_round(400, 25, 25)),  # another load by then
        (a_round(0, 50), a_round(5, 25, None), a_round(12, 25, None), a_round(25, 25, None)),
        (a_round(0, 50), a_round(5, 25, 25), a_round(9, 50)),  # undone before it settled
    ],
)
def test_what_cannot_be_compared_does_not_count(rounds: tuple[Round, ...]) -> None:
    """No number is better than a wrong one."""
    fit = fit_of(*rounds)
    assert fit.changes == 0
    assert fit.mean_error is None


def test_the_model_meets_a_real_run_under_a_steady_load() -> None:
    """1, 2, 3, 2, 1, 3, 1 members: within one point at every change."""
    recording = csv_file(REAL_RUN, Span(("validator",)), ("validator",))
    fit = Fit()
    for one in recording.rounds():
        fit.take(one, SETTLE)
    assert fit.changes == 6
    assert fit.largest < 1.0
