"""What a log line looks like to a machine, to the journal and to a person."""

from __future__ import annotations

import io
import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import structlog

from autoscaler.surface import logs

if TYPE_CHECKING:
    from collections.abc import Iterator


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self) -> bool:
        """It is."""
        return True


@pytest.fixture(autouse=True)
def _restored(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Run outside systemd, and put the log back as it was."""
    monkeypatch.delenv("JOURNAL_STREAM", raising=False)
    yield
    structlog.reset_defaults()


def lines(level: str, log_format: str, out: io.StringIO) -> list[str]:
    """Log one event of each level and return the lines."""
    logs.configure(level, log_format, out)
    log: Any = structlog.get_logger()
    for name in ("debug", "info", "warning", "error"):
        getattr(log, name)("member.started", role="validator", member="v-2", seconds=0.5)
    return out.getvalue().splitlines()


def test_every_event_is_one_json_object_on_one_line() -> None:
    """With its name, level, time in UTC and all fields as they are."""
    told = json.loads(lines("info", "json", io.StringIO())[0])
    assert told.pop("timestamp").endswith("Z")
    assert told == {
        "event": "member.started",
        "level": "info",
        "role": "validator",
        "member": "v-2",
        "seconds": 0.5,
    }


def test_words_with_line_ends_stay_on_their_line() -> None:
    """The output of a failed test of NGINX has several."""
    out = io.StringIO()
    logs.configure("info", "json", out)
    structlog.get_logger().info("nginx.test_failed", output="one\ntwo")
    assert json.loads(out.getvalue())["output"] == "one\ntwo"
    assert out.getvalue().count("\n") == 1


@pytest.mark.parametrize(
    ("level", "kept"),
    [("debug", 4), ("info", 3), ("warning", 2), ("error", 1)],
)
def test_what_is_below_the_level_is_not_logged(level: str, kept: int) -> None:
    """The settings' four levels."""
    assert len(lines(level, "json", io.StringIO())) == kept


def test_under_systemd_each_line_begins_with_its_priority(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """So that `journalctl -p warning` works; the rest of the line is the same JSON."""
    monkeypatch.setenv("JOURNAL_STREAM", "8:12345")
    told = lines("debug", "json", io.StringIO())
    assert [line[:3] for line in told] == ["<7>", "<6>", "<4>", "<3>"]
    assert json.loads(told[2][3:])["level"] == "warning"


def test_without_systemd_there_is_no_prefix() -> None:
    """A pipe gets pure JSON."""
    assert all(line.startswith("{") for line in lines("debug", "json", io.StringIO()))


def test_auto_means_json_unless_it_is_a_terminal() -> None:
    """Colours are for people."""
    assert lines("info", "auto", io.StringIO())[0].startswith("{")
    coloured = lines("info", "auto", Terminal())[0]
    assert "\x1b[" in coloured
    assert "member.started" in coloured


def test_a_pipe_gets_no_colours_even_when_the_console_format_is_asked_for() -> None:
    """A file full of escape codes helps nobody."""
    assert "\x1b[" not in lines("info", "console", io.StringIO())[0]


def test_what_json_does_not_know_is_written_as_text() -> None:
    """A log line must not fail because of what is in it."""
    out = io.StringIO()
    logs.configure("info", "json", out)
    structlog.get_logger().info("x", strange={1, 2}.__class__)
    assert "set" in json.loads(out.getvalue())["strange"]


def test_a_log_on_a_full_disk_does_not_end_the_daemon(tmp_path: Path) -> None:
    """What the disk does not take is lost; what comes when it has room again is written."""
    with Path("/dev/full").open("w", encoding="utf-8") as full:
        logs.configure("info", "json", full)
        structlog.get_logger().info("member.started")
        path = tmp_path / "log"
        with path.open("wb") as room:
            os.dup2(room.fileno(), full.fileno())
            structlog.get_logger().info("member.healthy")
    assert "member.healthy" in path.read_text(encoding="utf-8")


def test_half_a_surrogate_pair_is_written_as_json_writes_it() -> None:
    """No encoding has it; it may come out of a path or out of JSON of others."""
    out = io.TextIOWrapper(io.BytesIO(), encoding="utf-8")
    logs.configure("info", "json", out)
    structlog.get_logger().info("member.died", reason="caf\u00e9 \ud800")
    out.seek(0)
    assert json.loads(out.read())["reason"] == "caf\u00e9 \ud800"
