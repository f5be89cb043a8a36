"""Hundreds of bad env files: none starts a daemon, none changes a running one."""

from __future__ import annotations

import subprocess
import sys
from collections import Counter
from typing import TYPE_CHECKING

import pytest

from autoscaler.cli import run
from autoscaler.cli.main import main
from tests.e2e.daemon_process import ROOT, environment
from tests.faults.bad_files import BadFile, bad_files

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path


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


def _tells(told: Sequence[str], bad: BadFile, path: Path) -> bool:
    """Whether one line names the variable, its value, the file, and what is allowed."""
    needed = (bad.variable, bad.shown, str(path), bad.allowed)
    return any(all(word in line for word in needed) for line in told)
