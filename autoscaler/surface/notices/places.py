"""The places messages go to: a file with one address a line. Addresses hold secrets.

No text that leaves this module or is made of what it returns shows one: a place is named by its
line and kind, and what a library says of it goes through `redacted`.
"""

from __future__ import annotations

import re
import stat
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import unquote

from autoscaler.errors import AutoscalerError

PLACES_LIMIT = 16
"""Places that are sent to."""

_FILE_BYTES = 65536
_KIND = re.compile(r"([A-Za-z][A-Za-z0-9+.\-]{0,31})://\S")
_SECRET_LETTERS = 3
"""Parts of an address shorter than that give nothing away, and are in every text."""


@dataclass(frozen=True, slots=True)
class Place:
    """One address, told apart from others by its line."""

    line: int
    kind: str
    url: str = field(repr=False)

    def __str__(self) -> str:
        """Return it as it may be shown."""
        return f"line {self.line} ({self.kind})"


def read_places(path: Path) -> tuple[Place, ...]:
    """Return the places in a file. Raises AutoscalerError, which shows none of its content."""
    places: list[Place] = []
    for number, written in enumerate(_read(path).splitlines(), 1):
        url = written.strip()
        if url and not url.startswith("#"):
            found = _KIND.match(url)
            if found is None:
                raise AutoscalerError(f"{path}, line {number}: is no URL such as mailtos://...")
            if any(url == place.url for place in places):
                raise AutoscalerError(f"{path}, line {number}: is there twice")
            places.append(Place(number, found[1].lower(), url))
    if not places:
        raise AutoscalerError(f"{path} holds no address; write one Apprise URL a line")
    if len(places) > PLACES_LIMIT:
        raise AutoscalerError(f"{path} holds {len(places)} addresses; allowed: {PLACES_LIMIT}")
    return tuple(places)


def _read(path: Path) -> str:
    """Return the text of a file. Raises AutoscalerError."""
    try:
        if not stat.S_ISREG(path.stat().st_mode):  # opening a pipe would wait for a writer
            raise AutoscalerError(f"{path} is no regular file; name one with an Apprise URL a line")
        with path.open("rb") as file:
            content = file.read(_FILE_BYTES + 1)
    except OSError as error:
        raise AutoscalerError(f"cannot read {path}: {error.strerror or 'unknown error'}") from None
    if len(content) > _FILE_BYTES:
        raise AutoscalerError(f"{path} is larger than {_FILE_BYTES // 1024} KiB")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise AutoscalerError(f"{path} is no UTF-8 text") from None


def redacted(text: str, place: Place) -> str:
    """Return a text without any part of the place's address."""
    rest = place.url.partition("://")[2]
    parts = {place.url, rest}
    for form in (rest, unquote(rest)):
        parts |= set(re.split(r"[/:@?&=,;#\s]+", form))
    for part in sorted(parts, key=len, reverse=True):
        if len(part) >= _SECRET_LETTERS:
            text = re.sub(re.escape(part), "***", text, flags=re.IGNORECASE)
    return " ".join(text.split())
