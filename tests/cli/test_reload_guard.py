"""What is looked at before a reload: whether settings lose sight of all that serves a role."""

from __future__ import annotations

from typing import Any

import pytest

from autoscaler.cli.reloadguard import sentences
from autoscaler.settings import Settings, load

SERVING: dict[str, Any] = {
    "web": {
        "members": [
            {"name": "web-1", "published": True},
            {"name": "web-2", "published": True},
            {"name": "web-3", "published": False},
        ]
    }
}


def made(**changes: str) -> Settings:
    """Return settings with the role `web` of a project `shop`."""
    base = {"PROJECT": "shop", "NGINX__CONTAINER": "proxy", "ROLES__WEB__PORT": "80"}
    return load(
        None, {f"AUTOSCALER_{name}": value for name, value in (base | changes).items()}
    ).settings


def test_settings_that_find_one_of_the_serving_members_pass() -> None:
    """A reload may take members away, as long as one of those that serve stays."""
    assert sentences(made(), SERVING, {("web", "web-2")}) == []


def test_a_project_with_none_of_them_is_named_with_what_was_looked_for() -> None:
    """A spare that is found, or a namesake in another role, does not serve now."""
    (problem,) = sentences(
        made(PROJECT="shpo"), SERVING, {("web", "web-3"), ("validator", "web-1")}
    )
    assert problem == (
        "role web: these settings do not find web-1, web-2, which are all that serve it now; "
        "looked for by the labels com.docker.compose.project=shpo and autoscaler.role=web; "
        "correct AUTOSCALER_PROJECT, or the containers' labels"
    )


def test_wrong_names_are_named_with_their_setting() -> None:
    """A role that is found by names does not depend on the project."""
    (problem,) = sentences(made(ROLES__WEB__MEMBERS="wbe-1,wbe-2"), SERVING, set())
    assert problem.endswith(
        "looked for by name: wbe-1, wbe-2; correct AUTOSCALER_ROLES__WEB__MEMBERS"
    )


@pytest.mark.parametrize(
    "told",
    [
        pytest.param({}, id="the daemon does not know the role"),
        pytest.param({"web": {"members": []}}, id="without members"),
        pytest.param(
            {"web": {"members": [{"name": "web-1", "published": False}]}}, id="none serves"
        ),
    ],
)
def test_a_role_that_nobody_serves_has_nothing_to_lose(told: dict[str, Any]) -> None:
    """There the reload may be the very thing that mends it."""
    assert sentences(made(), told, set()) == []


def test_what_the_daemon_keeps_out_of_scope_serves_too() -> None:
    """The settings in force do not find it either, and whoever reloads is asked all the same."""
    told = {"web": {"members": [], "out_of_scope": {"members": ["web-1"]}}}
    (problem,) = sentences(made(PROJECT="shpo"), told, set())
    assert "do not find web-1, which is all that serves it now" in problem
    assert sentences(made(), told, {("web", "web-1")}) == []


def test_a_role_that_is_switched_off_is_meant_to_go() -> None:
    """Nobody is asked twice."""
    assert sentences(made(ROLES__WEB__ENABLED="false"), SERVING, set()) == []
