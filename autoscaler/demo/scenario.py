"""What the demo plays: the roles, the daemon's compressed times, and the load in phases.

Times are about a tenth of those a real host uses, CPU quotas a fifth of a core, so that a
machine with two cores holds the nodes, NGINX, the load and the daemon at once.
"""

from __future__ import annotations

from dataclasses import dataclass

from autoscaler.demo.load import Mix
from autoscaler.demo.pool import Limits
from autoscaler.demo.spec import RoleSpec

REQUESTS_WANTED = 20_000
GRACE_SECONDS = 20
LONG_SECONDS = 5.0
NODE_CPUS = 0.2
READY_AFTER_SECONDS = "1.5"

COMMON = {
    "warmup": "2s",
    "scale_up_limit": "100%/5s",
    "scale_down_window": f"{GRACE_SECONDS}s",
    "scale_down_limit": "50%/5s,1/5s",
    "start_timeout": "30s",
    "drain_timeout": "15s",
    "stop_timeout": "5s",
    "health_interval": "2s",
    # Slow is not dead: a machine busy with other things must not make the demo lose its nodes.
    "health_timeout": "20s",
}
DAEMON_SETTINGS = {
    "INTERVAL": "1s",
    "AVERAGE_OVER": "3s",
    "SETTLE": "5s",
    "LOG_FORMAT": "json",
    "NGINX__MIN_RELOAD_INTERVAL": "0.5s",
}
ROLES = (
    RoleSpec(
        "validator",
        count=3,
        port=9003,
        cpus=NODE_CPUS,
        env={"NODE_BURN_MS": "3.2", "NODE_READY_AFTER": READY_AFTER_SECONDS},
        settings={**COMMON, "cpu_high": "70", "cpu_low": "40"},
    ),
    RoleSpec(
        "business",
        count=2,
        port=9009,
        cpus=NODE_CPUS,
        env={"NODE_BURN_MS": "2.35", "NODE_READY_AFTER": READY_AFTER_SECONDS},
        settings={**COMMON, "cpu_high": "65", "cpu_low": "35"},
    ),
    RoleSpec(
        "slim",
        port=9013,
        cpus=NODE_CPUS,
        env={"NODE_BURN_MS": "health=0.5", "NODE_READY_AFTER": READY_AFTER_SECONDS},
    ),
)
SCALED_ROLES = {spec.role: spec.count for spec in ROLES if spec.count > 1}
MIX = Mix(
    {
        "/api/v11/consensus": 0.50,
        "/api/v11/transaction": 0.20,
        "/api/v11/query": 0.15,
        "/api/v11/health": 0.15,
    }
)
# Within what proxies usually allow: a busy machine is slow, not wrong, and the latencies tell.
LIMITS = Limits(timeout_seconds=20.0, reuse_seconds=2.0)
SPECIAL_PATHS = ("/api/v11/consensus", "/api/v11/transaction")


@dataclass(frozen=True)
class Phase:
    """A stretch of constant load: `rate` requests per second for at least `seconds`.

    It goes on until the scaled roles have the wanted counts of published members (`at_max` all
    their members, `at_min` one each, neither: any) and `requests` have been made in all, but for
    `limit_seconds` at most.
    """

    name: str
    rate: float
    seconds: float
    limit_seconds: float
    at_max: bool = False
    at_min: bool = False
    requests: int = 0


PHASES = (
    Phase("calm", 50, seconds=12, limit_seconds=12),
    Phase("rise", 95, seconds=20, limit_seconds=20),
    Phase("high", 180, seconds=60, limit_seconds=100, at_max=True, requests=17_600),
    Phase(
        "calm again", 50, seconds=10, limit_seconds=85, at_min=True, requests=REQUESTS_WANTED + 100
    ),
)


def phase_is_over(
    phase: Phase, elapsed: float, members: dict[str, int], running: dict[str, int], requests: int
) -> bool:
    """Tell whether a phase that began `elapsed` seconds ago ends now.

    `members` are the published and `running` the running members by role, `requests` the total.
    """
    if elapsed >= phase.limit_seconds:
        return True
    if elapsed < phase.seconds or requests < phase.requests:
        return False
    if phase.at_max:
        return all(members.get(role) == most for role, most in SCALED_ROLES.items())
    if phase.at_min:
        return all(members.get(role) == running.get(role) == 1 for role in SCALED_ROLES)
    return True
