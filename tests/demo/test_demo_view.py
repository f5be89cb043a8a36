"""What the demo shows: bars with both thresholds, members, events."""

from __future__ import annotations

import io

import pytest
from rich.console import Console

from autoscaler.demo.daemon import LogEvent
from autoscaler.demo.tally import Tally
from autoscaler.demo.view import BAR_CELLS, Picture, PlainView, bar, render
from autoscaler.demo.watch import look

STATUS = {
    "roles": {
        "validator": {
            "desired": 2,
            "max": 3,
            "running": 2,
            "published": 1,
            "cpu_low": 40.0,
            "cpu_high": 70.0,
            "decision": {"reason": "scale_up", "mean": 88.0},
            "members": [
                {"name": "p-validator-1", "phase": "serving", "cpu_percent": 88.0},
                {"name": "p-validator-2", "phase": "starting", "cpu_percent": None},
            ],
        }
    }
}


def picture() -> Picture:
    """Return a picture with one role and two events."""
    events = (
        LogEvent("scale.checked", 100.0, {"role": "validator"}),
        LogEvent("member.started", 101.5, {"member": "p-validator-2", "reason": "wanted are 2"}),
    )
    return Picture("rise", 130, 5.0, 100.0, look(STATUS), Tally().report(0), events)


@pytest.mark.parametrize(
    ("percent", "filled"), [(None, 0), (0.0, 0), (50.0, 20), (100.0, 40), (130.0, 40)]
)
def test_a_bar_is_as_long_as_its_percentage(percent: float | None, filled: int) -> None:
    """Forty cells are 100 %; two of them are the thresholds' marks, at 40 and 70 %."""
    (role,) = look(STATUS)
    text = bar(percent, role).plain
    assert len(text) == BAR_CELLS
    assert [cell for cell, sign in enumerate(text) if sign == "|"] == [16, 28]
    hidden = sum(mark < filled for mark in (16, 28))
    assert text.count("█") == filled - hidden


def test_the_live_picture_has_roles_members_and_news() -> None:
    """Phase, counts, each member's state and the reasons are on the screen."""
    out = io.StringIO()
    Console(file=out, width=140).print(render(picture()))
    shown = out.getvalue()
    for words in ("rise: 130 requests/s", "validator 1/3", "starting", "88 %", "wanted are 2"):
        assert words in shown


def test_plain_output_tells_each_event_once(capsys: pytest.CaptureFixture[str]) -> None:
    """Shown twice, an event is printed once, and one nobody needs not at all."""
    with PlainView() as view:
        view.show(picture())
        view.show(picture())
    printed = capsys.readouterr().out
    assert printed.count("member.started") == 1
    assert "scale.checked" not in printed


def test_without_an_answer_there_are_no_roles() -> None:
    """A daemon that does not answer gives an empty picture, not an error."""
    assert look(None) == ()
