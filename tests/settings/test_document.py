"""The documented env file comes from the code and says what the code does."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from autoscaler.settings import effective, load
from autoscaler.settings.document import main, render

if TYPE_CHECKING:
    import pytest

_FILE = Path(__file__).parents[2] / "config" / "autoscaler.env"


def test_the_shipped_env_file_is_what_the_code_says(capsys: pytest.CaptureFixture[str]) -> None:
    """Run `python -m autoscaler.settings.document config/autoscaler.env` if this fails."""
    assert main(["--check", str(_FILE)]) == 0, capsys.readouterr().out


def test_a_changed_file_fails_the_check_and_shows_the_difference(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """CI prints what to change."""
    path = tmp_path / "autoscaler.env"
    path.write_text(render().replace("AUTOSCALER_INTERVAL=5s", "AUTOSCALER_INTERVAL=6s"))
    assert main(["--check", str(path)]) == 1
    assert "+#AUTOSCALER_INTERVAL=5s" in capsys.readouterr().out


def test_every_line_uncommented_changes_nothing(tmp_path: Path) -> None:
    """The file lists every setting, each with its real default, in a form that loads."""
    lines = [line[1:] for line in render().splitlines() if line.startswith("#AUTOSCALER_")]
    path = tmp_path / "all.env"
    path.write_text("\n".join(lines), encoding="utf-8")
    must = {"AUTOSCALER_PROJECT": "x", "AUTOSCALER_NGINX__CONTAINER": "y"}
    plain = load(None, must)
    assert load(path, must).settings == plain.settings
    assert {line.partition("=")[0] for line in lines} == set(effective(plain.settings))


def test_every_setting_has_a_meaning_and_no_line_is_too_long() -> None:
    """An undocumented setting shows as an empty comment."""
    for line in render().splitlines():
        assert line != "# "
        assert len(line) <= 100 or line.startswith("#AUTOSCALER_")


def test_the_file_can_be_loaded_as_it_is_shipped() -> None:
    """Everything is commented out, so only what must be set is missing."""
    settings = load(_FILE, {"AUTOSCALER_PROJECT": "x", "AUTOSCALER_NGINX__CONTAINER": "y"}).settings
    assert settings.project == "x"
