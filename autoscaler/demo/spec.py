"""What a stack is made of: the members of a role and the labels compose would give them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

HEALTH_PATH = "/api/v11/health"


@dataclass(frozen=True)
class RoleSpec:
    """The members of a role: `count` are created, the first `running` of them started.

    `cpus` is the quota of each member. `env` goes to every node program (see `node.py`),
    `member_env` to one member by its number (from 1). `healthcheck` is the engine's own form
    (nanoseconds). `labels` come on top. `published` gives each member a port of 127.0.0.1, another
    at each start. `settings` are further AUTOSCALER_ROLES__<ROLE>__<KEY> lines, by key.
    """

    role: str
    count: int = 1
    port: int = 9000
    cpus: float = 0.25
    running: int = 1
    env: Mapping[str, str] = field(default_factory=dict)
    member_env: Mapping[int, Mapping[str, str]] = field(default_factory=dict)
    healthcheck: Mapping[str, object] | None = None
    labels: Mapping[str, str] = field(default_factory=dict)
    published: bool = False
    settings: Mapping[str, str] = field(default_factory=dict)

    def env_lines(self) -> dict[str, str]:
        """Return the role's settings by variable, without the program's prefix."""
        prefix = f"ROLES__{self.role.upper()}__"
        lines = {
            prefix + "PORT": str(self.port),
            prefix + "HEALTH_PATH": HEALTH_PATH,
            prefix + "MAX": str(self.count),
        }
        lines.update((prefix + key.upper(), value) for key, value in self.settings.items())
        return lines


def compose_labels(service: str, number: int) -> dict[str, str]:
    """Return the labels compose puts on container `number` of a service."""
    return {
        "com.docker.compose.service": service,
        "com.docker.compose.container-number": str(number),
        "com.docker.compose.oneoff": "False",
    }
