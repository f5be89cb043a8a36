"""What of a written value may be repeated where everybody can read it.

Mistakes in the settings go to the log, to history, over HTTP and to people. A secret that somebody
wrote into the wrong variable must not go with them.
"""

from __future__ import annotations

import re

MASK = "***"
"""Stands for what is not shown."""

_SECRET = re.compile("PASSWORD|PASSWD|TOKEN|SECRET|KEY|CREDENTIAL|AUTH", re.IGNORECASE)
_WHOLE_ADDRESS = re.compile("NOTIFY", re.IGNORECASE)
_AFTER_SCHEME = re.compile(r"(?<=://).+")
_USER = re.compile(r"(?<=://).+(?=@)")
_USER_WITHOUT_SCHEME = re.compile(r"[^\s/:@]+:(?!//)\S+(?=@)")
_IN_QUERY = re.compile(rf"([?&][^=&\s]*(?:{_SECRET.pattern})[^=&\s]*=)[^&\s]+", re.IGNORECASE)
_LINE = re.compile(r"((?:export\s+)?[^\s:=]+[\s:=]*)(.*)", re.DOTALL)
_ALLOWED = "; allowed: "
_OURS = re.compile(r"(?:export\s+|set\s+)?[^A-Za-z]*AUTOSC", re.IGNORECASE)
_PADDED = re.compile(r".{6,}==+|(?=.{8,}$)(?:.{4})*(?<==)", re.DOTALL)


def hide(name: str, value: str) -> str:
    """Return what may be shown of a value written for the variable `name`, in any case.

    Nothing, if the name speaks of a secret; else all but users and passwords in addresses. The
    addresses of notifications carry tokens in any part, so only their scheme is shown.
    """
    if value and _SECRET.search(name):
        return MASK
    if _WHOLE_ADDRESS.search(name):
        value = _AFTER_SCHEME.sub(MASK, value)
    return hide_users(value)


def hide_users(value: str) -> str:
    """Return a value without users, passwords and keys in addresses, whatever it is for."""
    value = _USER_WITHOUT_SCHEME.sub(MASK, _USER.sub(MASK, value))
    return _IN_QUERY.sub(rf"\1{MASK}", value)


def hide_in_line(line: str) -> str | None:
    """Return what may be shown of a line that is no assignment: it may be meant as one.

    None if it does not begin like a variable of ours. It may be anything then, also a password
    alone on its line.
    """
    if not _OURS.match(line):
        return None
    start = _LINE.fullmatch(line)
    if start is not None and start[2] and _SECRET.search(line):
        return start[1] + MASK
    return hide_users(line) if start is None else start[1] + hide(start[1], start[2])


def may_be_encoded(line: str) -> bool:
    """Tell whether a line with `=` at its end alone may be a key in base64 or base32, padded."""
    return not _OURS.match(line) and _PADDED.fullmatch(line) is not None


def hide_in_problem(problem: str, name: str, value: str) -> str:
    """Return what is wrong with a value, without the pieces it quotes of one that is hidden."""
    if hide(name, value) == value:
        return problem
    what, allowed, forms = problem.rpartition(_ALLOWED)
    if not allowed:
        what, forms = problem, ""
    quotes = "'" in what or '"' in what
    return f"{'is not valid' if quotes else what}{allowed}{forms}"
