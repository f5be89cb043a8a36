"""The operator's commands against a live daemon on the real engine."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from tests.e2e.daemon_process import ROOT, autoscaler, environment
from tests.e2e.harness import BY_HAND, role
from tests.e2e.short_lease import PROGRAM as SHORT_LEASE
from tests.e2e.waiting import until

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.e2e.conftest import MakeHost
    from tests.e2e.harness import Host

pytestmark = pytest.mark.engine


@pytest.fixture(scope="module")
def shared(make_shared_host: MakeHost) -> Host:
    """Return a host of two validators, whose count follows its bounds only."""
    host = make_shared_host(role("validator", 2, settings=BY_HAND))
    host.settings["FREEZE_FILE"] = str(host.stack.run_directory / "freeze")
    host.start()
    return host


@pytest.fixture
def host(shared: Host) -> Iterator[Host]:
    """Return the host with one member and nothing in force."""
    yield shared
    autoscaler("resume", *env(shared))
    (shared.stack.run_directory / "freeze").unlink(missing_ok=True)
    until(lambda: shared.status().get("overrides") == [], "nothing is in force")
    shared.settings.pop("ROLES__VALIDATOR__SCHEDULE", None)
    shared.bounds("validator", 1, 1)
    shared.wait_published("validator", 1)
    shared.bounds("validator", 1, 2)


def env(host: Host) -> tuple[str, str]:
    """Return the option that names the host's env file."""
    return ("--env-file", str(host.stack.write_env(host.settings)))


def check(host: Host) -> dict[str, dict[str, str]]:
    """Return what `check` finds, by item."""
    told = autoscaler("check", "--json", *env(host))
    return {one["item"]: one for one in json.loads(told.stdout)["checks"]}


def hold(host: Host, *words: str) -> subprocess.Popen[str]:
    """Start a command under a lease and wait until the lease is in force."""
    process = subprocess.Popen(
        [sys.executable, "-m", "autoscaler", "hold", *env(host), "--", *words],
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        env=environment(),
        cwd=ROOT,
    )
    until(lambda: "hold" in kinds(host), "the lease is in force")
    return process


def kinds(host: Host) -> list[str]:
    """Return what is in force."""
    return [o["kind"] for o in host.status().get("overrides", ())]


def test_a_window_of_a_schedule_starts_a_member_without_any_load(host: Host) -> None:
    """As soon as a reload puts it in force; status and explain say so, check too."""
    host.reload(ROLES__VALIDATOR__SCHEDULE="sale: 1-59 * * * * -> 0 0 1 jan * min=2 max=2")
    host.wait_published("validator", 1, 2)
    assert "\n  schedule: sale (2 to 2) until " in autoscaler("status", *env(host)).stdout
    told = autoscaler("explain", "validator", *env(host)).stdout
    assert "By the schedule, in force is sale (2 to 2) until " in told
    checked = autoscaler("check", "--settings-only", *env(host)).stdout
    assert "ok    schedule validator: sale (2 to 2) is in force until " in checked


def test_a_pin_is_reached_and_survives_a_restart_of_the_daemon(host: Host) -> None:
    """Killed right after the answer, it still knows who, why and until when."""
    words = ("scale", "validator", "2", "--for", "10m", "--reason", "sale", "--json")
    told = autoscaler(*words, *env(host))
    assert told.returncode == 0, told.stderr
    host.daemon.kill()
    host.start()
    (pin,) = host.status()["overrides"]
    assert pin["until"] == json.loads(told.stdout)["set"]["until"]
    assert (pin["by"], pin["reason"], pin["count"]) == ("root", "sale", 2)
    host.wait_published("validator", 1, 2)
    ended = autoscaler("resume", "validator", *env(host))
    assert ended.stdout.startswith("ended: pin at 2 of validator")


def test_a_pause_keeps_the_count_until_it_ends_by_itself(host: Host) -> None:
    """Its end is logged with what it was for."""
    assert autoscaler("pause", "--for", "1s", "--reason", "x", *env(host)).returncode == 0
    assert host.daemon.wait_for("override.ended", kind="pause").fields["was"] == "x"


def test_the_freeze_file_stops_starts(host: Host) -> None:
    """Its content is the reason; without it the start follows."""
    file = host.stack.run_directory / "freeze"
    file.write_text("forensics\n", encoding="utf-8")
    frozen = host.daemon.wait_for("override.set", kind="freeze", reason="forensics")
    assert frozen.fields["by"] == "root"
    host.bounds("validator", 2, 2)
    until(lambda: host.role("validator")["min"] == 2, "the bounds are in force")
    assert host.role("validator")["running"] == 1
    second = check(host)[f"drift {host.name('validator', 2)}"]
    assert second["text"].startswith("rules: wanted; Docker: ")
    assert second["remedy"] == "the daemon neither starts nor stops it while frozen: forensics"
    file.unlink()
    host.wait_published("validator", 1, 2)


def test_status_watch_shows_each_change_until_it_is_interrupted(host: Host) -> None:
    """A pause set meanwhile appears; the end by Ctrl-C is no error."""
    # A shell that runs the tests in its background has them ignore SIGINT, and so all they start.
    words = ["env", "--default-signal=INT", sys.executable, "-m", "autoscaler", "status", "--watch"]
    words += env(host)
    out = host.stack.run_directory / "watched"
    with out.open("w") as stream:
        process = subprocess.Popen(
            words, stdout=stream, stderr=subprocess.STDOUT, env=environment(), cwd=ROOT
        )
    until(lambda: "validator: 1 wanted (1 to 2), 1 running" in out.read_text(), "it shows a role")
    assert "in force" not in out.read_text()
    autoscaler("pause", "--reason", "seen by watch", *env(host))
    until(lambda: "in force pause of all roles" in out.read_text(), "it shows the pause")
    process.send_signal(signal.SIGINT)
    assert process.wait(10) == 0
    assert "Traceback" not in out.read_text()


def test_explain_says_why_a_role_has_its_count_and_what_is_in_force(host: Host) -> None:
    """With the numbers of the live daemon; a role that it does not know is refused."""
    autoscaler("pause", "validator", "--for", "10m", "--reason", "deploy", *env(host))
    told = autoscaler("explain", "validator", *env(host))
    assert told.returncode == 0, told.stderr
    *sentences, last = told.stdout.splitlines()
    assert sentences[0].startswith("validator stays at 1")
    assert last.startswith("In force: pause of validator, until ")
    assert last.endswith(": deploy")
    wrong = autoscaler("explain", "validater", *env(host))
    assert (wrong.returncode, wrong.stdout) == (2, "")
    assert "no role 'validater'; there are: validator" in wrong.stderr


def test_check_finds_rules_docker_and_nginx_at_one(host: Host) -> None:
    """The file's lines, the proof and the chosen members are those of the live daemon."""
    found = check(host)
    name = host.name("validator", 1)
    assert found[f"drift {name}"]["level"] == "ok", found
    assert found[f"drift {name}"]["text"].endswith("NGINX's file: listed, and served")
    assert found["drift validator"]["text"] == (
        "rules want 1, Docker runs 1, NGINX's file lists 1 (proven)"
    )


def test_hold_ends_with_the_status_of_its_command(host: Host) -> None:
    """And gives the lease back at once."""
    told = autoscaler("hold", *env(host), "--", "sh", "-c", "exit 7")
    assert told.returncode == 7
    assert kinds(host) == []


def test_hold_passes_a_signal_on_to_its_command(host: Host) -> None:
    """The command decides what to do with it."""
    ready = host.stack.run_directory / "ready"
    script = f"trap 'echo got it; exit 5' TERM; touch {ready}; while :; do sleep 0.1; done"
    process = hold(host, "sh", "-c", script)
    until(ready.exists, "the command waits for the signal")
    process.send_signal(signal.SIGTERM)
    out, _ = process.communicate(timeout=20)
    assert (process.returncode, out) == (5, "got it\n")


def test_hold_whose_command_is_killed_ends_as_a_shell_would(host: Host) -> None:
    """128 and the signal; the lease is given back."""
    told = autoscaler("hold", *env(host), "--", "sh", "-c", "kill -9 $$")
    assert told.returncode == 137
    assert kinds(host) == []


def test_hold_that_is_killed_leaves_a_lease_that_runs_out(host: Host) -> None:
    """When it is over nothing is in force, though nobody gave it back."""
    host.daemon.stop()
    host.start(program=[SHORT_LEASE])
    process = hold(host, "sleep", "1")
    process.send_signal(signal.SIGKILL)
    process.wait(10)
    ended = host.daemon.wait_for("override.ended", kind="hold", reason="its time is over")
    assert ended.fields["by"] == "root"


def test_a_user_outside_the_group_is_refused(host: Host) -> None:
    """The kernel does not let nobody open the socket, and the words say who may."""
    socket = host.stack.run_directory / "control.sock"
    code = (
        "import socket,sys\ns=socket.socket(socket.AF_UNIX)\n"
        f"try: s.connect({str(socket)!r})\n"
        "except PermissionError: sys.exit(13)\n"
    )
    for folder in socket.parents:
        if folder.stat().st_uid == os.geteuid() and not folder.stat().st_mode & 0o001:
            folder.chmod(folder.stat().st_mode | 0o001)  # so that the socket itself decides
    words = ["setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups"]
    tried = subprocess.run([*words, "/usr/bin/python3", "-c", code], check=False, cwd="/")
    assert tried.returncode == 13


def test_a_refused_command_ends_with_1_and_says_what_is_allowed(host: Host) -> None:
    """Nothing is set."""
    told = autoscaler("scale", "validator", "9", "--for", "1m", "--reason", "x", *env(host))
    assert (told.returncode, told.stdout) == (1, "")
    assert "allows 1 to 2 (MIN and MAX)" in told.stderr
    assert kinds(host) == []


def test_without_a_daemon_commands_end_with_3_and_events_still_answer(shared: Host) -> None:
    """`hold` does not start its command; `events` reads the file it left."""
    assert autoscaler("pause", "--reason", "x", *env(shared)).returncode == 0
    shared.daemon.stop()
    told = autoscaler("hold", *env(shared), "--", "echo", "ran")
    assert (told.returncode, told.stdout) == (3, "")
    assert autoscaler("pause", "--reason", "x", *env(shared)).returncode == 3
    assert "what the rules want is not known" in check(shared)["drift"]["text"]
    events = autoscaler("events", "--since", "1h", "--json", *env(shared))
    assert events.returncode == 0, events.stderr
    names = [json.loads(line)["event"] for line in events.stdout.splitlines()]
    assert names[-1] == "daemon.stopped"
    assert "override.set" in names
    of_role = autoscaler("events", "--role", "validator", *env(shared)).stdout
    assert "member.published" in of_role
    assert "daemon.stopped" not in of_role
