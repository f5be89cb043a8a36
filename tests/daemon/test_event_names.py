"""The list of events that people can be told of, against the code that reports them."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import autoscaler.daemon
from autoscaler.settings.event_names import EVENTS

FILES = ("history.db", "control.sock")
NEVER_TOLD = re.compile(r"notify\..*|scale\.checked|tick\.late")
"""What cannot be sent, and what only the debug log has."""


def reported() -> tuple[set[str], list[str]]:
    """Return the dotted names in the daemon's code, and patterns of those put together there."""
    whole, parts = set(), []
    for path in Path(*autoscaler.daemon.__path__).glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.JoinedStr):
                text = "".join(
                    str(one.value) if isinstance(one, ast.Constant) else "*" for one in node.values
                )
                if re.fullmatch(r"[a-z]+\.[a-z_*]+", text):
                    parts.append(re.escape(text).replace(r"\*", "[a-z_]+"))
            elif isinstance(node, ast.Constant) and isinstance(node.value, str):
                whole.add(node.value)
    return {one for one in whole if re.fullmatch(r"[a-z]+\.[a-z_]+", one)}, parts


def test_every_event_of_the_daemon_can_be_named_in_the_settings() -> None:
    """Else a right name would be refused as a mistake."""
    whole, _ = reported()
    assert {n for n in whole if n not in FILES and not NEVER_TOLD.fullmatch(n)} <= set(EVENTS)


def test_no_name_is_known_that_the_daemon_does_not_report() -> None:
    """Else somebody would wait for an event that never comes."""
    whole, parts = reported()
    put_together = re.compile("|".join(parts))
    assert [n for n in EVENTS if n not in whole and not put_together.fullmatch(n)] == []
