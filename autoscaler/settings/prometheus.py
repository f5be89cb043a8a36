"""The settings of Prometheus as a source of CPU readings."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from pydantic import BaseModel

from autoscaler.settings import kinds
from autoscaler.settings.durations import duration
from autoscaler.settings.role import SETTINGS_CONFIG

_PROMETHEUS_URL = kinds.text(
    r"https?://[A-Za-z0-9.\-\[\]:]+(/[A-Za-z0-9._~/%\-]*)?",
    "http://HOST:PORT or https://HOST:PORT, perhaps with a path, without a user or password",
    "",
)
_USERNAME = kinds.text(r"[^:\x00-\x1f\x7f]+", "a user name without a colon", "")


class PrometheusSettings(BaseModel):
    """How Prometheus is asked, where it is one of the CPU sources."""

    model_config = SETTINGS_CONFIG

    url: Annotated[str, _PROMETHEUS_URL] = ""
    """Address of Prometheus. Required while AUTOSCALER_CPU_SOURCE names `prometheus`."""

    dialect: Annotated[
        str, kinds.choice({name: name for name in ("cadvisor", "process", "custom")})
    ] = "cadvisor"
    """What is asked for roles without a `PROMETHEUS_QUERY`. `cadvisor`:
    container_cpu_usage_seconds_total, `process`: process_cpu_seconds_total of the members' own
    metrics, `custom`: every role has its own query. The average is between two scrapes about
    AUTOSCALER_AVERAGE_OVER apart, so the scrape interval must not be longer than that."""

    timeout: Annotated[float, duration(0.2, 60)] = 4.0
    """Longest wait for a whole answer; later there is no reading in that look."""

    username: Annotated[str, _USERNAME] = ""
    """User of basic authentication; its password stands in `PASSWORD_FILE`."""

    password_file: Annotated[Path | None, kinds.path(empty=None)] = None
    """File with the password of `USERNAME`, read at each look."""

    token_file: Annotated[Path | None, kinds.path(empty=None)] = None
    """File with a bearer token, read at each look; it wins over `USERNAME`."""

    ca_file: Annotated[Path | None, kinds.path(empty=None)] = None
    """File with the certificates of the authority that vouches for Prometheus (https). Empty:
    the usual public ones."""
