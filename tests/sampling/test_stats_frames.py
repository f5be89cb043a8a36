"""Frames of the engine's stats API, recorded and broken."""

from __future__ import annotations

import json
import math
from copy import deepcopy
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autoscaler.model import NoReading
from autoscaler.sampling.cpu import Missing
from autoscaler.sampling.docker import frame_age, memory_percent, parse_stats

RECORDED: dict[str, Any] = json.loads(
    Path(__file__).with_name("data").joinpath("stats_v1.json").read_text(encoding="utf-8")
)


def test_the_counter_is_read_from_a_first_frame_with_an_empty_predecessor() -> None:
    """`precpu_stats` is zero in it: its delta would be the whole life of the container."""
    outcome = parse_stats(RECORDED, 7.0)
    assert not isinstance(outcome, Missing)
    assert outcome[0].cpu_seconds == pytest.approx(0.764356775)
    assert outcome[0].at == 7.0


@pytest.mark.parametrize("key", ["system_cpu_usage", "online_cpus"])
def test_fields_some_engines_leave_out_are_not_needed(key: str) -> None:
    """Nor is `percpu_usage`, which cgroup v2 does not have."""
    frame = deepcopy(RECORDED)
    del frame["cpu_stats"][key]
    del frame["cpu_stats"]["cpu_usage"]["percpu_usage"]
    del frame["precpu_stats"]
    assert not isinstance(parse_stats(frame, 7.0), Missing)


@pytest.mark.parametrize(
    "usage",
    [
        {},
        {"total_usage": None},
        {"total_usage": ""},
        {"total_usage": "12"},
        {"total_usage": 0},
        {"total_usage": -5},
        {"total_usage": math.nan},
        {"total_usage": True},
        None,
    ],
)
def test_a_frame_without_a_usable_counter_is_no_counter(usage: object) -> None:
    """Never the number 0: an engine that knows no CPU time sends zero for ever."""
    outcome = parse_stats({"cpu_stats": {"cpu_usage": usage}}, 7.0)
    assert isinstance(outcome, Missing)
    assert outcome.reason is NoReading.NO_COUNTER


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: (
        st.lists(inner)
        | st.dictionaries(
            st.sampled_from(
                ["cpu_stats", "cpu_usage", "total_usage", "memory_stats", "usage", "read"]
            ),
            inner,
        )
    ),
)


@given(json_values)
def test_no_answer_of_an_engine_raises(frame: object) -> None:
    """Garbage gives a reason or a counter above zero."""
    outcome = parse_stats(frame, 7.0)
    assert isinstance(outcome, Missing) or outcome[0].cpu_seconds > 0
    assert isinstance(frame_age(frame, datetime.now(UTC)), float)


def test_memory_leaves_out_the_inactive_file_cache_as_docker_stats_does() -> None:
    """v1 calls it total_inactive_file, v2 inactive_file."""
    assert memory_percent(RECORDED["memory_stats"]) == pytest.approx(100 * 434176 / 67108864)
    v1 = {"usage": 500, "limit": 1000, "stats": {"total_inactive_file": 100, "inactive_file": 7}}
    v2 = {"usage": 500, "limit": 1000, "stats": {"inactive_file": 300}}
    assert (memory_percent(v1), memory_percent(v2)) == (40.0, 20.0)


@pytest.mark.parametrize("stats", [None, {}, {"usage": 5}, {"usage": 5, "limit": 0}, "x"])
def test_memory_that_is_not_told_is_unknown(stats: object) -> None:
    """Not zero."""
    assert memory_percent(stats) is None


def test_the_age_of_a_frame_is_known_to_the_millisecond() -> None:
    """The engine writes nanoseconds."""
    wall = datetime(2026, 11, 23, 23, 27, 22, 511_000, tzinfo=UTC)
    assert frame_age(RECORDED, wall) == pytest.approx(0.1, abs=0.001)


def test_a_frame_without_a_time_has_no_age() -> None:
    """The caller then takes the time of the answer."""
    assert math.isnan(frame_age({"read": "yesterday"}, datetime.now(UTC)))
