"""Durations: what may be written and how they are shown."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autoscaler.settings.durations import read_duration, show_duration
from autoscaler.settings.kinds import number


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("300", 300.0),
        ("300s", 300.0),
        ("5m", 300.0),
        ("1h30m", 5400.0),
        ("1h 30m", 5400.0),
        ("5 m", 300.0),
        ("250ms", 0.25),
        ("1m250ms", 60.25),
        ("1.5s", 1.5),
        ("2.5", 2.5),
        ("1d", 86400.0),
        ("5M", 300.0),
        ("0", 0.0),
    ],
)
def test_every_form_is_read(text: str, seconds: float) -> None:
    """A bare number is seconds; units may be combined, largest first."""
    assert read_duration(text) == seconds


@pytest.mark.parametrize(
    "text",
    [
        *("5x", "m", "5m5", "30m1h", "1,5s", "nan", "inf", "-5", "-5s", "1e3", "", "5 minutes"),
        *("٣s", "70 40", "1 2s", "1. 5s", "1 .5s"),
    ],
)
def test_anything_else_is_refused(text: str) -> None:
    """Nothing is guessed: units out of order, exponents, commas and split numbers are mistakes."""
    with pytest.raises(ValueError, match=r"not a duration|negative"):
        read_duration(text)


@given(st.floats(min_value=0, max_value=1e9))
def test_a_shown_duration_reads_back_the_same(seconds: float) -> None:
    """What `check` prints can be pasted into the env file."""
    assert read_duration(show_duration(seconds)) == seconds


@given(st.floats(min_value=0, max_value=1e9))
def test_a_shown_number_reads_back_the_same(value: float) -> None:
    """Also one so small that Python would write it with an exponent."""
    kind = number(0, 1e9, "a number")
    assert kind.validate(kind.show(value)) == value


@pytest.mark.parametrize(
    ("seconds", "text"), [(300, "5m"), (90, "90s"), (3600, "1h"), (0.25, "250ms"), (0, "0s")]
)
def test_a_duration_is_shown_short(seconds: float, text: str) -> None:
    """The largest unit that keeps it whole is used."""
    assert show_duration(seconds) == text
