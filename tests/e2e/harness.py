"""A host under test: a stack on the real engine, the real daemon on it, and load through NGINX.

Nothing in here waits a fixed time: every wait is for a condition, with a deadline.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Self

from autoscaler.demo.load import Load, Mix
from autoscaler.demo.pool import Limits
from autoscaler.demo.spec import RoleSpec
from autoscaler.demo.stack import Stack
from autoscaler.errors import AutoscalerError
from autoscaler.surface.control import call
from tests.e2e.daemon_process import Daemon
from tests.e2e.own_nginx import OwnNginx
from tests.e2e.waiting import DEFAULT_SECONDS, until

LABELS = {"autoscaler.test": "e2e"}
LIMITS = Limits(timeout_seconds=20.0)

FAST = {
    "INTERVAL": "0.5s",
    "AVERAGE_OVER": "1.5s",
    "SETTLE": "2s",
    "QUARANTINE": "120s",
    "LOG_FORMAT": "json",
    "NGINX__MIN_RELOAD_INTERVAL": "0.2s",
}
FAST_ROLE = {
    "warmup": "0.5s",
    "scale_up_limit": "100%/1s",
    "scale_down_window": "2s",
    "scale_down_limit": "1/1s",
    "start_timeout": "20s",
    "drain_timeout": "20s",
    "stop_timeout": "5s",
    "health_interval": "0.5s",
    "health_timeout": "5s",
    "max_fails": "0",
}
BY_HAND = {**FAST_ROLE, "cpu_low": "0", "cpu_high": "100"}
"""A role whose count follows its bounds only: see `Host.bounds`."""


def role(name: str, count: int, **given: Any) -> RoleSpec:  # noqa: ANN401 the fields of a RoleSpec
    """Return a role with the fast settings; `settings` among `given` replace single ones."""
    settings = {**FAST_ROLE, **given.pop("settings", {})}
    ports = {"validator": 9003, "business": 9009, "slim": 9013}
    return RoleSpec(name, count, ports[name], settings=settings, **{"cpus": 0.5, **given})


class Host:
    """A stack with NGINX, a daemon and load on it; as a context manager it cleans up after itself.

    `settings` are the daemon's, without the AUTOSCALER_ prefix, laid over the fast ones. `nginx`
    is one on this host, used instead of the stack's own.
    """

    def __init__(
        self,
        stack: Stack,
        settings: Mapping[str, str] | None = None,
        nginx: OwnNginx | None = None,
    ) -> None:
        self.stack = stack
        self.settings = {**FAST, **(nginx.settings if nginx else {}), **(settings or {})}
        self.daemons: list[Daemon] = []
        self.loads: list[Load] = []
        self._nginx = nginx

    def __enter__(self) -> Self:
        """Create the stack."""
        self.stack.__enter__()
        if self._nginx is not None:
            self._nginx.configure(self.stack)
        return self

    def __exit__(self, *error: object) -> None:
        """Remove everything, and show what the daemons said: seen only when the test failed."""
        try:
            for load in self.loads:
                print(f"load: {load.stop()}")  # noqa: T201 see the docstring
        finally:
            for daemon in self.daemons:
                if daemon.alive:
                    daemon.kill()
                print(f"daemon {daemon.process.pid}:\n" + "".join(daemon.lines[-80:]))  # noqa: T201
            if self._nginx is not None:
                self._nginx.stop()
            self.stack.remove()

    @property
    def daemon(self) -> Daemon:
        """The daemon started last."""
        return self.daemons[-1]

    def launch(
        self, *options: str, program: Sequence[str] = (), env_file: Path | None = None
    ) -> Daemon:
        """Start a daemon and wait for nothing."""
        path = env_file or self.stack.write_env(self.settings)
        daemon = Daemon(path, options, program)
        self.daemons.append(daemon)
        return daemon

    def start(self, program: Sequence[str] = ()) -> Daemon:
        """Start the daemon and, if it does not run, NGINX; wait until every role is served."""
        daemon = self.launch(program=program)
        if self._nginx is not None:
            self._nginx.start(self.stack)
        elif self.stack.container(self.stack.nginx_name).status != "running":
            self.stack.start_nginx()
        self.wait_settled()
        return daemon

    def status(self) -> dict[str, Any]:
        """Return what the daemon says of itself, {} while it does not answer."""
        try:
            return call(self.stack.run_directory, "GET", "/v1/status")
        except AutoscalerError:
            return {}

    def role(self, name: str) -> dict[str, Any]:
        """Return the status of a role, {} while there is none."""
        found: dict[str, Any] = self.status().get("roles", {}).get(name, {})
        return found

    def member(self, role: str, number: int) -> dict[str, Any]:
        """Return the status of member `number` (from 1) of a role, {} while there is none."""
        name = self.name(role, number)
        return next((m for m in self.role(role).get("members", ()) if m["name"] == name), {})

    def name(self, role: str, number: int) -> str:
        """Return the name of member `number` (from 1) of a role."""
        return self.stack.members(role)[number - 1]

    def published(self, role: str) -> list[int]:
        """Return the numbers of the members that NGINX provably sends requests to."""
        members = self.role(role).get("members", ())
        return [i for i, m in enumerate(members, 1) if m["published"]]

    def wait_published(self, role: str, *numbers: int, seconds: float = DEFAULT_SECONDS) -> None:
        """Wait until exactly these members are published and no other one runs."""

        def holds() -> bool:
            status = self.role(role)
            running = [i for i, m in enumerate(status["members"], 1) if m["state"] == "running"]
            return running == self.published(role) == list(numbers)

        until(
            lambda: bool(self.role(role)) and holds(),
            f"members {numbers} of {role}, and no others, run and are published",
            seconds,
        )

    def wait_settled(self, seconds: float = DEFAULT_SECONDS) -> None:
        """Wait until NGINX provably serves what the daemon wants."""
        until(lambda: self.status().get("nginx", {}).get("settled"), "NGINX is up to date", seconds)

    def reload(self, **settings: str) -> dict[str, Any]:
        """Change settings (`ROLES__VALIDATOR__MIN="2"`) in the env file and have it read again."""
        self.settings.update(settings)
        self.stack.write_env(self.settings)
        answer = call(self.stack.run_directory, "POST", "/v1/reload")
        assert "problems" not in answer, answer
        return answer

    def bounds(self, role: str, minimum: int, maximum: int) -> None:
        """Set the bounds of a role: its count follows at once, without any reading."""
        prefix = f"ROLES__{role.upper()}__"
        self.reload(**{prefix + "MIN": str(minimum), prefix + "MAX": str(maximum)})

    def load(self, rate: float, *roles: str, mix: Mix | None = None) -> Load:
        """Start load on these roles, mostly POST, or of that mix; it ends with the host."""
        port = self._nginx.port if self._nginx else self.stack.nginx_port
        mix = mix or Mix(dict.fromkeys(map(path, roles), 1.0))
        load = Load(("127.0.0.1", port), mix, LIMITS)
        load.start()
        self.loads.append(load)
        load.rate = rate
        return load


def path(role: str, burn_ms: float = 0.0) -> str:
    """Return a path to a role's members whose request burns so much CPU."""
    return f"/{role}/api/v11/consensus?burn_ms={burn_ms:g}"


def none_failed(load: Load, at_least: int = 1) -> None:
    """End the load and assert that every one of `at_least` requests was answered with 2xx."""
    report = load.stop()
    words = json.dumps([report.failures, report.examples, report.latency_ms], indent=1)
    assert report.failed == 0, words
    assert report.requests >= at_least
