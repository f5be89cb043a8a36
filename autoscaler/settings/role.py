"""The settings of one role, its built-in forms, and what the rules and the inventory make of them.

The text under each setting is also its documentation in the env file: the unit, why this default,
and what empty means.
"""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, ValidationInfo, field_validator

from autoscaler.hooks import Hook
from autoscaler.model import LimitKind, RateLimit, RolePolicy, ScalingRules, Select
from autoscaler.settings.durations import duration
from autoscaler.settings.hooks import hook
from autoscaler.settings.kinds import choice, containers, number, switch, text, whole
from autoscaler.settings.limits import rate_limits
from autoscaler.settings.schedule import bounds_problems, schedule
from autoscaler.windows import Bounds, Window

_SELECT = choice({"max": Select.MAX, "min": Select.MIN, "disabled": Select.DISABLED})
_BALANCE = choice({name: name for name in ("round_robin", "least_conn", "ip_hash", "random")})
_PROMQL = text(r"[^\x00-\x1f\x7f]+", "PromQL on one line", empty="")
_HEALTH_PATH = text(r"/[!-~]*", "an HTTP path that starts with /", empty="")

Select_ = Annotated[Select, _SELECT]
Stabilisation = Annotated[float, duration(0, 3600)]
Windows = Annotated[tuple[Window, ...], schedule()]
Limits = Annotated[tuple[RateLimit, ...], rate_limits()]
Percent = Annotated[float, number(0, 100, "percent of the allowed CPU,", above=True)]
Count = Annotated[int, whole(1, 1000, "a number of containers")]

SETTINGS_CONFIG = ConfigDict(
    frozen=True, extra="forbid", validate_default=True, use_attribute_docstrings=True
)


class RoleSettings(BaseModel):
    """Everything that can be set for one role; only `port` has no default."""

    model_config = SETTINGS_CONFIG

    enabled: Annotated[bool, switch()] = True
    """Whether the role is looked after at all. `false` removes a built-in role: its containers are
    then never touched, and it leaves NGINX, the logs and the metrics."""

    port: Annotated[int, whole(1, 65535, "a TCP port")]
    """TCP port on which a member answers requests inside its container. A container's label
    `autoscaler.port` wins over it. A new role must set it."""

    members: Annotated[tuple[str, ...], containers()] = ()
    """Names of the role's containers, the primary first. Empty: containers with the label
    `autoscaler.role` in AUTOSCALER_PROJECT. For stacks whose labels cannot be changed."""

    min: Count = 1
    """Fewest members that run. At least one, because a role without a member answers nothing."""

    max: Count = 2
    """Most members that run. Each needs a container that exists, if only created."""

    schedule: Windows = ()
    """Windows of time with bounds of their own, by AUTOSCALER_TIME_ZONE. While one is in force its
    `min` and `max` stand in the place of `MIN` and `MAX`; where several are, the highest of each
    counts. What happens at an end, at night and when clocks change stands in the README."""

    fixed: Annotated[bool, switch()] = False
    """Whether CPU never changes the number of members. They are still repaired and published."""

    cpu_high: Percent = 70.0
    """Average CPU of the role above which a member is added. 70 leaves room for the load that
    arrives while a spare starts. Percent of the CPU a container may use (its limit, else the
    host), so it means the same on every host."""

    cpu_low: Annotated[float, number(0, 100, "percent of the allowed CPU,")] = 40.0
    """Average CPU of the role below which a member is removed; below `CPU_HIGH`. 0 never
    removes. Percent of the CPU a container may use."""

    flap_guard: Annotated[bool, switch()] = True
    """Whether a member stays when removing it would push the others back over `CPU_HIGH`.
    Without it, thresholds with `CPU_LOW` above half of `CPU_HIGH` start and stop a member
    for ever at some loads; `autoscaler check` names them."""

    flap_margin: Annotated[float, number(0, 0.9, "a fraction of CPU_HIGH")] = 0.1
    """How far below `CPU_HIGH` the rest must stay after a removal: 0.1 means below 90 % of it,
    enough for the usual noise of a steady load."""

    warmup: Annotated[float, duration(0, 3600)] = 30.0
    """Time after a member became ready in which its CPU does not count as load, because
    start-up work is not requests. 0 counts it at once."""

    scale_up_window: Stabilisation = 0.0
    """A member is added only if the load asked for it during all of this time; 0 adds at once,
    because overload hurts more than a spare too many."""

    scale_up_limit: Limits = (RateLimit(LimitKind.PERCENT, 100, 30.0),)
    """How fast members may be added: percent of the count at the start
    of a period, or members, within that period."""

    scale_up_select: Select_ = Select.MAX
    """Which of several limits counts: the one that allows most (`max`), least (`min`), or
    `disabled`: members are never added by load."""

    scale_down_window: Stabilisation = 300.0
    """A member is removed only if the load did without it during all of this time: five minutes
    outlast the usual pause between two bursts."""

    scale_down_limit: Limits = (
        RateLimit(LimitKind.PERCENT, 50, 60.0),
        RateLimit(LimitKind.MEMBERS, 1, 60.0),
    )
    """How fast members may be removed. The second limit keeps two of three from going at once."""

    scale_down_select: Select_ = Select.MIN
    """Which of several limits counts: the one that allows most (`max`), least (`min`), or
    `disabled`: members are never removed by load."""

    health_path: Annotated[str, _HEALTH_PATH] = ""
    """HTTP path that answers 2xx or 3xx when a member can take requests; asked on its port where
    the container has no HEALTHCHECK, and while that still says `starting`. Empty: a TCP connection
    to the port is enough, which proves less."""

    health_timeout: Annotated[float, duration(0.05, 60)] = 2.0
    """Longest wait for one health answer; a slower one has failed."""

    health_interval: Annotated[float, duration(0.1, 3600)] = 5.0
    """Time between two health probes of a member in service that has no HEALTHCHECK."""

    health_failures: Annotated[int, whole(1, 100, "a number of probes")] = 3
    """Failed probes in a row before a member in service counts as unhealthy; one lost packet
    must not cost a node."""

    start_timeout: Annotated[float, duration(1, 7200)] = 180.0
    """Longest wait for a started member to become healthy; then it is stopped, set aside for
    AUTOSCALER_QUARANTINE, and the next spare is tried."""

    drain_timeout: Annotated[float, duration(0, 3600)] = 35.0
    """Longest wait for a member's requests to end after it left NGINX; then they are cut. A bit
    more than the longest request."""

    stop_timeout: Annotated[float, duration(0, 3600)] = 30.0
    """Time a container has between SIGTERM and SIGKILL when it is stopped."""

    after_healthy: Annotated[Hook | None, hook()] = None
    """What is run once for each start of a member, when it is healthy and before NGINX sends it
    requests: a command in its container, or a POST to itself that answers 2xx. While it fails the
    member gets no requests; it is tried again until `START_TIMEOUT` is over. It holds no secrets:
    it is shown by `check` and in the log. Empty: nothing."""

    before_stop: Annotated[Hook | None, hook()] = None
    """What is run before a member is stopped, after it left NGINX and its requests have ended.
    While it fails the member is not stopped but serves on; it is tried again after
    AUTOSCALER_QUARANTINE, doubling. A member that was never in service is stopped without."""

    hook_timeout: Annotated[float, duration(0.1, 3600)] = 10.0
    """Longest time for each of them; a slower one has failed. A command that is still running
    then goes on in the container: nobody can end it from outside."""

    balance: Annotated[str, _BALANCE] = "least_conn"
    """How NGINX spreads requests over the members. `least_conn` brings a new member load at
    once; `ip_hash` keeps a client on its member as long as the set does not change."""

    keepalive: Annotated[int, whole(0, 10000, "a number of connections")] = 32
    """Idle connections to members that each NGINX worker keeps open; 0 opens one per request."""

    max_fails: Annotated[int, whole(0, 1000, "a number of attempts")] = 1
    """Failed attempts within `FAIL_TIMEOUT` after which NGINX leaves a member out for that long,
    before its health check says so. 0 never leaves one out."""

    fail_timeout: Annotated[float, duration(1, 3600)] = 10.0
    """See `MAX_FAILS`."""

    prometheus_query: Annotated[str, _PROMQL] = ""
    """PromQL of the CPU source `prometheus` for this role: an instant vector with one series for
    each member, in percent of the CPU it may use, told apart by a label `name`, `id` or `instance`.
    {members}, {ids} and {instances} become regular expressions that match these labels of the
    running members, {project} and {role} such of their values; {window} is AVERAGE_OVER. Empty:
    as AUTOSCALER_PROMETHEUS__DIALECT says."""

    @field_validator("max")
    @classmethod
    def _max_reaches_min(cls, value: int, info: ValidationInfo) -> int:
        """Refuse a maximum below the minimum."""
        minimum = info.data.get("min")
        if minimum is not None and value < minimum:
            raise ValueError(
                f"is below MIN of the same role ({minimum}); allowed: {minimum} or more"
            )
        return value

    @field_validator("schedule")
    @classmethod
    def _windows_have_bounds(
        cls, value: tuple[Window, ...], info: ValidationInfo
    ) -> tuple[Window, ...]:
        """Refuse windows whose minimum is above their maximum."""
        if "min" in info.data and "max" in info.data:
            problems = bounds_problems(value, Bounds(info.data["min"], info.data["max"]))
            if problems:
                raise ValueError("; ".join(problems))
        return value

    @field_validator("cpu_low")
    @classmethod
    def _low_is_below_high(cls, value: float, info: ValidationInfo) -> float:
        """Refuse a lower threshold that is not below the upper one."""
        high = info.data.get("cpu_high")
        if high is not None and value >= high:
            raise ValueError(
                f"is not below CPU_HIGH of the same role ({high:g}); allowed: less than {high:g}"
            )
        return value

    @property
    def bounds(self) -> Bounds:
        """The bounds outside of all windows."""
        return Bounds(self.min, self.max)

    @property
    def most(self) -> int:
        """The highest maximum that is ever in force."""
        return max(self.max, *(window.maximum or 0 for window in self.schedule), 0)

    def policy(self, average_over: float) -> RolePolicy:
        """Return the rules of this role for readings averaged over `average_over` seconds."""
        return RolePolicy(
            minimum=self.min,
            maximum=self.max,
            cpu_high=self.cpu_high,
            cpu_low=self.cpu_low,
            scale_up=ScalingRules(self.scale_up_window, self.scale_up_select, self.scale_up_limit),
            scale_down=ScalingRules(
                self.scale_down_window, self.scale_down_select, self.scale_down_limit
            ),
            flap_guard=self.flap_guard,
            flap_margin=self.flap_margin,
            gap_seconds=2.0 * average_over,
            fixed=self.fixed,
        )


_V11_HEALTH = "/api/v11/health"

BUILT_IN_ROLES: dict[str, dict[str, Any]] = {
    "validator": {
        "port": 9003,
        "max": 3,
        "cpu_high": 70.0,
        "cpu_low": 40.0,
        "health_path": _V11_HEALTH,
    },
    "business": {
        "port": 9009,
        "max": 2,
        "cpu_high": 65.0,
        "cpu_low": 35.0,
        "health_path": _V11_HEALTH,
    },
    "slim": {"port": 9013, "max": 1, "fixed": True, "health_path": _V11_HEALTH},
}
"""What the roles that exist without being configured set beyond the defaults of any role."""
