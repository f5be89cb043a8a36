"""The connection to the engine and the meaning of its errors."""

from __future__ import annotations

import json
import os
import socket
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import docker
import pytest
import requests

from autoscaler.engine.client import connect, info, translated
from autoscaler.errors import (
    EngineError,
    EngineUnavailableError,
    MemberUnusableError,
    NoSuchMemberError,
)

if TYPE_CHECKING:
    from pathlib import Path

    from tests.engine.conftest import Serve

VERSION = json.dumps({"ApiVersion": "1.41"}).encode()


def answer_of(status: int, words: str) -> docker.errors.APIError:
    """Return the error docker-py raises for an answer of the engine."""
    response = requests.Response()
    response.status_code = status
    cls = docker.errors.NotFound if status == 404 else docker.errors.APIError
    return cls("x", response=response, explanation=words)


def meaning_of(error: Exception) -> EngineError:
    """Return what an exception is translated to."""
    with pytest.raises(EngineError) as caught, translated("start node-1"):
        raise error
    return caught.value


@pytest.mark.parametrize(
    ("status", "words", "remedy"),
    [
        (404, "network astest-tmpnet not found", "recreate"),
        (
            500,
            (
                "driver failed programming external connectivity on endpoint rec-p3 (6): Bind for"
                " 127.0.0.1:28082 failed: port is already allocated"
            ),
            "free the port",
        ),
        (
            500,
            (
                "driver failed programming external connectivity on endpoint rec-a (e): Error"
                " starting userland proxy: listen tcp4 127.0.0.1:28081: bind: address already"
                " in use"
            ),
            "free the port",
        ),
        (403, "Address already in use", "fixed address"),
        (
            400,
            (
                "failed to create shim task: OCI runtime create failed: runc create failed: unable"
                ' to start container process: exec: "nosuch": executable file not found in'
                " $PATH: unknown"
            ),
            "image",
        ),
        (
            400,
            'invalid mount config for type "bind": bind source path does not exist: /tmp/b',
            "put it back",
        ),
        (409, "cannot start a paused container, try unpause instead", "docker unpause"),
        (
            500,
            (
                "OCI runtime create failed: container_linux.go: process_linux.go: applying cgroup"
                " configuration: cannot allocate memory"
            ),
            "memory",
        ),
        (500, "write /var/lib/docker/x: no space left on device", "disk is full"),
        (409, "container is marked for removal and cannot be started", "being removed"),
    ],
)
def test_what_a_container_lacks_to_start_comes_with_the_remedy(
    status: int, words: str, remedy: str
) -> None:
    """The engine's own words (recorded) become an unusable member and what to do about it."""
    error = meaning_of(answer_of(status, words))
    assert isinstance(error, MemberUnusableError)
    assert words in str(error)
    assert remedy in str(error).replace(words, "")


@pytest.mark.parametrize("name", ["deadbeef", "cgroup-exporter", "oom"])
def test_a_missing_container_is_no_such_member_whatever_its_name(name: str) -> None:
    """A name that looks like a known trouble does not change what a 404 means."""
    error = meaning_of(answer_of(404, f"No such container: {name}"))
    assert type(error) is NoSuchMemberError


def test_an_unknown_refusal_keeps_status_and_words() -> None:
    """What is not understood is passed on whole."""
    error = meaning_of(answer_of(500, "something new"))
    assert type(error) is EngineError
    assert "500: something new" in str(error)


def test_a_proxy_without_an_engine_behind_it_is_an_engine_that_is_not_available() -> None:
    """A socket proxy answers 503 while its engine is down."""
    assert type(meaning_of(answer_of(503, "no server"))) is EngineUnavailableError


@pytest.mark.engine
def test_a_client_can_be_made_before_the_engine_is_up_and_used_afterwards(tmp_path: Path) -> None:
    """Making it asks nothing; a failed call does not spoil the next one."""
    path = tmp_path / "late.sock"
    client = connect(f"unix://{path}", 5, 2)
    with pytest.raises(EngineUnavailableError, match="No such file"):
        info(client)
    path.symlink_to("/var/run/docker.sock")
    assert info(client).cpus == os.cpu_count()


@pytest.mark.parametrize("url", ["", "ssh://host", "tcp://:x", "/var/run/docker.sock"])
def test_an_address_that_cannot_be_used_is_refused_with_what_is_allowed(url: str) -> None:
    """The message names the address and the forms that work."""
    with pytest.raises(EngineError, match=r"unix:///path and tcp://host:port"):
        connect(url, 1, 1)


@pytest.mark.engine
def test_the_engine_tells_of_itself(api: docker.APIClient) -> None:
    """Version, memory and cgroups are those of this machine."""
    told = info(api)
    assert told.version.split(".")[0].isdecimal()
    assert told.memory_bytes > 2**28
    assert told.cgroup_version in ("1", "2")
    assert told.cgroup_driver in ("cgroupfs", "systemd")


def test_as_many_calls_as_asked_for_run_at_once_on_connections_that_are_kept(
    serve: Serve,
) -> None:
    """40 calls for 40 addresses are under way together; the next 40 open no new connection."""
    together = threading.Barrier(40, timeout=10)

    def answer(path: str) -> tuple[int, bytes]:
        if path.endswith("/version"):
            return 200, VERSION
        together.wait()
        return 200, b"{}"

    server = serve(answer)
    client = connect(server.url, 10, 40)
    assert client.api_version == "1.41"
    with ThreadPoolExecutor(40) as pool:
        for round_ in ("a", "b", "c"):
            names = [f"{round_}{n}" for n in range(40)]
            assert list(pool.map(client.inspect_container, names)) == [{}] * 40
    assert server.connections == 40


def test_an_engine_that_does_not_answer_is_not_available_after_the_timeout(
    serve: Serve,
) -> None:
    """What was asked may still happen, and the message says so."""
    release = threading.Event()

    def answer(path: str) -> tuple[int, bytes]:
        release.wait(10)
        return 200, VERSION

    client = connect(serve(answer).url, 0.2, 1)
    with pytest.raises(EngineUnavailableError, match="may still do it"):
        info(client)
    release.set()


def test_an_answer_that_is_no_json_is_an_engine_error(serve: Serve) -> None:
    """An HTML page of a proxy is not an engine."""
    client = connect(serve(lambda _: (200, b"<html>")).url, 2, 1)
    with pytest.raises(EngineError, match="check that it is an engine"):
        info(client)


@pytest.mark.parametrize("body", [b'{"error":"forbidden"}', b"[]", b'"forbidden"', b"null"])
def test_a_refusal_in_another_form_than_the_engines_is_told_as_it_is(
    serve: Serve, body: bytes
) -> None:
    """A socket proxy answers so; docker-py fails on it with an error of its own."""
    client = connect(serve(lambda _: (403, body)).url, 2, 1)
    with pytest.raises(EngineError) as told:
        info(client)
    assert body.decode() in str(told.value)


def test_the_api_version_is_agreed_anew_when_the_engine_was_upgraded(
    serve: Serve,
) -> None:
    """A newer engine refuses the old version once; the next call uses the new one."""
    versions = iter(["1.41", "1.52"])

    def answer(path: str) -> tuple[int, bytes]:
        if path.endswith("/version"):
            return 200, json.dumps({"ApiVersion": next(versions)}).encode()
        if path.startswith("/v1.41/"):
            words = "client version 1.41 is too old. Minimum supported API version is 1.44"
            return 400, json.dumps({"message": words}).encode()
        return 200, b'{"NCPU": 3}'

    client = connect(serve(answer).url, 2, 1)
    with pytest.raises(EngineError, match="too old"):
        info(client)
    assert info(client).cpus == 3


def test_a_proxy_in_the_environment_has_no_say(monkeypatch: pytest.MonkeyPatch) -> None:
    """HTTP_PROXY and the like are for other programs, also for an engine on TCP."""
    for name in ("http_proxy", "HTTP_PROXY", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    for name in ("no_proxy", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def answer() -> None:
            connection, _ = listener.accept()
            with connection:
                connection.recv(4096)
                head = f"HTTP/1.1 200 OK\r\nContent-Length: {len(VERSION)}\r\n\r\n"
                connection.sendall(head.encode() + VERSION)

        threading.Thread(target=answer, daemon=True).start()
        port = listener.getsockname()[1]
        assert connect(f"tcp://127.0.0.1:{port}", 2, 1).api_version == "1.41"
