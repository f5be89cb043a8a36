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


def test_a_file_gets_its_lines_in_order(tmp_path: Path) -> None:
    """From a thread; configured again, as a reload does, it is the same one."""
    path = tmp_path / "log"
    with path.open("w", encoding="utf-8") as out:
        for event in ("daemon.started", "config.reloaded"):
            logs.configure("info", "json", out)
            structlog.get_logger().info(event)
        logs._streams[out.fileno()].close(5.0)
    told = [json.loads(line)["event"] for line in path.read_text().splitlines()]
    assert told == ["daemon.started", "config.reloaded"]


def test_half_a_surrogate_pair_is_written_as_json_writes_it(tmp_path: Path) -> None:
    """No encoding has it; it may come out of a path or out of JSON of others."""
    path = tmp_path / "log"
    with path.open("w", encoding="utf-8") as out:
        logs.configure("info", "json", out)
        structlog.get_logger().info("member.died", reason="caf\u00e9 \ud800")
        logs._streams[out.fileno()].close(5.0)
    assert json.loads(path.read_text(encoding="utf-8"))["reason"] == "caf\u00e9 \ud800"


def test_lines_that_were_lost_are_told_of_once_some_are_taken_again(tmp_path: Path) -> None:
    """A full disk that has room again: the line after it, and how many lines lack before it."""
    path = tmp_path / "log"
    with Path("/dev/full").open("w", encoding="utf-8") as full:
        logs.configure("info", "json", full)
        stream = logs._streams[full.fileno()]
        for _ in range(2):
            structlog.get_logger().info("member.started")
        stream.close(5.0)
        with path.open("wb") as room:
            os.dup2(room.fileno(), full.fileno())
            structlog.get_logger().info("member.healthy")
            stream.close(5.0)
            stream.close(5.0)
    first, second = map(json.loads, path.read_text(encoding="utf-8").splitlines())
    assert first["event"] == "member.healthy"
    assert (second["event"], second["lines"]) == ("log.lost", 2)
