"""Building the settings from the env file and the process environment, all mistakes at once.

The process environment wins over the file, the file over the defaults; for every value the loader
knows where it came from.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from autoscaler.errors import SettingsError
from autoscaler.settings import names
from autoscaler.settings.changes import effective
from autoscaler.settings.envfile import read_env_file
from autoscaler.settings.masking import MASK, hide, hide_in_problem
from autoscaler.settings.rules import cross_problems
from autoscaler.settings.schema import Settings

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

DEFAULT_ENV_FILE = Path("/etc/autoscaler/autoscaler.env")
"""Where the installed daemon looks; the only env file that may be absent."""


class OriginKind(StrEnum):
    """Where a value was set."""

    DEFAULT = "default"
    FILE = "file"
    ENVIRONMENT = "environment"
    COMMAND_LINE = "command line"


@dataclass(frozen=True, slots=True)
class Origin:
    """Where one effective value was set: `path` and `line` in a file, `name` as written there."""

    kind: OriginKind
    name: str = ""
    path: Path | None = None
    line: int = 0

    def __str__(self) -> str:
        """Return it for people: `default`, `/etc/autoscaler/autoscaler.env:12`, `environment`."""
        return f"{self.path}:{self.line}" if self.kind is OriginKind.FILE else self.kind.value

    @property
    def where(self) -> str:
        """The same inside a sentence."""
        return f"{self.path}, line {self.line}" if self.kind is OriginKind.FILE else self.kind.value


@dataclass(frozen=True, slots=True)
class Loaded:
    """Settings that passed every check, and what is known of where they came from.

    `origins` has every effective variable by its canonical name; `masked` the file's variables
    that do not count because the process environment sets them too.
    """

    settings: Settings
    origins: Mapping[str, Origin]
    masked: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Given:
    """A known setting as somebody wrote it."""

    path: names.Path
    value: str
    origin: Origin

    @property
    def shown(self) -> str:
        """The assignment and its place, as messages start with it; secrets are masked."""
        return _shown(self.origin, self.value)


def _shown(origin: Origin, value: str) -> str:
    """Return an assignment and its place for messages, which anybody may read."""
    return f"{origin.name}={hide(origin.name, value)} ({origin.where})"


def load(
    env_file: Path | None,
    environ: Mapping[str, str],
    command_line: Mapping[str, str] = MappingProxyType({}),
) -> Loaded:
    """Return the settings from an env file (None: no file) and a process environment.

    `command_line` are variables that win over both. Only `DEFAULT_ENV_FILE` may be absent. Raises
    SettingsError with every mistake, one a line.
    """
    problems: list[str] = []
    in_file: dict[names.Path, _Given] = {}
    unreadable = False
    if env_file is not None and (env_file != DEFAULT_ENV_FILE or _exists(env_file)):
        entries, problems = read_env_file(env_file)
        unreadable = bool(problems) and not entries
        in_file = _accept(
            (
                (entry.name, entry.value, Origin(OriginKind.FILE, entry.name, env_file, entry.line))
                for entry in entries
            ),
            problems,
        )
    in_environ = _accept(
        (
            (name, value, Origin(OriginKind.ENVIRONMENT, name))
            for name, value in environ.items()
            if name.upper().startswith(names.PREFIX)
        ),
        problems,
    )
    in_words = _accept(
        (
            (name, value, Origin(OriginKind.COMMAND_LINE, name))
            for name, value in command_line.items()
        ),
        problems,
    )
    given = {**in_file, **in_environ, **in_words}
    if unreadable:
        raise SettingsError(problems)
    problems += cross_problems({path: item.value for path, item in given.items()})
    settings = _build(given, problems)
    if problems and env_file is not None and not _exists(env_file):
        problems.insert(0, f"{env_file} does not exist; name another file with --env-file")
    if settings is None or problems:
        raise SettingsError(problems)
    origins = {name: Origin(OriginKind.DEFAULT, name) for name in effective(settings)} | {
        names.variable(path): item.origin for path, item in given.items()
    }
    shown = {name: origins[name] for name in effective(settings)}
    masked = tuple(item.origin.name for path, item in in_file.items() if path in in_environ)
    return Loaded(settings, MappingProxyType(shown), masked)


def _exists(path: Path) -> bool:
    """Whether there is such a file; one that may not be looked at counts as being there."""
    try:
        path.lstat()
    except FileNotFoundError:
        return False
    except OSError:
        return True
    return True


def _accept(
    written: Iterable[tuple[str, str, Origin]], problems: list[str]
) -> dict[names.Path, _Given]:
    """Return the known settings of one place; add unknown and repeated names to `problems`."""
    accepted: dict[names.Path, _Given] = {}
    items = list(written)
    roles = _complete_roles(name for name, _, _ in items)
    for name, value, origin in items:
        try:
            if not name.upper().startswith(names.PREFIX):
                raise ValueError(f"does not start with {names.PREFIX}")
            path = names.resolve(name)
        except ValueError as error:
            close = names.suggest(name, roles)
            hint = f"; did you mean {close}?" if close else ""
            # What belongs to another program is none of our business, and may be its password.
            ours = close or name.upper().startswith(names.PREFIX)
            shown = value if ours else value and MASK
            problems.append(f"{_shown(origin, shown)}: {error}{hint}")
            continue
        new = _Given(path, value, origin)
        if path in accepted:
            first = accepted[path].origin
            problems.append(
                f"{new.shown}: sets the same as {first.name} ({first.where}); remove one of them"
            )
            continue
        accepted[path] = new
    return accepted


def _complete_roles(written: Iterable[str]) -> list[str]:
    """Return the new roles that are there on purpose: those whose port is set."""
    roles = []
    for name in written:
        parts = name.lower().split(names.DELIMITER)
        if len(parts) == 3 and parts[2] == "port":  # noqa: PLR2004 - roles, the role, the field
            roles.append(parts[1])
    return roles


def _build(given: Mapping[names.Path, _Given], problems: list[str]) -> Settings | None:
    """Validate what was given; None with every mistake added to `problems`."""
    tree: dict[str, Any] = {}
    for path, item in given.items():
        branch = tree
        for part in path[:-1]:
            branch = branch.setdefault(part, {})
        branch[path[-1]] = item.value
    try:
        return Settings(**tree)
    except ValidationError as error:
        for detail in error.errors(include_url=False):
            path = tuple(str(part) for part in detail["loc"])
            problems.append(_explain(path, detail, given))
    return None


def _explain(path: names.Path, detail: Any, given: Mapping[names.Path, _Given]) -> str:  # noqa: ANN401 - pydantic's error record
    """Put one validation error into the administrator's words."""
    if detail["type"] == "missing":
        return _explain_missing(path, given)
    problem = detail.get("ctx", {}).get("error", detail["msg"])
    if path in given:
        item = given[path]
        return f"{item.shown}: {hide_in_problem(str(problem), item.origin.name, item.value)}"
    default = names.kind_of(path).show(detail["input"])
    place = f"{names.variable(path)}={default} (default)" if default else names.variable(path)
    return f"{place}: {problem}"


def _explain_missing(path: names.Path, given: Mapping[names.Path, _Given]) -> str:
    """Say that a new role lacks its port, or that its name is a misspelt one."""
    written = [item for place, item in given.items() if place[:-1] == path[:-1]]
    role = path[1]
    close = names.suggest(names.variable(written[0].path)) if written else None
    hint = f"; or did you mean {close}?" if close else ""
    shown = written[0].shown if written else names.variable(path)
    return (
        f"{shown}: makes a new role {role!r}, which needs its port; set "
        f"{names.variable(path)} to a TCP port from 1 to 65535{hint}"
    )
