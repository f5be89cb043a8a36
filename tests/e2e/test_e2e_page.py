"""The page in a real Chromium, and a real Prometheus, against the real daemon on a real stack."""

from __future__ import annotations

import json
import socket
import urllib.request
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import pytest

from autoscaler.surface.control import call
from tests.e2e.harness import BY_HAND, role
from tests.e2e.waiting import until
from tests.prometheus.server import Prometheus
from tests.surface.browser import Browser

if TYPE_CHECKING:
    from pathlib import Path

    from tests.e2e.conftest import MakeHost

pytestmark = pytest.mark.engine


def _free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


def _ask(prometheus: Prometheus, query: str) -> list[dict[str, Any]]:
    with urllib.request.urlopen(f"{prometheus.url}/api/v1/query?query={quote(query)}") as answer:  # noqa: S310 - our own loopback address
        found: list[dict[str, Any]] = json.load(answer)["data"]["result"]
        return found


def test_page_and_prometheus_follow_a_growth_a_pause_and_a_restart(
    make_host: MakeHost, tmp_path: Path
) -> None:
    """The page shows each without a reload, says so while no daemon answers, and comes back by
    itself; Prometheus scrapes the same growth. No other host is asked.
    """
    port = _free_port()
    host = make_host(
        role("validator", 2, settings=BY_HAND), settings={"HTTP__LISTEN": f"127.0.0.1:{port}"}
    )
    daemon = host.start()
    with Browser() as browser, Prometheus(tmp_path, port) as prometheus:
        page = browser.open(f"http://127.0.0.1:{port}/")
        card = page.get_by_role("region", name="validator", exact=True)
        card.get_by_text("serving").first.wait_for()
        card.locator(".chart svg").wait_for()

        host.bounds("validator", 2, 2)
        host.wait_published("validator", 1, 2)
        card.get_by_text("2 wanted").wait_for()
        card.locator(".events li").get_by_text("published: it is healthy").first.wait_for()
        until(
            lambda: _ask(prometheus, 'autoscaler_members{role="validator",state="serving"} == 2'),
            "Prometheus has scraped the growth",
        )

        fields = {"role": "validator", "reason": "a look at it"}
        call(host.stack.run_directory, "POST", "/v1/pause", fields)
        card.get_by_text("paused (both)").wait_for()
        page.locator("#overrides").get_by_text("a look at it").wait_for()

        assert browser.errors == []
        daemon.kill()
        page.get_by_text("No answer from the daemon since").wait_for()
        host.start()
        page.locator("#stale").wait_for(state="hidden")
        page.get_by_text(f"process {host.daemon.process.pid}").wait_for()
        card.get_by_text("paused (both)").wait_for()
        assert browser.hosts == {f"127.0.0.1:{port}"}
