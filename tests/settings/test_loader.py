"""Loading: precedence, origins, and every mistake reported at once."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from autoscaler.errors import SettingsError
from autoscaler.model import LimitKind, RateLimit, Select
from autoscaler.scope import RoleScope, Scope
from autoscaler.settings import DEFAULT_ENV_FILE, Origin, OriginKind, Settings, load

if TYPE_CHECKING:
    from pathlib import Path

_SCOPE = {"AUTOSCALER_PROJECT": "v11", "AUTOSCALER_NGINX__CONTAINER": "proxy"}


def _settings(**variables: str) -> Settings:
    """Load these variables on top of the least that is needed."""
    return load(None, _SCOPE | variables).settings


def _problems(env_file: Path | None = None, /, **variables: str) -> list[str]:
    """Return the mistakes that these variables make."""
    with pytest.raises(SettingsError) as caught:
        load(env_file, _SCOPE | variables)
    return caught.value.problems


def _write(tmp_path: Path, *lines: str) -> Path:
    """Write an env file."""
    path = tmp_path / "a.env"
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def test_the_defaults_are_the_agreed_ones() -> None:
    """Three roles with their thresholds and limits exist without being configured."""
    settings = _settings()
    assert (settings.interval, settings.average_over, settings.max_age) == (5.0, 15.0, 30.0)
    assert settings.cpu_source == ("cgroup", "docker")
    assert {
        name: (role.port, role.min, role.max, role.cpu_high, role.cpu_low, role.fixed)
        for name, role in settings.roles.items()
    } == {
        "validator": (9003, 1, 3, 70.0, 40.0, False),
        "business": (9009, 1, 2, 65.0, 35.0, False),
        "slim": (9013, 1, 1, 70.0, 40.0, True),
    }
    business = settings.roles["business"].policy(settings.average_over)
    assert business.scale_down.window_seconds == 300.0
    assert business.scale_down.select is Select.MIN
    assert business.scale_down.limits == (
        RateLimit(LimitKind.PERCENT, 50, 60.0),
        RateLimit(LimitKind.MEMBERS, 1, 60.0),
    )
    assert business.scale_up.limits == (RateLimit(LimitKind.PERCENT, 100, 30.0),)
    assert business.gap_seconds == 30.0


def test_the_hosts_limits_are_off_unless_set() -> None:
    """Empty is off, too."""
    settings = _settings(AUTOSCALER_HOST_MEMORY_FLOOR="")
    assert (settings.host_cpu_ceiling, settings.host_memory_floor) == (None, None)
    settings = _settings(AUTOSCALER_HOST_CPU_CEILING="90", AUTOSCALER_HOST_MEMORY_FLOOR="7.5")
    assert (settings.host_cpu_ceiling, settings.host_memory_floor) == (90.0, 7.5)


@pytest.mark.parametrize("value", ["100", "0", "90%", "off"])
def test_a_ceiling_that_could_never_be_passed_is_refused(value: str) -> None:
    """More than all of the CPU is never in use; the way to switch it off is to leave it empty."""
    (problem,) = _problems(AUTOSCALER_HOST_CPU_CEILING=value)
    assert "AUTOSCALER_HOST_CPU_CEILING" in problem
    assert "percent from 10 to 99" in problem


def test_one_field_of_a_role_keeps_its_other_defaults() -> None:
    """Changing a threshold of a built-in role leaves its port, maximum and health path."""
    role = _settings(AUTOSCALER_ROLES__BUSINESS__CPU_HIGH="80").roles["business"]
    assert (role.cpu_high, role.cpu_low, role.max, role.port) == (80.0, 35.0, 2, 9009)
    assert role.health_path == "/api/v11/health"


def test_a_new_role_needs_only_its_port() -> None:
    """The rest has defaults, and `_` in the variable is `-` in the role's name."""
    role = _settings(AUTOSCALER_ROLES__API_GATEWAY__PORT="8080").roles["api-gateway"]
    assert (role.port, role.min, role.max, role.cpu_high, role.health_path) == (8080, 1, 2, 70, "")


def test_upper_and_lower_case_names_mean_the_same() -> None:
    """A variable may be written in either case."""
    settings = load(None, _SCOPE | {"autoscaler_roles__Business__cpu_high": "61"}).settings
    assert settings.roles["business"].cpu_high == 61.0


def test_a_built_in_role_can_be_switched_off() -> None:
    """A disabled role is not among the roles, so nothing looks after it."""
    settings = _settings(AUTOSCALER_ROLES__SLIM__ENABLED="false")
    assert list(settings.roles) == ["validator", "business"]


def test_the_scope_carries_project_ports_and_names() -> None:
    """Members by name go with their role; a built-in role that is disabled is known as such."""
    settings = _settings(
        AUTOSCALER_ROLES__VALIDATOR__MEMBERS="v-1, v-2",
        AUTOSCALER_ROLES__SLIM__ENABLED="no",
        AUTOSCALER_ROLES__BUSINESS__PORT="80",
    )
    assert settings.scope() == Scope(
        "v11",
        (RoleScope("validator", 9003, ("v-1", "v-2")), RoleScope("business", 80)),
        off=frozenset({"slim"}),
    )


def test_the_environment_wins_over_the_file_and_the_masked_variable_is_named(
    tmp_path: Path,
) -> None:
    """The origin of every effective value is known."""
    path = _write(tmp_path, "# x", "AUTOSCALER_INTERVAL=2s", "AUTOSCALER_SETTLE=3s")
    loaded = load(path, _SCOPE | {"AUTOSCALER_INTERVAL": "1s"})
    assert (loaded.settings.interval, loaded.settings.settle) == (1.0, 3.0)
    assert loaded.masked == ("AUTOSCALER_INTERVAL",)
    assert loaded.origins["AUTOSCALER_INTERVAL"] == Origin(
        OriginKind.ENVIRONMENT, "AUTOSCALER_INTERVAL"
    )
    assert loaded.origins["AUTOSCALER_SETTLE"] == Origin(
        OriginKind.FILE, "AUTOSCALER_SETTLE", path, 3
    )
    assert str(loaded.origins["AUTOSCALER_SETTLE"]) == f"{path}:3"
    assert str(loaded.origins["AUTOSCALER_MAX_AGE"]) == "default"


def test_nothing_else_of_the_process_environment_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    """Only the mapping given counts, so that a test or a tool decides what is seen."""
    monkeypatch.setenv("AUTOSCALER_INTERVAL", "1s")
    assert _settings().interval == 5.0


def test_variables_of_other_programs_are_left_alone() -> None:
    """Only the prefix is ours in the process environment."""
    assert _settings(PATH="/bin", AUTOSCALERX="1").interval == 5.0


def test_a_missing_file_is_an_error_unless_it_is_the_default(tmp_path: Path) -> None:
    """A file that was named must exist."""
    assert _problems(tmp_path / "no.env") == [
        f"{tmp_path}/no.env: does not exist; create it or name another with --env-file"
    ]
    assert not DEFAULT_ENV_FILE.exists()
    assert load(DEFAULT_ENV_FILE, _SCOPE).settings.project == "v11"


@pytest.mark.parametrize(
    ("variable", "value", "says"),
    [
        ("ROLES__BUSINESS__CPU_HIGH", "70%", "without the % sign; allowed: percent"),
        ("ROLES__BUSINESS__CPU_HIGH", "70,5", "has a decimal comma; write 70.5"),
        ("ROLES__BUSINESS__CPU_HIGH", "nan", "is not a number"),
        ("ROLES__BUSINESS__CPU_HIGH", "inf", "is not a number"),
        ("ROLES__BUSINESS__CPU_HIGH", "1e1", "is not a number"),
        ("ROLES__BUSINESS__CPU_HIGH", "9" * 400, "is out of range"),
        ("ROLES__BUSINESS__CPU_HIGH", "0", "is out of range"),
        ("ROLES__BUSINESS__CPU_HIGH", "101", "above 0, at most 100"),
        ("ROLES__BUSINESS__CPU_HIGH", "-5", "is out of range"),
        ("ROLES__BUSINESS__CPU_HIGH", "", "is empty; allowed"),
        ("ROLES__BUSINESS__CPU_HIGH", "\N{ARABIC-INDIC DIGIT SEVEN}0", "is not a number"),
        ("ROLES__BUSINESS__CPU_LOW", "65", "is not below CPU_HIGH of the same role (65)"),
        ("ROLES__BUSINESS__MIN", "0", "is out of range"),
        ("ROLES__BUSINESS__MIN", "1.5", "is not a whole number"),
        ("ROLES__BUSINESS__FIXED", "maybe", "is neither true nor false"),
        ("ROLES__BUSINESS__HEALTH_PATH", "health", "an HTTP path that starts with /"),
        ("ROLES__BUSINESS__HEALTH_PATH", "/a\r\nHost: x", "an HTTP path"),
        ("ROLES__BUSINESS__MEMBERS", "a,,b", "holds '', which is no container name"),
        ("ROLES__BUSINESS__MEMBERS", "a b", "holds 'a b', which is no container name"),
        ("ROLES__BUSINESS__MEMBERS", "a,a", "names 'a' twice"),
        ("ROLES__BUSINESS__SCALE_UP_LIMIT", "0/30s", "a limit is at least 1"),
        ("ROLES__BUSINESS__SCALE_UP_LIMIT", "1/31m", "whose period is out of range"),
        ("ROLES__BUSINESS__SCALE_UP_LIMIT", "1/0", "whose period is out of range"),
        ("ROLES__BUSINESS__SCALE_UP_LIMIT", "fast", "which is no limit"),
        ("ROLES__BUSINESS__SCALE_DOWN_WINDOW", "61m", "from 0s to 1h"),
        ("ROLES__BUSINESS__SCALE_DOWN_SELECT", "most", "one of max, min, disabled"),
        ("ROLES__BUSINESS__BALANCE", "hash", "one of round_robin, least_conn"),
        ("INTERVAL", "5 minutes", "is not a duration"),
        ("INTERVAL", "-5", "is negative"),
        ("AVERAGE_OVER", "4s", "is shorter than AUTOSCALER_INTERVAL (5s)"),
        ("QUARANTINE_MAX", "5s", "is shorter than AUTOSCALER_QUARANTINE (30s)"),
        ("CPU_SOURCE", "cgroup,graphite", "names 'graphite', which is not one of the choices"),
        ("CPU_SOURCE", "docker,docker", "names 'docker' twice"),
        ("STATE_DIR", "var/lib", "is not an absolute path"),
        ("DOCKER__URL", "/var/run/docker.sock", "unix:///PATH of a socket or tcp://HOST:PORT"),
        ("NGINX__CONTAINER", "a/b", "a container name as `docker ps` shows it"),
        ("NGINX__CONTAINER", "", "is not set; name the container NGINX runs in"),
        ("NGINX__TEST_COMMAND", "nginx '-t", "an opening quote without a closing one"),
        ("NGINX__COMMAND", "''", "names no program"),
        ("PROJECT", "My Stack", "a compose project name"),
    ],
)
def test_a_bad_value_is_named_with_what_is_allowed(variable: str, value: str, says: str) -> None:
    """The text starts with the assignment as written and tells what is allowed."""
    problems = _problems(**{f"AUTOSCALER_{variable}": value})
    assert len(problems) == 1
    assert problems[0].startswith(f"AUTOSCALER_{variable}={value} (environment): ")
    assert says in problems[0]


def test_a_default_that_no_longer_fits_is_named_as_such() -> None:
    """Lowering one threshold below the other's default is found."""
    assert _problems(AUTOSCALER_ROLES__BUSINESS__CPU_HIGH="30") == [
        (
            "AUTOSCALER_ROLES__BUSINESS__CPU_LOW=35 (default): is not below CPU_HIGH of the same "
            "role (30); allowed: less than 30"
        )
    ]


def test_a_maximum_below_the_minimum_is_refused() -> None:
    """Raising the minimum over the default maximum is found."""
    assert _problems(AUTOSCALER_ROLES__BUSINESS__MIN="5") == [
        (
            "AUTOSCALER_ROLES__BUSINESS__MAX=2 (default): is below MIN of the same role (5); "
            "allowed: 5 or more"
        )
    ]


@pytest.mark.parametrize(
    ("variable", "says"),
    [
        ("AUTOSCALER_INTERVALL", "is not a setting; did you mean AUTOSCALER_INTERVAL?"),
        ("AUTOSCALER_NGINX_CONTAINER", "did you mean AUTOSCALER_NGINX__CONTAINER?"),
        ("AUTOSCALER_NGINX", "names a group; set one of its settings, such as"),
        ("AUTOSCALER_NGINX__REACH__X", "is not a setting"),
        (
            "AUTOSCALER_ROLES__BUSINESS__CPU_HIHG",
            "is not a setting of a role; did you mean AUTOSCALER_ROLES__BUSINESS__CPU_HIGH?",
        ),
        ("AUTOSCALER_ROLES__BUSINESS", "names no setting of a role"),
        ("AUTOSCALER_ROLES", "names no setting of a role"),
        (
            "AUTOSCALER_ROLES__BUSINES__CPU_HIGH",
            (
                "set AUTOSCALER_ROLES__BUSINES__PORT to a TCP port from 1 to 65535; "
                "or did you mean AUTOSCALER_ROLES__BUSINESS__CPU_HIGH?"
            ),
        ),
        ("AUTOSCALER_ROLES__9A__PORT", "names a role '9a'; allowed: 1 to 32 letters"),
        (f"AUTOSCALER_ROLES__{'A' * 33}__PORT", "allowed: 1 to 32 letters"),
        ("AUTOSCALER_", "is not a setting"),
    ],
)
def test_an_unknown_name_is_an_error_with_a_suggestion(variable: str, says: str) -> None:
    """Also in the process environment: a misspelt threshold must not be silently ignored."""
    problems = _problems(**{variable: "60"})
    assert len(problems) == 1
    assert problems[0].startswith(f"{variable}=60 (environment): ")
    assert says in problems[0]


def test_a_foreign_name_in_the_file_is_an_error(tmp_path: Path) -> None:
    """A misspelt prefix is found, with the place."""
    path = _write(tmp_path, "AUTOSCALAR_INTERVAL=5")
    assert _problems(path) == [
        (
            f"AUTOSCALAR_INTERVAL=5 ({path}, line 1): does not start with AUTOSCALER_; "
            "did you mean AUTOSCALER_INTERVAL?"
        )
    ]


def test_a_repeated_name_is_an_error(tmp_path: Path) -> None:
    """Also when it is spelt differently, as `-` and `_` in a role's name."""
    path = _write(
        tmp_path,
        "AUTOSCALER_INTERVAL=5",
        "autoscaler_interval=6",
        "AUTOSCALER_ROLES__A_B__PORT=1",
        "AUTOSCALER_ROLES__A-B__PORT=2",
    )
    assert _problems(path) == [
        (
            f"autoscaler_interval=6 ({path}, line 2): sets the same as AUTOSCALER_INTERVAL "
            f"({path}, line 1); remove one of them"
        ),
        (
            f"AUTOSCALER_ROLES__A-B__PORT=2 ({path}, line 4): sets the same as "
            f"AUTOSCALER_ROLES__A_B__PORT ({path}, line 3); remove one of them"
        ),
    ]


def test_mistakes_that_come_of_an_absent_file_begin_with_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On the wrong host, or in a shell without its variables, the file is what lacks."""
    absent = tmp_path / "none.env"
    monkeypatch.setattr("autoscaler.settings.loader.DEFAULT_ENV_FILE", absent)
    first, second = _problems(absent, AUTOSCALER_PROJECT="")
    assert first == f"{absent} does not exist; name another file with --env-file"
    assert second.startswith("AUTOSCALER_PROJECT: nothing says which containers")


def test_without_any_scope_both_ways_are_explained() -> None:
    """Neither a project nor members by name: nothing may be touched, so nothing starts."""
    problems = _problems(AUTOSCALER_PROJECT="")
    assert len(problems) == 1
    assert problems[0].startswith("AUTOSCALER_PROJECT: nothing says which containers")
    assert "AUTOSCALER_ROLES__BUSINESS__MEMBERS=business-1,business-2" in problems[0]


def test_members_of_one_role_by_name_are_scope_enough() -> None:
    """A project is not needed then."""
    settings = _settings(AUTOSCALER_PROJECT="", AUTOSCALER_ROLES__SLIM__MEMBERS="slim-1")
    assert settings.project is None


def test_members_of_a_disabled_role_are_no_scope() -> None:
    """Nothing would be looked after."""
    assert len(
        _problems(
            AUTOSCALER_PROJECT="",
            AUTOSCALER_ROLES__SLIM__MEMBERS="slim-1",
            AUTOSCALER_ROLES__SLIM__ENABLED="false",
        )
    )


def test_a_container_in_two_roles_is_refused() -> None:
    """Two roles would fight over it."""
    assert _problems(
        AUTOSCALER_ROLES__SLIM__MEMBERS="a,b", AUTOSCALER_ROLES__BUSINESS__MEMBERS="b,c"
    ) == [
        (
            "AUTOSCALER_ROLES__SLIM__MEMBERS and AUTOSCALER_ROLES__BUSINESS__MEMBERS: both name "
            "the container 'b'; a container belongs to one role"
        )
    ]


def test_all_mistakes_come_at_once(tmp_path: Path) -> None:
    """Lines, names, values, missing scope and missing container in one report."""
    path = _write(
        tmp_path,
        "nonsense",
        "AUTOSCALER_INTERVALL=3",
        "AUTOSCALER_SETTLE=",
        "AUTOSCALER_ROLES__BUSINESS__CPU_HIGH=70%",
        "AUTOSCALER_ROLES__VALIDATOR__MIN=9",
        "AUTOSCALER_ROLES__GATE__MAX=2",
        "AUTOSCALER_NGINX__TIMEOUT=x",
    )
    with pytest.raises(SettingsError) as caught:
        load(path, {"AUTOSCALER_WORKERS": "none"})
    text = "\n".join(caught.value.problems)
    for says in (
        "line 1: text of 8 characters",
        "AUTOSCALER_INTERVALL=3",
        "AUTOSCALER_SETTLE= ",
        "CPU_HIGH=70%",
        "AUTOSCALER_ROLES__VALIDATOR__MAX=3 (default): is below MIN",
        "AUTOSCALER_ROLES__GATE__MAX=2",
        "AUTOSCALER_NGINX__TIMEOUT=x",
        "AUTOSCALER_NGINX__CONTAINER: is not set",
        "AUTOSCALER_PROJECT: nothing says",
        "AUTOSCALER_WORKERS=none (environment)",
    ):
        assert says in text
    assert len(caught.value.problems) == 10


def test_a_masked_mistake_in_the_file_does_not_count(tmp_path: Path) -> None:
    """The environment's value is the effective one."""
    path = _write(tmp_path, "AUTOSCALER_INTERVAL=x")
    assert load(path, _SCOPE | {"AUTOSCALER_INTERVAL": "2"}).settings.interval == 2.0


def test_settings_cannot_be_changed_afterwards() -> None:
    """They are values; a reload builds new ones."""
    settings = _settings()
    with pytest.raises(ValueError, match="frozen"):
        settings.interval = 1.0


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({}, "AUTOSCALER_PROMETHEUS__URL: is not set"),
        (
            {"PROMETHEUS__USERNAME": "u"},
            "PASSWORD_FILE: is not set, but AUTOSCALER_PROMETHEUS__USERNAME=u is",
        ),
        ({"PROMETHEUS__DIALECT": "custom"}, "BUSINESS__PROMETHEUS_QUERY: is not set"),
        ({"PROMETHEUS__URL": "http://user:secret@host:1"}, "without a user or password"),
    ],
)
def test_what_prometheus_lacks_to_be_a_source_is_told(given: dict[str, str], says: str) -> None:
    """With the variable to set."""
    named = {f"AUTOSCALER_{name}": value for name, value in given.items()}
    problems = _problems(AUTOSCALER_CPU_SOURCE="prometheus", **named)
    assert any(says in problem for problem in problems)
