"""The env file changes under a running daemon."""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING

import pytest

from autoscaler.demo.load import Mix
from tests.e2e.daemon_process import autoscaler
from tests.e2e.harness import none_failed, path, role
from tests.e2e.waiting import until

if TYPE_CHECKING:
    from pathlib import Path

    from tests.e2e.conftest import MakeHost
    from tests.e2e.harness import Host

pytestmark = pytest.mark.engine

HIGH = "AUTOSCALER_ROLES__VALIDATOR__CPU_HIGH"
LOW = "AUTOSCALER_ROLES__VALIDATOR__CPU_LOW"


def test_a_lower_threshold_takes_effect_with_reload(make_host: MakeHost) -> None:
    """`autoscaler reload` prints and logs old -> new, and a load that was within the band grows
    the role; what was published stays.
    """
    host = make_host(
        role("validator", 2, cpus=0.3, settings={"cpu_high": "95", "cpu_low": "0"}),
    )
    daemon = host.start()
    load = host.load(50, mix=Mix({path("validator", 2.4): 1}))  # about 45 % of one node
    until(
        lambda: ((host.role("validator")["decision"] or {}).get("mean") or 0) > 20,
        "the load is measured",
    )
    assert host.role("validator")["decision"]["reason"] == "within_band"
    host.settings["ROLES__VALIDATOR__CPU_HIGH"] = "15"
    env_file = host.stack.write_env(host.settings)

    told = autoscaler("reload", "--env-file", str(env_file))

    assert (told.returncode, told.stdout) == (0, f"{HIGH}: 95 -> 15\n")
    logged = daemon.of("config.reloaded")[-1].fields["changes"]
    assert [(c["variable"], c["old"], c["new"]) for c in logged] == [(HIGH, "95", "15")]
    host.wait_published("validator", 1, 2)
    none_failed(load)


def test_a_reload_that_would_lose_all_that_serves_a_role_asks_first(make_host: MakeHost) -> None:
    """A typo in the project ends `autoscaler reload` with 2; `--force` reloads nevertheless."""
    host = make_host(role("validator", 1))
    daemon = host.start()
    host.settings["PROJECT"] = "nosuch"
    words = ("reload", "--env-file", str(host.stack.write_env(host.settings)))

    told = autoscaler(*words)

    assert told.returncode == 2
    assert f"role validator: these settings do not find {host.name('validator', 1)}" in told.stderr
    assert "correct AUTOSCALER_PROJECT" in told.stderr
    assert daemon.of("config.reloaded") == []
    assert host.published("validator") == [1]

    assert autoscaler(*words, "--force").returncode == 0
    until(lambda: not host.published("validator"), "the role has no member any more")


def test_settings_that_lose_sight_of_a_role_cost_no_request(make_host: MakeHost) -> None:
    """Neither a start with a typo in the project, nor the reload that mends it, nor a SIGHUP with
    a typo; NGINX is not even reloaded.
    """
    host = make_host(role("validator", 1))
    host.start()
    load = host.load(50, "validator")
    host.daemon.stop()
    host.settings["PROJECT"] = "nosuch"

    daemon = host.launch()

    assert daemon.wait_for("role.out_of_scope").fields["members"] == [host.name("validator", 1)]
    host.wait_settled()
    assert host.role("validator")["published"] == 1

    del host.settings["PROJECT"]
    host.stack.write_env(host.settings)
    daemon.signal(signal.SIGHUP)
    daemon.wait_for("role.scope_recovered")
    until(lambda: host.role("validator")["healthy"] == 1, "the member is found and asked")

    host.settings["PROJECT"] = "nosuch"
    host.stack.write_env(host.settings)
    daemon.signal(signal.SIGHUP)
    daemon.wait_for("role.out_of_scope", count=2)
    host.wait_settled()
    none_failed(load)
    assert daemon.of("nginx.reloaded") == []


def broken(host: Host) -> tuple[tuple[float, int], Path]:
    """Put three mistakes into the env file; return the settings in force and the file."""
    status = host.role("validator")
    host.settings["ROLES__VALIDATOR__CPU_HIGH"] = "seventy"
    host.settings["ROLES__VALIDATOR__MIN"] = "0"
    host.settings["INTERVALL"] = "5s"
    return (status["cpu_high"], status["min"]), host.stack.write_env(host.settings)


def test_a_bad_file_changes_nothing_and_every_mistake_is_named(make_host: MakeHost) -> None:
    """`autoscaler reload` ends with 2 and one line per mistake; the daemon goes on as before and
    says it too.
    """
    host = make_host(role("validator", 2))
    daemon = host.start()
    before, env_file = broken(host)

    told = autoscaler("reload", "--env-file", str(env_file))

    assert told.returncode == 2
    for name in (HIGH, "AUTOSCALER_ROLES__VALIDATOR__MIN", "AUTOSCALER_INTERVALL"):
        assert name in told.stderr
    status = host.role("validator")
    assert (status["cpu_high"], status["min"]) == before
    assert len(daemon.of("config.reload_failed")[-1].fields["problems"]) == 3
    assert daemon.alive


def test_sighup_reads_the_file_again(make_host: MakeHost) -> None:
    """A bad file is told and changes nothing; a good one is logged as old -> new."""
    host = make_host(role("validator", 2))
    daemon = host.start()
    before, _ = broken(host)
    daemon.signal(signal.SIGHUP)
    refused = daemon.wait_for("config.reload_failed")
    assert len(refused.fields["problems"]) == 3
    assert (host.role("validator")["cpu_high"], host.role("validator")["min"]) == before

    del host.settings["INTERVALL"]
    host.settings.update({"ROLES__VALIDATOR__CPU_HIGH": "80", "ROLES__VALIDATOR__MIN": "1"})
    host.stack.write_env(host.settings)
    daemon.signal(signal.SIGHUP)
    taken = daemon.wait_for("config.reloaded")
    assert [(c["variable"], c["new"]) for c in taken.fields["changes"]] == [(HIGH, "80")]
    assert host.role("validator")["cpu_high"] == 80
