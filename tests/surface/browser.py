"""A real Chromium that speaks to nobody but the page under test, and remembers what went wrong."""

from __future__ import annotations

from types import TracebackType
from typing import Any, Self
from urllib.parse import urlsplit

from playwright.sync_api import ConsoleMessage, Page, sync_playwright

OPTIONS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
]
WIDE = {"width": 1200, "height": 900}
PHONE = {"width": 375, "height": 800}


class Browser:
    """Opens pages. `errors` are what they wrote to the console, `hosts` whom they asked."""

    def __init__(self) -> None:
        self.errors: list[str] = []
        self.hosts: set[str] = set()

    def __enter__(self) -> Self:
        """Start Chromium."""
        self._play = sync_playwright().start()
        self._chromium = self._play.chromium.launch(
            executable_path="/usr/bin/chromium", args=OPTIONS
        )
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """End it."""
        self._chromium.close()
        self._play.stop()

    def open(self, url: str, viewport: Any = WIDE, scheme: Any = "light") -> Page:  # noqa: ANN401 - the library's literals
        """Return a page that has loaded."""
        page = self._chromium.new_page(viewport=viewport, color_scheme=scheme)
        page.set_default_timeout(15_000)
        page.on("console", self._said)
        page.on("pageerror", lambda error: self.errors.append(str(error)))
        page.on("request", lambda request: self.hosts.add(urlsplit(request.url).netloc))
        page.goto(url)
        return page

    def _said(self, message: ConsoleMessage) -> None:
        if message.type in {"error", "warning"}:
            self.errors.append(message.text)
