"""Settings in force, and the same with what `--set` changes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from autoscaler.errors import SettingsError
from autoscaler.settings import Settings, load
from autoscaler.settings.names import variable

CHANGEABLE = (
    "min",
    "max",
    "schedule",
    "fixed",
    "cpu_high",
    "cpu_low",
    "flap_guard",
    "flap_margin",
    "scale_up_window",
    "scale_up_limit",
    "scale_up_select",
    "scale_down_window",
    "scale_down_limit",
    "scale_down_select",
)
"""Settings of a role that change what the rules make of the same readings."""

FORM = "ROLE.SETTING=VALUE, such as validator.cpu_high=75"


@dataclass(frozen=True, slots=True)
class Change:
    """One thing to try: a setting of a role and its value as it was written."""

    role: str
    setting: str
    value: str

    @property
    def shown(self) -> str:
        """As it is written on the command line."""
        return f"{self.role}.{self.setting}={self.value}"


def read_changes(words: Sequence[str]) -> tuple[list[Change], list[str]]:
    """Return the changes that `--set` names, and a sentence for each mistake in their form."""
    changes: dict[tuple[str, str], Change] = {}
    problems = []
    for word in words:
        name, equals, value = word.partition("=")
        role, dot, setting = name.strip().lower().partition(".")
        one = Change(role, setting.replace("-", "_"), value.strip())
        if not (equals and dot and role and setting):
            problems.append(f"--set {word}: write it {FORM}")
        elif one.setting not in CHANGEABLE:
            problems.append(
                f"--set {word}: {one.setting!r} does not change what the rules make of recorded "
                f"readings; allowed: {', '.join(CHANGEABLE)}"
            )
        elif (role, one.setting) in changes:
            problems.append(f"--set {word}: sets the same as another --set; remove one of them")
        else:
            changes[role, one.setting] = one
    return list(changes.values()), problems


def changed_settings(
    env_file: Path | None, environ: Mapping[str, str], words: Sequence[str]
) -> tuple[Settings, Settings | None, list[Change]]:
    """Return the settings in force, those with the changes (None without), and the changes.

    Raises SettingsError with all mistakes: those of the words and those of the values.
    """
    changes, problems = read_changes(words)
    in_force = load(env_file, environ).settings
    for one in changes:
        if one.role.replace("_", "-") not in in_force.roles:
            known = ", ".join(in_force.roles)
            problems.append(f"--set {one.shown}: there is no role {one.role!r}; there are: {known}")
    known_changes = [c for c in changes if c.role.replace("_", "-") in in_force.roles]
    given = {
        variable(("roles", c.role.replace("_", "-"), c.setting)): c.value for c in known_changes
    }
    changed = None
    try:
        changed = load(env_file, environ, given).settings if given else None
    except SettingsError as error:
        problems += error.problems
    if problems:
        raise SettingsError(problems)
    return in_force, changed, changes
