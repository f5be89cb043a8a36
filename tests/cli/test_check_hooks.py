"""What `check` says of the lifecycle hooks, without an engine and without running one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from autoscaler.cli.findings import Level
from autoscaler.cli.hookcheck import hook_findings
from autoscaler.cli.main import main
from autoscaler.settings import Settings, load

if TYPE_CHECKING:
    from pathlib import Path

    import pytest

SCOPE = {"AUTOSCALER_PROJECT": "v11", "AUTOSCALER_NGINX__CONTAINER": "proxy"}


def _settings(**given: str) -> Settings:
    """Return settings with these of the role business."""
    named = {f"AUTOSCALER_ROLES__BUSINESS__{name}": value for name, value in given.items()}
    return load(None, SCOPE | named).settings


def test_without_hooks_nothing_is_said() -> None:
    """As by default."""
    assert list(hook_findings(_settings())) == []


def test_each_hook_is_shown_with_its_time_and_that_it_was_not_run() -> None:
    """A spare is not started to try one."""
    settings = _settings(AFTER_HEALTHY="http://:9004/join", BEFORE_STOP="exec: leave 'the pool'")
    found = list(hook_findings(settings))
    assert [one.level for one in found] == [Level.OK, Level.OK]
    assert [one.item for one in found] == ["hook business", "hook business"]
    assert found[0].text.startswith("after healthy: http://:9004/join, for at most 10 s (read, not")
    assert found[1].text.startswith("before stop: exec: leave 'the pool', for at most 10 s")


def test_a_hook_that_leaves_no_time_for_a_second_try_is_doubtful() -> None:
    """Only the one whose time ends with the start's."""
    late = {"HOOK_TIMEOUT": "3m", "START_TIMEOUT": "2m"}
    found = list(hook_findings(_settings(AFTER_HEALTHY="exec: join", **late)))
    assert found[-1].level is Level.WARN
    assert "raise AUTOSCALER_ROLES__BUSINESS__START_TIMEOUT" in found[-1].remedy
    assert len(list(hook_findings(_settings(BEFORE_STOP="exec: leave", **late)))) == 1


def test_check_shows_them_also_where_no_engine_is_asked(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """With the rest of the settings."""
    path = tmp_path / "autoscaler.env"
    lines = {**SCOPE, "AUTOSCALER_ROLES__BUSINESS__BEFORE_STOP": "exec: leave"}
    path.write_text("".join(f"{name}={value}\n" for name, value in lines.items()))
    assert main(["check", "--settings-only", "--env-file", str(path)]) == 0
    assert "hook business: before stop: exec: leave" in capsys.readouterr().out
