"""How `hold` keeps its lease over restarts of the daemon."""

from __future__ import annotations

import os
import queue
import threading
from typing import TYPE_CHECKING

from autoscaler.cli import lease as lease_module
from autoscaler.cli.lease import LOOK_SECONDS, RENEW_SECONDS, Lease, socket_identity
from autoscaler.cli.main import main
from autoscaler.errors import AutoscalerError, DaemonUnreachableError, SettingsError
from autoscaler.surface.control import SOCKET
from autoscaler.surface.control_socket import ControlSocket
from autoscaler.surface.defects import Defects
from autoscaler.surface.requests import Reply, Request
from tests.e2e.waiting import until

if TYPE_CHECKING:
    from pathlib import Path

    import pytest


class Held:
    """A lease of a daemon that can be away, be another one, or say no."""

    def __init__(self) -> None:
        self.daemon: object = "first"
        self.error: AutoscalerError | None = None
        self.taken: list[float] = []
        self.asked: list[float] = []
        self.told: list[str] = []
        self.now = 100.0
        self.lease = Lease(self._take, lambda: self.daemon, self.told.append)
        self.lease.begin(self.now)

    def _take(self) -> None:
        self.asked.append(self.now)
        if self.error is not None:
            raise self.error
        self.taken.append(self.now)

    def passes(self, seconds: float) -> None:
        """Let time pass, with a look every LOOK_SECONDS."""
        for _ in range(round(seconds / LOOK_SECONDS)):
            self.now += LOOK_SECONDS
            self.lease.keep(self.now)


def test_a_lease_is_renewed_three_times_in_its_life() -> None:
    """And in between nothing is asked."""
    held = Held()
    held.passes(2 * RENEW_SECONDS)
    assert held.taken == [100.0, 110.0, 120.0]
    assert held.told == []


def test_a_restart_between_two_renewals_is_seen_at_the_next_look() -> None:
    """No renewal ever failed, but the new daemon does not know the lease."""
    held = Held()
    held.passes(2.0)
    held.daemon = "second"
    held.passes(LOOK_SECONDS)
    assert held.taken == [100.0, 102.5]
    assert held.told == ["lost by a restart of the daemon and in force again"]
    held.passes(RENEW_SECONDS)
    assert held.taken == [100.0, 102.5, 112.5]
    assert len(held.told) == 1


def test_without_a_daemon_the_lease_is_asked_for_at_every_look() -> None:
    """The loss is told once, and the return with how long it took."""
    held = Held()
    held.daemon, held.error = None, DaemonUnreachableError("nobody there")
    held.passes(3.0)
    assert held.asked[1:] == [100.5, 101.0, 101.5, 102.0, 102.5, 103.0]
    held.daemon, held.error = "second", None
    held.passes(LOOK_SECONDS)
    assert held.taken == [100.0, 103.5]
    assert held.told == [
        "lost, taken again as soon as a daemon answers: nobody there",
        "in force again after 3.0 s",
    ]


def test_a_mistake_in_the_file_while_no_daemon_answers_ends_nothing() -> None:
    """The command that runs is not to blame for it."""
    held = Held()
    held.daemon, held.error = None, SettingsError(["a mistake"])
    held.passes(1.0)
    held.error = None
    held.passes(LOOK_SECONDS)
    assert held.told[-1] == "in force again after 1.0 s"


def test_a_renewal_that_is_refused_is_tried_when_the_next_is_due() -> None:
    """The daemon is there, so nothing is lost yet."""
    held = Held()
    held.error = AutoscalerError("no")
    held.passes(2 * RENEW_SECONDS)
    assert held.asked == [100.0, 110.0, 120.0]
    assert held.told == ["not renewed, tried again: no"]


def test_a_new_daemon_that_refuses_is_asked_at_every_look() -> None:
    """There the lease is not in force at all."""
    held = Held()
    held.daemon, held.error = "second", AutoscalerError("busy")
    held.passes(1.0)
    assert held.asked == [100.0, 100.5, 101.0]


def test_a_running_hold_takes_its_lease_from_the_next_daemon(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """Over a real socket that is made anew; no renewal is ever due."""
    for name in [name for name in os.environ if name.upper().startswith("AUTOSCALER_")]:
        monkeypatch.delenv(name)
    monkeypatch.setattr(lease_module, "RENEW_SECONDS", 3600.0)
    env_file, runs, done = tmp_path / "a.env", tmp_path / "runs", tmp_path / "done"
    env_file.write_text(
        f"AUTOSCALER_PROJECT=v11\nAUTOSCALER_NGINX__CONTAINER=p\nAUTOSCALER_RUN_DIR={tmp_path}\n"
    )
    asked: queue.SimpleQueue[Request] = queue.SimpleQueue()

    def ask(request: Request) -> Reply:
        asked.put(request)
        return Reply({})

    def restart() -> None:
        """Play two daemons, one after the other, and let the command end."""
        try:
            verbs.append(asked.get(timeout=60).verb)
            until(runs.exists, "the command runs")
            first.stop()
            second.start()
            verbs.append(asked.get(timeout=60).verb)
        finally:
            done.touch()

    verbs: list[str] = []
    first, second = (ControlSocket(tmp_path, ask, Defects(lambda _: None)) for _ in range(2))
    first.start()
    restarting = threading.Thread(target=restart)
    restarting.start()
    script = f"touch {runs}; while [ ! -e {done} ]; do sleep 0.05; done; exit 7"
    try:
        code = main(["hold", "--env-file", str(env_file), "--", "sh", "-c", script])
    finally:
        restarting.join(130)
        second.stop()
    assert (code, verbs, asked.get(timeout=1).verb) == (7, ["hold", "hold"], "release")
    assert "in force again" in capfd.readouterr().err


def test_a_socket_made_anew_has_another_identity(tmp_path: Path) -> None:
    """A change of its rights or its group does not give it one."""
    path = tmp_path / SOCKET
    assert socket_identity(path) is None
    control = ControlSocket(tmp_path, lambda _: Reply({}), Defects(lambda _: None))
    control.start()
    first = socket_identity(path)
    path.chmod(0o600)
    assert first is not None
    assert socket_identity(path) == first
    control.stop()
    control.start()
    again = socket_identity(path)
    control.stop()
    assert again not in {None, first}
