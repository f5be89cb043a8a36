"""`autoscaler simulate` as it is typed: figures, mistakes, pictures."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest

from autoscaler.cli.main import main
from autoscaler.settings import load
from tests.replay.recording import WALL, Recorder

if TYPE_CHECKING:
    from pathlib import Path

ENV = """\
AUTOSCALER_PROJECT=test
AUTOSCALER_NGINX__CONTAINER=nginx
AUTOSCALER_ROLES__BUSINESS__ENABLED=false
AUTOSCALER_ROLES__SLIM__ENABLED=false
AUTOSCALER_ROLES__VALIDATOR__FLAP_GUARD=false
"""


@pytest.fixture
def host(tmp_path: Path) -> Path:
    """Return the env file of a host whose daemon has recorded 72 % and then 80 %."""
    env_file = tmp_path / "env"
    env_file.write_text(f"{ENV}AUTOSCALER_STATE_DIR={tmp_path}\n")
    settings = load(env_file, {}).settings
    recorder = Recorder(tmp_path / "history.db", settings.roles["validator"].policy(15.0))
    recorder.steady(0, 50, 72.0)
    recorder.steady(50, 105, 80.0)
    return env_file


def simulate(capsys: pytest.CaptureFixture[str], *words: object) -> dict[str, Any]:
    """Run the command with `--json`; return what it printed for the validators."""
    assert main(["simulate", *map(str, words), "--json"]) == 0
    found: dict[str, Any] = json.loads(capsys.readouterr().out)
    roles: dict[str, Any] = found["roles"]["validator"]
    return roles


def refused(capsys: pytest.CaptureFixture[str], *words: object) -> str:
    """Run a command with mistakes; return what it said."""
    assert main(["simulate", *map(str, words)]) in {1, 2}
    said = capsys.readouterr()
    assert said.out == ""
    return said.err


def test_a_changed_threshold_stands_beside_the_one_in_force(
    host: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The same figures as computed by hand in the test of the rules."""
    found = simulate(capsys, "--env-file", host, "--set", "validator.cpu_high=75")
    assert found["set"] == ["validator.cpu_high=75"]
    assert found["in_force"]["node_hours"] == round(200 / 3600, 4)
    assert found["changed"]["node_hours"] == round(150 / 3600, 4)
    assert found["in_force"]["rounds_with_recorded_count"] == 21
    assert found["changed"]["minutes_above_cpu_high_in_force"] == round(55 / 60, 2)


def test_people_get_a_table(host: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Both columns, without a progress bar where nobody looks."""
    words = ["simulate", "--env-file", str(host), "--set", "validator.cpu_high=75"]
    assert main(words) == 0
    said = capsys.readouterr()
    assert said.err == ""
    lines = [" ".join(line.split()) for line in said.out.splitlines()]
    assert "in force changed" in lines
    assert "changes (up, down) 1 (1, 0) 1 (1, 0)" in lines
    assert "node-hours 0.06 0.04" in lines
    assert "rounds at the recorded count 100.0 % 52.4 %" in lines


def test_the_same_readings_from_csv_give_the_same(
    host: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """One member at 72 %, then two at 36 and at 40 %."""
    lines = ["time,role,member,cpu_percent", "0,validator,v1,72"]
    for at in range(5, 105, 5):
        lines += [f"{at},validator,v{n},{36 if at < 50 else 40}" for n in (1, 2)]
    path = tmp_path / "readings.csv"
    path.write_text("\n".join(lines))
    setting = ("--env-file", host, "--set", "validator.cpu_high=75")
    by_csv = simulate(capsys, "--csv", path, *setting)
    by_history = simulate(capsys, *setting)
    assert by_csv["in_force"] == by_history["in_force"]
    assert by_csv["changed"] == by_history["changed"]


def test_since_counts_from_then_on_with_what_the_rules_remembered(
    host: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The rounds before are played, not counted."""
    stamp = "2027-01-15T08:00:50+00:00"
    found = simulate(capsys, "--env-file", host, "--since", stamp)
    assert found["since"] == stamp
    assert found["in_force"]["rounds"] == 11
    assert found["in_force"]["changes"] == 0
    assert found["in_force"]["rounds_with_recorded_count"] == 11


def test_all_mistakes_are_told_at_once(host: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Form, role, setting and value, each with what is allowed."""
    said = refused(
        capsys,
        *("--env-file", host, "--set", "cpu_high=75", "--set", "validatr.cpu_high=75"),
        *("--set", "validator.port=1", "--set", "validator.cpu_low=80"),
        *("--set", "validator.max=no", "--set", "validator.max=4"),
    )
    assert "--set cpu_high=75: write it ROLE.SETTING=VALUE, such as validator.cpu_high=75" in said
    assert "there is no role 'validatr'; there are: validator" in said
    assert "'port' does not change what the rules make of recorded readings" in said
    assert "AUTOSCALER_ROLES__VALIDATOR__CPU_LOW=80 (command line): is not below CPU_HIGH" in said
    assert "--set validator.max=4: sets the same as another --set" in said
    assert "AUTOSCALER_ROLES__VALIDATOR__MAX=no (command line)" in said


def test_what_cannot_be_played_is_told(
    host: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A role that is not there, no history, no readings of that time, no Prometheus."""
    env = ("--env-file", host)
    assert "there is no such role; there are: validator" in refused(capsys, *env, "--role", "x")
    assert "there is no history in" in refused(capsys, *env, "--history", tmp_path / "no.db")
    assert "has no readings of that time" in refused(capsys, *env, "--until", "2020-01-01")
    assert "PROMETHEUS__URL is not set" in refused(capsys, *env, "--prometheus")
    assert "is for --prometheus only" in refused(capsys, *env, "--query", "validator=up")
    for text in ("yesterday", "9999999d", "1969-12-31T00:00Z"):
        with pytest.raises(SystemExit):
            main(["simulate", "--since", text])
        assert f"{text!r} is no time since 1970; write 7d or" in capsys.readouterr().err


def test_without_any_role_there_is_nothing_to_play_to(
    host: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """It says so instead of failing."""
    bare = tmp_path / "bare"
    bare.write_text(f"{host.read_text()}AUTOSCALER_ROLES__VALIDATOR__ENABLED=false\n")
    assert "no role is enabled in the settings" in refused(capsys, "--env-file", bare)


def test_it_is_interrupted_without_a_traceback(host: Path, tmp_path: Path) -> None:
    """Ctrl-C in the middle of a long file ends it with the code of a shell."""
    pipe = tmp_path / "readings.csv"
    os.mkfifo(pipe)
    words = [sys.executable, "-m", "autoscaler", "simulate"]
    words += ["--env-file", str(host), "--csv", str(pipe)]
    with subprocess.Popen(words, stderr=subprocess.PIPE, text=True) as command:
        with pipe.open("w"):  # returns when the command has opened it, too
            command.send_signal(signal.SIGINT)
            assert command.wait(60) == 130
        assert command.stderr is not None
        assert command.stderr.read() == ""


@pytest.mark.parametrize(("name", "begins"), [("a.png", b"\x89PNG"), ("a.svg", b"<?xml")])
def test_a_picture_is_drawn(
    host: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str, begins: bytes
) -> None:
    """Of the kind that its name says."""
    picture = tmp_path / name
    simulate(capsys, "--env-file", host, "--set", "validator.cpu_high=75", "--plot", picture)
    assert picture.read_bytes().startswith(begins)


def test_a_picture_without_its_library_is_refused_with_the_remedy(
    host: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Before anything is played."""
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    said = refused(capsys, "--env-file", host, "--plot", tmp_path / "a.png")
    assert "pip install matplotlib" in said


@pytest.mark.parametrize(
    ("name", "words"), [("a.gif", "end in .png or .svg"), ("none/a.png", "there is no directory")]
)
def test_a_picture_that_cannot_be_written_there_is_bad_usage(
    host: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str, words: str
) -> None:
    """Found before anything is played."""
    plot = str(tmp_path / name)
    assert main(["simulate", "--env-file", str(host), "--plot", plot]) == 2
    assert words in capsys.readouterr().err


def test_without_a_daemon_installed_the_built_in_settings_do(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A CSV file can be played on a desk, where no env file is."""
    monkeypatch.setattr("autoscaler.cli.simulate.DEFAULT_ENV_FILE", tmp_path / "none")
    monkeypatch.setattr("autoscaler.settings.loader.DEFAULT_ENV_FILE", tmp_path / "none")
    path = tmp_path / "a.csv"
    path.write_text(f"time,role,member,cpu_percent\n{WALL},validator,v1,50\n")
    found = simulate(capsys, "--csv", path, "--env-file", tmp_path / "none")
    assert found["in_force"]["rounds"] == 1
