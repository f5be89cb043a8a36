"""`check` looks at the addresses without sending, and sends a test message when asked."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from autoscaler.cli.findings import Level
from autoscaler.cli.main import main
from autoscaler.cli.notifycheck import notify_findings
from autoscaler.settings.notify import NotifySettings
from tests.surface.webhook import Webhook, write_places


@pytest.fixture
def hook() -> Iterator[Webhook]:
    """Listen."""
    made = Webhook()
    yield made
    made.close()


def test_nothing_is_said_where_nobody_is_told() -> None:
    """It is a choice."""
    assert list(notify_findings(NotifySettings(), send=False)) == []


def test_a_test_message_to_nobody_fails() -> None:
    """Whoever asked for it expects one."""
    (finding,) = notify_findings(NotifySettings(), send=True)
    assert (finding.level, finding.remedy) == (Level.FAIL, "set AUTOSCALER_NOTIFY__URLS_FILE")


def test_each_address_is_looked_at_and_nothing_is_sent(hook: Webhook, tmp_path: Path) -> None:
    """The unusable ones fail, without being shown."""
    file = write_places(tmp_path / "urls", hook.url, "slack://geheim")
    findings = list(notify_findings(NotifySettings(urls_file=file), send=False))
    assert [(one.level, one.item) for one in findings] == [
        (Level.OK, "notify line 1 (json)"),
        (Level.FAIL, "notify line 2 (slack)"),
    ]
    assert "geheim" not in repr(findings)
    assert hook.requests == 0


def test_a_file_everybody_can_read_is_a_warning(hook: Webhook, tmp_path: Path) -> None:
    """It holds passwords."""
    file = write_places(tmp_path / "urls", hook.url)
    file.chmod(0o644)
    first, *_ = notify_findings(NotifySettings(urls_file=file), send=False)
    assert (first.level, "every user" in first.text) == (Level.WARN, True)


def test_a_file_that_is_not_there_fails(tmp_path: Path) -> None:
    """Nobody would be told."""
    (finding,) = notify_findings(NotifySettings(urls_file=tmp_path / "nothing"), send=False)
    assert (finding.level, "No such file" in finding.text) == (Level.FAIL, True)


def test_a_place_that_refuses_fails(hook: Webhook, tmp_path: Path) -> None:
    """With its answer."""
    hook.answer = 403
    settings = NotifySettings(urls_file=write_places(tmp_path / "urls", hook.url))
    (finding,) = notify_findings(settings, send=True)
    assert (finding.level, "403" in finding.text) == (Level.FAIL, True)
    assert "geheim" not in repr(finding)


def test_the_command_sends_one_test_message(
    hook: Webhook, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """`autoscaler check --notify`, also where only the settings are looked at."""
    file = write_places(tmp_path / "urls", hook.url)
    env = tmp_path / "env"
    env.write_text(
        "AUTOSCALER_PROJECT=p\nAUTOSCALER_NGINX__CONTAINER=n\nAUTOSCALER_NOTIFY__HOST=web1\n"
        f"AUTOSCALER_NOTIFY__URLS_FILE={file}\n",
        encoding="utf-8",
    )
    assert main(["check", "--env-file", str(env), "--settings-only", "--notify"]) == 0
    assert [m["title"] for m in hook.messages] == ["web1: autoscaler test"]
    out = capsys.readouterr().out
    assert "notify line 1 (json): has taken a test message" in out
    assert "geheim" not in out
