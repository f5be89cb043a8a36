"""What answers of Prometheus say about members: a percentage, or a named reason."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from autoscaler.model import ContainerState, Health, Member, NoReading, PublishedPort
from autoscaler.sampling.cpu import Missing
from autoscaler.sampling.promanswer import judge, parse_vector
from autoscaler.sampling.promql import PART, Query, literal, query_for
from autoscaler.sampling.promtrouble import Answer, judge_answer
from autoscaler.sampling.promvalue import Limits, Series

if TYPE_CHECKING:
    from collections.abc import Sequence

NOW = 1_000_000.0
LIMITS = Limits(15.0, 30.0)
ASKED = Query("q", hint="is it scraped?")
JSON = {"Content-Type": "application/json"}


def member(name: str, digit: str = "a", ip: str = "10.0.0.2", host_port: int = 0) -> Member:
    """Return a running member that may use two cores."""
    published = (PublishedPort(9003, "0.0.0.0", host_port),) if host_port else ()  # noqa: S104 - as the engine says it
    return Member(
        role="validator",
        name=name,
        order=1,
        container_id=digit * 64,
        state=ContainerState.RUNNING,
        health=Health.NONE,
        started_at="now",
        port=9003,
        addresses=(("net", ip),),
        published=published,
        allowed_cpus=2.0,
    )


def parts(
    cores: float | None,
    at: float = NOW,
    limit: float | None = None,
    since: float | None = None,
    **labels: str,
) -> list[Series]:
    """Return the series of one container as a dialect's query gives them; None: it was not there
    before.
    """
    before = at - 15 if since is None else since
    values = {"at": at, "limit": limit} | (
        {} if cores is None else {"used": cores * (at - before), "since": before}
    )
    return [
        Series({**labels, PART: part}, value, NOW)
        for part, value in values.items()
        if value is not None
    ]


def one(series: Sequence[Series], *, custom: bool = False) -> float | Missing:
    """Judge the series of a role with the one member `v1`."""
    return judge([member("v1")], series, LIMITS, replace(ASKED, custom=custom))["v1"]


def reason(outcome: float | Missing) -> NoReading:
    """Return why there is no percentage."""
    assert isinstance(outcome, Missing), outcome
    assert outcome.detail
    return outcome.reason


def test_cores_used_are_percent_of_the_limit_prometheus_knows() -> None:
    """Half a core of a limit of one is 50 %, whatever the engine says of the member."""
    assert one(parts(0.5, limit=1.0, name="v1")) == 50.0


@pytest.mark.parametrize("limit", [None, -1.0, math.nan])
def test_without_a_limit_the_member_s_allowed_cpus_count(limit: float | None) -> None:
    """Half a core of two allowed ones is 25 %; a quota of -1 is none."""
    assert one(parts(0.5, limit=limit, name="v1")) == 25.0


@pytest.mark.parametrize(
    "labels",
    [
        {"name": "v1"},
        {"name": "/v1"},
        {"id": "/docker/" + "a" * 64},
        {"id": f"/system.slice/docker-{'a' * 64}.scope", "name": ""},
        {"name": "a" * 64},
        {"instance": "10.0.0.2:9003"},
        {"instance": "v1:8080"},
    ],
)
def test_a_series_finds_its_member_by_id_name_or_instance(labels: dict[str, str]) -> None:
    """Also on Docker 29, where cAdvisor knows no names."""
    assert one(parts(0.5, NOW, None, None, **labels)) == 25.0


def test_a_published_port_finds_its_member() -> None:
    """Where Prometheus scrapes the host's ports, the port tells the member."""
    found = judge([member("v1", host_port=19003)], parts(1.0, instance="host:19003"), LIMITS, ASKED)
    assert found["v1"] == 50.0


def test_the_series_of_a_replaced_container_does_not_count() -> None:
    """Its name is the member's, its id is not."""
    old = parts(1.9, name="v1", id="/docker/" + "b" * 64)
    assert one([*old, *parts(0.5, name="v1", id="/docker/" + "a" * 64)]) == 25.0


@pytest.mark.parametrize(
    ("series", "expected"),
    [
        ([], NoReading.EMPTY),
        (parts(0.5, name="other"), NoReading.EMPTY),
        (parts(0.5, name="", instance="cadvisor:8080"), NoReading.EMPTY),
        (parts(math.nan, name="v1"), NoReading.NOT_A_NUMBER),
        (parts(math.inf, name="v1"), NoReading.NOT_A_NUMBER),
        (parts(-0.1, name="v1"), NoReading.COUNTER_WENT_BACK),
        (parts(1e6, name="v1"), NoReading.NOT_A_NUMBER),
        (parts(0.5, at=NOW - 31, name="v1"), NoReading.STALE),
        (parts(0.5, at=math.nan, name="v1"), NoReading.STALE),
        (parts(None, name="v1"), NoReading.TOO_FEW_SAMPLES),
        (parts(0.5, since=NOW, name="v1"), NoReading.TOO_FEW_SAMPLES),
        (parts(0.5, since=NOW - 7, name="v1"), NoReading.TOO_FEW_SAMPLES),
        (parts(0.5, since=NOW - 31, name="v1"), NoReading.STALE),
        ([*parts(0.5, name="v1"), *parts(0.6, name="v1", job="b")], NoReading.AMBIGUOUS),
    ],
)
def test_what_is_no_number_is_a_named_reason(series: list[Series], expected: NoReading) -> None:
    """Never the number 0."""
    assert reason(one(series)) is expected


STARTED = datetime.fromtimestamp(NOW - 10, UTC).isoformat()


@pytest.mark.parametrize(
    ("series", "expected"),
    [
        (parts(None), NoReading.FIRST_SIGHT),
        (parts(0.5), NoReading.RESTARTED),
        (parts(0.5, at=NOW - 12), NoReading.RESTARTED),
    ],
)
def test_counters_of_the_run_before_are_no_reading_of_this_one(
    series: list[Series], expected: NoReading
) -> None:
    """The member was started 10 s ago: neither a window that began before, nor an old scrape."""
    young = replace(member("v1"), started_at=STARTED)
    series = [replace(one, labels={**one.labels, "name": "v1"}) for one in series]
    assert reason(judge([young], series, LIMITS, ASKED)["v1"]) is expected


def test_a_window_may_be_longer_than_asked_for_and_counts_as_what_it_is() -> None:
    """Scrapes rarely lie exactly that far apart: 10 CPU seconds in 20 s are half a core."""
    assert one(parts(0.5, since=NOW - 20, name="v1")) == 25.0


def test_a_clock_that_differs_is_named() -> None:
    """A start that lies ahead of Prometheus' clock is no start."""
    ahead = datetime.fromtimestamp(NOW + 60, UTC).isoformat()
    found = judge([replace(member("v1"), started_at=ahead)], parts(0.5, name="v1"), LIMITS, ASKED)
    assert isinstance(found["v1"], Missing)
    assert "clocks" in found["v1"].detail


def test_two_series_of_one_member_are_shown_by_what_tells_them_apart() -> None:
    """And not by the labels they share."""
    found = one([*parts(0.5, name="v1", job="a"), *parts(0.6, name="v1", job="b")])
    assert isinstance(found, Missing)
    assert '{job="a"} and {job="b"}' in found.detail


def test_a_series_that_fits_two_members_counts_for_neither() -> None:
    """Two members at one address, say, cannot be told apart by it."""
    both = [member("v1"), member("v2", "b")]
    found = judge(both, parts(0.5, instance="10.0.0.2:1"), LIMITS, ASKED)
    assert [reason(found[m.name]) for m in both] == [NoReading.AMBIGUOUS] * 2


def test_a_custom_query_gives_percent_and_its_age_is_checked_if_told() -> None:
    """The time of the scrape comes in a series with the marker."""
    percent = Series({"name": "v1"}, 42.0, NOW)
    assert one([percent], custom=True) == 42.0
    old = Series({"name": "v1", PART: "at"}, NOW - 31, NOW)
    assert reason(one([percent, old], custom=True)) is NoReading.STALE
    assert reason(one([replace(old, value=NOW)], custom=True)) is NoReading.EMPTY


@pytest.mark.parametrize(
    "result", [None, {}, [1], [{"metric": {}}], [{"metric": {}, "value": [1, 2]}]]
)
def test_a_malformed_result_is_a_failure(result: object) -> None:
    """Nothing is guessed from a shape Prometheus does not send."""
    found = parse_vector(result)
    assert isinstance(found, Missing)


def body(**more: object) -> bytes:
    """Return a good answer with changes."""
    return json.dumps(
        {"status": "success", "data": {"resultType": "vector", "result": []}, **more}
    ).encode()


@pytest.mark.parametrize(
    ("status", "headers", "text", "word"),
    [
        (200, {"Content-Type": "text/html"}, b"<html>", "instead of JSON"),
        (200, JSON, b"<html>", "no JSON"),
        (200, JSON, b"[" * 100_000, "no JSON"),
        (200, JSON, b"[]", "no object"),
        (200, JSON, body(status="error", error="boom"), "boom"),
        (200, JSON, body(warnings=["partial"]), "partial"),
        (200, JSON, body(data={"resultType": "matrix"}), "matrix"),
        (400, JSON, body(status="error", error="parse error"), "parse error"),
        (302, {}, b"", "redirect"),
        (401, {}, b"", "USERNAME"),
        (403, {}, b"", "USERNAME"),
        (503, {"Content-Type": "text/plain"}, b"", "503"),
    ],
)
def test_an_answer_that_is_not_whole_and_good_is_refused_in_words(
    status: int, headers: dict[str, str], text: bytes, word: str
) -> None:
    """The detail says what came instead."""
    found = judge_answer(Answer(status, headers, text))
    assert found is not None
    assert word in found.detail


def test_a_good_answer_is_not_refused() -> None:
    """So that the refusals above mean something."""
    assert judge_answer(Answer(200, JSON, body())) is None


def test_a_name_means_only_itself_in_a_query() -> None:
    """A dot is a dot, and nothing ends the string."""
    assert literal('a.b"|c') == r"a[.]b\\x{22}\\x{7c}c"


def test_the_placeholders_of_a_role_s_own_query_are_filled() -> None:
    """With the running members and the averaging time."""
    asked = query_for([member("v.1"), member("v2")], "cadvisor", 'x{n=~"{members}"}[{window}]', 1.5)
    assert asked.text == 'x{n=~"v[.]1|v2"}[1500ms]'
    assert asked.custom


ANY = st.floats(allow_nan=True, allow_infinity=True)
NEAR = st.floats(NOW - 100, NOW + 10)


@example(
    values={"at": NOW, "since": NOW - 0.2, "used": 1.0, "limit": 5e-324},
    average_over=0.2,
    custom=False,
)
@given(
    values=st.fixed_dictionaries(
        {"at": NEAR | ANY},
        optional={"since": NEAR | ANY, "used": st.floats(0, 100) | ANY, "limit": ANY},
    ),
    average_over=st.floats(0.2, 3600.0),
    custom=st.booleans(),
)
def test_whatever_the_values_are_there_is_a_percentage_or_a_reason(
    values: dict[str, float], average_over: float, custom: bool
) -> None:
    """Never an exception, and never a number that CPU use cannot be."""
    series = [Series({"name": "v1", PART: part}, value, NOW) for part, value in values.items()]
    limits = Limits(average_over, 30.0)
    found = judge([member("v1")], series, limits, replace(ASKED, custom=custom))["v1"]
    assert isinstance(found, Missing) or 0.0 <= found <= 1e5
