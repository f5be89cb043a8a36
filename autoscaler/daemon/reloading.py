"""Reads the env file again and applies it between two items, or says why not.

A bad file changes nothing. A good one keeps memory, members and what is published.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from autoscaler.daemon.journal import Journal
from autoscaler.daemon.roles import Now, change_role, make_role
from autoscaler.daemon.state import State
from autoscaler.errors import SettingsError
from autoscaler.settings import Settings, applicable, diff, load
from autoscaler.surface import logs


class Reloading:
    """Keeps the settings in force and changes them on demand."""

    def __init__(self, env_file: Path | None, state: State, journal: Journal, boot_id: str) -> None:
        self._env_file = env_file
        self._state = state
        self._journal = journal
        self._boot_id = boot_id

    def reload(self, environ: Mapping[str, str]) -> tuple[dict[str, Any], Settings | None]:
        """Reload; return the answer for whoever asked and the old settings if some changed.

        The answer is `{"problems": [...]}` or `{"changes": [...], "masked": [...]}`.
        """
        try:
            loaded = load(self._env_file, environ)
        except SettingsError as error:
            self._journal.error(
                "config.reload_failed",
                reason="the file has mistakes; the settings in force stay",
                problems=error.problems,
            )
            return {"problems": error.problems}, None
        old = self._state.settings
        changes = [
            {"variable": c.variable, "old": c.old, "new": c.new, "restart": c.restart}
            for c in diff(old, loaded.settings)
        ]
        self._journal.info("config.reloaded", changes=changes, masked=list(loaded.masked))
        answer: dict[str, Any] = {"changes": changes, "masked": list(loaded.masked)}
        if not changes:
            return answer, None
        self._apply(applicable(old, loaded.settings))
        return answer, old

    def _apply(self, settings: Settings) -> None:
        roles = self._state.roles
        now = Now.of(self._journal.clock, self._boot_id)
        for name in list(roles):
            if name not in settings.roles:
                del roles[name]
                self._journal.counts.forget(name)
        for name in settings.roles:
            if name in roles:
                change_role(roles[name], settings, now)
            else:
                roles[name] = make_role(name, settings, None, now)
        before, self._state.settings = self._state.settings, settings
        if settings.log_level != before.log_level:
            logs.configure(settings.log_level, settings.log_format)
