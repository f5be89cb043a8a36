"""All settings, with their defaults and meaning.

The text under each setting is also its documentation in the env file: the unit, why this default,
and what empty means. `autoscaler.settings.load` is the way to build these from what an
administrator wrote; nothing is read from the process environment behind its back.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import tzinfo
from pathlib import Path
from typing import Annotated, Any, cast
from zoneinfo import ZoneInfo

from pydantic import BaseModel, Field, ValidationInfo, field_validator
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from autoscaler.clock import host_zone
from autoscaler.scope import RoleScope, Scope
from autoscaler.settings import kinds
from autoscaler.settings.durations import duration, show_duration
from autoscaler.settings.http import HttpSettings
from autoscaler.settings.kinds import RESTART
from autoscaler.settings.notify import NotifySettings
from autoscaler.settings.prometheus import PrometheusSettings
from autoscaler.settings.role import BUILT_IN_ROLES, SETTINGS_CONFIG, RoleSettings
from autoscaler.settings.schedule import time_zone

_NETWORK = kinds.text(
    r"[a-zA-Z0-9][a-zA-Z0-9_.-]*", "a network name as `docker network ls` shows it", ""
)
_PROJECT = kinds.text(
    r"[a-z0-9][a-z0-9_-]*", "a compose project name (lower-case letters, digits, _ -)", None
)
_URL = kinds.text(
    r"unix:///[!-~]+|tcp://[A-Za-z0-9.\-\[\]:]+:[0-9]{1,5}",
    "unix:///PATH of a socket or tcp://HOST:PORT",
)

_ZONE = time_zone()
_CEILING = kinds.optional(kinds.number(10, 99, "percent"))
_FLOOR = kinds.optional(kinds.number(1, 90, "percent"))


class DockerSettings(BaseModel):
    """How the Docker engine is reached."""

    model_config = SETTINGS_CONFIG

    url: Annotated[str, _URL, RESTART] = "unix:///var/run/docker.sock"
    """Address of the Docker engine: the local socket, or a socket proxy as tcp://HOST:PORT."""

    timeout: Annotated[float, duration(0.5, 300), RESTART] = 10.0
    """Longest wait for one answer of the engine. A call that timed out may still have worked, so
    the container is looked at again rather than taken as failed."""


class NginxSettings(BaseModel):
    """How NGINX is reached and what is written for it."""

    model_config = SETTINGS_CONFIG

    reach: Annotated[str, kinds.choice({"container": "container", "host": "host"})] = "container"
    """Where NGINX runs: in a container of the same engine, or on the host itself."""

    container: Annotated[str, kinds.container(empty="")] = ""
    """Name of NGINX's container. Required while `REACH` is `container`."""

    addresses: Annotated[
        str, kinds.choice({"container": "container", "published": "published"})
    ] = "container"
    """How NGINX reaches a member: at its address on a network both share, or at 127.0.0.1 and
    the port it publishes (NGINX on the host, or in the host's network)."""

    network: Annotated[str, _NETWORK] = ""
    """Network whose addresses are used. Empty: the one NGINX's container and the member share."""

    directory: Annotated[Path, kinds.path(), RESTART] = Path("/var/lib/autoscaler/nginx")
    """Directory of the generated file `autoscaler.conf`, included by NGINX as
    `include DIRECTORY/*.conf;`. A container mounts the directory, never the file alone."""

    probe_port: Annotated[int, kinds.whole(1, 65535, "a TCP port")] = 9178
    """Port of the small server in the generated file that tells which version NGINX runs. It
    need not be published, only free."""

    min_reload_interval: Annotated[float, duration(0, 300)] = 2.0
    """Shortest time between two reloads, so that changes close together cost one. Taking a dead
    member out never waits, nor does the first member of a role that answers 503."""

    timeout: Annotated[float, duration(0.5, 300)] = 10.0
    """Longest wait for a configuration test, and for the proof that a reload took effect."""

    command: Annotated[tuple[str, ...], kinds.command()] = ("nginx",)
    """NGINX's program inside its container (`REACH=container`), with the options it was started
    with if it uses another prefix or file, such as `nginx -c /etc/my.conf`; -t is added to it."""

    test_command: Annotated[tuple[str, ...], kinds.command()] = ("nginx", "-t")
    """Command that tests the configuration (`REACH=host`); exit code 0 means good. `nginx -t` needs
    root: the installed daemon, which is not, needs `/opt/autoscaler/libexec/host-nginx test`."""

    reload_command: Annotated[tuple[str, ...], kinds.command()] = ("nginx", "-s", "reload")
    """Command that makes NGINX read its configuration anew (`REACH=host`). The installed daemon
    needs `/opt/autoscaler/libexec/host-nginx reload`."""

    pid_file: Annotated[Path, kinds.path()] = Path("/run/nginx.pid")
    """File with the process id of NGINX's master (`REACH=host`)."""

    retry_after: Annotated[float, duration(1, 3600)] = 5.0
    """What the 503 of a role without a healthy member tells clients to wait."""

    @field_validator("container")
    @classmethod
    def _container_is_named(cls, value: str, info: ValidationInfo) -> str:
        """Refuse to look for NGINX in a container without a name."""
        if not value and info.data.get("reach") == "container":
            raise ValueError(
                "is not set; name the container NGINX runs in, or set "
                "AUTOSCALER_NGINX__REACH=host if NGINX runs on the host itself"
            )
        return value


class Settings(BaseSettings):
    """All settings. `roles` holds the enabled roles only, built-in ones included.

    `load` checks in addition what concerns several roles: the scope, and names used twice.
    """

    model_config = SettingsConfigDict(
        frozen=True,
        extra="forbid",
        validate_default=True,
        use_attribute_docstrings=True,
        env_prefix="AUTOSCALER_",
        env_nested_delimiter="__",
    )

    project: Annotated[str | None, _PROJECT] = None
    """Compose project whose containers may be touched. Empty: none by label, and at least one
    role must name its containers in `MEMBERS`."""

    interval: Annotated[float, duration(0.2, 300)] = 5.0
    """Time between two looks at CPU, containers and NGINX, with one decision per role each."""

    average_over: Annotated[float, duration(0.2, 3600)] = 15.0
    """The rules see the CPU averaged over this time; at least `INTERVAL`. 15 s hide a garbage
    collection and still show a burst."""

    max_age: Annotated[float, duration(1, 3600)] = 30.0
    """A reading older than this is no reading; it is never taken for low load."""

    cpu_source: Annotated[
        tuple[str, ...], kinds.choices("cgroup", "docker", "prometheus"), RESTART
    ] = (
        "cgroup",
        "docker",
    )
    """Where CPU is read, in order; a later one serves a role the earlier cannot. `cgroup`: the
    kernel's counters, local only. `docker`: the engine's. `prometheus`: what it has scraped."""

    cgroup_root: Annotated[Path, kinds.path(), RESTART] = Path("/sys/fs/cgroup")
    """Where the kernel's cgroup tree is mounted."""

    host_cpu_ceiling: Annotated[float | None, _CEILING] = None
    """Percent of the host's own CPU in use above which load starts no member (it would only split
    the same cores) and stops none (members that lack CPU look idle), such as 90. Empty: nothing is
    held, the log warns above 90. An engine at tcp:// has another host, which is not measured."""

    host_memory_floor: Annotated[float | None, _FLOOR] = None
    """Percent of the host's memory that must be available for load to start a member, such as 10.
    Empty: nothing is held, the log warns below 10. Not measured with an engine at tcp://."""

    time_zone: Annotated[str, _ZONE] = ""
    """Time zone of the roles' `SCHEDULE`. Empty: the host's (/etc/localtime), UTC without one."""

    settle: Annotated[float, duration(0, 600)] = 15.0
    """How long a container started or stopped by someone else must stay that way before it is
    taken as meant; engine restarts and `compose up` look like stops for a moment."""

    quarantine: Annotated[float, duration(1, 86400)] = 30.0
    """How long a member that failed to start is left alone; doubles with each failure in a row."""

    quarantine_max: Annotated[float, duration(1, 86400)] = 600.0
    """Longest time a failing member is left alone; at least `QUARANTINE`."""

    workers: Annotated[int, kinds.whole(2, 256, "a number of threads"), RESTART] = 16
    """Actions that can be under way at once: starts, hooks, drains, stops. A drain holds one until
    it ends, so at least the number of members."""

    state_dir: Annotated[Path, kinds.path(), RESTART] = Path("/var/lib/autoscaler")
    """Directory of what must survive a restart: the history and the memory of the rules."""

    run_dir: Annotated[Path, kinds.path(), RESTART] = Path("/run/autoscaler")
    """Directory of the lock and the control socket."""

    freeze_file: Annotated[Path, kinds.path()] = Path("/etc/autoscaler/freeze")
    """While this file exists nothing is started or stopped; a dead member still leaves NGINX. What
    it says is shown as the reason."""

    history_days: Annotated[int, kinds.whole(1, 3650, "a number of days")] = 14
    """How long readings, decisions and actions are kept."""

    history_max_mib: Annotated[int, kinds.whole(1, 1048576, "MiB")] = 256
    """Largest size of the history in MiB; the oldest records go first."""

    heartbeat: Annotated[float, duration(1, 86400)] = 300.0
    """Time between two log lines that say all is well when nothing changes."""

    log_level: Annotated[
        str, kinds.choice({name: name for name in ("debug", "info", "warning", "error")})
    ] = "info"
    """What is logged: `info` tells what changed, `debug` adds one line per role and look."""

    log_format: Annotated[
        str, kinds.choice({name: name for name in ("auto", "json", "console")}), RESTART
    ] = "auto"
    """`json`: one object a line; `console`: for people; `auto`: `console` on a terminal."""

    docker: DockerSettings = Field(default_factory=DockerSettings)
    nginx: NginxSettings = Field(
        # Validated like a given one, so that a missing container is named with all other mistakes.
        default_factory=lambda: cast("NginxSettings", {}),
        validate_default=True,
    )
    prometheus: PrometheusSettings = Field(default_factory=PrometheusSettings)
    http: HttpSettings = Field(default_factory=HttpSettings)
    notify: NotifySettings = Field(default_factory=NotifySettings)
    roles: Mapping[str, RoleSettings] = Field(default_factory=dict, validate_default=True)

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],  # noqa: ARG003 - the library's signature, as below
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,  # noqa: ARG003
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Take values from the loader only: it alone knows where each of them was written."""
        return (init_settings,)

    @field_validator("average_over")
    @classmethod
    def _average_spans_a_look(cls, value: float, info: ValidationInfo) -> float:
        """Refuse an average over less than one interval."""
        interval = info.data.get("interval")
        if interval is not None and value < interval:
            shown = show_duration(interval)
            raise ValueError(
                f"is shorter than AUTOSCALER_INTERVAL ({shown}); allowed: {shown} or more"
            )
        return value

    @field_validator("quarantine_max")
    @classmethod
    def _quarantine_can_grow(cls, value: float, info: ValidationInfo) -> float:
        """Refuse an upper bound below the first quarantine."""
        first = info.data.get("quarantine")
        if first is not None and value < first:
            shown = show_duration(first)
            raise ValueError(
                f"is shorter than AUTOSCALER_QUARANTINE ({shown}); allowed: {shown} or more"
            )
        return value

    @field_validator("roles", mode="before")
    @classmethod
    def _add_built_in_roles(cls, value: Mapping[str, Any]) -> dict[str, Any]:
        """Lay what is given over the built-in roles, so that one field keeps the others."""
        merged: dict[str, Any] = {name: dict(fields) for name, fields in BUILT_IN_ROLES.items()}
        for name, given in value.items():
            whole_role = isinstance(given, RoleSettings)
            merged[name] = given if whole_role else {**merged.get(name, {}), **given}
        return merged

    @field_validator("roles")
    @classmethod
    def _drop_disabled_roles(cls, value: Mapping[str, RoleSettings]) -> dict[str, RoleSettings]:
        """Keep the enabled roles, so that nothing can look after a disabled one by mistake."""
        return {name: role for name, role in value.items() if role.enabled}

    def zone(self) -> tzinfo:
        """Return the time zone of the schedules."""
        return ZoneInfo(self.time_zone) if self.time_zone else host_zone()

    def scope(self) -> Scope:
        """Return which containers the program may touch."""
        return Scope(
            self.project,
            tuple(RoleScope(name, role.port, role.members) for name, role in self.roles.items()),
            # A built-in role is always there unless it was disabled.
            frozenset(BUILT_IN_ROLES.keys() - self.roles.keys()),
        )
