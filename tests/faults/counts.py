"""Bringing a role with bounds only (`BY_HAND`) to a count, and looking at what runs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from autoscaler.actuation.proof import ask
from autoscaler.actuation.workers import workers_under
from autoscaler.settings.schema import NginxSettings
from tests.e2e.waiting import until

if TYPE_CHECKING:
    from autoscaler.actuation.workers import Worker
    from autoscaler.demo.load import Load
    from tests.e2e.harness import Host

ROLE = "validator"


def wish(host: Host, count: int) -> None:
    """Set the count for the next daemon."""
    prefix = f"ROLES__{ROLE.upper()}__"
    host.settings.update({prefix + "MIN": str(count), prefix + "MAX": str(count)})


def has(host: Host, count: int) -> None:
    """Bring the role to a count, unless it has it."""
    numbers = list(range(1, count + 1))
    if host.published(ROLE) != numbers:
        host.bounds(ROLE, count, count)
    host.wait_published(ROLE, *numbers)


def runs(host: Host) -> dict[str, str]:
    """Return when each running member was started."""
    found = {n: host.stack.container(n).attrs["State"] for n in host.stack.members(ROLE)}
    return {name: state["StartedAt"] for name, state in found.items() if state["Running"]}


def nginx_workers(host: Host) -> frozenset[tuple[int, int]]:
    """Return NGINX's workers in its container by what stays the same in their life."""
    pid = host.stack.container(host.stack.nginx_name).attrs["State"]["Pid"]
    workers: frozenset[Worker] = workers_under(pid)
    return frozenset(worker.identity for worker in workers)


def nginx_agrees(host: Host) -> None:
    """Wait until NGINX itself answers the generation that the daemon takes for proven."""
    networks = host.stack.container(host.stack.nginx_name).attrs["NetworkSettings"]["Networks"]
    (network,) = networks.values()
    endpoint = network["IPAddress"], NginxSettings(container=host.stack.nginx_name).probe_port

    def agrees() -> bool:
        generation = host.status().get("nginx", {}).get("generation")
        return bool(generation) and ask(endpoint, str(generation), 1.0).proven

    until(agrees, "NGINX serves what the daemon says it serves")


def nothing_failed(load: Load) -> None:
    """Assert that no request has failed so far; the load goes on."""
    report = load.report()
    assert report.failed == 0, (report.failures, report.examples)
