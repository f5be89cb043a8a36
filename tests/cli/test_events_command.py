"""`autoscaler events`: what it shows while history goes on, without a daemon."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from autoscaler.cli import events
from autoscaler.daemon import schema
from autoscaler.daemon.database import open_history

if TYPE_CHECKING:
    from pathlib import Path

    import pytest


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
    shown = events._events(path, 0.0, argparse.Namespace(role=None, follow=True))
    assert [next(shown).event, next(shown).event] == ["a.first", "a.second"]
    path.rename(tmp_path / "history.db.damaged")
    write(path, "a.third")
    assert next(shown).event == "a.third"
