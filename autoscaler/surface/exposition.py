"""The gauges of /metrics, read from the latest view: a removed role is gone with the next one."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from autoscaler.surface.view import Board, RoleView, View

STATES = (
    "serving",
    "ready",
    "warming up",
    "unhealthy",
    "starting",
    "running hook",
    "draining",
    "stopping",
    "spare",
    "quarantined",
)
"""Phases of a member that are shown though no member is in them."""


class ViewCollector(Collector):
    """Gives Prometheus what the view holds at the moment of the scrape."""

    def __init__(self, board: Board, version: str) -> None:
        self._board = board
        self._version = version

    def collect(self) -> Iterator[Metric]:
        """Yield all gauges; only the program's version before the first view."""
        info = GaugeMetricFamily(
            "autoscaler_build_info", "Version of the running daemon.", labels=["version"]
        )
        info.add_metric([self._version], 1)
        yield info
        view = self._board.latest
        if view is None:
            return
        yield GaugeMetricFamily(
            "autoscaler_last_tick_timestamp_seconds",
            "Unix time of the last tick.",
            value=view.ticked_wall,
        )
        yield from _host(view.status.get("host"))
        yield from _roles(view)
        yield from _containers(view.status["roles"])


def _gauge(name: str, text: str, *labels: str) -> GaugeMetricFamily:
    return GaugeMetricFamily(name, text, labels=labels)


def _host(host: Mapping[str, Any] | None) -> Iterator[Metric]:
    """Yield how busy the host itself is, nothing where it is not measured."""
    if host is None:
        return
    saturated = _gauge(
        "autoscaler_host_saturated", "Whether the host has too little left (1).", "resource"
    )
    saturated.add_metric(["cpu"], float(host["cpu_saturated"]))
    saturated.add_metric(["memory"], float(host["memory_saturated"]))
    yield saturated
    if host["cpu_percent"] is not None:
        yield GaugeMetricFamily(
            "autoscaler_host_cpu_percent",
            "CPU of the host that is in use, in percent.",
            value=host["cpu_percent"],
        )
    yield GaugeMetricFamily(
        "autoscaler_host_memory_available_percent",
        "Memory of the host that is available, in percent.",
        value=host["memory_percent"],
    )


def _roles(view: View) -> Iterator[Metric]:
    """Yield what is known of each role."""
    desired = _gauge("autoscaler_desired_members", "Members a role should have.", "role")
    members = _gauge("autoscaler_members", "Members a role has, by phase.", "role", "state")
    mean = _gauge("autoscaler_role_cpu_percent", "Mean CPU of the members in percent.", "role")
    bounds = _gauge(
        "autoscaler_role_cpu_threshold_percent",
        "Thresholds of the mean CPU in percent.",
        "role",
        "bound",
    )
    turns = _gauge(
        "autoscaler_direction_changes",
        "How often load changed the direction of the count within the last hour.",
        "role",
    )
    unseen = _gauge(
        "autoscaler_out_of_scope_members",
        "Containers that serve the role though the settings do not find them.",
        "role",
    )
    paused = _gauge("autoscaler_paused", "Whether changes of the count are stopped.", "role")
    for name, role in view.status["roles"].items():
        desired.add_metric([name], role["desired"])
        phases = [m["phase"] for m in role["members"]]
        for phase in dict.fromkeys((*STATES, *phases)):
            members.add_metric([name, phase.replace(" ", "_")], phases.count(phase))
        decision = role["decision"]
        if decision is not None and decision["mean"] is not None:
            mean.add_metric([name], decision["mean"])
        bounds.add_metric([name, "high"], role["cpu_high"])
        bounds.add_metric([name, "low"], role["cpu_low"])
        turns.add_metric([name], role["turns_last_hour"])
        unseen.add_metric([name], len((role["out_of_scope"] or {}).get("members", ())))
        paused.add_metric([name], float(_paused(view.roles.get(name))))
    yield from (desired, members, mean, bounds, turns, unseen, paused)


def _paused(role: RoleView | None) -> bool:
    if role is None:
        return False
    o = role.overrides
    return o.pause_up or o.pause_down or o.freeze


def _containers(roles: Mapping[str, Any]) -> Iterator[Metric]:
    """Yield what is known of each container."""
    status = _gauge(
        "docker_container_status", "Whether a container runs (1) or not (0).", "role", "name"
    )
    cpu = _gauge(
        "docker_container_cpu_percent",
        "CPU in percent of what the container may use.",
        "role",
        "name",
    )
    memory = _gauge(
        "docker_container_memory_percent",
        "Memory in percent of what the container may use.",
        "role",
        "name",
    )
    for role, shown in roles.items():
        for member in shown["members"]:
            labels = [role, member["name"]]
            status.add_metric(labels, float(member["state"] == "running"))
            if member["cpu_percent"] is not None:
                cpu.add_metric(labels, member["cpu_percent"])
            if member["memory_percent"] is not None:
                memory.add_metric(labels, member["memory_percent"])
    yield from (status, cpu, memory)
