"""A message sent from a process of its own, to a real webhook."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator

import pytest

from autoscaler.errors import AutoscalerError
from autoscaler.surface.notices import apart
from autoscaler.surface.notices.apart import deliver_apart
from autoscaler.surface.notices.places import Place
from autoscaler.surface.notices.text import Message, Tone
from tests.surface.webhook import Webhook

MESSAGE = Message("web1: autoscaler member.died", "line one\nline two: ü", Tone.WARNING)


@pytest.fixture
def hook() -> Iterator[Webhook]:
    """Give a place to send to."""
    made = Webhook()
    yield made
    made.close()


def test_title_text_and_tone_arrive(hook: Webhook) -> None:
    """As from this process."""
    deliver_apart(Place(1, "json", hook.url), MESSAGE)
    (found,) = hook.messages
    assert (found["title"], found["message"]) == (MESSAGE.title, MESSAGE.body)
    assert found["type"] == "warning"


def test_a_refusal_comes_back_in_words_without_the_address(hook: Webhook) -> None:
    """What Apprise says of it, as from this process."""
    hook.answer = 500
    with pytest.raises(AutoscalerError, match="500") as caught:
        deliver_apart(Place(1, "json", hook.url), MESSAGE)
    assert "geheim" not in str(caught.value)


def test_one_that_never_answers_is_killed(hook: Webhook) -> None:
    """No process is left behind."""
    hook.free.clear()
    with pytest.raises(AutoscalerError, match="no answer within 1 s"):
        deliver_apart(Place(1, "json", hook.url), MESSAGE, 1.0)
    found = subprocess.run(
        ["pgrep", "-P", str(os.getpid()), "-f", apart.__name__],
        capture_output=True,
        text=True,
        check=False,
    )
    assert found.stdout == ""


def test_a_process_that_breaks_is_told_by_its_status(monkeypatch: pytest.MonkeyPatch) -> None:
    """Not by what it printed, which may hold the address."""
    monkeypatch.setattr(sys, "executable", "/bin/false")
    with pytest.raises(AutoscalerError, match="ended with 1"):
        deliver_apart(Place(1, "json", "json://geheim"), MESSAGE)


def test_a_process_that_cannot_be_started_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """With the system's words."""
    monkeypatch.setattr(sys, "executable", "/nowhere/python")
    with pytest.raises(AutoscalerError, match="No such file"):
        deliver_apart(Place(1, "json", "json://geheim"), MESSAGE)
