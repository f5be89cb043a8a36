"""Shell completion: the script that is printed, run in a real bash."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from autoscaler.cli.main import COMMANDS

if TYPE_CHECKING:
    from pathlib import Path

_ASK = """
source "$1"; shift
COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); COMPREPLY=()
_shtab_autoscaler
printf '%s\\n' "${COMPREPLY[@]}"
"""


def _printed(shell: str) -> subprocess.CompletedProcess[str]:
    """Return what `autoscaler completion SHELL` gives."""
    words = [sys.executable, "-m", "autoscaler", "completion", shell]
    return subprocess.run(words, capture_output=True, text=True, timeout=60, check=False)


@pytest.fixture(scope="module")
def script(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the script for bash."""
    path = tmp_path_factory.mktemp("completion") / "autoscaler"
    done = _printed("bash")
    assert done.returncode == 0, done.stderr
    path.write_text(done.stdout)
    return path


def _completed(script: Path, *words: str) -> set[str]:
    """Return what bash offers for the last of these words."""
    command = ["bash", "--norc", "-c", _ASK, "ask", str(script), "autoscaler", *words]
    done = subprocess.run(
        command, capture_output=True, text=True, timeout=20, check=False, cwd=script.parent
    )
    assert done.returncode == 0, done.stderr
    return set(done.stdout.split())


def test_bash_offers_every_command(script: Path) -> None:
    """All for nothing typed yet, those that begin so for a letter."""
    assert set(COMMANDS) <= _completed(script, "")
    assert _completed(script, "ex") == {"explain"}


def test_bash_offers_the_options_of_the_command_and_no_others(script: Path) -> None:
    """`--force` belongs to `scale`."""
    assert {"--for", "--force"} == _completed(script, "scale", "--fo")
    assert _completed(script, "pause", "--fo") == {"--for"}


def test_bash_offers_the_words_that_an_option_takes(script: Path) -> None:
    """The two ways of `--direction`, besides both."""
    assert _completed(script, "pause", "--direction", "") == {"up", "down", "both"}
    assert _completed(script, "completion", "") == {"bash", "zsh"}


def test_bash_offers_files_where_a_path_is_wanted(script: Path) -> None:
    """The env file beside the script."""
    (script.parent / "other.env").touch()
    assert _completed(script, "status", "--env-file", "oth") == {"other.env"}


def test_zsh_gets_a_script_of_its_own_form() -> None:
    """As zsh loads it from a folder of its `fpath`."""
    done = _printed("zsh")
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("#compdef autoscaler\n")
    assert all(name in done.stdout for name in COMMANDS)


def test_another_shell_is_bad_usage() -> None:
    """It names those there are."""
    done = _printed("fish")
    assert (done.returncode, done.stdout) == (2, "")
    assert "bash" in done.stderr
