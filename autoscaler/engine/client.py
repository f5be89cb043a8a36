"""The connection to the Docker engine: how it is opened, and what its errors mean here.

The only place that knows docker-py's and requests' exceptions; everything else sees
`autoscaler.errors`.
"""

from __future__ import annotations

import http.client
import re
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import docker
import requests
import urllib3
from docker.constants import MINIMUM_DOCKER_API_VERSION
from docker.errors import APIError, DockerException
from docker.transport.unixconn import UnixHTTPAdapter, UnixHTTPConnectionPool
from docker.utils import parse_host
from requests.adapters import HTTPAdapter

from autoscaler.errors import (
    EngineError,
    EngineUnavailableError,
    MemberUnusableError,
    NoSuchMemberError,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

_LONGEST_ANSWER = 300
"""Characters that are told of an answer that is none of an engine's."""

# What a container lacks to start, in the engine's words, and the remedy.
_UNUSABLE: tuple[tuple[re.Pattern[str], str], ...] = tuple(
    (re.compile(pattern, re.IGNORECASE), remedy)
    for pattern, remedy in (
        (
            r"network \S+ not found|could not find a network matching",
            (
                "its network was removed; recreate the container, e.g. with"
                " `docker compose up --no-start --force-recreate SERVICE`"
            ),
        ),
        (
            r"port is already allocated|bind: address already in use|ports are not available",
            (
                "another process or container holds its published port; free the port"
                " (`ss -ltnp` names the holder) or publish another one"
            ),
        ),
        (
            r"^address already in use|is already in use by|no available ip",
            "another container holds its fixed address; free it, or give the member another one",
        ),
        (
            r"bind source path does not exist|mount .*no such file|error mounting|no such volume",
            "a file or volume it mounts is missing; put it back",
        ),
        (
            r"executable file not found|exec: .*(permission denied|no such file)|exec format error",
            "its command does not exist in the image; rebuild the image and recreate the container",
        ),
        (
            r"no such image|layer does not exist",
            "its image was removed; pull or build the image and recreate the container",
        ),
        (
            r"no space left on device|disk quota exceeded",
            "the disk is full; free space (`docker system df`)",
        ),
        (
            r"cannot allocate memory|out of memory|\boom\b|minimum memory limit",
            "there is too little memory for it; free memory or change its memory limit",
        ),
        (
            r"cgroup|range of cpus|requested cpus are not available|cpuset",
            (
                "the engine cannot set up its resource limits; check --cpus, cpuset, memory limit"
                " and cgroup parent against this host"
            ),
        ),
        (
            r"paused container|container .* is paused",
            "it is paused and paused containers are not touched; run `docker unpause`",
        ),
        (
            r"marked for removal|is dead|is being removed",
            "it is being removed; wait, or remove it and create it again",
        ),
        (
            r"oci runtime|failed to create (shim )?task|starting container process",
            "the container runtime refuses it; `docker start` and `docker logs` tell more",
        ),
    )
)


class _SharedUnixAdapter(UnixHTTPAdapter):
    """docker-py's Unix socket transport with one connection pool instead of one per address.

    docker-py keys its pools by the full request address and keeps 25 of them: calls about more
    containers than that close each other's pools and open a new connection every time.
    """

    def get_connection(self, url: bytes | str, proxies: object = None) -> UnixHTTPConnectionPool:
        """Return the one pool, whatever the path of the request."""
        del url
        return super().get_connection("http+docker://localhost", proxies)


class EngineClient(docker.APIClient):
    """docker-py's low-level client that asks for the API version on first use, not when made.

    So it can be made while the engine is down. It asks again when the engine refuses the version
    agreed on, as one does that was upgraded or replaced meanwhile.
    """

    def __init__(self, url: str, timeout: float, pool_size: int) -> None:
        self._agreed: str | None = None
        super().__init__(url, MINIMUM_DOCKER_API_VERSION, max_pool_size=pool_size)
        self._agreed = None
        # Typed as an int there, but used as seconds of any kind.
        self.timeout = timeout  # type: ignore[assignment]
        # Neither a proxy nor a .netrc of the environment has a say in talking to the engine.
        self.trust_env = False
        if url.startswith("unix://"):
            address = str(parse_host(url))
            self.mount("http+docker://", _SharedUnixAdapter(address, 60, 1, pool_size))
        else:
            self.mount("http://", HTTPAdapter(pool_connections=1, pool_maxsize=pool_size))

    @property
    def _version(self) -> str:
        """The API version agreed on with the engine, e.g. "1.41"; asks the engine if unknown."""
        if self._agreed is None:
            answer = self.version(api_version=False)
            try:
                self._agreed = str(answer["ApiVersion"])
            except (KeyError, TypeError) as error:
                raise DockerException("its answer names no API version") from error
        return self._agreed

    @_version.setter
    def _version(self, value: str) -> None:
        """Take the provisional version of docker-py's constructor."""
        self._agreed = value

    def raise_for_status(self, response: requests.Response) -> None:
        """Raise APIError if the answer is one; agree anew first if the engine refuses the version.

        docker-py looks for the engine's words under `message`. A proxy before it answers in a form
        of its own; its text is told as it is.
        """
        refused = response.status_code == http.HTTPStatus.BAD_REQUEST
        if refused and b"client version" in response.content:
            self._agreed = None
        try:
            super()._raise_for_status(response)  # type: ignore[misc]  # the stubs leave it out
        except (LookupError, TypeError) as error:
            said = response.text.strip()[:_LONGEST_ANSWER]
            raise APIError(str(error), response=response, explanation=said) from error

    _raise_for_status = raise_for_status


def connect(url: str, timeout: float, pool_size: int) -> EngineClient:
    """Make a client for `url` (unix:// or tcp://) without touching the engine yet.

    `timeout` is seconds for each connect and each read; up to `pool_size` connections are kept
    open for parallel calls, further ones are opened and closed and never wait. The first call
    agrees on the API version. Raises EngineError if `url` cannot be used.
    """
    allowed = "allowed are unix:///path and tcp://host:port, e.g. unix:///var/run/docker.sock"
    if not url.startswith(("unix://", "tcp://", "http://")):
        raise EngineError(f"engine address {url!r} cannot be used; {allowed}")
    try:
        return EngineClient(url, timeout, pool_size)
    except (DockerException, ValueError) as error:
        raise EngineError(f"engine address {url!r} cannot be used: {error}; {allowed}") from error


@contextmanager
def translated(what: str) -> Iterator[None]:
    """Turn what docker-py, requests and sockets raise inside into `autoscaler.errors`.

    `what` completes the sentence "could not ...", e.g. "start validator-2".
    """
    try:
        yield
    except (DockerException, urllib3.exceptions.HTTPError, http.client.HTTPException) as error:
        raise translate(error, what) from error
    except (OSError, ValueError) as error:
        # requests' own exceptions are OSErrors; an answer that is no JSON is a ValueError.
        raise translate(error, what) from error


def translate(error: Exception, what: str) -> EngineError:
    """Return the EngineError (or the kind of it) that `error` means; see `translated`."""
    if isinstance(error, APIError):
        return _of_answer(error, what)
    if isinstance(error, requests.exceptions.JSONDecodeError):
        return EngineError(
            f"could not {what}: the engine's answer is cut short or no JSON; check that it is an"
            " engine, and that it and a proxy before it are well"
        )
    if isinstance(error, requests.Timeout | TimeoutError):
        return EngineUnavailableError(
            f"could not {what}: the Docker engine did not answer in time ({_root(error)});"
            " it may still do it later; check it with `docker ps`"
        )
    if isinstance(error, OSError | urllib3.exceptions.HTTPError | http.client.HTTPException):
        return EngineUnavailableError(
            f"could not {what}: no connection to the Docker engine ({_root(error)});"
            " check that it runs and that this user may use its socket"
        )
    return EngineError(f"could not {what}: {error}")


def _of_answer(error: APIError, what: str) -> EngineError:
    """Return the error for an HTTP answer of the engine that is no success."""
    words = str(error.explanation or error).strip()
    if "no such container" in words.lower():
        return NoSuchMemberError(f"could not {what}: {words}")
    for pattern, remedy in _UNUSABLE:
        if pattern.search(words):
            return MemberUnusableError(f"could not {what}: {words}: {remedy}")
    status = error.response.status_code if error.response is not None else 0
    if status == http.HTTPStatus.NOT_FOUND:
        return NoSuchMemberError(f"could not {what}: {words}")
    if status in (http.HTTPStatus.BAD_GATEWAY, http.HTTPStatus.SERVICE_UNAVAILABLE):
        return EngineUnavailableError(f"could not {what}: the engine is not available: {words}")
    if status == http.HTTPStatus.FORBIDDEN:
        return EngineError(
            f"could not {what}: the engine refuses: {words}; a socket proxy must allow this call"
        )
    return EngineError(f"could not {what}: the engine answered {status}: {words}")


def _root(error: BaseException) -> str:
    """Return the innermost reason: SDKs wrap "connection refused" four times over."""
    seen = error
    while (inner := seen.__cause__ or seen.__context__) is not None:
        seen = inner
    return str(seen) or type(seen).__name__


@dataclass(frozen=True, slots=True)
class EngineInfo:
    """What the engine says of itself. `cpus` is the host's count, memory in bytes.

    `cgroup_version` is "1", "2" or empty if the engine does not tell; `cgroup_driver` is
    "cgroupfs" or "systemd". `live_restore` tells whether containers outlive an engine restart.
    """

    version: str
    api_version: str
    cpus: int
    memory_bytes: int
    cgroup_version: str
    cgroup_driver: str
    live_restore: bool


def info(api: docker.APIClient) -> EngineInfo:
    """Ask the engine about itself. Raises EngineError and EngineUnavailableError."""
    with translated("ask the engine about itself"):
        told: dict[str, Any] = api.info()
        return EngineInfo(
            version=str(told.get("ServerVersion", "")),
            api_version=api.api_version,
            cpus=int(told.get("NCPU") or 0),
            memory_bytes=int(told.get("MemTotal") or 0),
            cgroup_version=str(told.get("CgroupVersion") or ""),
            cgroup_driver=str(told.get("CgroupDriver") or ""),
            live_restore=bool(told.get("LiveRestoreEnabled")),
        )
