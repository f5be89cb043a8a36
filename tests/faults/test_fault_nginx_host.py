"""An NGINX on the host whose master is killed by force, with its workers left behind."""

from __future__ import annotations

import os
import signal
from typing import TYPE_CHECKING

import pytest

from autoscaler.actuation.workers import workers_under
from autoscaler.demo.load import Mix
from tests.e2e.harness import BY_HAND, none_failed, path, role
from tests.e2e.own_nginx import OwnNginx
from tests.e2e.waiting import until
from tests.faults.counts import runs

if TYPE_CHECKING:
    from pathlib import Path

    from tests.e2e.conftest import MakeHost

pytestmark = pytest.mark.engine

RATE = 80.0


def test_an_nginx_killed_by_force_is_told_and_taken_up_again_when_it_is_started(
    make_host: MakeHost, tmp_path: Path
) -> None:
    """Its orphaned workers go on serving, but nothing can be changed: nobody is stopped, and the
    log says to start it. Started again it gets what was wished meanwhile.
    """
    prefix = tmp_path / "nginx"
    prefix.mkdir()
    nginx = OwnNginx(prefix)
    host = make_host(role("validator", 2, running=2, settings={**BY_HAND, "min": "2"}), nginx=nginx)
    daemon = host.start()
    # NGINX 1.22 makes no promise how long it keeps an idle connection: each request has its own.
    load = host.load(RATE, mix=Mix({path("validator"): 1}, fresh_share=1.0))
    master, before = nginx.process.pid, runs(host)
    orphans = [worker.pid for worker in workers_under(master)]
    nginx.process.kill()
    nginx.process.wait(10)

    host.bounds("validator", 1, 1)
    told = daemon.wait_for("nginx.unreachable")
    assert "start it, for example: systemctl start nginx" in told.fields["reason"]
    requests = load.report().requests
    until(lambda: load.report().requests > requests + RATE, "the orphans serve")
    assert runs(host) == before
    none_failed(load)

    for pid in orphans:
        os.kill(pid, signal.SIGKILL)
    until(lambda: not any(os.path.exists(f"/proc/{pid}") for pid in orphans), "they are gone")  # noqa: PTH110
    nginx.start_again(host.stack)
    host.wait_published("validator", 1)
    load = host.load(RATE, mix=Mix({path("validator"): 1}, fresh_share=1.0))
    host.bounds("validator", 2, 2)
    host.wait_published("validator", 1, 2)
    none_failed(load)
