"""The page in a real Chromium: readable by eye, keyboard and screen reader, wide and narrow."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from autoscaler.model import Overrides, RolePolicy, ScalingRules, Select
from autoscaler.surface.view import RoleView
from tests.surface.browser import PHONE, WIDE, Browser
from tests.surface.web import VIEW, Web

MEMBER = {
    "name": "validator-1",
    "phase": "serving",
    "state": "running",
    "detail": "",
    "blocked": None,
    "protected": False,
    "cpu_percent": 61.5,
    "memory_percent": 20.0,
}
STATUS: dict[str, Any] = {
    "pid": 7,
    "engine": {"up": True, "error": ""},
    "nginx": {"settled": True, "error": None},
    "history": {"error": None},
    "late": "",
    "host": None,
    "sources": {},
    "warnings": ["<img src=x onerror=alert(1)>"],
    "overrides": [
        {"kind": "pause", "role": "validator", "direction": "down", "by": "ann",
         "reason": "<b>deploy</b>", "until": "2026-11-25T20:00:00+00:00"},
    ],
    "roles": {
        "validator": {
            **VIEW.status["roles"]["validator"],
            "running": 2,
            "desired": 2,
            "min": 1,
            "max": 3,
            "decision": {"mean": 61.5},
            "schedule": {
                "zone": "Europe/Berlin", "windows": ["workdays"], "min": 2, "max": 3,
                "until": "2026-11-27T18:00:00+01:00",
                "next": {"windows": [], "min": 1, "max": 3},
            },
            "members": [MEMBER, {**MEMBER, "name": "validator-2", "phase": "unhealthy",
                                 "detail": "10.0.0.2:9003 answered 500"}],
        }
    },
}  # fmt: skip


class FullShelf:
    """An hour of history with a growth in its middle."""

    def events(self, _since: float, _role: str | None, _limit: int) -> list[dict[str, Any]]:
        """Return a growth, and one event of the host."""
        at = time.time() - 1800
        return [
            {"event": "scale.decided", "role": "validator", "time": at, "desired_before": 1,
             "desired": 2, "reason": "scale_up", "mean": 77.2},
            {"event": "nginx.reloaded", "time": at + 2, "reason": "publish"},
            {"event": "override.set", "role": "validator", "time": at + 3, "kind": "pin",
             "count": 3, "by": "ann", "reason": "sale"},
            {"event": "override.ended", "role": "validator", "time": at + 4, "kind": "pause",
             "direction": "up", "by": "ann", "was": "test", "reason": "its time is over"},
            {"event": "schedule.entered", "role": "validator", "time": at + 5, "window": "night",
             "min": 1, "max": 2},
            {"event": "config.reloaded", "time": at + 6, "changes": [
                {"variable": "AUTOSCALER_ROLES__VALIDATOR__CPU_HIGH", "old": "70", "new": "75"}]},
        ]  # fmt: skip

    def series(self, role: str, seconds: int) -> dict[str, Any]:
        """Return a reading every 12 s."""
        now = time.time()
        times = [now - seconds + 12.0 * i for i in range(seconds // 12)]
        return {
            "role": role,
            "since": now - seconds,
            "until": now,
            "width_seconds": 12.0,
            "points": [(t, 61.5, 1 + (t > now - 1800), 70.0, 40.0) for t in times],
            "members": {"validator-1": [(t, 60.0) for t in times]},
        }


@pytest.fixture(scope="module")
def web() -> Iterator[Web]:
    """Return the server with a daemon's view and an hour of history."""
    one = Web(archive=FullShelf())
    scaling = ScalingRules(0.0, Select.MAX, ())
    policy = RolePolicy(1, 3, 70.0, 40.0, scaling, scaling)
    role = RoleView(policy, Overrides(), None)
    one.show(status=STATUS, roles={"validator": role}, ticked_at=1e9)
    yield one
    one.server.stop()


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Return a Chromium."""
    with Browser() as one:
        yield one


@pytest.fixture
def url(web: Web) -> str:
    """Return the page's address."""
    return f"http://127.0.0.1:{web.port}/"


CONTRAST = """() => {
  const light = (c) => {
    const linear = (v) => v <= .03928 ? v / 12.92 : ((v + .055) / 1.055) ** 2.4;
    const [r, g, b] = c.map((v) => linear(v / 255));
    return .2126 * r + .7152 * g + .0722 * b;
  };
  const parse = (text) => (text.match(/[\\d.]+/g) ?? []).map(Number);
  const back = (node) => {
    for (; node; node = node.parentElement) {
      const c = parse(getComputedStyle(node).backgroundColor);
      if (c.length === 3 || c[3] === 1) return c.slice(0, 3);
    }
    return [255, 255, 255];
  };
  const found = [];
  for (const node of document.querySelectorAll("body *")) {
    const own = [...node.childNodes].some((n) => n.nodeType === 3 && n.data.trim());
    if (!own || !node.getClientRects().length) continue;
    const style = getComputedStyle(node);
    const c = parse(node instanceof SVGElement ? style.fill : style.color);
    const [a, b] = [light(c), light(back(node))].sort((x, y) => y - x);
    const ratio = (a + .05) / (b + .05);
    if (ratio < 4.5) found.push(`${node.textContent.slice(0, 30)}: ${ratio.toFixed(2)}`);
  }
  return found;
}"""


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_text_has_contrast(browser: Browser, url: str, scheme: str) -> None:
    """At least 4.5 to 1 (WCAG AA), in both colour schemes, the chart's words included."""
    page = browser.open(url, scheme=scheme)
    page.wait_for_selector(".chart svg")
    assert page.evaluate(CONTRAST) == []
    page.close()


@pytest.mark.parametrize("viewport", [WIDE, PHONE])
def test_nothing_is_wider_than_the_screen(
    browser: Browser, url: str, viewport: dict[str, int]
) -> None:
    """Nobody scrolls sideways, on a phone either."""
    page = browser.open(url, viewport)
    page.wait_for_selector(".chart svg")
    assert page.evaluate("document.documentElement.scrollWidth") <= viewport["width"]
    page.close()


def test_a_screen_reader_finds_its_way(browser: Browser, url: str) -> None:
    """Landmarks, headings, labels, captions, and changes told politely."""
    page = browser.open(url)
    page.wait_for_selector(".chart svg")
    for role, name in [
        ("main", "Roles"),
        ("region", "validator"),
        ("region", "Host"),
        ("group", "Time shown"),
        ("radio", "Hour"),
        ("heading", "validator"),
        ("table", "Members of validator"),
        ("columnheader", "CPU"),
    ]:
        assert page.get_by_role(role, name=name, exact=True).count() == 1, (role, name)  # type: ignore[arg-type]
    assert page.locator("html").get_attribute("lang") == "en"
    assert page.locator("#announce").get_attribute("aria-live") == "polite"
    chart = page.locator(".chart").get_attribute("aria-label") or ""
    assert "mean 61.5 %, 2 wanted, grows above 70 %, shrinks below 40 %" in chart
    ids = page.evaluate("[...document.querySelectorAll('[id]')].map((n) => n.id)")
    assert len(ids) == len(set(ids))
    page.close()


def test_the_chart_draws_both_thresholds_and_the_flap_line(browser: Browser, url: str) -> None:
    """Two members at 70 percent less a tenth: one could go below half of 63."""
    page = browser.open(url)
    page.wait_for_selector(".chart svg")
    labels = page.locator(".chart text.label").all_text_contents()
    assert labels == ["grows above 70 %", "shrinks below 40 %", "guard 31.5 %"]
    assert page.locator(".chart .mark.up title").text_content() is not None
    page.close()


def test_the_chart_can_be_read_without_seeing_or_pointing(browser: Browser, url: str) -> None:
    """By arrow keys, and as a table."""
    page = browser.open(url)
    page.wait_for_selector(".chart svg")
    page.locator(".chart").focus()
    page.keyboard.press("ArrowLeft")
    page.keyboard.press("ArrowLeft")
    assert "mean 61.5 %, wanted 2; validator-1 60 %" in page.locator(".readout").inner_text()
    page.locator("summary").focus()
    page.keyboard.press("Enter")
    row = page.get_by_role("table", name="CPU and count of validator").locator("tbody tr").first
    row.wait_for()  # the table is filled when the browser tells that it was opened
    assert row.locator("td").all_inner_texts() == ["61.5", "2", "70", "40", "31.5"]
    page.close()


def test_the_page_follows_the_daemon_without_a_reload(browser: Browser, url: str, web: Web) -> None:
    """Only what changed is replaced, and what stays the same is no reason to stop."""
    page = browser.open(url)
    page.get_by_text("paused (down)").first.wait_for()
    view = web.board.latest
    assert view is not None
    try:
        web.board.put(replace(view, status={**STATUS, "overrides": []}))
        page.get_by_text("Nothing: the rules decide.").wait_for()
        assert page.get_by_text("paused (down)").count() == 0
        assert page.locator("#stale").is_hidden()
    finally:
        web.board.put(view)
    page.get_by_text("paused (down)").first.wait_for()
    page.close()


def test_what_people_and_schedules_did_is_told_in_full(browser: Browser, url: str) -> None:
    """Who set what and why, which bounds a window brings, which setting a reload changed."""
    page = browser.open(url)
    page.locator("#host-events li").first.wait_for()
    said = " ".join(page.locator(".events li").all_inner_texts())
    assert "pin at 3 set by ann: sale" in said
    assert "pause up by ann ended (test): its time is over" in said
    assert "window night begins: 1 to 2" in said
    assert "settings reloaded: ROLES__VALIDATOR__CPU_HIGH 70 to 75" in said
    page.close()


def test_a_member_whose_hook_failed_says_so_beside_its_state(
    browser: Browser, url: str, web: Web
) -> None:
    """What it is in the way of, and why, also where the member serves."""
    view = web.board.latest
    assert view is not None
    blocked = {"hook": "before_stop", "reason": "exit code 3", "in_seconds": 25.0}
    role = STATUS["roles"]["validator"]
    refusing = {**role, "members": [{**MEMBER, "blocked": blocked}]}
    page = browser.open(url)
    try:
        web.board.put(replace(view, status={**STATUS, "roles": {"validator": refusing}}))
        page.get_by_text("not stopped, its hook failed: exit code 3").wait_for()
        assert page.get_by_text("exit code 3").count() == 1
    finally:
        web.board.put(view)
    page.close()


def test_the_schedule_says_what_is_in_force_until_when_and_what_is_next(
    browser: Browser, url: str
) -> None:
    """In the time zone it is written in, wherever the reader is."""
    page = browser.open(url)
    page.wait_for_selector(".schedule b")
    assert page.locator(".schedule").inner_text() == (
        "Schedule workdays (2 to 3) until 18:00 on Friday 27 November (Europe/Berlin), "
        "then no window (1 to 3)"
    )
    page.close()


def test_an_override_says_who_why_and_until_when(browser: Browser, url: str) -> None:
    """In the words of whoever set it."""
    page = browser.open(url)
    page.wait_for_selector("#overrides b")
    said = page.locator("#overrides").inner_text()
    assert re.fullmatch(
        r"validator: paused \(down\) until \d\d:\d\d.*, by ann: <b>deploy</b>", said
    ), said
    page.close()


def test_what_is_not_well_stands_there_in_words(browser: Browser, url: str, web: Web) -> None:
    """Nobody on a phone can point at something to see what it hides."""
    page = browser.open(url)
    page.wait_for_selector("#overrides b")
    view = web.board.latest
    assert view is not None
    ill = {
        **STATUS,
        "engine": {"up": False, "error": "no socket"},
        "nginx": {"settled": False, "error": "unknown directive"},
        "host": {"cpu_saturated": True, "memory_saturated": False},
        "sources": {"prometheus for validator": "it does not answer"},
        "warnings": [],
        "roles": {
            name: {
                **role,
                "out_of_scope": {"reason": "not found", "consequence": "stays", "hint": "mend"},
            }
            for name, role in list(STATUS["roles"].items())[:1]
        },
    }
    assert page.locator("#troubles li").all_inner_texts() == ["<img src=x onerror=alert(1)>"]
    try:
        web.board.put(replace(view, status=ill))
        page.get_by_text("no socket").wait_for()
        assert page.locator("#troubles li").all_inner_texts() == [
            "no socket",
            "unknown directive",
            "The host has too little CPU left: new members would share the same.",
            "CPU from prometheus for validator: it does not answer",
            "Role validator: not found; stays. To do: mend.",
        ]
        web.board.put(replace(view, status={**STATUS, "warnings": []}))
        page.locator("#troubles").wait_for(state="hidden")
    finally:
        web.board.put(view)
    page.close()


def test_the_axis_of_a_young_daemon_is_as_long_as_its_record(browser: Browser, url: str) -> None:
    """Five minutes at least: the rest of the hour would be empty."""
    page = browser.open(url)
    page.wait_for_selector(".chart svg")
    found = page.evaluate("""async () => {
      const { fitted } = await import("/chart.js");
      const since = (first) => fitted({
        since: 0, until: 3600, points: [[first, 1]], members: { a: [[first + 5, 1]] },
      }).since;
      const empty = fitted({ since: 0, until: 3600, points: [], members: {} }).since;
      return [since(3500), since(1600), since(10), empty];
    }""")
    assert found == [3300, 1560, 0, 3300]
    page.close()


def test_an_error_of_the_page_is_no_silence_of_the_daemon(
    browser: Browser, url: str, web: Web
) -> None:
    """Each is said as what it is, and goes when it is over."""
    page = browser.open(url)
    page.wait_for_selector(".chart svg")
    view = web.board.latest
    assert view is not None
    try:
        web.board.put(replace(view, status={**STATUS, "overrides": None}))
        page.get_by_text("This page has an error").wait_for()
        assert page.locator("#stale").is_hidden()
        assert len(browser.errors) == 1
        web.board.latest = None
        page.get_by_text("The daemon answers 503: the daemon is starting.").wait_for()
    finally:
        web.board.put(view)
    page.locator("#stale").wait_for(state="hidden")
    page.locator("#error").wait_for(state="hidden")
    page.close()
    browser.errors.clear()


def test_what_others_wrote_is_shown_as_text(browser: Browser, url: str) -> None:
    """Markup in a reason or a warning stays words."""
    page = browser.open(url)
    page.wait_for_selector("#overrides b")
    assert "<b>deploy</b>" in page.locator("#overrides").inner_text()
    assert page.locator("img[src=x]").count() == 0
    page.close()


def test_the_page_asks_nobody_else_and_is_silent(browser: Browser, url: str) -> None:
    """All tests before this one count: no other host was asked and nothing complained."""
    page = browser.open(url)
    page.wait_for_selector(".chart svg")
    page.get_by_label("Day").check()
    page.wait_for_timeout(300)
    page.close()
    assert browser.hosts == {url.removeprefix("http://").rstrip("/")}
    assert browser.errors == []
