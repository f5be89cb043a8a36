"""The daemon is killed, stopped, started again, started twice, and run beside itself."""

from __future__ import annotations

import functools
import signal
import time
from typing import TYPE_CHECKING

import pytest

from tests.e2e.daemon_process import autoscaler
from tests.e2e.harness import BY_HAND, none_failed, path, role
from tests.e2e.waiting import until

if TYPE_CHECKING:
    from pathlib import Path

    from tests.e2e.conftest import MakeHost
    from tests.e2e.harness import Host

pytestmark = pytest.mark.engine

RATE = 100.0
KILLS = 8
LONGEST_CHANGE_SECONDS = 4.0
LONG = path("validator").partition("?")[0]


def runs(host: Host) -> dict[str, str]:
    """Return when each running container of the stack was started."""
    names = [host.stack.nginx_name, *host.stack.members("validator")]
    found = {name: host.stack.container(name).attrs["State"] for name in names}
    return {name: state["StartedAt"] for name, state in found.items() if state["Running"]}


def draining(host: Host) -> bool:
    """Whether the second validator is being drained now."""
    return host.member("validator", 2).get("phase") == "draining"


def test_a_daemon_killed_in_the_middle_of_a_drain_finishes_the_shrink_when_it_is_back(
    make_host: MakeHost,
) -> None:
    """The half-stopped member is stopped after its 5 s request, and nothing else is."""
    host = make_host(role("validator", 3, running=3, settings={**BY_HAND, "min": "3"}))
    host.start()
    host.wait_published("validator", 1, 2, 3)
    load = host.load(RATE, "validator")
    # One after another, least_conn puts a long request on every member.
    long = [load.long_request(LONG) for _ in range(6)]
    host.bounds("validator", 1, 2)
    until(lambda: host.member("validator", 3).get("phase") == "draining", "it drains")

    host.daemon.kill()
    before = runs(host)
    host.settings["ROLES__VALIDATOR__MAX"] = "3"  # now only its memory speaks against the third
    host.start()

    host.wait_published("validator", 1, 2)
    third = host.name("validator", 3)
    assert {k: v for k, v in before.items() if k != third} == runs(host)
    none_failed(load)
    assert third in {future.result().node for future in long}


def test_a_daemon_killed_in_the_middle_of_a_start_finishes_the_growth_when_it_is_back(
    make_host: MakeHost,
) -> None:
    """The member that was coming up is published when it is healthy, not before, and only once
    started.
    """
    late = {2: {"NODE_READY_AFTER": "3"}}
    host = make_host(role("validator", 2, member_env=late, settings=BY_HAND))
    host.start()
    load = host.load(RATE, "validator")
    host.bounds("validator", 2, 2)
    host.daemon.wait_for("member.started", member=host.name("validator", 2))

    host.daemon.kill()
    before = runs(host)
    host.start()

    host.wait_published("validator", 1, 2)
    assert runs(host) == before
    none_failed(load)


def test_a_restart_under_load_changes_nothing(make_host: MakeHost) -> None:
    """SIGTERM leaves containers and NGINX as they are, the next start too, and requests go on."""
    host = make_host(role("validator", 3, running=2, settings={**BY_HAND, "min": "2"}))
    host.start()
    host.wait_published("validator", 1, 2)
    load = host.load(RATE, "validator")
    file = host.stack.generated / "autoscaler.conf"
    before, text = runs(host), file.read_text(encoding="utf-8")

    assert host.daemon.stop() == 0
    assert (runs(host), file.read_text(encoding="utf-8")) == (before, text)
    daemon = host.start()

    until(lambda: host.role("validator")["decision"], "it decides again")
    host.wait_published("validator", 1, 2)
    assert (runs(host), file.read_text(encoding="utf-8")) == (before, text)
    assert not daemon.of("nginx.reloaded")
    none_failed(load)


def test_sigterm_in_the_middle_of_a_drain_ends_the_daemon_within_5_seconds(
    make_host: MakeHost,
) -> None:
    """It ends with 0, the member runs on with its request, and the next daemon stops it."""
    host = make_host(role("validator", 2, running=2, settings={**BY_HAND, "min": "2"}))
    host.start()
    host.wait_published("validator", 1, 2)
    load = host.load(RATE, "validator")
    long = [load.long_request(LONG, delay_ms=7000) for _ in range(4)]
    host.bounds("validator", 1, 1)
    until(lambda: draining(host), "the member drains")

    begun = time.monotonic()
    host.daemon.signal(signal.SIGTERM)
    assert host.daemon.wait() == 0
    assert time.monotonic() - begun < 5
    assert host.name("validator", 2) in runs(host)
    host.settings["ROLES__VALIDATOR__MAX"] = "2"  # now only its memory speaks against the second
    host.start()
    host.wait_published("validator", 1)
    none_failed(load)
    assert host.name("validator", 2) in {future.result().node for future in long}


def test_a_daemon_killed_again_and_again_at_any_moment_loses_no_request(
    make_host: MakeHost,
) -> None:
    """Killed in the middle of growing and shrinking, it always ends where it was going."""
    host = make_host(role("validator", 3, settings=BY_HAND))
    host.start()
    load = host.load(RATE, "validator")
    for number in range(KILLS):
        load.long_request(LONG, delay_ms=2000)
        host.daemon.kill()
        count = "1" if number % 2 else "3"
        host.settings.update({"ROLES__VALIDATOR__MIN": count, "ROLES__VALIDATOR__MAX": count})
        host.launch().wait_for("daemon.started")
        # Moments spread over what a change takes, a little further each time.
        at = time.monotonic() + number * LONGEST_CHANGE_SECONDS / KILLS
        until(functools.partial(_is_past, at), "the moment is there")
    host.wait_published("validator", 1)
    none_failed(load)
    done = [e.name for daemon in host.daemons for e in daemon.events]
    assert {"member.started", "member.stopped"} <= set(done)


def _is_past(moment: float) -> bool:
    """Whether that moment (monotonic seconds) is over."""
    return time.monotonic() > moment


def test_a_second_daemon_refuses_to_start_and_names_the_first(make_host: MakeHost) -> None:
    """It ends with 1 and tells the process id of the one that runs, which goes on; no request
    fails.
    """
    host = make_host(role("validator", 2, settings=BY_HAND))
    first = host.start()
    load = host.load(RATE, "validator")
    second = autoscaler("run", "--env-file", str(host.stack.write_env(host.settings)))
    assert second.returncode == 1
    assert f"process {first.process.pid} " in second.stderr
    assert first.alive
    assert host.status()["pid"] == first.process.pid
    none_failed(load, 10)


def test_a_dry_run_beside_the_daemon_proposes_and_touches_nothing(
    make_host: MakeHost, tmp_path: Path
) -> None:
    """It proposes once, takes no lock, socket or file, starts nothing, and ends with 0."""
    host = make_host(role("validator", 2, settings=BY_HAND))
    host.start()
    state = tmp_path / "never-made"
    asked = {**host.settings, "ROLES__VALIDATOR__MIN": "2", "STATE_DIR": str(state)}
    env_file = tmp_path / "dry.env"
    env_file.write_text("\n".join(host.stack.env_lines(asked)), encoding="utf-8")

    def files() -> list[tuple[str, int]]:
        folders = (host.stack.run_directory, host.stack.generated)
        return sorted((str(p), p.stat().st_mtime_ns) for d in folders for p in d.iterdir())

    before, ran = files(), runs(host)
    dry = host.launch("--dry-run", env_file=env_file)
    proposed = dry.wait_for("scale.proposed", role="validator")
    until(lambda: host.role("validator")["decision"], "the daemon goes on deciding")
    assert (proposed.fields["desired_before"], proposed.fields["desired"]) == (1, 2)
    assert dry.stop() == 0
    assert (files(), runs(host)) == (before, ran)
    assert not state.exists()
    assert len(dry.of("scale.proposed")) == 1


def test_once_decides_acts_and_ends(make_host: MakeHost) -> None:
    """`run --once` brings a role up to its minimum, publishes, and ends with 0."""
    host = make_host(role("validator", 2, settings=BY_HAND))
    host.start()
    assert host.daemon.stop() == 0
    host.settings["ROLES__VALIDATOR__MIN"] = "2"
    once = host.launch("--once")
    assert once.wait(30) == 0
    assert host.stack.running("validator") == host.stack.members("validator")
    assert once.of("member.published", member=host.name("validator", 2))
