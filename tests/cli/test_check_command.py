"""`autoscaler check` from the command line, with the real engine where it says so."""

from __future__ import annotations

import json
import os
import re
import time
from typing import TYPE_CHECKING, Any

import pytest

from autoscaler.cli.hostcheck import check_host
from autoscaler.cli.main import main
from autoscaler.clock import SystemClock
from autoscaler.settings import load
from tests.cli.conftest import GOOD_PATH, SERVES

if TYPE_CHECKING:
    from pathlib import Path

    from tests.cli.conftest import Stack


@pytest.fixture(autouse=True)
def _no_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    """Take the program's variables out of the environment of these tests."""
    for name in list(os.environ):
        if name.upper().startswith("AUTOSCALER_"):
            monkeypatch.delenv(name)


def _check(capsys: pytest.CaptureFixture[str], path: Path, *more: str) -> tuple[int, Any]:
    """Run the command with --json; return its exit code and what it printed."""
    code = main(["check", "--json", "--env-file", str(path), *more])
    return code, json.loads(capsys.readouterr().out)


def _of(answer: Any, item: str) -> list[dict[str, str]]:  # noqa: ANN401 - JSON
    """Return the findings about one item."""
    return [one for one in answer["checks"] if one["item"] == item]


def test_bad_settings_end_with_2_and_every_mistake(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Nothing is printed as if it were in effect."""
    path = tmp_path / "a.env"
    path.write_text("AUTOSCALER_INTERVALL=5\nAUTOSCALER_SETTLE=x\n")
    assert main(["check", "--env-file", str(path)]) == 2
    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err.startswith("4 mistakes in the settings:\n")
    for says in ("AUTOSCALER_INTERVALL=5", "AUTOSCALER_SETTLE=x", "AUTOSCALER_PROJECT:"):
        assert says in printed.err


def test_bad_settings_as_json_list_the_mistakes(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The exit code is the same."""
    code, answer = _check(capsys, tmp_path / "none.env")
    assert code == 2
    assert answer == {
        "errors": [
            f"{tmp_path}/none.env: does not exist; create it or name another with --env-file"
        ]
    }


def test_every_setting_is_printed_with_its_origin(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Default, file and line, or environment; and what the environment masks."""
    path = tmp_path / "a.env"
    path.write_text("AUTOSCALER_PROJECT=v11\nAUTOSCALER_NGINX__CONTAINER=p\nAUTOSCALER_SETTLE=9\n")
    monkeypatch.setenv("AUTOSCALER_SETTLE", "8s")
    assert main(["check", "--settings-only", "--env-file", str(path)]) == 0
    lines = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert ["AUTOSCALER_PROJECT=v11", f"{path}:1"] in lines
    assert ["AUTOSCALER_INTERVAL=5s", "default"] in lines
    assert ["AUTOSCALER_SETTLE=8s", "environment"] in lines
    note = f"note: AUTOSCALER_SETTLE in {path} does not count: the environment sets it too"
    assert note.split() in lines


def test_a_warning_does_not_fail_the_check(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Oscillating thresholds are the administrator's right."""
    path = tmp_path / "a.env"
    path.write_text(
        "AUTOSCALER_PROJECT=v11\nAUTOSCALER_NGINX__CONTAINER=p\n"
        "AUTOSCALER_ROLES__BUSINESS__FLAP_GUARD=false\n"
    )
    code, answer = _check(capsys, path, "--settings-only")
    assert code == 0
    (finding,) = answer["checks"]
    assert finding["level"] == "warn"
    assert "between 65 and 70 percent of one member" in finding["text"]


def test_an_engine_that_is_away_fails_with_its_address(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Nothing about the members is guessed then."""
    path = tmp_path / "a.env"
    path.write_text(
        f"AUTOSCALER_PROJECT=v11\nAUTOSCALER_NGINX__CONTAINER=p\n"
        f"AUTOSCALER_DOCKER__URL=unix://{tmp_path}/none.sock\n"
    )
    code, answer = _check(capsys, path)
    assert code == 1
    assert [one["level"] for one in _of(answer, "engine")] == ["fail"]
    assert f"unix://{tmp_path}/none.sock" in _of(answer, "engine")[0]["text"]
    assert not [one for one in answer["checks"] if one["item"].startswith("role")]


@pytest.mark.engine
def test_a_host_in_order_passes(stack: Stack, capsys: pytest.CaptureFixture[str]) -> None:
    """Engine, members, their answers, readings, NGINX, its test and the include are all well."""
    stack.wait_listening(stack.member("b1", "business", command=SERVES))
    stack.member("b2", "business", start=False, command=SERVES)
    stack.nginx("include /up/*.conf;", f"{stack.upstreams}:/up:ro")
    settings = stack.settings(
        AUTOSCALER_ROLES__BUSINESS__HEALTH_PATH=GOOD_PATH,
        AUTOSCALER_ROLES__BUSINESS__HEALTH_TIMEOUT="30s",
    )
    code, answer = _check(capsys, settings)
    levels = {one["item"]: one["level"] for one in answer["checks"]}
    assert {levels.pop("host cpu"), levels.pop("host memory")} <= {"ok", "warn"}  # as it is now
    assert levels == {
        "engine": "ok",
        "role business": "ok",
        "spares business": "ok",
        "cpu cgroup": "ok",
        "cpu docker": "ok",
        f"health {stack.name('b1')}": "ok",
        "nginx": "ok",
        "nginx test": "ok",
        "nginx directory": "ok",
        "nginx include": "ok",
        "addresses": "warn",
        "drift": "warn",
        f"drift {stack.name('b1')}": "ok",
        f"drift {stack.name('b2')}": "ok",
        "state directory": "ok",
        "run directory": "ok",
    }
    assert code == 0
    b1, b2 = stack.name("b1"), stack.name("b2")
    assert _of(answer, "role business")[0]["text"] == f"2 containers, 1 running: {b1}, {b2}"


@pytest.mark.engine
def test_a_typing_error_in_a_health_path_fails_the_check(
    stack: Stack, capsys: pytest.CaptureFixture[str]
) -> None:
    """It would be in force with the next reload, and the member out of NGINX."""
    stack.wait_listening(stack.member("b1", "business", command=SERVES))
    settings = stack.settings(
        AUTOSCALER_ROLES__BUSINESS__HEALTH_PATH="/typo",
        AUTOSCALER_ROLES__BUSINESS__HEALTH_TIMEOUT="30s",
    )
    code, answer = _check(capsys, settings)
    (finding,) = _of(answer, f"health {stack.name('b1')}")
    assert finding["level"] == "fail"
    assert "/typo answered 404; the daemon would take it out of NGINX" in finding["text"]
    assert code == 1


@pytest.mark.engine
def test_a_spare_with_a_health_check_that_never_ran_is_not_blamed(
    stack: Stack, capsys: pytest.CaptureFixture[str]
) -> None:
    """The engine tells no health of a created container, but it has the check."""
    check = {"test": ["CMD", "true"], "interval": 10**9}
    stack.member("b1", "business", start=False, healthcheck=check)
    stack.member("b2", "business", start=False)
    settings = stack.settings(AUTOSCALER_ROLES__BUSINESS__HEALTH_PATH="")
    _, answer = _check(capsys, settings)
    (blamed,) = [one for one in _of(answer, "role business") if one["level"] == "warn"]
    assert blamed["text"].endswith(f"healthy: {stack.name('b2')}")


@pytest.mark.engine
def test_a_spare_that_missed_a_deploy_is_named(
    stack: Stack, capsys: pytest.CaptureFixture[str]
) -> None:
    """Its environment is not the primary's; what the engine gives each container is no matter."""
    stack.member("b1", "business", start=False, environment={"VERSION": "12.3", "NODE": "b1"})
    stack.member("b2", "business", start=False, environment={"VERSION": "12.2", "NODE": "b2"})
    _, answer = _check(capsys, stack.settings())
    (finding,) = _of(answer, "spares business")
    b1, b2 = stack.name("b1"), stack.name("b2")
    assert finding["level"] == "warn"
    assert finding["text"] == f"{b2} differs from the primary {b1}: environment differs in VERSION"


@pytest.mark.engine
def test_a_hostile_label_is_shown_whole_and_has_its_remedy(
    stack: Stack, capsys: pytest.CaptureFixture[str]
) -> None:
    """Its own semicolons do not cut the sentence."""
    stack.member("b1", "business", start=False, also_labels={"autoscaler.port": "80; } server {"})
    _, answer = _check(capsys, stack.settings())
    (finding,) = _of(answer, "labels")
    assert "'80; } server {' cannot be used" in finding["text"]
    assert finding["remedy"] == "correct the label and recreate the container"


@pytest.mark.engine
def test_members_of_two_projects_in_one_role_fail(
    stack: Stack, capsys: pytest.CaptureFixture[str]
) -> None:
    """Found on the engine by their names."""
    names = [stack.member("b1", "business"), stack.member("b2", "business", project="other")]
    code, answer = _check(
        capsys, stack.settings(AUTOSCALER_ROLES__BUSINESS__MEMBERS=",".join(names))
    )
    assert code == 1
    assert any("of 2 compose projects" in one["text"] for one in _of(answer, "role business"))


@pytest.mark.engine
@pytest.mark.parametrize(
    ("include", "bind", "says"),
    [
        ("", "{directory}:/up:ro", "does not include /up/autoscaler.conf"),
        ("include /up/*.conf;", "", "does not mount"),
        ("", "{directory}/autoscaler.conf:/up/autoscaler.conf:ro", "mounts the single file"),
    ],
)
def test_a_container_without_the_include_fails_with_what_to_do(
    stack: Stack, capsys: pytest.CaptureFixture[str], include: str, bind: str, says: str
) -> None:
    """No include, no mount, or the mount of the single file."""
    (stack.upstreams / "autoscaler.conf").write_text("# managed by autoscaler\n")
    stack.nginx(include, *([bind.format(directory=stack.upstreams)] if bind else []))
    code, answer = _check(capsys, stack.settings())
    (finding,) = _of(answer, "nginx include")
    assert finding["level"] == "fail"
    assert says in finding["text"]
    assert finding["remedy"]
    assert code == 1


@pytest.mark.engine
def test_a_broken_configuration_fails_with_nginx_own_words(
    stack: Stack, capsys: pytest.CaptureFixture[str]
) -> None:
    """NGINX runs with the old one, and would not start again."""
    stack.nginx("include /up/*.conf;", f"{stack.upstreams}:/up:ro")
    (stack.upstreams / "other.conf").write_text("nonsense;\n")
    code, answer = _check(capsys, stack.settings())
    (finding,) = _of(answer, "nginx test")
    assert finding["level"] == "fail"
    assert 'unknown directive "nonsense"' in finding["text"]
    assert code == 1


@pytest.mark.engine
def test_an_nginx_that_waits_for_its_upstreams_is_not_to_be_started_by_hand(
    stack: Stack, capsys: pytest.CaptureFixture[str]
) -> None:
    """Before the daemon has ever run it restarts again and again; starting it would not help."""
    stack.nginx("nonsense;", restart={"Name": "always"})
    deadline = time.monotonic() + 10
    remedy = ""
    while "docker logs" not in remedy and time.monotonic() < deadline:
        _, answer = _check(capsys, stack.settings())
        (finding, *_) = _of(answer, "nginx")
        remedy = finding["remedy"]
    assert "is restarting" in finding["text"]
    assert f"docker logs {stack.name('proxy')}" in remedy
    assert "once the daemon has run" in remedy


@pytest.mark.engine
def test_a_long_configuration_is_read_whole(
    stack: Stack, capsys: pytest.CaptureFixture[str]
) -> None:
    """The include is found behind half a megabyte of comments."""
    filler = "".join(f"# a comment, number {number}, of no use\n" for number in range(12000))
    stack.nginx(f"\n{filler} include /up/*.conf;", f"{stack.upstreams}:/up:ro")
    _, answer = _check(capsys, stack.settings())
    assert [one["level"] for one in _of(answer, "nginx include")] == ["ok"]


@pytest.mark.engine
def test_a_source_that_reads_nothing_is_a_warning_while_another_serves(
    stack: Stack, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Both are tried; the text says what is missing."""
    stack.member("b1", "business")
    _, answer = _check(capsys, stack.settings(AUTOSCALER_CGROUP_ROOT=str(tmp_path)))
    assert [one["level"] for one in _of(answer, "cpu cgroup")] == ["warn"]
    assert [one["level"] for one in _of(answer, "cpu docker")] == ["ok"]


@pytest.mark.engine
def test_a_host_that_answers_late_still_gives_readings(stack: Stack) -> None:
    """A second and a half too late between the two counters is no reason to blame a source."""
    stack.member("b1", "business")
    settings = load(stack.settings(), {}).settings
    found = check_host(settings, SystemClock(), lambda seconds: time.sleep(seconds + 1.5))
    levels = {one.item: one.level for one in found if one.item.startswith("cpu")}
    assert levels == {"cpu cgroup": "ok", "cpu docker": "ok"}


@pytest.mark.engine
def test_without_any_reading_the_check_fails(
    stack: Stack, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The only source reads nothing, so nothing would ever scale."""
    stack.member("b1", "business")
    settings = stack.settings(AUTOSCALER_CGROUP_ROOT=str(tmp_path), AUTOSCALER_CPU_SOURCE="cgroup")
    code, answer = _check(capsys, settings)
    assert [one["level"] for one in _of(answer, "cpu cgroup")] == ["fail"]
    assert code == 1


def test_the_example_for_machines_asks_for_what_the_answer_has(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A filter on a name that is not there would show nothing, as if all were well."""
    with pytest.raises(SystemExit):
        main(["check", "--help"])
    asked = re.search(r"jq '\.([a-z]+)\[\]", capsys.readouterr().out)
    assert asked is not None
    path = tmp_path / "a.env"
    path.write_text("AUTOSCALER_PROJECT=v11\nAUTOSCALER_NGINX__CONTAINER=p\n")
    _, answer = _check(capsys, path, "--settings-only")
    assert asked[1] in answer
