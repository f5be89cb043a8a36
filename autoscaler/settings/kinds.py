"""How the text of one setting is read, written back and explained.

A kind is the single place that knows what a value may look like. Models carry it as annotation
metadata, so validation, the effective settings and the documented env file never disagree.
"""

from __future__ import annotations

import math
import re
import shlex
from dataclasses import dataclass, replace
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic_core import core_schema

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

_NUMBER = re.compile(r"[+-]?[0-9]+(\.[0-9]+)?")
_WHOLE = re.compile(r"[+-]?[0-9]{1,18}")
_DECIMAL_COMMA = re.compile(r"[+-]?[0-9]+,[0-9]+")
_CONTAINER = re.compile(r"[a-zA-Z0-9][a-zA-Z0-9_.-]{0,254}")
_SWITCH = {
    "true": True,
    "yes": True,
    "on": True,
    "1": True,
    "false": False,
    "no": False,
    "off": False,
    "0": False,
}
_REFUSED = object()
"""Marks a kind that has no meaning for an empty value."""


@dataclass(frozen=True, slots=True)
class Kind:
    """A form of value: `read` turns text into it, `write` turns it back into the same text.

    `allowed` tells a person what may be written. `read` raises ValueError with what is wrong; the
    allowed form is added here. `empty` is the value of an empty text; without it that is refused.
    """

    allowed: str
    read: Callable[[str], Any]
    write: Callable[[Any], str] = str
    empty: Any = _REFUSED

    @property
    def accepts_empty(self) -> bool:
        """Whether an empty text has a meaning."""
        return self.empty is not _REFUSED

    def validate(self, value: object) -> object:
        """Return the value for a text, or for a value given by code, which obeys the same rules.

        Raises ValueError with what is wrong and what is allowed.
        """
        text = (value if isinstance(value, str) else self.show(value)).strip()
        if not text:
            if not self.accepts_empty:
                raise ValueError(
                    f"is empty; allowed: {self.allowed}; remove the line to use the default"
                )
            return self.empty
        try:
            return self.read(text)
        except ValueError as error:
            raise ValueError(f"{error}; allowed: {self.allowed}") from None

    def show(self, value: object) -> str:
        """Return the text that reads back as this value; None and nothing are empty."""
        if value is None or value == ():
            return ""
        return self.write(value)

    def __get_pydantic_core_schema__(
        self, _source: object, _handler: object
    ) -> core_schema.CoreSchema:
        """Let pydantic validate with this kind alone."""
        return core_schema.no_info_plain_validator_function(self.validate)


@dataclass(frozen=True, slots=True)
class Restart:
    """Marks a setting that only a restart of the daemon can change."""


RESTART = Restart()


def number(low: float, high: float, what: str, *, above: bool = False) -> Kind:
    """Return a decimal number from `low` to `high`; `above` excludes `low` itself."""

    def read(text: str) -> float:
        if _DECIMAL_COMMA.fullmatch(text):
            raise ValueError(f"has a decimal comma; write {text.replace(',', '.')}")
        if text.endswith("%") and _NUMBER.fullmatch(text[:-1].strip()):
            raise ValueError("has a unit; write the number alone, without the % sign")
        if not _NUMBER.fullmatch(text):
            raise ValueError("is not a number")
        value = float(text)
        if not math.isfinite(value) or not low <= value <= high or (above and value == low):
            raise ValueError("is out of range")
        return value

    start = f"above {low:g}, at most {high:g}" if above else f"from {low:g} to {high:g}"
    return Kind(f"{what} {start}", read, _plain)


def optional(kind: Kind) -> Kind:
    """Return the kind with an empty text for None."""
    return replace(kind, empty=None)


def whole(low: int, high: int, what: str) -> Kind:
    """Return a whole number from `low` to `high`."""

    def read(text: str) -> int:
        if not _WHOLE.fullmatch(text):
            raise ValueError("is not a whole number")
        value = int(text)
        if not low <= value <= high:
            raise ValueError("is out of range")
        return value

    return Kind(f"{what}, a whole number from {low} to {high}", read)


def switch() -> Kind:
    """Return true or false."""

    def read(text: str) -> bool:
        try:
            return _SWITCH[text.lower()]
        except KeyError:
            raise ValueError("is neither true nor false") from None

    return Kind("true or false", read, lambda value: "true" if value else "false")


def choice(values: Mapping[str, Any]) -> Kind:
    """Return one of some names, in upper or lower case, and the value each stands for."""
    names = ", ".join(values)

    def read(text: str) -> object:
        try:
            return values[text.lower()]
        except KeyError:
            raise ValueError("is not one of the choices") from None

    return Kind(f"one of {names}", read, lambda value: str(value).lower())


def choices(*names: str) -> Kind:
    """Return a list of some of these names in the order given, none twice."""

    def read(text: str) -> tuple[str, ...]:
        found = tuple(part.strip().lower() for part in text.split(","))
        for name in found:
            if name not in names:
                raise ValueError(f"names {name!r}, which is not one of the choices")
            if found.count(name) > 1:
                raise ValueError(f"names {name!r} twice")
        return found

    return Kind(f"a comma-separated list of {', '.join(names)}, in order", read, ",".join)


def text(pattern: str, what: str, empty: object = _REFUSED) -> Kind:
    """Return a text that matches `pattern` in full; `empty` is the value when there is none."""
    compiled = re.compile(pattern)

    def read(value: str) -> str:
        if not compiled.fullmatch(value):
            raise ValueError("is not valid")
        return value

    return Kind(what, read, empty=empty)


def container(empty: object = _REFUSED) -> Kind:
    """Return the name of one container."""
    what = "a container name as `docker ps` shows it (letters, digits, _ . -)"
    return text(_CONTAINER.pattern, what, empty)


def containers() -> Kind:
    """Return the names of containers, none twice; empty means none."""

    def read(text: str) -> tuple[str, ...]:
        names = tuple(part.strip() for part in text.split(","))
        for name in names:
            if not _CONTAINER.fullmatch(name):
                raise ValueError(f"holds {name!r}, which is no container name")
            if names.count(name) > 1:
                raise ValueError(f"names {name!r} twice")
        return names

    allowed = "a comma-separated list of container names (letters, digits, _ . -)"
    return Kind(allowed, read, ",".join, empty=())


def path(empty: object = _REFUSED) -> Kind:
    """Return an absolute path; `empty` is the value when there is none."""

    def read(value: str) -> Path:
        if not value.startswith("/"):
            raise ValueError("is not an absolute path")
        if not value.isprintable():
            raise ValueError("holds a character that cannot be printed")
        return Path(value)

    return Kind("an absolute path", read, empty=empty)


def command() -> Kind:
    """Return the words of a command line, split by the shell's quoting rules; no shell runs it."""

    def read(value: str) -> tuple[str, ...]:
        try:
            words = tuple(shlex.split(value))
        except ValueError:
            raise ValueError("has an opening quote without a closing one") from None
        if not words or not words[0]:
            raise ValueError("names no program")
        return words

    return Kind("a command with its arguments; no shell interprets it", read, shlex.join)


def _plain(value: float) -> str:
    """Write a number without a needless fraction or an exponent: 70.0 as 70, 1e-05 as 0.00001."""
    return str(int(value)) if float(value).is_integer() else plain_decimal(value)


def plain_decimal(value: float) -> str:
    """Write a number exactly and without an exponent, which nothing here reads."""
    return format(Decimal(repr(float(value))), "f")
