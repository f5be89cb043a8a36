"""Telling whether the process that made something is certainly gone."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from autoscaler.demo.owner import is_gone, own_identity

TELL = "from autoscaler.demo.owner import own_identity; print(own_identity())"


def test_a_living_process_is_not_gone() -> None:
    """A process that asks about itself is not gone."""
    assert not is_gone(own_identity())


def test_an_ended_process_is_gone() -> None:
    """A process that has ended is gone."""
    done = subprocess.run([sys.executable, "-c", TELL], capture_output=True, text=True, check=True)
    assert is_gone(done.stdout.strip())


def test_another_process_with_the_same_number_does_not_count() -> None:
    """The same pid with another start time is another process, so the owner is gone."""
    boot, namespace, pid, started = own_identity().split(":")
    assert pid == str(os.getpid())
    assert is_gone(f"{boot}:{namespace}:{pid}:{int(started) - 1}")


def test_a_process_of_another_namespace_counts_as_alive() -> None:
    """What cannot be seen from here may live."""
    boot, _, _, started = own_identity().split(":")
    assert not is_gone(f"{boot}:1:4000000:{started}")


def test_an_earlier_boot_is_gone() -> None:
    """No process survives a reboot."""
    assert is_gone("0000-11:1:1:1")


@pytest.mark.parametrize("text", ["", "someone", "a:b:c:d"])
def test_what_is_no_identity_counts_as_alive(text: str) -> None:
    """Labels of a form not ours are nobody's leftovers."""
    assert not is_gone(text)
