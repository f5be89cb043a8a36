"""Which events are told, and how few messages that makes. Time is an argument."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from autoscaler.settings.notify import NotifySettings
from autoscaler.surface.notices.pending import QUEUE_LIMIT, Notice, Pending, Selection

AT = datetime(2026, 3, 1, 12, tzinfo=UTC)


def notice(event: str = "member.died", **fields: object) -> Notice:
    """Return an event."""
    return Notice(AT, "warning", event, fields)


def pending(**settings: Any) -> Pending:  # noqa: ANN401 - any setting
    """Return limits: 10 s for a batch, 60 s between two, 3 an hour, unless told otherwise."""
    return Pending(NotifySettings(**{"batch": 10, "min_interval": 60, "per_hour": 3} | settings))


def test_nothing_is_due_without_an_event() -> None:
    """Nor is there an empty message."""
    assert pending().due_at() is None


def test_events_within_the_batch_time_are_one_message() -> None:
    """The first of them sets the time."""
    waiting = pending()
    for second in (100.0, 104.0, 109.0):
        waiting.add(notice(), second)
    assert waiting.due_at() == 110.0
    assert len(waiting.take(110.0).notices) == 3
    assert waiting.due_at() is None


def test_the_second_message_waits_for_its_interval() -> None:
    """However early its events came."""
    waiting = pending()
    waiting.add(notice(), 100.0)
    waiting.take(110.0)
    waiting.add(notice(), 111.0)
    assert waiting.due_at() == 170.0


def test_after_a_long_silence_only_the_batch_time_counts() -> None:
    """A first event after hours is told soon."""
    waiting = pending()
    waiting.add(notice(), 100.0)
    waiting.take(110.0)
    waiting.add(notice(), 1000.0)
    assert waiting.due_at() == 1010.0


def test_no_hour_has_more_messages_than_allowed() -> None:
    """An event every 5 s for a day: never more than three messages in any hour, all of it told."""
    waiting = pending()
    sent: list[float] = []
    told = 0
    for second in range(0, 86400, 5):
        waiting.add(notice(), float(second))
        due = waiting.due_at()
        if due is not None and due <= second:
            batch = waiting.take(float(second))
            told += len(batch.notices) + sum(batch.more.values())
            sent.append(second)
    assert all(later - earlier >= 3600 for earlier, later in zip(sent, sent[3:], strict=False))
    assert len(sent) == 3 * 24
    left = waiting.take(86400.0)
    assert told + len(left.notices) + sum(left.more.values()) == 86400 // 5


def test_what_waits_is_bounded_and_the_rest_is_counted() -> None:
    """A million events take the place of some hundreds."""
    waiting = pending()
    taken = [waiting.add(notice(), 0.0) for _ in range(QUEUE_LIMIT + 1000)]
    assert taken.count(False) == 1000
    batch = waiting.take(10.0)
    assert len(batch.notices) == QUEUE_LIMIT
    assert batch.more == {"member.died": 1000}


def test_new_limits_count_at_once_and_what_waits_stays() -> None:
    """As a reload of the settings asks."""
    waiting = pending()
    waiting.add(notice(), 100.0)
    waiting.use(NotifySettings(batch=0))
    assert (waiting.due_at(), len(waiting)) == (100.0, 1)


@pytest.mark.parametrize(
    ("event", "told"),
    [
        ("engine.unavailable", True),
        ("nginx.test_failed", True),
        ("member.quarantined", True),
        ("member.missing", True),
        ("role.spares_missing", True),
        ("role.unavailable", True),
        ("role.recovered", True),
        ("history.failed", True),
        ("config.reload_failed", True),
        ("daemon.crashed", True),
        ("look.late", True),
        ("engine.recovered", True),
        ("daemon.heartbeat", False),
        ("daemon.started", False),
        ("member.started", False),
        ("member.died", False),
        ("nginx.reloaded", False),
        ("decision.changed", False),
    ],
)
def test_by_default_what_needs_a_person_is_told(event: str, told: bool) -> None:
    """And what the daemon does by itself is not."""
    picked = Selection(NotifySettings().events).pick(notice(event))
    assert (picked is not None) is told


@pytest.mark.parametrize(
    ("patterns", "told"),
    [
        ("member.died", True),
        ("member.*", True),
        ("*", True),
        ("*.*", True),
        ("member", False),
        ("member.die", False),
        ("*.died,engine.*", True),
    ],
)
def test_a_pattern_stands_for_a_whole_name(patterns: str, told: bool) -> None:
    """A star for any part of it."""
    picked = Selection(tuple(patterns.split(","))).pick(notice("member.died"))
    assert (picked is not None) is told


@pytest.mark.parametrize(
    ("trouble", "end"),
    [
        ("nginx.unreachable", "nginx.reloaded"),
        ("config.reload_failed", "config.reloaded"),
        ("member.quarantined", "member.published"),
        ("member.missing", "member.found"),
        ("member.after_healthy_failed", "member.published"),
        ("member.before_stop_failed", "member.stopped"),
    ],
)
def test_the_end_of_a_trouble_that_was_told_is_told_once(trouble: str, end: str) -> None:
    """Though its name is none of those that are told."""
    selection = Selection(NotifySettings().events)
    who = {"role": "r", "member": "m"} if trouble.startswith("member") else {}
    assert selection.pick(notice(end, **who)) is None
    assert selection.pick(notice(trouble, **who)) is not None
    over = selection.pick(notice(end, **who))
    assert over is not None
    assert over.ends
    assert selection.pick(notice(end, **who)) is None


def test_a_member_that_serves_on_is_no_end_of_its_refused_stop() -> None:
    """It is published again because of it."""
    selection = Selection(NotifySettings().events)
    who = {"role": "r", "member": "m"}
    selection.pick(notice("member.before_stop_failed", **who))
    assert selection.pick(notice("member.published", **who)) is None


def test_another_members_recovery_is_no_end() -> None:
    """Each has its own."""
    selection = Selection(NotifySettings().events)
    selection.pick(notice("member.quarantined", role="r", member="one"))
    assert selection.pick(notice("member.published", role="r", member="two")) is None


def test_trouble_with_telling_is_not_told() -> None:
    """Each such message would make the next."""
    selection = Selection(("*.*",))
    assert selection.pick(notice("notify.failed")) is None
    assert selection.pick(notice("notify.recovered")) is None
