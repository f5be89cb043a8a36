"""The effective settings as text, and what differs between two of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from autoscaler.settings.masking import hide_users
from autoscaler.settings.names import Path, kind_of, needs_restart, paths, variable
from autoscaler.settings.role import BUILT_IN_ROLES

if TYPE_CHECKING:
    from autoscaler.settings.schema import Settings


@dataclass(frozen=True, slots=True)
class Change:
    """One setting that differs, with both values as they would be written in the env file.

    Of addresses in them, users and passwords are masked: changes are told to everybody.
    `old` or `new` is None where the setting did not or does not exist, as with a role that came
    or went. `restart` tells that a reload cannot apply it.
    """

    variable: str
    old: str | None
    new: str | None
    restart: bool


def effective(settings: Settings) -> dict[str, str]:
    """Return every setting's variable and its value as written in the env file.

    Of a disabled built-in role only `ENABLED` is listed, because nothing else of it counts.
    """
    return {variable(path): text for path, text in _texts(settings).items()}


def diff(old: Settings, new: Settings) -> list[Change]:
    """Return what differs, in the order of the env file. Equal settings give an empty list."""
    before, after = _texts(old), _texts(new)
    return [
        Change(
            variable(path), _public(before.get(path)), _public(after.get(path)), needs_restart(path)
        )
        for path in dict.fromkeys((*before, *after))
        if before.get(path) != after.get(path)
    ]


def applicable(old: Settings, new: Settings) -> Settings:
    """Return `new` with the values of `old` where a reload cannot change them."""
    merged = new
    for path in paths(new.roles):
        if not needs_restart(path):
            continue
        if len(path) == 1:
            merged = merged.model_copy(update={path[0]: getattr(old, path[0])})
        else:
            group, field = path
            kept = {field: getattr(getattr(old, group), field)}
            inner = getattr(merged, group).model_copy(update=kept)
            merged = merged.model_copy(update={group: inner})
    return merged


def _public(text: str | None) -> str | None:
    return None if text is None else hide_users(text)


def _texts(settings: Settings) -> dict[Path, str]:
    """Return the text of every setting by its place."""
    texts: dict[Path, str] = {}
    for path in paths(settings.roles):
        if len(path) == 1:
            value = getattr(settings, path[0])
        elif path[0] == "roles":
            value = getattr(settings.roles[path[1]], path[2])
        else:
            value = getattr(getattr(settings, path[0]), path[1])
        texts[path] = kind_of(path).show(value)
    for role in BUILT_IN_ROLES:
        if role not in settings.roles:
            texts[("roles", role, "enabled")] = "false"
    return texts
