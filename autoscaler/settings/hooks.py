"""How a lifecycle hook is written: a command in the container, or a URL of the member itself."""

from __future__ import annotations

import re
import shlex

from autoscaler.hooks import CommandHook, Hook, UrlHook
from autoscaler.settings.kinds import Kind

_EXEC = "exec:"
_URL = re.compile(r"http://(?P<authority>[^/?#]*)(?P<rest>.*)", re.IGNORECASE)
_PORT = re.compile(r":([0-9]{1,5})")
_PATH = re.compile(r"/[!-\"$-~]*")
_MOST = 65535


def hook() -> Kind:
    """Return a hook, None for an empty text."""
    allowed = (
        "exec: COMMAND, run in the container without a shell, or http://:PORT/PATH, asked of the "
        "member itself (http:///PATH: on its own port)"
    )
    return Kind(allowed, _read, empty=None)


def _read(text: str) -> Hook:
    if text.lower().startswith(_EXEC):
        return _command(text[len(_EXEC) :])
    if text.lower().startswith("https:"):
        raise ValueError("is not http")
    url = _URL.fullmatch(text)
    if url is None:
        raise ValueError("is neither a command nor a URL")
    return _of_url(url["authority"], url["rest"])


def _command(text: str) -> Hook:
    try:
        words = tuple(shlex.split(text))
    except ValueError:
        raise ValueError("has an opening quote without a closing one") from None
    if not words or not words[0]:
        raise ValueError("names no program")
    return CommandHook(words)


def _of_url(authority: str, path: str) -> Hook:
    if "@" in authority:
        raise ValueError("holds a user name")
    port = _PORT.fullmatch(authority)
    if authority and port is None:
        raise ValueError(f"names {authority!r}, but a hook speaks only to its own member")
    if port is not None and not 1 <= int(port[1]) <= _MOST:
        raise ValueError(f"has a port outside 1 to {_MOST}")
    if not _PATH.fullmatch(path):
        raise ValueError("has no path that starts with / and holds neither blanks nor #")
    return UrlHook(path, int(port[1]) if port else None)
