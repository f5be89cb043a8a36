"""Reading history beside the daemon: what is in it, and what is said where it cannot be read."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from autoscaler.daemon import schema
from autoscaler.daemon.database import open_history
from autoscaler.daemon.override_store import load_overrides
from autoscaler.daemon.reading_history import StoredEvent, events_after
from autoscaler.errors import AutoscalerError
from autoscaler.policy.overrides import Moment

if TYPE_CHECKING:
    from pathlib import Path


def write(path: Path) -> None:
    """Write a history with one event."""
    database = open_history(path)
    with database:
        database.execute(*schema.event(5.0, "member.died", {"role": "validator", "member": "v1"}))
    database.close()


@pytest.mark.parametrize("name", ["a%41b", "a?b", "a#b", "a b"])
def test_a_directory_may_have_any_name(tmp_path: Path, name: str) -> None:
    """SQLite takes %, ? and # for parts of an address where they are not quoted."""
    path = tmp_path / name / "history.db"
    write(path)
    event = StoredEvent(1, 5.0, "member.died", {"role": "validator", "member": "v1"})
    assert events_after(path, 0, 0.0, None) == [event]
    assert schema.load_roles(path) == ({}, [])
    assert load_overrides(path, Moment(1.0, 1.0, "boot")) == ((), [])


def test_a_path_may_be_relative(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As people give it to `simulate --history`."""
    write(tmp_path / "history.db")
    monkeypatch.chdir(tmp_path)
    assert len(events_after(type(tmp_path)("history.db"), 0, 0.0, None)) == 1


def test_a_directory_that_may_not_be_entered_is_told(tmp_path: Path) -> None:
    """With who may, instead of a traceback."""
    path = tmp_path / "closed" / "history.db"
    write(path)
    path.parent.chmod(0)
    words = f"cannot read {path}: Permission denied; members of the group autoscaler and root may"
    before = os.geteuid()
    if before == 0:
        os.seteuid(65534)
    try:
        with pytest.raises(AutoscalerError) as refused:
            events_after(path, 0, 0.0, None)
    finally:
        os.seteuid(before)
        path.parent.chmod(0o700)
    assert str(refused.value) == words
