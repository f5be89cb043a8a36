"""Hundreds of bad env files: none starts a daemon, none changes a running one."""

from __future__ import annotations

import subprocess
import sys
from collections import Counter
from typing import TYPE_CHECKING

import pytest

from autoscaler.cli import run
from autoscaler.cli.main import main
from autoscaler.surface.control import call
from tests.e2e.daemon_process import ROOT, environment
from tests.e2e.harness import BY_HAND, none_failed, role
from tests.faults.bad_files import BadFile, bad_files

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from tests.e2e.conftest import MakeHost

GOOD = {"PROJECT": "mystack", "NGINX__CONTAINER": "mystack-nginx-1"}
FILES = bad_files()
RATE = 100.0
STARTED_FOR_REAL = 3


def test_there_are_at_least_200_bad_files_and_each_kind_is_among_them() -> None:
    """Every kind of mistake occurs, and those that fit any setting occur in every setting."""
    counts = Counter(bad.mistake for bad in FILES)
    assert len(FILES) >= 200
    assert counts["open quote"] == counts["misspelt"] > 50
    assert min(counts.values()) >= 1


def test_every_bad_file_is_refused_at_start_with_exit_code_2_and_told_what_is_allowed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """One line on standard error names the variable, its value, file and line, and what may stand
    there; no daemon is begun.
    """
    monkeypatch.setattr(run, "run_daemon", lambda *_: 0)
    path = tmp_path / "autoscaler.env"
    wrong = []
    for bad in FILES:
        path.write_text(bad.text(GOOD), encoding="utf-8")
        code = main(["run", "--env-file", str(path)])
        told = capsys.readouterr().err.splitlines()
        if code != 2 or not _tells(told, bad, path):
            wrong.append((bad, code, told))
    assert not wrong, wrong[:5]


@pytest.mark.parametrize("bad", FILES[:: len(FILES) // STARTED_FOR_REAL], ids=lambda b: b.mistake)
def test_the_program_itself_ends_with_2(tmp_path: Path, bad: BadFile) -> None:
    """As systemd sees it: exit code 2, which the unit does not restart, and the line."""
    path = tmp_path / "autoscaler.env"
    path.write_text(bad.text(GOOD), encoding="utf-8")
    ended = subprocess.run(
        [sys.executable, "-m", "autoscaler", "run", "--env-file", str(path)],
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
        env=environment(),
        cwd=ROOT,
    )
    assert ended.returncode == 2
    assert _tells(ended.stderr.splitlines(), bad, path)


@pytest.mark.engine
def test_no_bad_file_changes_a_running_daemon(make_host: MakeHost) -> None:
    """Read again under load, each is refused and logged with what is wrong; the settings in force
    stay and no request fails.
    """
    host = make_host(role("validator", 2, settings=BY_HAND))
    daemon = host.start()
    load = host.load(RATE, "validator")
    path = host.stack.write_env(host.settings)
    lines = path.read_text(encoding="utf-8").splitlines()
    good = {k.removeprefix("AUTOSCALER_"): v for k, v in (line.split("=", 1) for line in lines)}
    before = host.role("validator")

    wrong = []
    for bad in FILES:
        path.write_text(bad.text(good), encoding="utf-8")
        answer = call(host.stack.run_directory, "POST", "/v1/reload")
        if not _tells(answer.get("problems", ()), bad, path):
            wrong.append((bad, answer))

    assert not wrong, wrong[:5]
    logged = daemon.of("config.reload_failed")
    assert len(logged) == len(FILES)
    assert all(_tells(e.fields["problems"], b, path) for e, b in zip(logged, FILES, strict=True))
    assert not daemon.of("config.reloaded")
    settings = ("cpu_high", "cpu_low", "min", "max", "desired")
    after = host.role("validator")
    assert {key: after[key] for key in settings} == {key: before[key] for key in settings}
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    assert call(host.stack.run_directory, "POST", "/v1/reload")["changes"] == []
    none_failed(load)


def _tells(told: Sequence[str], bad: BadFile, path: Path) -> bool:
    """Whether one line names the variable, its value, the file, and what is allowed."""
    needed = (bad.variable, bad.shown, str(path), bad.allowed)
    return any(all(word in line for word in needed) for line in told)
