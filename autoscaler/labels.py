"""What the labels of a container ask for, and what is wrong with them.

Pure. Labels are anyone's text: a bad one gives a warning and the default, never an exception.
"""

from __future__ import annotations

from dataclasses import dataclass
from difflib import get_close_matches
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

ROLE_LABEL = "autoscaler.role"
ORDER_LABEL = "autoscaler.order"
PORT_LABEL = "autoscaler.port"
PROTECT_LABEL = "autoscaler.protect"
PROJECT_LABEL = "com.docker.compose.project"
SERVICE_LABEL = "com.docker.compose.service"
NUMBER_LABEL = "com.docker.compose.container-number"
ONEOFF_LABEL = "com.docker.compose.oneoff"

_MAX_ORDER = 1_000_000
_MAX_PORT = 65_535
_MAX_DIGITS = 9
_SHOWN_CHARACTERS = 60
_PREFIX = "autoscaler."
_KNOWN = {
    label.removeprefix(_PREFIX): label
    for label in (ROLE_LABEL, ORDER_LABEL, PORT_LABEL, PROTECT_LABEL)
}


@dataclass(frozen=True, slots=True)
class LabelWarning:
    """Something about a container an administrator should put right.

    `subject` is the container's name, `text` says what is wrong, what is allowed and what is
    done meanwhile.
    """

    subject: str
    text: str

    def __str__(self) -> str:
        return f"{self.subject}: {self.text}"


@dataclass(frozen=True, slots=True)
class Wishes:
    """What a member's labels ask for: its place (None without a wish), port and protection."""

    order: int | None
    port: int
    protected: bool


def wishes(
    name: str, labels: Mapping[str, str], default_port: int
) -> tuple[Wishes, tuple[LabelWarning, ...]]:
    """Read the labels of the member `name`; what cannot be read gives a warning and the default.

    An unreadable protect label protects: that cannot take capacity away by mistake.
    """
    warnings: list[LabelWarning] = []

    def warn(label: str, allowed: str, meanwhile: str) -> None:
        value = shown(labels[label])
        text = f"label {label}={value} cannot be used (allowed: {allowed}); {meanwhile}"
        warnings.append(LabelWarning(name, text))

    order = port = None
    if ORDER_LABEL in labels:
        order = _whole(labels[ORDER_LABEL], 0, _MAX_ORDER)
        if order is None:
            allowed = f"a whole number from 0 to {_MAX_ORDER}"
            warn(ORDER_LABEL, allowed, "its place follows from its service and number")
    if PORT_LABEL in labels:
        port = _whole(labels[PORT_LABEL], 1, _MAX_PORT)
        if port is None:
            allowed = f"a whole number from 1 to {_MAX_PORT}"
            warn(PORT_LABEL, allowed, f"port {default_port} of its role is used")
    protect = str(labels.get(PROTECT_LABEL, "false")).strip().lower()
    if protect not in ("true", "false"):
        warn(PROTECT_LABEL, "true or false", "it is protected, to be on the safe side")
    warnings += (LabelWarning(name, text) for text in _misspelt(labels))
    return Wishes(order, default_port if port is None else port, protect != "false"), tuple(
        warnings
    )


def _misspelt(labels: Mapping[str, str]) -> Iterator[str]:
    """Say which labels look like one of ours and are none: what they ask for is not done."""
    for label in sorted(labels):
        if not label.startswith(_PREFIX) or label in _KNOWN.values():
            continue
        near = get_close_matches(label.removeprefix(_PREFIX).lower(), _KNOWN, n=1)
        if near:
            yield f"label {shown(label)} has no effect; is {_KNOWN[near[0]]} meant?"


def shown(value: object) -> str:
    """Return a label's value quoted and cut, fit for a log line."""
    text = str(value)
    cut = text if len(text) <= _SHOWN_CHARACTERS else text[:_SHOWN_CHARACTERS] + "..."
    return ascii(cut)


def _whole(value: object, low: int, high: int) -> int | None:
    """Return the number that `value` spells in plain digits, None if it is not from low to high."""
    text = str(value).strip()
    if not (text.isascii() and text.isdecimal() and len(text) <= _MAX_DIGITS):
        return None
    number = int(text)
    return number if low <= number <= high else None
