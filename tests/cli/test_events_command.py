"""`autoscaler events`: what it shows while history goes on, without a daemon."""

from __future__ import annotations

import argparse
import json
import time
from datetime import datetime
from typing import TYPE_CHECKING

import pytest

from autoscaler.cli import events
from autoscaler.cli.main import main
from autoscaler.daemon import schema
from autoscaler.daemon.database import open_history

if TYPE_CHECKING:
    from pathlib import Path


def write(path: Path, *names: str) -> None:
    """Put events on record."""
    database = open_history(path)
    with database:
        for name in names:
            database.execute(*schema.event(5.0, name, {}))
    database.close()


def test_following_goes_on_in_a_file_that_was_begun_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A damaged history is put aside; the new one counts its events from 1 again."""
    monkeypatch.setattr(events, "FOLLOW_SECONDS", 0.0)
    path = tmp_path / "history.db"
    write(path, "a.first", "a.second")
    shown = events._events(path, argparse.Namespace(since=0.0, until=None, role=None, follow=True))
    assert [next(shown).event, next(shown).event] == ["a.first", "a.second"]
    path.rename(tmp_path / "history.db.damaged")
    write(path, "a.third")
    assert next(shown).event == "a.third"


@pytest.fixture
def env_file(tmp_path: Path) -> Path:
    """Return a good env file beside a history with events of `validator` and of a removed role."""
    database = open_history(tmp_path / "history.db")
    with database:
        for role in ("validator", "removed"):
            database.execute(*schema.event(time.time(), "scale.decided", {"role": role}))
    database.close()
    path = tmp_path / "autoscaler.env"
    path.write_text(
        "AUTOSCALER_PROJECT=shop\nAUTOSCALER_NGINX__CONTAINER=proxy\n"
        f"AUTOSCALER_STATE_DIR={tmp_path}\n"
    )
    return path


def test_a_role_that_is_nowhere_is_bad_usage_and_those_that_are_get_named(
    env_file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A typo would else look like a quiet day. No daemon runs."""
    assert main(["events", "--role", "nonsense", "--env-file", str(env_file)]) == 2
    assert capsys.readouterr().err == (
        "autoscaler: there is no role 'nonsense'; the settings: business, slim, validator; "
        "beside them the history: removed\n"
    )


@pytest.mark.parametrize(("role", "lines"), [("business", 0), ("removed", 1)])
def test_a_role_of_the_settings_or_of_the_history_is_known(
    env_file: Path, capsys: pytest.CaptureFixture[str], role: str, lines: int
) -> None:
    """One without events so far, and one that the settings have no more."""
    assert main(["events", "--role", role, "--env-file", str(env_file)]) == 0
    assert len(capsys.readouterr().out.splitlines()) == lines


def test_with_mistakes_in_the_settings_an_unknown_role_is_still_told(
    env_file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The history alone says which there are."""
    env_file.write_text(env_file.read_text() + "AUTOSCALER_SETTLE=soon\n")
    assert main(["events", "--role", "nonsense", "--env-file", str(env_file)]) == 2
    assert "the settings: have mistakes; beside them the history: removed, validator" in (
        capsys.readouterr().err
    )


@pytest.mark.parametrize(
    ("words", "shown"),
    [
        (["--since", "2026-03-01T03:00"], ["b", "c"]),
        (["--since", "2026-03-01T03:00", "--until", "2026-03-01T03:10"], ["b"]),
        (["--since", "2026-03-01", "--until", "2026-03-01T03:00"], ["a"]),
    ],
)
def test_a_span_of_time_is_asked_for_as_it_stands_in_a_report(
    env_file: Path, capsys: pytest.CaptureFixture[str], words: list[str], shown: list[str]
) -> None:
    """Events at 2:59, 3:00 and 3:10 by the reader's clock; the end is not part of the span."""
    database = open_history(env_file.parent / "history.db")
    with database:
        for name, minute in (("a", 179), ("b", 180), ("c", 190)):
            at = datetime.fromisoformat("2026-03-01").astimezone().timestamp() + 60 * minute
            database.execute(*schema.event(at, name, {}))
    database.close()
    told = ["events", "--json", *words, "--env-file", str(env_file)]
    assert main(told) == 0
    events_told = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [one["event"] for one in events_told if one["event"] in "abc"] == shown


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--until", "1h", "--follow"], "--follow goes on until it is interrupted"),
        (["--since", "1h", "--until", "2h"], "--until is not after --since"),
    ],
)
def test_a_span_that_has_no_end_or_none_at_all_is_bad_usage(
    env_file: Path, capsys: pytest.CaptureFixture[str], words: list[str], said: str
) -> None:
    """Told before anything is looked up."""
    assert main(["events", *words, "--env-file", str(env_file)]) == 2
    assert said in capsys.readouterr().err
