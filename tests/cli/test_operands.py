"""What the commands that steer the daemon refuse before they ask it."""

from __future__ import annotations

import re

import pytest

from autoscaler.cli.main import build_parser, main

PAUSE = ("pause", "--reason", "deploy")
SCALE = ("scale", "web", "2", "--for", "1h", "--reason", "sale")
YEAR = r"out of range; allowed: above 0, at most 366d"
NAME = "no role's name; allowed: small letters"
COUNT = "no count; allowed: a whole number from 1 to 10000"


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ((*PAUSE, "--for", "0"), f"argument --for: '0' is {YEAR}"),
        ((*PAUSE, "--for", "99999d"), f"argument --for: '99999d' is {YEAR}"),
        ((*PAUSE, "--for", "soon"), "argument --for: 'soon' is not a duration"),
        ((*SCALE, "--for", "0s"), f"argument --for: '0s' is {YEAR}"),
        (("pause", "--reason", ""), "argument --reason: is empty; say in a few words why"),
        ((*SCALE, "--reason", "  "), "argument --reason: is empty; say in a few words why"),
        ((*PAUSE, "--reason", "a\nb"), "argument --reason: holds a control character"),
        (("scale", "web", "0"), f"argument N: '0' is {COUNT}"),
        (("scale", "web", "two"), f"argument N: 'two' is {COUNT}"),
        (("scale", "web", "10001"), f"argument N: '10001' is {COUNT}"),
        (("scale", "WEB", "1"), f"argument ROLE: 'WEB' is {NAME}"),
        (("explain", "WEB"), f"argument ROLE: 'WEB' is {NAME}"),
        ((*PAUSE, "WEB"), f"argument ROLE: 'WEB' is {NAME}"),
        (("resume", "WEB"), f"argument ROLE: 'WEB' is {NAME}"),
        (("hold", "--role", "WEB", "--", "true"), f"argument --role: 'WEB' is {NAME}"),
    ],
)
def test_a_bad_value_is_bad_usage_and_names_the_option(
    words: tuple[str, ...], says: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Exit code 2 and what is allowed; no daemon is needed to be told so."""
    with pytest.raises(SystemExit) as ended:
        main(words)
    assert ended.value.code == 2
    assert says in capsys.readouterr().err


def test_a_reason_that_is_too_long_is_not_repeated(capsys: pytest.CaptureFixture[str]) -> None:
    """Its length is told, and what is allowed."""
    with pytest.raises(SystemExit):
        main(["pause", "--reason", "x" * 5000])
    told = capsys.readouterr().err
    assert "argument --reason: has 5000 characters; allowed: at most 500" in told
    assert not re.search("x{20}", told)


def test_the_longest_of_everything_passes() -> None:
    """What the control socket takes is not refused here."""
    words = ["scale", "a" * 32, "10000", "--for", "366d", "--reason", " " + "x" * 500]
    given = build_parser(("scale",)).parse_args(words)
    assert (given.role, given.count, given.seconds) == ("a" * 32, 10_000, 366 * 86400.0)
    assert given.reason == "x" * 500


def test_without_a_role_all_are_meant() -> None:
    """The default is no role's name to be looked for."""
    assert build_parser(("pause",)).parse_args(["pause", "--reason", "x"]).role == "all"
