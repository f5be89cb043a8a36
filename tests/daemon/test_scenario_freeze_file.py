"""The freeze file on a disk that cannot be read for a while."""

from __future__ import annotations

from typing import TYPE_CHECKING

from autoscaler.daemon import frozen

if TYPE_CHECKING:
    from pathlib import Path

    import pytest

    from tests.daemon.conftest import World


def _broken(_path: Path) -> None:
    raise OSError(5, "Input/output error")


def test_each_time_that_it_cannot_be_looked_for_is_told_once_and_its_end(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same trouble a second time is news again."""
    world.run(20.0)
    for number in (1, 2):
        with monkeypatch.context() as patched:
            patched.setattr(frozen, "read_freeze_file", _broken)
            world.run(30.0)
        assert len(world.told("freeze.unreadable")) == number
        world.run(20.0)
        assert len(world.told("freeze.recovered")) == number
