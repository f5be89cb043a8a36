"""Settings: what an administrator can set, where each value came from, and what changed."""

from autoscaler.settings.changes import Change, applicable, diff, effective
from autoscaler.settings.loader import DEFAULT_ENV_FILE, Loaded, Origin, OriginKind, load
from autoscaler.settings.oscillation import Oscillation, oscillation_range, oscillations
from autoscaler.settings.role import RoleSettings
from autoscaler.settings.schema import DockerSettings, NginxSettings, Settings

__all__ = [
    "DEFAULT_ENV_FILE",
    "Change",
    "DockerSettings",
    "Loaded",
    "NginxSettings",
    "Origin",
    "OriginKind",
    "Oscillation",
    "RoleSettings",
    "Settings",
    "applicable",
    "diff",
    "effective",
    "load",
    "oscillation_range",
    "oscillations",
]
