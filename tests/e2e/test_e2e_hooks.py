"""Lifecycle hooks on a real host under load: a POST after healthy, a command before stop."""

from __future__ import annotations

import urllib.request
from typing import TYPE_CHECKING

import pytest

from tests.e2e.harness import BY_HAND, none_failed, role
from tests.e2e.waiting import until

if TYPE_CHECKING:
    from tests.e2e.conftest import MakeHost
    from tests.e2e.harness import Host

pytestmark = pytest.mark.engine

MAY_GO = "/tmp/may-go"  # noqa: S108 in a container of the test's own
HOOKS = {
    "after_healthy": "http:///api/v11/transaction",
    "before_stop": f"exec: sh -c 'echo asked; test -e {MAY_GO}'",
}
QUICK = {"QUARANTINE": "4s", "QUARANTINE_MAX": "4s"}


def transactions(host: Host, number: int) -> float:
    """Return how many transactions a member says it has taken; the load makes none."""
    container = host.stack.container(host.name("validator", number))
    (network,) = container.attrs["NetworkSettings"]["Networks"].values()
    with urllib.request.urlopen(f"http://{network['IPAddress']}:9003/metrics", timeout=10) as page:
        text = page.read().decode()
    (line,) = [one for one in text.splitlines() if one.startswith("aurigraph_transaction")]
    return float(line.split()[1])


def test_a_member_joins_by_its_hook_and_serves_on_until_the_other_one_lets_it_go(
    make_host: MakeHost,
) -> None:
    """The POST reaches only the member that was started; a stop that the command refuses is no
    stop, and no request fails.
    """
    host = make_host(role("validator", 2, settings={**BY_HAND, **HOOKS}), settings=QUICK)
    daemon = host.start()
    load = host.load(80.0, "validator")

    host.bounds("validator", 2, 2)
    host.wait_published("validator", 1, 2)
    assert (transactions(host, 1), transactions(host, 2)) == (0.0, 1.0)
    assert daemon.of("member.after_healthy_done", member=host.name("validator", 2))

    host.bounds("validator", 1, 1)
    until(lambda: daemon.of("member.before_stop_failed"), "the hook before stop fails")
    host.wait_published("validator", 1, 2)
    refused = daemon.of("member.before_stop_failed")[0].fields
    assert (refused["code"], refused["output"]) == ("exit_code", "asked")
    until(lambda: host.member("validator", 2).get("blocked"), "the status says what blocks it")

    host.stack.container(host.name("validator", 2)).exec_run(["/usr/bin/touch", MAY_GO])
    host.wait_published("validator", 1)
    assert daemon.of("member.before_stop_done")
    none_failed(load, 200)
