"""What the assembled parts measure, before any engine answers."""

from __future__ import annotations

from autoscaler.clock import SystemClock
from autoscaler.daemon.assembly import Assembly
from autoscaler.daemon.ports import Parts
from autoscaler.settings import Settings, load


def settings(url: str, interval: str = "5s") -> Settings:
    """Return settings with an engine there."""
    return load(
        None,
        {
            "AUTOSCALER_PROJECT": "shop",
            "AUTOSCALER_NGINX__CONTAINER": "proxy",
            "AUTOSCALER_DOCKER__URL": url,
            "AUTOSCALER_INTERVAL": interval,
        },
    ).settings


def parts(given: Settings, before: Parts | None = None, old: Settings | None = None) -> Parts:
    """Return the parts for these settings."""
    return Assembly(given, SystemClock()).parts(given, before, old)


def test_the_host_of_a_local_engine_is_measured() -> None:
    """By this machine's own files."""
    load = parts(settings("unix:///run/nothing.sock")).host()
    assert load is not None
    assert load.memory_percent > 0.0


def test_the_host_of_an_engine_elsewhere_is_not_measured() -> None:
    """What this machine does says nothing of it."""
    assert parts(settings("tcp://127.0.0.1:1")).host() is None


def test_a_reload_keeps_what_was_measured_unless_the_times_changed() -> None:
    """Else each reload would be blind for a moment."""
    old = settings("unix:///run/nothing.sock")
    first = parts(old)
    assert parts(old, first, old).host == first.host
    other = settings("unix:///run/nothing.sock", "3s")
    assert parts(other, first, old).host != first.host
