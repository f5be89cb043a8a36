"""The env file: what its lines mean and which are refused."""

from __future__ import annotations

import os
import stat
from typing import TYPE_CHECKING

import pytest

from autoscaler.settings.envfile import Entry, read_env_file

if TYPE_CHECKING:
    from pathlib import Path


def _read(tmp_path: Path, content: bytes) -> tuple[list[Entry], list[str]]:
    """Read a file with this content."""
    path = tmp_path / "autoscaler.env"
    path.write_bytes(content)
    return read_env_file(path)


@pytest.mark.parametrize(
    ("line", "value"),
    [
        ("A=70", "70"),
        ("A = 70 ", "70"),
        ("\tA=70\t", "70"),
        ("export A=70", "70"),
        ("A=70 # percent", "70"),
        ("A=70\t# percent", "70"),
        ("A=a#b", "a#b"),
        ("A= # nothing", ""),
        ("A=", ""),
        ('A="70 # x"  # comment', "70 # x"),
        ("A=' 70 '", " 70 "),
        ("A='say \"x\"'", 'say "x"'),
        ("A=x=y", "x=y"),
        ("A=$HOME", "$HOME"),
        ("A=a\\nb", "a\\nb"),
    ],
)
def test_a_line_gives_its_value(tmp_path: Path, line: str, value: str) -> None:
    """Blanks, quotes and comments are dropped; nothing is expanded."""
    assert _read(tmp_path, line.encode()) == ([Entry("A", value, 1)], [])


def test_a_byte_order_mark_and_crlf_do_not_matter(tmp_path: Path) -> None:
    """A file saved on another system reads the same."""
    entries, problems = _read(tmp_path, b"\xef\xbb\xbf# first\r\nA=1\r\n\r\nB='2'\r\n")
    assert (entries, problems) == ([Entry("A", "1", 2), Entry("B", "2", 4)], [])


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("just words", "is not of the form NAME=value"),
        ("1A=1", "is not a variable name"),
        ("=1", "is not a variable name"),
        ('A="open', 'starts with the quote "'),
        ('A="a" b', 'starts with the quote "'),
        ('A="a" "b"', 'starts with the quote "'),
        ("A=a\x00b", "cannot be printed"),
        ("A=1\rB=2", "cannot be printed"),
    ],
)
def test_a_bad_line_is_named_and_does_not_hide_the_next(
    tmp_path: Path, line: str, says: str
) -> None:
    """Each mistake tells its line; the lines after it are still read."""
    entries, problems = _read(tmp_path, f"{line}\nB=2\n".encode())
    assert entries == [Entry("B", "2", 2)]
    assert len(problems) == 1
    assert f"{tmp_path}/autoscaler.env, line 1: " in problems[0]
    assert says in problems[0]


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    """The text tells the path and what to do."""
    _, problems = read_env_file(tmp_path / "none.env")
    assert problems == [
        f"{tmp_path}/none.env: does not exist; create it or name another with --env-file"
    ]


def test_a_directory_is_refused(tmp_path: Path) -> None:
    """A directory in place of the file is said to be one."""
    assert read_env_file(tmp_path)[1] == [f"{tmp_path}: is a directory; name the file in it"]


def test_a_pipe_is_refused_without_waiting(tmp_path: Path) -> None:
    """Reading a pipe nobody writes to would block a reload for ever."""
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    assert stat.S_ISFIFO(pipe.stat().st_mode)
    assert "is not a regular file" in read_env_file(pipe)[1][0]


def test_text_that_is_not_utf8_names_its_line(tmp_path: Path) -> None:
    """Latin-1 is recognised by the line it first shows in."""
    _, problems = _read(tmp_path, b"A=1\nB=\xe4\n")
    assert problems == [
        f"{tmp_path}/autoscaler.env: line 2 is not UTF-8 text; save the file as UTF-8"
    ]


def test_a_huge_file_is_refused(tmp_path: Path) -> None:
    """Somebody's disk image is not read into memory."""
    assert "larger than 1 MiB" in _read(tmp_path, b"#" * ((1 << 20) + 1))[1][0]


def test_an_unreadable_file_is_refused_by_a_user_without_rights(tmp_path: Path) -> None:
    """The text says that permission is missing, and who needs it."""
    path = tmp_path / "autoscaler.env"
    path.write_text("A=1\n", encoding="utf-8")
    path.chmod(0)
    tmp_path.chmod(0o755)
    for parent in (tmp_path.parent, tmp_path.parent.parent):
        parent.chmod(0o755)
    before = os.geteuid()
    if before == 0:
        os.seteuid(65534)
    try:
        _, problems = read_env_file(path)
    finally:
        os.seteuid(before)
    assert "permission denied; the user that runs the program" in problems[0]
