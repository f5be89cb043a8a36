"""Env files with one mistake each: every kind of mistake in every setting that can have it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from autoscaler.settings import names
from autoscaler.settings.masking import hide

NUMBERS: dict[str, str] = {
    "percent sign": "70%",
    "decimal comma": "70,5",
    "negative": "-1",
    "not a number": "nan",
    "infinite": "inf",
    "too large": "1e400",
    "far too many digits": "9" * 400,
    "words": "seventy",
    "comment without a blank": "70#percent",
    "hexadecimal": "0x46",
    "two numbers": "70 40",
}
"""What a number or a duration is not."""

ANYWHERE: dict[str, str] = {
    "open quote": '"70',
    "quote in the middle": "'70' 40",
    "control character": "7\x000",
    "line separator": "7\u20280",
}
"""What is wrong with a line whatever it sets."""

OTHERS: dict[str, str] = {
    "true or false": "maybe",
    "one of": "sideways",
    "a comma-separated list of cgroup": "cgroup,prometheos",
    "a comma-separated list of PERCENT": "100%",
    "a comma-separated list of container": "a,b;c",
    "an absolute path": "relative/path",
    "an HTTP path": "no slash",
    "a compose project": "My Stack;",
    "a container name": "a b{",
    "a network name": "-x-",
    "unix:///": "http://localhost",
    "a command": "nginx 'open",
    "http://": "ftp://localhost",
    "a user name": "a:b",
    "a name of the time zone database": "Mars/Olympus",
    "a comma-separated list of ADDRESS": "127.0.0.1",
    "a comma-separated list of host names": "a b",
    "a comma-separated list of event names": "member died!",
    "up to 64 printable ASCII characters": "h" * 65,
    "exec: COMMAND": "http://elsewhere:9003/ready",
    "windows as NAME": "workdays: 0 8 * * -> 0 18 * * min=2",
}
"""A wrong value for each other form, by how its allowed values begin."""

ANY_TEXT = "PromQL"
"""A form that any line has: only Prometheus can tell what is wrong with it."""

CROSSED: dict[str, tuple[str, dict[str, str]]] = {
    "lower threshold above the upper": (
        "AUTOSCALER_ROLES__VALIDATOR__CPU_LOW",
        {"ROLES__VALIDATOR__CPU_HIGH": "40", "ROLES__VALIDATOR__CPU_LOW": "70"},
    ),
    "both thresholds the same": (
        "AUTOSCALER_ROLES__VALIDATOR__CPU_LOW",
        {"ROLES__VALIDATOR__CPU_HIGH": "70", "ROLES__VALIDATOR__CPU_LOW": "70"},
    ),
    "minimum above the maximum": (
        "AUTOSCALER_ROLES__VALIDATOR__MAX",
        {"ROLES__VALIDATOR__MIN": "3", "ROLES__VALIDATOR__MAX": "2"},
    ),
    "average shorter than a look": (
        "AUTOSCALER_AVERAGE_OVER",
        {"INTERVAL": "10s", "AVERAGE_OVER": "5s"},
    ),
    "quarantine that shrinks": (
        "AUTOSCALER_QUARANTINE_MAX",
        {"QUARANTINE": "10m", "QUARANTINE_MAX": "1m"},
    ),
}
"""Settings that are wrong together: which one is named, and what is set."""


@dataclass(frozen=True)
class BadFile:
    """One mistake: `line` is put in the place of what sets `variable`, after `settings`.

    The message names `variable` and `shown`, the value or what stands for a secret, and says
    `allowed`.
    """

    mistake: str
    variable: str
    line: str
    shown: str
    allowed: str = "allowed: "
    settings: tuple[tuple[str, str], ...] = ()

    def text(self, good: Mapping[str, str]) -> str:
        """Return the file: the good settings (names without prefix) with this mistake."""
        merged = {**good, **dict(self.settings)}
        prefix = names.PREFIX
        lines = [f"{prefix}{k}={v}" for k, v in merged.items() if prefix + k != self.variable]
        return "\n".join([*lines, self.line]) + "\n"


def bad_files() -> list[BadFile]:
    """Return every mistake in every setting that can have it, in a fixed order."""
    found = [*_misspelt(), *_crossed()]
    for place in names.paths(["validator"]):
        found += _values(place)
    return found


def _values(place: names.Path) -> Iterator[BadFile]:
    """Yield the wrong values of one setting."""
    variable, kind = names.variable(place), names.kind_of(place)
    if not kind.accepts_empty:
        yield BadFile("empty", variable, f"{variable}=", f"{variable}=")
    for mistake, value in _wrong(kind.allowed):
        yield BadFile(mistake, variable, f"{variable}={value}", hide(variable, value))
    for mistake, value in ANYWHERE.items():
        shown = hide(variable, value)
        shown = shown if shown.isprintable() else ascii(shown)[1:-1]
        said = "quote the whole value" if value.isprintable() else "type it anew"
        yield BadFile(mistake, variable, f"{variable}={value}", shown, said)


def _wrong(allowed: str) -> list[tuple[str, str]]:
    """Return what a value of that form is not, with the name of the mistake."""
    if allowed.startswith(ANY_TEXT):
        return []
    other = [("wrong", value) for start, value in OTHERS.items() if allowed.startswith(start)]
    return other or list(NUMBERS.items())


def _misspelt() -> Iterator[BadFile]:
    """Yield names with a letter too few, with a word about which was meant."""
    for place in names.paths(["validator"]):
        variable = names.variable(place)
        name = variable[:-2] + variable[-1]
        yield BadFile("misspelt", name, f"{name}=1", hide(name, "1"), f"did you mean {variable}?")


def _crossed() -> Iterator[BadFile]:
    """Yield settings that are wrong together."""
    for mistake, (variable, settings) in CROSSED.items():
        value = settings[variable.removeprefix(names.PREFIX)]
        line = f"{variable}={value}"
        yield BadFile(mistake, variable, line, value, settings=tuple(settings.items()))
