"""Shows the demo: a live picture on a terminal, plain lines elsewhere."""

from __future__ import annotations

import sys
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, Self

from rich.console import Console, Group
from rich.live import Live
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from autoscaler.demo.watch import RoleLook, is_news, style, words

if TYPE_CHECKING:
    from collections.abc import Sequence

    from autoscaler.demo.daemon import LogEvent
    from autoscaler.demo.tally import Report

BAR_CELLS = 40
EVENTS_SHOWN = 14
LINE_EVERY_SECONDS = 5.0
PHASE_STYLES = {"serving": "green", "spare": "bright_black", "unhealthy": "red"}


@dataclass(frozen=True)
class Picture:
    """Everything shown at one moment. `began` is Unix seconds, `elapsed` seconds since then."""

    phase: str
    rate: float
    elapsed: float
    began: float
    roles: tuple[RoleLook, ...]
    report: Report
    events: Sequence[LogEvent]


class View(Protocol):
    """Something that shows pictures."""

    def __enter__(self) -> Self:
        """Begin."""

    def __exit__(self, *error: object) -> None:
        """End."""

    def show(self, picture: Picture) -> None:
        """Show the newest picture."""


def make_view() -> View:
    """Return the live view on a terminal, plain lines where output goes elsewhere."""
    console = Console()
    return LiveView(console) if console.is_terminal else PlainView()


class LiveView:
    """Redraws one picture in place."""

    def __init__(self, console: Console) -> None:
        self._live = Live(console=console, auto_refresh=False, transient=True)

    def __enter__(self) -> Self:
        """Take the terminal."""
        self._live.__enter__()
        return self

    def __exit__(self, *error: object) -> None:
        """Give it back."""
        self._live.__exit__(None, None, None)

    def show(self, picture: Picture) -> None:
        """Redraw."""
        self._live.update(render(picture), refresh=True)


class PlainView:
    """Prints each event once, and a line of counts every few seconds."""

    def __init__(self) -> None:
        self._told = 0
        self._next_line = 0.0

    def __enter__(self) -> Self:
        """Begin; nothing to take."""
        return self

    def __exit__(self, *error: object) -> None:
        """End; nothing to give back."""

    def show(self, picture: Picture) -> None:
        """Print what is new."""
        fresh, self._told = picture.events[self._told :], len(picture.events)
        for event in filter(is_news, fresh):
            print(f"{event.time - picture.began:7.1f} s  {words(event)}")
        if time.monotonic() >= self._next_line:
            self._next_line = time.monotonic() + LINE_EVERY_SECONDS
            print(f"{picture.elapsed:7.1f} s  {status_line(picture)}")
        sys.stdout.flush()


def status_line(picture: Picture) -> str:
    """Return phase, load and roles in one line."""
    roles = ", ".join(f"{r.name} {r.published}/{r.most} {_percent(r.mean)}" for r in picture.roles)
    report = picture.report
    return (
        f"[{picture.phase}] {picture.rate:g} requests/s, {report.requests} made, "
        f"{report.failed} failed; {roles or 'waiting for the daemon'}"
    )


def render(picture: Picture) -> Group:
    """Return the whole picture for a terminal."""
    table = Table(box=None, expand=True, padding=(0, 1))
    for title in ("", "CPU of what is allowed, with both thresholds", "", "state"):
        table.add_column(title, no_wrap=True)
    for role in picture.roles:
        bounds = "fixed" if role.fixed else f"{role.reason}"
        table.add_row(
            Text(f"{role.name} {role.published}/{role.most}", "bold"),
            bar(role.mean, role),
            _percent(role.mean),
            Text(f"wants {role.desired}: {bounds}"),
        )
        for member in role.members:
            colour = PHASE_STYLES.get(member.phase, "yellow")
            table.add_row(
                Text(f"  {member.name[max(member.name.rfind(role.name), 0) :]}", colour),
                bar(member.cpu_percent, role) if member.cpu_percent is not None else Text(""),
                _percent(member.cpu_percent),
                Text(member.phase, colour),
            )
    news = [e for e in picture.events if is_news(e)][-EVENTS_SHOWN:]
    lines = [_event_line(event, picture.began) for event in news]
    return Group(
        Panel(table, title=_title(picture)),
        Panel(Group(*lines), title="latest events", height=EVENTS_SHOWN + 2),
    )


def _event_line(event: LogEvent, began: float) -> Text:
    """Return an event as one line that never wraps."""
    line = f"{event.time - began:6.1f} s  {words(event)}"
    return Text(line, style(event), no_wrap=True, overflow="ellipsis")


def bar(percent: float | None, role: RoleLook) -> Text:
    """Return a bar of 0 to 100 % with a mark at each threshold of the role."""
    filled = 0 if percent is None else min(BAR_CELLS, round(percent / 100 * BAR_CELLS))
    colour = "green"
    if percent is not None and not role.fixed and percent > role.cpu_high:
        colour = "red"
    text = Text()
    marks = () if role.fixed else (_cell(role.cpu_low), _cell(role.cpu_high))
    for cell in range(BAR_CELLS):
        if cell in marks:
            text.append("|", "bold yellow")
        else:
            text.append("█" if cell < filled else "·", colour if cell < filled else "bright_black")
    return text


def _cell(percent: float) -> int:
    """Return the cell of a bar that a percentage falls into."""
    return min(BAR_CELLS - 1, int(percent / 100 * BAR_CELLS))


def _percent(value: float | None) -> str:
    """Return a percentage in five characters."""
    return "  ?  " if value is None else f"{value:3.0f} %"


def _title(picture: Picture) -> str:
    """Return the first line: phase, load, requests, failures, p99."""
    report = picture.report
    slow = report.latency_ms.get("p99")
    return (
        f"{picture.elapsed:.0f} s  {picture.phase}: {picture.rate:g} requests/s  "
        f"{report.requests} made, {report.failed} failed"
        + (f", p99 {slow:.0f} ms" if slow is not None else "")
    )
