"""The env file: which lines it may hold and what they mean.

The rules are small on purpose, and the same wherever the program runs:

- UTF-8, with or without a byte order mark, lines ending in LF or CRLF;
- `NAME=value`, blanks around either part are dropped, a leading `export ` is accepted;
- `#` starts a comment at the start of a line, or in a value at its start or after a blank;
- a value in single or double quotes is taken literally, so it may hold `#` and outer blanks;
- nothing is expanded and no value goes on to the next line;
- a name may occur once.
"""

from __future__ import annotations

import re
import stat
from dataclasses import dataclass
from typing import TYPE_CHECKING

from autoscaler.settings.masking import hide, hide_in_line, may_be_encoded

if TYPE_CHECKING:
    from pathlib import Path

_LARGEST_BYTES = 1 << 20
_SHOWN_CHARACTERS = 120
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]*")
_COMMENT = re.compile(r"(?:^|[ \t])#.*")
_QUOTED = re.compile(r"""(?:'(?P<single>[^']*)'|"(?P<double>[^"]*)")[ \t]*(?:#.*)?""")


@dataclass(frozen=True, slots=True)
class Entry:
    """A variable as one line of the file sets it; `line` counts from 1."""

    name: str
    value: str
    line: int


def read_env_file(path: Path) -> tuple[list[Entry], list[str]]:
    """Return what the file sets, in order, and one text per mistake. Raises nothing.

    Names are not judged here beyond their form, and duplicates are left to the caller.
    """
    try:
        text = _decode(_read_bytes(path))
    except FileNotFoundError:
        problem = "does not exist; create it or name another with --env-file"
    except PermissionError:
        problem = "permission denied; the user that runs the program must be able to read it"
    except OSError as error:
        problem = f"cannot be read: {error.strerror}"
    except ValueError as error:
        problem = str(error)
    else:
        return _read_lines(path, text)
    return [], [f"{path}: {problem}"]


def _read_bytes(path: Path) -> bytes:
    """Return the content; raises OSError, or ValueError if this cannot be the env file.

    A pipe is refused because reading it could wait for ever.
    """
    mode = path.stat().st_mode
    if stat.S_ISDIR(mode):
        raise ValueError("is a directory; name the file in it")
    if not (stat.S_ISREG(mode) or stat.S_ISCHR(mode)):
        raise ValueError("is not a regular file; name a text file with one NAME=value a line")
    with path.open("rb") as file:
        content = file.read(_LARGEST_BYTES + 1)
    if len(content) > _LARGEST_BYTES:
        raise ValueError("is larger than 1 MiB, so it is hardly the env file")
    return content


def _decode(content: bytes) -> str:
    """Return the text without a byte order mark; raises ValueError if it is not UTF-8."""
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        raise ValueError(f"line {line} is not UTF-8 text; save the file as UTF-8") from None


def _read_lines(path: Path, text: str) -> tuple[list[Entry], list[str]]:
    """Read every line; a bad one does not hide the others."""
    entries: list[Entry] = []
    problems: list[str] = []
    for number, raw in enumerate(text.split("\n"), start=1):
        line = raw.removesuffix("\r").strip(" \t")
        if not line or line.startswith("#"):
            continue
        try:
            name, value = _read_line(line)
        except ValueError as error:
            problems.append(f"{path}, line {number}: {error}")
        else:
            entries.append(Entry(name, value, number))
    return entries, problems


def _read_line(line: str) -> tuple[str, str]:
    """Split one line into name and value; raises ValueError with what is wrong."""
    if not line.replace("\t", " ").isprintable():
        raise ValueError(f"{_shown(line)} holds a character that cannot be printed; type it anew")
    name, equals, rest = line.partition("=")
    name = re.sub(r"^export[ \t]+", "", name).strip(" \t")
    rest = rest.strip(" \t")
    if not equals or (not rest.strip("=") and may_be_encoded(line)):
        raise ValueError(f"{_shown(line)} is not of the form NAME=value; start a comment with #")
    if not _NAME.fullmatch(name):
        raise ValueError(
            f"{_shown(name)} is not a variable name; allowed are letters, digits and _"
        )
    if rest[:1] in {"'", '"'}:
        match = _QUOTED.fullmatch(rest)
        if match is None:
            raise ValueError(
                f"{name}={hide(name, rest)}: starts with the quote {rest[0]} and does not end with "
                "the next one; quote the whole value or none of it"
            )
        return name, match["single"] if match["double"] is None else match["double"]
    return name, _COMMENT.sub("", rest, count=1).strip(" \t")


def _shown(text: str) -> str:
    """Return the start of a line for a message, with what cannot be printed spelt out.

    Only its length if it may be anything.
    """
    line = hide_in_line(text)
    if line is None:
        return f"text of {len(text)} characters (not shown: it may be a secret)"
    return ascii(line if len(line) <= _SHOWN_CHARACTERS else line[:_SHOWN_CHARACTERS] + "...")
