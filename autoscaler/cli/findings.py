"""What a check found: one line each, with what to do about it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Level(StrEnum):
    """How bad a finding is; only FAIL makes `autoscaler check` fail."""

    OK = "ok"
    WARN = "warn"
    FAIL = "fail"


@dataclass(frozen=True, slots=True)
class Finding:
    """What was looked at (`item`), what is the case, and what to do unless it is well."""

    level: Level
    item: str
    text: str
    remedy: str = ""


def ok(item: str, text: str) -> Finding:
    """Return a finding that all is well."""
    return Finding(Level.OK, item, text)


def warn(item: str, text: str, remedy: str) -> Finding:
    """Return a finding that the program can live with."""
    return Finding(Level.WARN, item, text, remedy)


def fail(item: str, text: str, remedy: str) -> Finding:
    """Return a finding that keeps the program from doing its work."""
    return Finding(Level.FAIL, item, text, remedy)
