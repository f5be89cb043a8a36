"""Secrets in mistaken lines are not repeated in what is told of the mistake."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from autoscaler.errors import SettingsError
from autoscaler.settings import load

if TYPE_CHECKING:
    from pathlib import Path

_SCOPE = ("AUTOSCALER_PROJECT=v11", "AUTOSCALER_NGINX__CONTAINER=proxy")


def _problem(tmp_path: Path, line: str) -> str:
    """Return what is told of this line of an env file, without the file's path."""
    path = tmp_path / "a.env"
    path.write_text("\n".join((*_SCOPE, line)) + "\n", encoding="utf-8")
    with pytest.raises(SettingsError) as caught:
        load(path, {})
    return "\n".join(caught.value.problems).replace(f"{path}, line 3", "here")


@pytest.mark.parametrize(
    ("line", "says"),
    [
        (
            "AUTOSCALER_PROMETHEUS__PASSWORD=hunter2",
            "AUTOSCALER_PROMETHEUS__PASSWORD=*** (here): is not a setting",
        ),
        (
            "AUTOSCALER_PROMETHEUS__URL=http://u:sekret@x",
            "AUTOSCALER_PROMETHEUS__URL=http://***@x (here): is not valid; allowed: http://HOST:PORT",
        ),
        (
            "AUTOSCALER_NOTIFY__URLS_FILE=jsons://user:pw@h",
            "AUTOSCALER_NOTIFY__URLS_FILE=jsons://*** (here): is not an absolute path; allowed: an",
        ),
    ],
)
def test_what_is_told_of_a_secret_in_the_wrong_place(tmp_path: Path, line: str, says: str) -> None:
    """The name, the place and the remedy stay; the secret goes."""
    problem = _problem(tmp_path, line)
    assert problem.startswith(says)
    assert line.partition("=")[2] not in problem


@pytest.mark.parametrize(
    "line",
    [
        "autoscaler_prometheus__token=hunter2",
        "AUTOSCALER_PROMETHEUS__TOKEN_FILE=hunter2",
        "AUTOSCALER_PROMETHEUS__PASSWD='hunter2",
        "AUTOSCALER_PROMETHEUS__PASSWORD hunter2",
        "AUTOSCALER_PROMETHEUS__PASSWORD: hunter2=",
        "set AUTOSCALER_PROMETHEUS__PASSWORD: hunter2",
        "AUTOSCALER_HTTP__SECRET=\x01hunter2",
        "AUTOSCALER_HTTP__API_KEY=hunter2",
        "AUTOSCALER_HTTP__CREDENTIALS=hunter2",
        "AUTOSCALER_HTTP__BASIC_AUTH=hunter2",
        "AUTOSCALER_PROMETHEUS__PASSWORD_FILE=/hunter2",
        "AUTOSCALER_PROMETHEUS__URL=u:hunter2@x",
        "AUTOSCALER_PROMETHEUS__URL=http://hunter2@x",
        "AUTOSCALER_PROMETHEUS__URL=http://u:ab@hunter2/c@x",
        "AUTOSCALER_PROMETHEUS__URL=http://x/?token=hunter2",
        "AUTOSCALER_NOTIFY__URLS_FILE=slack://a/hunter2/b",
        "AUTOSCALER_NOTIFY__EVENTS=jsons://u:a,hunter2@h",
        "AUTOSCALER_HTTP__LISTEN=http://u:hunter2@h",
    ],
)
def test_no_form_of_a_mistake_repeats_a_secret(tmp_path: Path, line: str) -> None:
    """Misspelt, of the wrong form, quoted by the rule that refuses it, or lacking its pair."""
    problem = _problem(tmp_path, line)
    assert "hunter2" not in problem
    assert "***" in problem


@pytest.mark.parametrize(
    "line",
    ["AUTOSCALER_SETTLE=soon", "AUTOSCALER_ROLES__SLIM__KEEPALIVE=many", "AUTOSCALER_NEW=soon@10"],
)
def test_what_is_no_secret_is_shown_as_written(tmp_path: Path, line: str) -> None:
    """Whoever mends it sees what is wrong with it."""
    assert _problem(tmp_path, line).startswith(f"{line} (here)")


@pytest.mark.parametrize(
    "line",
    [
        "hunter2",
        "export hunter2",
        "hunter2\x01",
        "hunter2 and=more",
        "hunter2: x",
        "http://u:hunter2@x",
        "hunter2IsTheK3yOfAll==",
        "HUNTER2HUNTER2AA======",
        "hunter2/isT+eK3yOfAllX==",
    ],
)
def test_a_line_that_may_be_a_secret_alone_is_told_by_number_and_length(
    tmp_path: Path, line: str
) -> None:
    """Nothing of it is shown, and the administrator finds it by its number."""
    problem = _problem(tmp_path, line)
    assert "here: text of " in problem
    assert "(not shown: it may be a secret)" in problem
    assert "hunter2" not in problem.lower()


def test_what_another_program_is_told_is_not_repeated(tmp_path: Path) -> None:
    """Its name is enough to find it; its value may be that program's password."""
    problem = _problem(tmp_path, "PGPASS=hunter2")
    assert problem.startswith("PGPASS=*** (here): does not start with AUTOSCALER_")
