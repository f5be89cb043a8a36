"""Readings in a CSV file, and what is said of one that cannot be used."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from autoscaler.errors import AutoscalerError
from autoscaler.replay.from_csv import csv_file
from autoscaler.replay.recorded import Round
from autoscaler.replay.source import Span

if TYPE_CHECKING:
    from pathlib import Path

HEADER = "time,role,member,cpu_percent\n"
ROLES = ("validator", "business")


def read(path: Path, text: str) -> list[Round]:
    """Return the rounds of the validators in a file of that text."""
    path.write_text(text, encoding="utf-8")
    return list(csv_file(path, Span(("validator",)), ROLES).rounds())


def test_lines_of_one_time_and_role_are_a_round(tmp_path: Path) -> None:
    """Other roles of the settings are passed over; columns may stand in any order."""
    text = (
        "member,cpu_percent,role,time,ready\n"
        "v1,50.5,validator,1000,1\n"
        "b1,10,business,1000,\n"
        "v2,,validator,1000,0\n"
        "\n"
        'v1,60,validator,"1970-01-01T00:16:45Z",yes\n'
    )
    first, second = read(tmp_path / "a.csv", text)
    assert (first.wall, first.at, first.desired) == (1000.0, 1000.0, 2)
    assert [(m.name, m.cpu_percent, m.ready) for m in first.loads] == [
        ("v1", 50.5, True),
        ("v2", None, False),
    ]
    assert (second.wall, second.desired) == (1005.0, 1)


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("x,validator,v1,5", "time='x'; allowed: Unix seconds, or ISO 8601 with its zone"),
        ("2026-03-01T12:00:00,validator,v1,5", "ISO 8601 with its zone"),
        ("nan,validator,v1,5", "allowed: Unix seconds"),
        ("1700000000000,validator,v1,5", "time='1700000000000'; allowed: Unix seconds"),
        ("1e300,validator,v1,5", "from 1970 to 2199"),
        ("0001-01-01T00:00:00+14:00,validator,v1,5", "from 1970 to 2199"),
        ("1,vali,v1,5", "role='vali' is not in the settings; allowed: validator, business"),
        ("1,validator,,5", "member is empty"),
        ("1,validator,v1,-5", "cpu_percent='-5'; allowed: a number from 0"),
        ("1,validator,v1,5 %", "with a decimal point; empty for no reading"),
        ("1,validator,v1,nan", "cpu_percent='nan'"),
        ("1,validator,v1,inf", "cpu_percent='inf'"),
        ("1,validator,v1", "has 3 values, but the header names 4 columns"),
        ("0.5,validator,v1,5", "before that of the line above; sort by time"),
        ("0.9,validator,v0,6", "v0 of validator has a line of this time already"),
    ],
)
def test_a_bad_line_is_named_with_what_is_allowed(tmp_path: Path, line: str, said: str) -> None:
    """By its number in the file."""
    with pytest.raises(AutoscalerError) as error:
        read(tmp_path / "a.csv", f"{HEADER}0.9,validator,v0,5\n{line}\n")
    assert "a.csv, line 3: " in str(error.value)
    assert said in str(error.value)


def test_a_flag_that_is_none_is_refused(tmp_path: Path) -> None:
    """`ready` and `warming` know 1 and 0."""
    with pytest.raises(AutoscalerError, match="ready='maybe'; allowed: 1 or 0"):
        read(tmp_path / "a.csv", "time,role,member,cpu_percent,ready\n1,validator,v,5,maybe\n")


@pytest.mark.parametrize(
    ("header", "said"),
    [
        ("", "lacks 'time', 'role', 'member', 'cpu_percent'"),
        ("time,role,member,cpu", "lacks 'cpu_percent' and has unknown 'cpu'"),
        ("time,role,member,cpu_percent,time", "has twice 'time'"),
    ],
)
def test_a_bad_header_says_which_columns_are_needed(tmp_path: Path, header: str, said: str) -> None:
    """All that is wrong with it at once."""
    with pytest.raises(AutoscalerError) as error:
        read(tmp_path / "a.csv", f"{header}\n")
    assert said in str(error.value)
    assert "needed are time, role, member, cpu_percent" in str(error.value)


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    """A missing one, one that is no table, and one that is no text."""
    with pytest.raises(AutoscalerError, match=r"cannot read .*No such file"):
        list(csv_file(tmp_path / "none.csv", Span(("validator",)), ROLES).rounds())
    with pytest.raises(AutoscalerError, match=r"line 1: field larger .*; is it a CSV file\?"):
        read(tmp_path / "long.csv", "time," + "x" * 200_000)
    (tmp_path / "bad.csv").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(AutoscalerError, match="not UTF-8"):
        list(csv_file(tmp_path / "bad.csv", Span(("validator",)), ROLES).rounds())
