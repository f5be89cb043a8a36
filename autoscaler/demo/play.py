"""Plays the demo: the stack, the daemon beside it, the phases of load, and what came of them."""

from __future__ import annotations

import os
import time
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

from autoscaler.demo.daemon import DaemonProcess
from autoscaler.demo.load import Load
from autoscaler.demo.scenario import (
    DAEMON_SETTINGS,
    LIMITS,
    LONG_SECONDS,
    MIX,
    PHASES,
    ROLES,
    SCALED_ROLES,
    SPECIAL_PATHS,
    Phase,
    phase_is_over,
)
from autoscaler.demo.stack import Stack
from autoscaler.demo.story import changes, full_seconds, summary
from autoscaler.demo.sweep import sweep_leftovers
from autoscaler.demo.view import Picture, View, make_view
from autoscaler.demo.watch import RoleLook, look
from autoscaler.errors import AutoscalerError

if TYPE_CHECKING:
    from pathlib import Path

    from autoscaler.demo.tally import Report

LOOK_SECONDS = 0.25
READY_SECONDS = 30.0


class Play:
    """One run of the demo in a directory. `run` may be called once."""

    def __init__(self, directory: Path) -> None:
        self._began_all = time.monotonic()
        self._stack = Stack(f"autoscaler-demo-{os.getpid()}", ROLES, directory)
        self._log = directory / "daemon.log"
        self._daemon = DaemonProcess(
            self._stack.directory / "autoscaler.env", self._stack.run_directory, self._log
        )
        self._began = 0.0
        self._began_wall = 0.0
        self._starts: list[tuple[str, float]] = []
        self._roles: tuple[RoleLook, ...] = ()
        self._most: dict[str, int] = dict.fromkeys(SCALED_ROLES, 0)

    def run(self) -> dict[str, Any]:
        """Play it and return the summary, everything it made being removed by then.

        Raises AutoscalerError when the stack or the daemon does not come up or the daemon ends.
        """
        for name in sweep_leftovers(self._stack.client):
            print(f"removed what a killed run had left: {name}")
        with ExitStack() as until_the_end:
            print("building an image and creating the containers ...")
            until_the_end.enter_context(self._stack)
            self._stack.write_env(DAEMON_SETTINGS)
            until_the_end.enter_context(self._daemon)
            self._stack.start_nginx(READY_SECONDS)
            self._await_all_published()
            print(f"{self._stack.project} is up; load begins on {self._stack.url()}")
            result = self._load()
            print("removing everything that was made ...")
        return {**result, "seconds": round(time.monotonic() - self._began_all, 1)}

    def _await_all_published(self) -> None:
        """Wait until every role has a published member. Raises AutoscalerError after 30 s."""
        end = time.monotonic() + READY_SECONDS
        while True:
            self._daemon.check()
            roles = look(self._daemon.status())
            if roles and all(role.published for role in roles):
                return
            if time.monotonic() > end:
                raise AutoscalerError(
                    f"the first members were not published within {READY_SECONDS:g} s; "
                    f"the daemon's last words:\n{self._daemon.tail()}"
                )
            time.sleep(LOOK_SECONDS)

    def _load(self) -> dict[str, Any]:
        """Drive the phases through NGINX and return what came of them."""
        self._began, self._began_wall = time.monotonic(), time.time()
        address = ("127.0.0.1", self._stack.nginx_port)
        with Load(address, MIX, LIMITS) as load, make_view() as view:
            load.keep_specials(SPECIAL_PATHS, LONG_SECONDS)
            for phase in PHASES:
                self._starts.append((phase.name, time.time()))
                load.rate = phase.rate
                self._follow(phase, load, view)
            load.rate = 0
            report = load.stop()
        return self._result(report)

    def _follow(self, phase: Phase, load: Load, view: View) -> None:
        """Look and show until the phase is over."""
        began = time.monotonic()
        while True:
            self._daemon.check()
            self._roles = look(self._daemon.status()) or self._roles
            report = load.report()
            published = {role.name: role.published for role in self._roles}
            running = {role.name: role.running for role in self._roles}
            for role in self._most:
                self._most[role] = max(self._most[role], published.get(role, 0))
            now = time.monotonic()
            events = tuple(self._daemon.events)
            elapsed = now - self._began
            view.show(
                Picture(
                    phase.name, phase.rate, elapsed, self._began_wall, self._roles, report, events
                )
            )
            if phase_is_over(phase, now - began, published, running, report.requests):
                return
            time.sleep(LOOK_SECONDS)

    def _result(self, report: Report) -> dict[str, Any]:
        """Return the summary of the run."""
        running = {role.name: role.running for role in self._roles}
        counts = {
            role: (allowed, self._most[role], running.get(role, 0))
            for role, allowed in SCALED_ROLES.items()
        }
        found = changes(self._daemon.events, self._began_wall, self._starts)
        return {
            "timeout_seconds": LIMITS.timeout_seconds,
            "host_full_seconds": full_seconds(self._daemon.events, self._began_wall, time.time()),
            **summary(report, found, counts),
        }
