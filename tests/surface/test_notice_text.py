"""What a message says."""

from __future__ import annotations

from datetime import UTC, datetime

from autoscaler.surface.notices.pending import Batch, Notice
from autoscaler.surface.notices.text import LINES, Tone, message

AT = datetime(2026, 3, 1, 12, 0, 5, tzinfo=UTC)


def notice(level: str, event: str, *, ends: bool = False, **fields: object) -> Notice:
    """Return an event at noon."""
    return Notice(AT, level, event, fields, ends)


def test_one_event_is_told_with_host_member_reason_and_numbers() -> None:
    """All a person needs to know where to look."""
    one = notice(
        "warning",
        "member.quarantined",
        role="validator",
        member="validator-2",
        reason="it failed to start\n3 times",
        retry_seconds=120,
        container=None,
    )
    told = message(Batch((one,), {}), "web1")
    assert told.title == "web1: autoscaler member.quarantined validator-2"
    assert told.body == (
        "2026-03-01 12:00:05Z member.quarantined validator validator-2: "
        "it failed to start 3 times; retry_seconds=120"
    )
    assert told.tone is Tone.WARNING


def test_many_events_are_summed_up() -> None:
    """The first ones in full, the rest by name and number, those that found no room among them."""
    some = tuple(notice("warning", "member.died", reason="x") for _ in range(LINES + 5))
    told = message(Batch(some, {"member.died": 7, "source.failed": 2}), "web1")
    assert told.title == "web1: autoscaler, 34 events: member.died (32), source.failed (2)"
    *lines, last = told.body.splitlines()
    assert len(lines) == LINES
    assert last.startswith("and 14 more: member.died (12), source.failed (2); ")


def test_the_tone_is_that_of_the_worst() -> None:
    """And of success when all is over."""
    over = notice("info", "engine.recovered", ends=True)
    bad = notice("error", "engine.unavailable")
    assert message(Batch((over,), {}), "h").tone is Tone.SUCCESS
    assert message(Batch((over, bad), {}), "h").tone is Tone.FAILURE


def test_a_long_text_is_cut() -> None:
    """A message of an NGINX may be pages."""
    told = message(Batch((notice("error", "nginx.test_failed", output="x" * 9000),), {}), "h")
    assert len(told.body) < 500
