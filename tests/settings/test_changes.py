"""Differences between two settings, as a reload reports them."""

from __future__ import annotations

from autoscaler.settings import Change, diff, effective, load

_SCOPE = {"AUTOSCALER_PROJECT": "v11", "AUTOSCALER_NGINX__CONTAINER": "proxy"}


def _diff(**variables: str) -> list[Change]:
    """Return what these variables change."""
    return diff(load(None, _SCOPE).settings, load(None, _SCOPE | variables).settings)


def test_equal_settings_do_not_differ() -> None:
    """Another spelling of the same value is no change."""
    assert _diff(AUTOSCALER_INTERVAL="5000ms", AUTOSCALER_LOG_LEVEL="INFO") == []


def test_a_change_shows_both_values_as_written_in_the_file() -> None:
    """Durations and numbers read as an administrator writes them."""
    assert _diff(AUTOSCALER_ROLES__BUSINESS__CPU_HIGH="80", AUTOSCALER_SETTLE="1m") == [
        Change("AUTOSCALER_SETTLE", "15s", "1m", restart=False),
        Change("AUTOSCALER_ROLES__BUSINESS__CPU_HIGH", "65", "80", restart=False),
    ]


def test_a_change_shows_no_password_of_an_address() -> None:
    """Changes are logged and told; the value itself is taken as it was written."""
    (change,) = _diff(AUTOSCALER_NGINX__RELOAD_COMMAND="post http://u:sekret@x/reload")
    assert change.new == "post http://***@x/reload"


def test_a_change_that_needs_a_restart_says_so() -> None:
    """Directories, the engine's address and the size of the pool cannot change underway."""
    changes = _diff(
        AUTOSCALER_STATE_DIR="/s",
        AUTOSCALER_RUN_DIR="/r",
        AUTOSCALER_DOCKER__URL="tcp://127.0.0.1:2375",
        AUTOSCALER_WORKERS="4",
    )
    assert [change.restart for change in changes] == [True] * 4


def test_a_role_that_is_switched_off_is_one_plain_change_and_its_settings_go() -> None:
    """ENABLED turns false; what else it had is gone."""
    changes = _diff(AUTOSCALER_ROLES__SLIM__ENABLED="false")
    assert Change("AUTOSCALER_ROLES__SLIM__ENABLED", "true", "false", restart=False) in changes
    assert Change("AUTOSCALER_ROLES__SLIM__PORT", "9013", None, restart=False) in changes


def test_a_new_role_comes_with_its_settings() -> None:
    """The old value of each is none."""
    changes = _diff(AUTOSCALER_ROLES__GATE__PORT="80")
    assert Change("AUTOSCALER_ROLES__GATE__PORT", None, "80", restart=False) in changes


def test_the_effective_settings_read_back_as_themselves() -> None:
    """What `check` prints is a complete env file."""
    settings = load(
        None,
        _SCOPE
        | {
            "AUTOSCALER_ROLES__GATE_WAY__PORT": "80",
            "AUTOSCALER_ROLES__GATE_WAY__SCALE_UP_LIMIT": "3/90s, 10%/1m30s",
            "AUTOSCALER_ROLES__GATE_WAY__MEMBERS": "a, b",
            "AUTOSCALER_ROLES__SLIM__ENABLED": "0",
            "AUTOSCALER_NGINX__TEST_COMMAND": "sudo 'my nginx' -t",
            "AUTOSCALER_INTERVAL": "1.25",
        },
    ).settings
    assert load(None, effective(settings)).settings == settings
