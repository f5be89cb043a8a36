"""The installed service under a real systemd: its start, reload, watchdog, restart and end."""

from __future__ import annotations

import itertools
import json
import time
from typing import TYPE_CHECKING

import pytest

from tests.systemd.conftest import ENV_FILE, settings, wait_settled
from tests.systemd.machine import Journal

if TYPE_CHECKING:
    from tests.systemd.machine import Machine

pytestmark = pytest.mark.engine

DROP_IN = "/run/systemd/system/autoscaler.service.d/test.conf"
UNIT = "/etc/systemd/system/autoscaler.service"
MOST_EXPOSED = 1.7
STUCK = """
import pathlib, os, threading
from autoscaler.cli.main import main
from autoscaler.daemon.controller import Controller
take = Controller.take
def take_unless_stuck(self, item):
    if pathlib.Path(f"/srv/stuck-{os.getpid()}").exists():
        threading.Event().wait()
    take(self, item)
Controller.take = take_unless_stuck
main(["run"])
"""
"""The daemon whose loop is stuck for ever from the moment a file with its process id is there."""


def drop_in(service: Machine, *lines: str) -> None:
    """Change the unit until the end of the test; in force from the next start."""
    service.write(DROP_IN, "[Service]\n" + "\n".join(lines) + "\n")
    service.run("systemctl daemon-reload")


def test_start_returns_when_members_have_been_looked_at(service: Machine) -> None:
    """READY comes with the first look; the status is one line of counts, Docker and NGINX."""
    service.run("systemctl stop autoscaler && systemctl start autoscaler")
    state, text = service.show("ActiveState", "StatusText")
    assert state == "active"
    assert text.startswith("running of desired: validator 1 of 1; Docker answers; NGINX is ")
    wait_settled(service)


def test_the_daemon_is_not_root_and_holds_no_capability(service: Machine) -> None:
    """It is the user autoscaler, with Docker's group beside its own."""
    pid = service.show("MainPID")[0]
    status = service.run(f"cat /proc/{pid}/status").output
    fields = dict(line.split(":\t", 1) for line in status.splitlines() if ":\t" in line)
    assert set(fields["Uid"].split()) == {service.run("id -u autoscaler").output}
    assert {int(fields[name], 16) for name in ("CapEff", "CapPrm", "CapBnd", "CapAmb")} == {0}
    assert service.run("getent group docker").output.split(":")[2] in fields["Groups"].split()


def test_systemds_socket_does_not_reach_children(service: Machine) -> None:
    """A command the daemon runs has neither NOTIFY_SOCKET nor the watchdog's variables."""
    service.write("/usr/local/bin/show-environment", "#!/bin/sh\nenv\nexit 1\n", 0o755)
    service.write(ENV_FILE, settings(NGINX__TEST_COMMAND="/usr/local/bin/show-environment"))
    service.run("rm /var/lib/autoscaler/nginx/autoscaler.conf")  # so that there is work to do
    journal = Journal(service)
    service.run("systemctl restart autoscaler")
    output = journal.wait_for("nginx.test_failed")["output"]
    assert "INVOCATION_ID=" in output
    assert "NOTIFY_SOCKET" not in output
    assert "WATCHDOG" not in output


def test_reload_takes_a_good_file_without_a_restart(service: Machine) -> None:
    """`systemctl reload` ends with 0; the same process logs what changed."""
    pid, journal = service.show("MainPID"), Journal(service)
    service.write(ENV_FILE, settings(ROLES__VALIDATOR__CPU_HIGH="80"))
    service.run("systemctl reload autoscaler")
    assert service.show("MainPID", "ActiveState") == [*pid, "active"]
    changes = journal.events("config.reloaded")[0]["changes"]
    assert [(c["old"], c["new"]) for c in changes] == [("100", "80")]


def test_reload_of_a_bad_file_fails_visibly_and_the_old_settings_stay(service: Machine) -> None:
    """The command fails, the mistakes stand in the journal and the status, the daemon goes on."""
    pid, journal = service.show("MainPID"), Journal(service)
    service.write(ENV_FILE, settings(ROLES__VALIDATOR__CPU_HIGH="hot", INTERVALL="1s"))
    failed = service.run("systemctl reload autoscaler", ok=False)
    assert failed.code != 0
    assert "failed" in failed.output
    assert service.show("MainPID", "ActiveState") == [*pid, "active"]
    told = service.show("StatusText")[0]
    assert told.startswith("the env file has mistakes (2), the settings before it stay in force; ")
    assert len(journal.events("config.reload_failed")[0]["problems"]) == 2
    assert "AUTOSCALER_ROLES__VALIDATOR__CPU_HIGH=hot" in journal.text()

    service.write(ENV_FILE, settings())
    service.run("systemctl reload autoscaler")
    assert service.show("StatusText")[0].startswith("running of desired: ")


def test_a_stuck_loop_is_ended_by_the_watchdog_and_starts_anew(service: Machine) -> None:
    """No sign of life for WatchdogSec though all other threads live: the place where the loop is
    stuck is logged, a new daemon serves.
    """
    assert service.show("WatchdogUSec") == ["30s"]  # as installed; the test does not wait so long
    service.write("/srv/stuck.py", STUCK)
    start = ("ExecStart=", "ExecStart=/opt/autoscaler/bin/python /srv/stuck.py")
    drop_in(service, "WatchdogSec=2s", "RestartSec=100ms", *start)
    service.run("systemctl restart autoscaler")
    wait_settled(service)
    journal = Journal(service)
    pid = service.show("MainPID")[0]
    service.run(f"touch /srv/stuck-{pid}")
    service.until(
        lambda: service.show("NRestarts", "ActiveState") == ["1", "active"], "another daemon runs"
    )
    assert service.show("MainPID") != [pid]
    assert "Watchdog timeout (limit 2s)!" in journal.text()
    assert "Fatal Python error: Aborted" in journal.text()
    assert 'File "/srv/stuck.py", line 8 in take_unless_stuck' in journal.text()


def test_the_watchdog_leaves_a_loop_alone_that_has_little_to_do(service: Machine) -> None:
    """With an interval far beyond the watchdog's time the loop wakes to give its sign."""
    drop_in(service, "WatchdogSec=1s")
    service.write(ENV_FILE, settings(INTERVAL="1m", AVERAGE_OVER="1m"))
    service.run("systemctl restart autoscaler")
    pid, began = service.show("MainPID", "WatchdogTimestampMonotonic")
    service.until(
        lambda: int(service.show("WatchdogTimestampMonotonic")[0]) - int(began) > 3_000_000,
        "signs of life have come for three times the watchdog's time",
    )
    assert service.show("MainPID", "NRestarts") == [pid, "0"]


def test_a_killed_daemon_is_started_again(service: Machine) -> None:
    """After `kill -9` another one runs by itself, in the same directory; the members still run."""
    drop_in(service, "RestartSec=100ms")
    service.run("systemctl restart autoscaler")
    pid = service.show("MainPID")[0]
    directory = service.run("stat -c %i /run/autoscaler").output
    service.run(f"kill -9 {pid}")
    service.until(
        lambda: service.show("NRestarts", "ActiveState") == ["1", "active"], "another daemon runs"
    )
    assert service.show("MainPID") != [pid]
    assert service.run("docker ps -q --filter name=shop-validator-1").output
    assert service.run("stat -c %i /run/autoscaler").output == directory


def test_wrong_settings_at_the_start_make_no_restart_loop(service: Machine) -> None:
    """It fails with 2 and every mistake in the journal, and is not tried again."""
    service.write(ENV_FILE, settings(ROLES__VALIDATOR__CPU_HIGH="hot", INTERVALL="1s"))
    journal = Journal(service)
    assert service.run("systemctl restart autoscaler", ok=False).code != 0
    # A restart to come would show as `auto-restart`.
    assert service.show("ActiveState", "SubState", "ExecMainStatus", "NRestarts") == [
        *("failed", "failed", "2", "0")
    ]
    assert "AUTOSCALER_ROLES__VALIDATOR__CPU_HIGH=hot" in journal.text()
    assert "AUTOSCALER_INTERVALL" in journal.text()


def test_a_start_without_docker_waits_for_it_and_says_so(service: Machine) -> None:
    """The service is activating far beyond its start timeout, and active once Docker comes."""
    drop_in(service, "TimeoutStartSec=1s")
    service.run("systemctl stop autoscaler docker.socket docker.service")
    service.run("systemctl start --no-block autoscaler")
    began = time.monotonic()
    service.until(
        lambda: service.show("StatusText")[0].startswith("Docker does not answer, waiting for it"),
        "the status says what it waits for",
    )
    service.until(lambda: time.monotonic() - began > 3, "three start timeouts are over")
    assert service.show("ActiveState", "NRestarts") == ["activating", "0"]
    service.run("systemctl start docker && docker start shop-validator-1")
    service.until(lambda: service.show("ActiveState") == ["active"], "the service is active")
    assert service.show("NRestarts") == ["0"]


def test_the_journal_holds_the_json_with_its_level(service: Machine) -> None:
    """Each line is an object, and its level is the entry's priority."""
    journal = Journal(service)
    service.run("systemctl restart autoscaler")
    service.write(ENV_FILE, settings(INTERVALL="1s"))
    service.run("systemctl reload autoscaler", ok=False)
    levels = {e["event"]: (e["level"], e["PRIORITY"]) for e in journal.events()}
    assert levels["daemon.started"] == ("info", "6")
    assert levels["config.reload_failed"] == ("error", "3")


def test_stop_ends_within_five_seconds_and_leaves_members_and_nginx(service: Machine) -> None:
    """Its end is no failure; requests are still answered."""
    journal = Journal(service)
    began = time.monotonic()
    service.run("systemctl stop autoscaler")
    assert time.monotonic() - began < 5
    assert service.show("ActiveState", "Result") == ["inactive", "success"]
    assert journal.events("daemon.stopped")[0]["reason"] == "SIGTERM"
    assert service.run("curl -sf http://127.0.0.1/index.html").output == "ok"


def test_stop_ends_within_five_seconds_also_in_the_middle_of_a_step(service: Machine) -> None:
    """A request that a drain waits for is not waited for by the end; the member serves on."""
    bounds = {"ROLES__VALIDATOR__MIN": "2", "ROLES__VALIDATOR__MAX": "2"}
    service.write(ENV_FILE, settings(**bounds))
    journal = Journal(service)
    service.run("systemctl reload autoscaler")
    service.until(lambda: journal.events("member.published"), "the spare is published")
    address = service.run(
        "docker inspect -f '{{.NetworkSettings.Networks.shop.IPAddress}}' shop-validator-2"
    ).output
    slow = f"curl -s http://{address}:9003/cgi-bin/slow >/srv/answer"
    service.run(f"{slow} 2>&1 </dev/null &")
    service.write(ENV_FILE, settings())
    service.run("systemctl reload autoscaler")
    journal.wait_for("member.unpublished")
    began = time.monotonic()
    service.run("systemctl stop autoscaler")
    assert time.monotonic() - began < 5
    assert service.show("ActiveState", "Result") == ["inactive", "success"]
    assert journal.events("member.drained") == []
    service.until(lambda: service.run("cat /srv/answer").output == "whole", "the answer is whole")


def test_the_unit_is_exposed_no_more_than_it_must_be(service: Machine) -> None:
    """At most 1.7 for `systemd-analyze security`, and each exposure is named in a comment."""
    listed = service.run("systemd-analyze security autoscaler.service --no-pager").output
    overall = listed.partition("Overall exposure level for autoscaler.service: ")[2].split()[0]
    assert float(overall) <= MOST_EXPOSED
    report = json.loads(service.run("systemd-analyze security autoscaler --json=short").output)
    exposed = {row["name"].partition("=")[0] for row in report if row["exposure"]}
    unit = service.run(f"cat {UNIT}").output.splitlines()
    reasoned = {
        after.partition("=")[0]
        for before, after in itertools.pairwise(unit)
        if before.startswith("#") and "=" in after
    }
    in_comments = " ".join(line for line in unit if line.startswith("#"))
    assert {name for name in exposed - reasoned if f"{name}=" not in in_comments} == set()


def test_the_units_are_understood_by_systemd(service: Machine) -> None:
    """`systemd-analyze verify` finds nothing in them to complain about."""
    units = " ".join(f"autoscaler{name}.service" for name in ("", "-nginx-test", "-nginx-reload"))
    assert service.run(f"systemd-analyze verify {units}").output == ""
