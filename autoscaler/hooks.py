"""Lifecycle hooks of a role: what is run in a member, and how that can fail. Values only."""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from enum import StrEnum


@dataclass(frozen=True, slots=True)
class CommandHook:
    """A command run inside the member's container; no shell interprets it."""

    words: tuple[str, ...]

    def __str__(self) -> str:
        """Return it as it is written in the settings."""
        return f"exec: {shlex.join(self.words)}"


@dataclass(frozen=True, slots=True)
class UrlHook:
    """A POST to the member itself; without a `port`, to the one on which it answers requests."""

    path: str
    port: int | None = None

    def __str__(self) -> str:
        """Return it as it is written in the settings."""
        return f"http://{'' if self.port is None else f':{self.port}'}{self.path}"


Hook = CommandHook | UrlHook


class HookFailure(StrEnum):
    """Why a hook failed. The names are stable."""

    EXIT_CODE = "exit_code"
    CANNOT_RUN = "cannot_run"
    HTTP_STATUS = "http_status"
    UNREACHABLE = "unreachable"
    TIMED_OUT = "timed_out"
    ENGINE = "engine"
    MEMBER_GONE = "member_gone"
    CRASHED = "crashed"
