"""The tables: that of the tests' README names only tests and folders that exist, that of failures
in the README has every event that people are told of.
"""

from __future__ import annotations

import ast
import re
from datetime import UTC, datetime
from pathlib import Path

import pytest

from autoscaler.settings.event_names import EVENTS
from autoscaler.settings.notify import NotifySettings
from autoscaler.surface.notices.pending import Notice, Selection

HERE = Path(__file__).parent
TEXT = (HERE / "README.md").read_text(encoding="utf-8")
ITEMS = 56
NOW = datetime(2027, 1, 20, tzinfo=UTC)
ROW = re.compile(r"^\| (\d+) \| (.+?) \| (.+) \|$", re.MULTILINE)
TEST = re.compile(r"`([a-z0-9_/]+\.py)::(\w+)`")
FOLDER = re.compile(r"`([a-z0-9]+)`")
ROWS = [(int(number), how) for number, _, how in ROW.findall(TEXT)]


def missing(path: str, name: str) -> bool:
    """Tell whether there is no such test."""
    file = HERE / path
    if not file.is_file():
        return True
    tree = ast.parse(file.read_text(encoding="utf-8"))
    return not any(isinstance(one, ast.FunctionDef) and one.name == name for one in tree.body)


def test_every_item_has_one_row() -> None:
    """In order, none left out."""
    assert [number for number, _ in ROWS] == list(range(1, ITEMS + 1))


@pytest.mark.parametrize(("number", "how"), ROWS)
def test_every_row_has_a_test_or_a_reason(number: int, how: str) -> None:
    """And each of the tests it names exists under that name."""
    tests = TEST.findall(how)
    assert tests or how.startswith("Cannot happen here: ")
    assert [test for test in tests if missing(*test)] == []


def test_a_test_that_does_not_exist_is_noticed() -> None:
    """Neither in a file that is there nor in one that is not."""
    assert missing("test_readme_table.py", "test_nothing")
    assert missing("nowhere.py", "test_every_item_has_one_row")


def test_every_folder_is_described() -> None:
    """Those with tests in them, in the first column, and no others."""
    table = TEXT.partition("## Folders")[2].partition("## Running one")[0]
    first = [line.split("|")[1] for line in table.splitlines() if line.startswith("| `")]
    described = {name for cell in first for name in FOLDER.findall(cell)}
    assert described == {path.parent.name for path in HERE.glob("*/test_*.py")}


def test_every_event_that_people_are_told_of_is_in_the_table_of_failures() -> None:
    """Whoever is woken by one finds there what it means."""
    readme = (HERE.parent / "README.md").read_text(encoding="utf-8")
    table = readme.partition("## When things fail")[2].partition("## Under systemd")[0]
    default = NotifySettings().events
    told = [e for e in EVENTS if Selection(default).pick(Notice(NOW, "error", e, {}))]
    assert len(told) > 20
    assert [name for name in told if f"`{name}`" not in table] == []
