"""Names of variables: from what an administrator wrote to the setting it means, and back.

Letters may be upper or lower case. A role's name is written with `_` where it has `-`, because
most programs accept no `-` in a variable's name; as role names hold no `_`, nothing is ambiguous.
"""

from __future__ import annotations

import difflib
import re
from typing import TYPE_CHECKING

from pydantic import BaseModel

from autoscaler.settings.http import HttpSettings
from autoscaler.settings.kinds import RESTART, Kind
from autoscaler.settings.notify import NotifySettings
from autoscaler.settings.prometheus import PrometheusSettings
from autoscaler.settings.role import BUILT_IN_ROLES, RoleSettings
from autoscaler.settings.schema import DockerSettings, NginxSettings, Settings

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from pydantic.fields import FieldInfo

PREFIX = str(Settings.model_config["env_prefix"])
DELIMITER = str(Settings.model_config["env_nested_delimiter"])
ROLE_NAME = re.compile(r"[a-z][a-z0-9-]{0,31}")
GROUPS: dict[str, type[BaseModel]] = {
    "docker": DockerSettings,
    "nginx": NginxSettings,
    "prometheus": PrometheusSettings,
    "http": HttpSettings,
    "notify": NotifySettings,
}
_ROLES = "roles"

Path = tuple[str, ...]
"""Where a setting lives: ("interval",), ("nginx", "reach") or ("roles", "business", "min")."""


def variable(path: Path) -> str:
    """Return the canonical name of a setting's variable."""
    return PREFIX + DELIMITER.join(path).upper().replace("-", "_")


def paths(roles: Iterable[str]) -> Iterator[Path]:
    """Yield the place of every setting, in the order of the models, with these roles last."""
    for name in Settings.model_fields:
        if name in GROUPS:
            yield from ((name, field) for field in GROUPS[name].model_fields)
        elif name != _ROLES:
            yield (name,)
    for role in roles:
        yield from ((_ROLES, role, field) for field in RoleSettings.model_fields)


def field_of(path: Path) -> FieldInfo:
    """Return the model field of a setting."""
    if len(path) == 1:
        return Settings.model_fields[path[0]]
    owner = RoleSettings if path[0] == _ROLES else GROUPS[path[0]]
    return owner.model_fields[path[-1]]


def kind_of(path: Path) -> Kind:
    """Return how a setting's text is read and written."""
    return next(item for item in field_of(path).metadata if isinstance(item, Kind))


def needs_restart(path: Path) -> bool:
    """Whether only a restart of the daemon can change this setting."""
    return RESTART in field_of(path).metadata


def resolve(name: str) -> Path:
    """Return the place of the setting a variable names, given with the prefix in any case.

    A role need not exist yet. Raises ValueError with what is wrong, without a suggestion.
    """
    parts = tuple(name[len(PREFIX) :].lower().split(DELIMITER))
    if parts[0] == _ROLES:
        return _resolve_role(parts)
    if parts[0] in GROUPS and len(parts) == 1:
        example = variable((parts[0], next(iter(GROUPS[parts[0]].model_fields))))
        raise ValueError(f"names a group; set one of its settings, such as {example}")
    if parts in set(paths(())):
        return parts
    raise ValueError("is not a setting")


def _resolve_role(parts: Path) -> Path:
    """Return the place of a role's setting; raises ValueError with what is wrong."""
    if len(parts) < 3:  # noqa: PLR2004 - roles, the role, the field
        raise ValueError(
            "names no setting of a role; write it as AUTOSCALER_ROLES__<ROLE>__<SETTING>"
        )
    role, field = parts[1].replace("_", "-"), DELIMITER.join(parts[2:])
    if not ROLE_NAME.fullmatch(role):
        raise ValueError(
            f"names a role {role!r}; allowed: 1 to 32 letters, digits and _ (read as -), "
            "a letter first"
        )
    if field not in RoleSettings.model_fields:
        raise ValueError("is not a setting of a role")
    return (_ROLES, role, field)


def suggest(name: str, roles: Iterable[str] = ()) -> str | None:
    """Return the known variable most like a misspelt one, None if nothing comes close."""
    known = [variable(path) for path in paths(dict.fromkeys((*BUILT_IN_ROLES, *roles)))]
    written = name.upper().replace("-", "_")
    candidates = {item.removeprefix(PREFIX): item for item in known}
    rest = written[len(PREFIX) :] if "_" in written[: len(PREFIX)] else written
    parts = rest.split(DELIMITER)
    if parts[0] == _ROLES.upper() and len(parts) > 2:  # noqa: PLR2004 - as above
        start = DELIMITER.join(parts[:2]) + DELIMITER
        of_role = {key: item for key, item in candidates.items() if key.startswith(start)}
        fields = {key.removeprefix(start): item for key, item in of_role.items()}
        close = difflib.get_close_matches(DELIMITER.join(parts[2:]), fields, 1, 0.5)
        if close:
            return fields[close[0]]
    close = difflib.get_close_matches(rest, candidates, 1, 0.7)
    return candidates[close[0]] if close else None
