"""The `autoscaler` command as a shell sees it: output, exit codes, words on standard error."""

from __future__ import annotations

import json
import re
import socket
import subprocess
import sys
import threading
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from autoscaler.cli.main import COMMANDS, main
from autoscaler.cli.operating import words
from autoscaler.cli.status import lines
from autoscaler.cli.times import when
from autoscaler.errors import DaemonUnreachableError
from autoscaler.surface.control_socket import ControlSocket
from autoscaler.surface.defects import Defects
from autoscaler.surface.requests import Reply, Request

if TYPE_CHECKING:
    from collections.abc import Iterator

MEMBER = {
    "name": "validator-1",
    "phase": "serving",
    "cpu_percent": 50.0,
    "no_reading": None,
}
ROLE: dict[str, Any] = {
    "desired": 2,
    "min": 1,
    "max": 3,
    "running": 2,
    "healthy": 1,
    "published": 1,
    "cpu_high": 70.0,
    "cpu_low": 40.0,
    "decision": {"mean": 50.04, "reason": "within_band"},
    "last_change": None,
    "missing": [],
    "members": [MEMBER],
}
STATUS: dict[str, Any] = {
    "pid": 7,
    "started": "2026-01-01T00:00:00.000+00:00",
    "engine": {"up": True, "error": ""},
    "nginx": {"generation": "abc", "settled": True, "error": None},
    "history": {"error": None},
    "warnings": [],
    "roles": {"validator": ROLE},
}


@pytest.fixture
def env_file(tmp_path: Path) -> Path:
    """Return a good env file whose daemon would listen below `tmp_path`."""
    path = tmp_path / "autoscaler.env"
    path.write_text(
        "AUTOSCALER_PROJECT=shop\nAUTOSCALER_NGINX__CONTAINER=proxy\n"
        f"AUTOSCALER_RUN_DIR={tmp_path}\n",
        encoding="utf-8",
    )
    return path


def shell(*words: str) -> subprocess.CompletedProcess[str]:
    """Run the command in a process of its own."""
    return subprocess.run(
        [sys.executable, "-m", "autoscaler", *words],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        env={"PATH": "/usr/bin:/bin", "PYTHONPATH": ":".join(sys.path)},
    )


def test_help_names_every_command_and_the_exit_codes() -> None:
    """And ends well."""
    done = shell("--help")
    assert done.returncode == 0
    assert all(name in done.stdout for name in COMMANDS)
    assert "3 no daemon answers" in done.stdout


@pytest.mark.parametrize("words", [[], *([name] for name in COMMANDS)])
def test_help_teaches_by_examples(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    """Each is a command as it is typed, on a line of its own."""
    with pytest.raises(SystemExit):
        main([*words, "--help"])
    _, found, examples = capsys.readouterr().out.partition("\nexamples:\n")
    assert found
    assert examples.startswith(" ".join(["  autoscaler", *words]))


@pytest.mark.parametrize("words", [["dance"], [], ["status", "--dance"]])
def test_bad_usage_ends_with_2(words: list[str]) -> None:
    """An unknown command, none at all, an unknown option."""
    done = shell(*words)
    assert (done.returncode, done.stdout) == (2, "")
    assert "usage:" in done.stderr


@pytest.mark.parametrize("command", ["status", "reload"])
def test_without_a_daemon_it_ends_with_3_and_says_what_to_do(command: str, env_file: Path) -> None:
    """In one line on standard error."""
    done = shell(command, "--env-file", str(env_file))
    assert (done.returncode, done.stdout) == (3, "")
    assert done.stderr.startswith("autoscaler: no daemon answers on")
    assert "Traceback" not in done.stderr


def test_the_socket_of_a_daemon_that_was_killed_is_no_daemon(
    env_file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Nobody listens on it any more; the words are those for a socket that is not there."""
    with socket.socket(socket.AF_UNIX) as left:
        left.bind(str(tmp_path / "control.sock"))
    assert main(["status", "--env-file", str(env_file)]) == 3
    said = capsys.readouterr().err
    assert "it was left by one that has ended; start it (systemctl start autoscaler)" in said
    assert "Errno" not in said


def test_an_output_without_a_place_is_told_in_a_line(env_file: Path) -> None:
    """As into a file on a full disk."""
    words = ["check", "--settings-only", "--env-file", str(env_file)]
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [sys.executable, "-m", "autoscaler", *words],
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            timeout=60,
            check=False,
        )
    assert done.returncode == 1
    assert done.stderr == ("autoscaler: the output cannot be written: No space left on device\n")


def test_bad_settings_end_with_2_and_all_mistakes(env_file: Path) -> None:
    """One line each, on standard error."""
    env_file.write_text("AUTOSCALER_SETTLE=soon\nAUTOSCALER_INTERVALL=5\n", encoding="utf-8")
    done = shell("run", "--env-file", str(env_file))
    assert done.returncode == 2
    assert "AUTOSCALER_SETTLE" in done.stderr
    assert "AUTOSCALER_INTERVALL" in done.stderr


class Answering:
    """A control socket with a prepared answer."""

    def __init__(self, run_dir: Path) -> None:
        self.answer: dict[str, Any] = {}
        self.code = 200
        self.asked = threading.Event()
        self.control = ControlSocket(run_dir, self._ask, Defects(print))

    def _ask(self, request: Request) -> Reply:
        self.asked.set()
        return Reply(self.answer, self.code)


@pytest.fixture
def daemon(tmp_path: Path) -> Iterator[Answering]:
    """Yield somebody who answers below `tmp_path`."""
    one = Answering(tmp_path)
    one.control.start()
    yield one
    one.control.stop()


def test_status_prints_what_the_daemon_says(daemon: Answering, env_file: Path) -> None:
    """For people, or with --json as it came."""
    daemon.answer = STATUS
    text = shell("status", "--env-file", str(env_file))
    assert text.returncode == 0
    assert "2 wanted (1 to 3), 2 running, 1 healthy, 1 published" in text.stdout
    as_json = shell("status", "--json", "--env-file", str(env_file))
    assert json.loads(as_json.stdout) == STATUS


@pytest.mark.parametrize(("code", "exits"), [(404, 2), (400, 2), (409, 1), (503, 1)])
def test_what_the_daemon_does_not_know_is_bad_usage_and_what_it_refuses_a_failure(
    daemon: Answering, env_file: Path, code: int, exits: int
) -> None:
    """A role that is none, as against a count outside the bounds or a daemon that is busy."""
    daemon.answer, daemon.code = {"error": "why"}, code
    done = shell("explain", "web", "--env-file", str(env_file))
    assert (done.returncode, done.stdout, done.stderr) == (exits, "", "autoscaler: why\n")


def test_a_watch_goes_on_while_the_daemon_is_restarted(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], env_file: Path
) -> None:
    """It says so each time, and shows the next answer; only the first one must come."""
    away = DaemonUnreachableError("no daemon answers there; start it")
    answers: list[dict[str, Any] | BaseException] = [
        STATUS,
        away,
        STATUS,
        KeyboardInterrupt(),
        away,
    ]

    def ask(*_: object) -> dict[str, Any]:
        answer = answers.pop(0)
        if isinstance(answer, BaseException):
            raise answer
        return answer

    monkeypatch.setattr("autoscaler.cli.status.ask_daemon", ask)
    monkeypatch.setattr("autoscaler.cli.status.WATCH_SECONDS", 0.0)
    command = ["status", "--watch", "--env-file", str(env_file)]
    assert main(command) == 0
    said = capsys.readouterr()
    assert said.out.count("validator: 2 wanted") == 2
    assert re.fullmatch(r"\d\d:\d\d:\d\d no daemon answers there\n", said.err)
    assert main(command) == 3


def test_a_file_with_mistakes_does_not_hide_the_status(daemon: Answering, env_file: Path) -> None:
    """The daemon runs on with the settings it has; that is when people look."""
    with env_file.open("a", encoding="utf-8") as file:
        file.write("AUTOSCALER_SETTLE=soon\n")
    daemon.answer = STATUS
    done = shell("status", "--env-file", str(env_file))
    assert (done.returncode, done.stderr) == (0, "")
    assert "2 wanted (1 to 3)" in done.stdout


def test_explain_without_a_role_explains_each(
    daemon: Answering, env_file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """With an empty line between them; as JSON a list."""
    daemon.answer = {**STATUS, "roles": {"a": {}, "b": {}}, "sentences": ["It is so."]}
    daemon.answer["overrides"] = []
    assert main(["explain", "--env-file", str(env_file)]) == 0
    assert capsys.readouterr().out == "It is so.\n\nIt is so.\n"
    assert main(["explain", "--json", "--env-file", str(env_file)]) == 0
    assert len(json.loads(capsys.readouterr().out)) == 2
    assert main(["explain", "a", "--json", "--env-file", str(env_file)]) == 0
    assert json.loads(capsys.readouterr().out)["sentences"] == ["It is so."]


def test_reload_prints_each_change(daemon: Answering, env_file: Path) -> None:
    """Old and new, whether it waits for a restart, and what the environment masks."""
    change = {"variable": "AUTOSCALER_SETTLE", "old": "15s", "new": "20s", "restart": False}
    first = {"variable": "AUTOSCALER_HOST_CPU_CEILING", "old": "", "new": "90", "restart": False}
    late = {"variable": "AUTOSCALER_WORKERS", "old": "16", "new": "8", "restart": True}
    daemon.answer = {"changes": [change, first, late], "masked": ["AUTOSCALER_INTERVAL"]}
    done = shell("reload", "--env-file", str(env_file))
    assert done.returncode == 0
    assert done.stdout.splitlines() == [
        "AUTOSCALER_SETTLE: 15s -> 20s",
        "AUTOSCALER_HOST_CPU_CEILING: (empty) -> 90",
        "AUTOSCALER_WORKERS: 16 -> 8  (takes effect at the next restart)",
        "AUTOSCALER_INTERVAL in the file does not count: the daemon's environment sets it too",
    ]


def test_a_refused_reload_ends_with_2_and_the_mistakes(daemon: Answering, env_file: Path) -> None:
    """And says that the old settings stay."""
    daemon.answer = {"problems": ["AUTOSCALER_SETTLE is soon"]}
    done = shell("reload", "--env-file", str(env_file))
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.splitlines() == [
        "AUTOSCALER_SETTLE is soon",
        "nothing was changed: the settings in force stay",
    ]


def test_the_daemon_is_told_to_reload_a_file_with_mistakes_too(
    daemon: Answering, env_file: Path
) -> None:
    """Its log and its state in systemd are to say so, so it answers rather than the command."""
    with env_file.open("a", encoding="utf-8") as file:
        file.write("AUTOSCALER_SETTLE=soon\n")
    daemon.answer = {"problems": ["the daemon's own words"]}
    done = shell("reload", "--env-file", str(env_file))
    assert done.returncode == 2
    assert done.stderr.splitlines()[0] == "the daemon's own words"


def test_a_file_with_mistakes_is_told_of_though_no_daemon_answers(env_file: Path) -> None:
    """The mistakes come first, before the missing daemon."""
    with env_file.open("a", encoding="utf-8") as file:
        file.write("AUTOSCALER_SETTLE=soon\n")
    done = shell("reload", "--env-file", str(env_file))
    assert done.returncode == 2
    assert "AUTOSCALER_SETTLE=soon" in done.stderr


# How status looks.


def shown(**changes: object) -> str:
    """Render the status with a changed role."""
    return "\n".join(lines({**STATUS, "roles": {"validator": {**ROLE, **changes}}}))


def test_a_status_line_has_a_bar_of_the_members_cpu() -> None:
    """Half full at 50 %."""
    assert f"{'█' * 10}{'·' * 10} 50.0 %" in shown()


@pytest.mark.parametrize(("cpu", "filled"), [(0.0, 0), (100.0, 20), (350.0, 20)])
def test_a_bar_never_leaves_its_width(cpu: float, filled: int) -> None:
    """Also above what the container may use."""
    text = shown(members=[{**MEMBER, "cpu_percent": cpu}])
    assert f"{'█' * filled}{'·' * (20 - filled)} {cpu:.1f} %" in text


@pytest.mark.parametrize(("would_be", "said"), [(3, True), (2, False)])
def test_what_the_rules_would_want_is_shown_where_it_differs(would_be: int, said: bool) -> None:
    """A person who resumes has to know what will happen then."""
    decision = {"mean": 90.0, "reason": "paused", "would_be": would_be}
    words = f"stops below 40 %: paused; without that the rules would want {would_be}"
    assert (words in shown(decision=decision)) == said


def test_a_spare_is_no_member_whose_reading_is_missing() -> None:
    """It has none because it does not run: no bar, no words that look like trouble."""
    spare = {**MEMBER, "phase": "spare", "cpu_percent": None, "no_reading": "not_running"}
    assert "  validator-1                  spare" in shown(members=[spare]).splitlines()


def test_a_missing_reading_is_shown_with_its_reason_and_not_as_zero() -> None:
    """Nobody should think it idles."""
    text = shown(members=[{**MEMBER, "cpu_percent": None, "no_reading": "first_sight"}])
    assert "no reading: first_sight" in text
    assert " 0.0 %" not in text


@pytest.fixture
def in_berlin(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Put the reader there."""
    monkeypatch.setenv("TZ", "Europe/Berlin")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


def test_a_role_without_a_decision_says_so() -> None:
    """In the first seconds."""
    assert "mean unknown" in shown(decision=None)
    assert "not decided yet" in shown(decision=None)


def test_a_member_never_read_says_so_in_words() -> None:
    """Before the first round there is neither a number nor a reason."""
    assert "None" not in shown(members=[{**MEMBER, "cpu_percent": None, "no_reading": None}])


@pytest.mark.parametrize(
    ("hook", "what"), [("before_stop", "not stopped"), ("after_healthy", "no requests")]
)
def test_a_failed_hook_is_shown_below_its_member(hook: str, what: str) -> None:
    """What it is in the way of, why, and when it is tried again."""
    blocked = {"hook": hook, "reason": "exit code 3", "in_seconds": 25.0}
    text = shown(members=[{**MEMBER, "blocked": blocked}])
    assert text.endswith(f"    blocked: {what}, its hook failed (exit code 3); tried again in 25 s")


def test_a_change_that_waits_for_a_command_is_shown_without_a_time() -> None:
    """While which, whose, and since when."""
    waits = "while `./backup.sh` runs (alice, since 12:03 UTC)"
    assert f"\n  nothing changes {waits}\n" in shown(next_change_waits=waits)


def test_a_hold_is_shown_without_the_end_of_its_lease() -> None:
    """Its command renews it."""
    until = "2026-01-01T00:00:30+00:00"
    one = {"kind": "hold", "role": None, "by": "alice", "since": until, "reason": "runs x"}
    assert words({**one, "until": until}).startswith(
        "hold of all roles, while its command runs, by"
    )


def test_trouble_is_shown_on_top() -> None:
    """Engine, NGINX, history and warnings, each in its own words."""
    text = lines(
        {
            **STATUS,
            "engine": {"up": False, "error": "connection refused"},
            "nginx": {"generation": None, "settled": False, "error": "no include"},
            "late": "the look has not come back",
            "history": {"error": "disk full"},
            "warnings": ["two members of order 1"],
        }
    )
    assert text[1:6] == [
        "engine   does not answer: connection refused",
        "nginx    not up to date: no include",
        "late     the look has not come back; all counts are held",
        "history  disk full",
        "warning  two members of order 1",
    ]


def test_a_source_in_trouble_is_shown_with_its_role_and_reason() -> None:
    """One line for each, above the roles."""
    trouble = {"prometheus for validator": "stale: the sample is 50 s old"}
    text = lines({**STATUS, "sources": trouble})
    assert text[3] == "source   prometheus for validator: stale: the sample is 50 s old"


def test_a_moment_is_told_by_the_readers_clock(in_berlin: None) -> None:
    """With the date unless it is today, and always with the time zone."""
    assert when("2026-01-01T23:30:05.123+00:00") == "2026-01-02 00:30:05 CET"
    now = datetime.now(UTC)
    assert re.fullmatch(r"\d\d:\d\d:\d\d CES?T", when(now.isoformat()))


def test_the_next_change_is_shown_in_seconds_and_by_the_clock(in_berlin: None) -> None:
    """With what it depends on; without one there is no such line."""
    coming = {"desired": 1, "in_seconds": 131.4, "at": "2026-01-01T12:00:00+00:00"}
    assert (
        "  becomes 1 in 131 s, at 2026-01-01 13:00:00 CET, if the readings stay as they are"
    ) in shown(next_change=coming).splitlines()
    assert "becomes" not in shown(next_change=None)


def test_an_engine_not_asked_yet_is_not_called_dead() -> None:
    """In the first moments nobody knows."""
    text = lines({**STATUS, "engine": {"up": None, "error": ""}})
    assert text[1] == "engine   was not asked yet"
