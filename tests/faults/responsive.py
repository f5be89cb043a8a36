"""Asks the daemon for its status again and again and keeps the longest answer."""

from __future__ import annotations

import threading
import time
from pathlib import Path
from typing import Self

from autoscaler.errors import AutoscalerError
from autoscaler.surface.control import call

PAUSE_SECONDS = 0.1


class Responsive:
    """As a context manager: asks all along. `longest` seconds, and how often it got none."""

    def __init__(self, run_directory: Path) -> None:
        self.longest = 0.0
        self.answers = 0
        self.failures = 0
        self._directory = run_directory
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._ask, daemon=True)

    def __enter__(self) -> Self:
        """Begin to ask."""
        self._thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        """Ask no more."""
        self._ended.set()
        self._thread.join()

    def _ask(self) -> None:
        while not self._ended.wait(PAUSE_SECONDS):
            began = time.monotonic()
            try:
                call(self._directory, "GET", "/v1/status")
                self.answers += 1
            except AutoscalerError:
                self.failures += 1
            self.longest = max(self.longest, time.monotonic() - began)


def always_answered(responsive: Responsive) -> None:
    """Assert that every question was answered within a second."""
    assert responsive.answers > 0
    assert (responsive.failures, responsive.longest < 1.0) == (0, True), responsive.longest
