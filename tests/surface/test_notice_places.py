"""The file of addresses: what is read from it, and that nothing of it is shown."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from autoscaler.errors import AutoscalerError
from autoscaler.surface.notices.delivery import usable
from autoscaler.surface.notices.places import PLACES_LIMIT, Place, read_places, redacted

ADDRESS = "mailtos://someone:geheim%20nis@mail.example.org/?to=boss@example.org"


def written(folder: Path, content: bytes) -> Path:
    """Write a file."""
    path = folder / "urls"
    path.write_bytes(content)
    return path


def test_one_address_a_line_without_comments(tmp_path: Path) -> None:
    """Blank lines, a byte order mark and CRLF do not matter; lines keep their number."""
    content = f"\ufeff# chat\r\n\r\n{ADDRESS}\r\njson://h/x\r\n".encode()
    places = read_places(written(tmp_path, content))
    assert [(p.line, p.kind, p.url) for p in places] == [
        (3, "mailtos", ADDRESS),
        (4, "json", "json://h/x"),
    ]


def test_a_place_is_shown_by_its_line_and_kind() -> None:
    """Whoever prints it shows no secret."""
    place = Place(3, "mailtos", ADDRESS)
    assert str(place) == "line 3 (mailtos)"
    assert "geheim" not in repr(place)


@pytest.mark.parametrize(
    ("content", "wrong"),
    [
        (b"", "holds no address"),
        (b"# nothing\n", "holds no address"),
        (b"json://h/x\ngeheim\n", "line 2: is no URL"),
        (b"\xff\xfegeheim", "no UTF-8"),
        (b"#" * 70_000, "larger than"),
        (b"json://geheim/x\n" * 2, "line 2: is there twice"),
        (b"".join(b"json://geheim/%d\n" % n for n in range(PLACES_LIMIT + 1)), "holds 17"),
    ],
)
def test_an_unusable_file_is_told_without_its_content(
    tmp_path: Path, content: bytes, wrong: str
) -> None:
    """By the place of the mistake."""
    with pytest.raises(AutoscalerError, match=wrong) as caught:
        read_places(written(tmp_path, content))
    assert "geheim" not in str(caught.value)


def test_a_missing_file_is_told(tmp_path: Path) -> None:
    """With the system's reason."""
    with pytest.raises(AutoscalerError, match="No such file"):
        read_places(tmp_path / "nothing")


def test_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    """Neither the check nor the messages hang."""
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(AutoscalerError, match="is no regular file"):
        read_places(tmp_path / "pipe")


def test_no_part_of_an_address_is_in_a_redacted_text() -> None:
    """Neither as it is written nor as it is meant; what is no part of it stays."""
    place = Place(1, "mailtos", ADDRESS)
    text = f"Login of SOMEONE with 'geheim nis' at mail.example.org refused (535)\n{ADDRESS}"
    shown = redacted(text, place)
    for part in ("someone", "geheim", "nis", "example", "boss"):
        assert part not in shown.lower()
    assert "refused (535)" in shown


@pytest.mark.parametrize("url", ["nosuchkind://geheim", "slack://geheim", "json://"])
def test_an_address_apprise_cannot_use_is_told_without_it(url: str) -> None:
    """It is known before anything is sent."""
    with pytest.raises(AutoscalerError, match="cannot use this address") as caught:
        usable(Place(1, "x", url))
    assert "geheim" not in str(caught.value)


@pytest.mark.parametrize("url", ["slack://geheim", "json://geheim@127.0.0.1:9/geheim"])
def test_the_library_prints_nothing_by_itself(url: str) -> None:
    """Neither of an address it cannot use nor of one that refuses, whatever logging is set up."""
    code = f"""
import logging
logging.basicConfig(level=logging.WARNING)
from autoscaler.errors import AutoscalerError
from autoscaler.surface.notices.delivery import deliver
from autoscaler.surface.notices.places import Place
from autoscaler.surface.notices.text import Message
try:
    deliver(Place(1, "x", {url!r}), Message("t", "b"))
except AutoscalerError:
    print("failed")
"""
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60
    )
    assert (done.stdout, done.stderr) == ("failed\n", "")
