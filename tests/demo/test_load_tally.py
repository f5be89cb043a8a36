"""Counts and percentiles of a load."""

from __future__ import annotations

import pytest

from autoscaler.demo.tally import Histogram, Outcome, Tally


def test_percentiles_are_right_within_two_percent() -> None:
    """Of 1 to 1000 ms the percentiles are the nearest-rank values, at most 2 % too high."""
    histogram = Histogram()
    for milliseconds in range(1, 1001):
        histogram.add(milliseconds)
    found = histogram.percentiles()
    for name, exact in {"p50": 500, "p90": 900, "p99": 990, "p99.9": 999, "max": 1000}.items():
        assert exact <= found[name] * 1.0001
        assert found[name] == pytest.approx(exact, rel=0.021)


def test_no_latencies_give_no_percentiles() -> None:
    """An empty histogram has no percentiles rather than zeros."""
    assert Histogram().percentiles() == {}


def test_only_the_first_examples_are_kept() -> None:
    """All failures are counted, ten are described."""
    tally = Tally()
    for number in range(25):
        tally.count(Outcome("timeout"), f"GET /{number}", float(number))
    report = tally.report(0)
    assert (report.failed, report.failures, len(report.examples)) == (25, {"timeout": 25}, 10)
    assert report.examples[0] == "at 0.000 s: GET /0: timeout"
