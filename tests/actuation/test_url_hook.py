"""A hook's POST to a real server: what counts as done, and how it fails."""

from __future__ import annotations

import socket
import time

import pytest

from autoscaler.actuation.url_hook import OUTPUT_BYTES, call_url
from autoscaler.errors import HookFailedError
from autoscaler.hooks import HookFailure, UrlHook
from autoscaler.model import ContainerState, Health, Member
from tests.actuation.conftest import free_port
from tests.actuation.test_health import saying, serving

OK = b"HTTP/1.1 204 No Content\r\n\r\n"


def member(port: int, *networks: str) -> Member:
    """Return a member in the host's network, which is at 127.0.0.1, or in these."""
    state = ContainerState.RUNNING
    shown = networks or ("host",)
    return Member("web", "web-1", 1, "id", state, Health.NONE, "", port, networks=shown)


def fails(port: int, hook: UrlHook, seconds: float = 5.0) -> HookFailedError:
    """Call a hook that has to fail; return how it did."""
    with pytest.raises(HookFailedError) as told:
        call_url(member(port), hook, seconds)
    return told.value


def test_the_member_itself_gets_a_post_without_a_body() -> None:
    """On the hook's port; its path goes as it was written."""
    told: list[bytes] = []

    def talk(connection: socket.socket) -> None:
        told.append(connection.recv(4096))
        connection.sendall(OK)

    with serving(talk) as port:
        call_url(member(1), UrlHook("/leave?now=%20", port), 5.0)
    (asked,) = told
    lines = asked.split(b"\r\n")
    assert lines[0] == b"POST /leave?now=%20 HTTP/1.1"
    assert f"Host: 127.0.0.1:{port}".encode() in lines
    assert b"Content-Length: 0" in lines


def test_without_a_port_the_member_is_asked_where_it_answers_requests() -> None:
    """Also where a label gave it a port of its own."""
    with serving(saying(OK)) as port:
        call_url(member(port), UrlHook("/"), 5.0)


@pytest.mark.parametrize("status", [b"301 Moved", b"404 Not Found", b"503 Unavailable", b"199 X"])
def test_only_2xx_is_done_and_what_the_member_answered_is_kept(status: bytes) -> None:
    """A redirection is followed nowhere; of a long answer the beginning is kept."""
    answer = b"HTTP/1.1 " + status + b"\r\nLocation: /x\r\n\r\nno: " + b"z" * 10_000
    with serving(saying(answer)) as port:
        error = fails(port, UrlHook("/leave"))
    assert error.code == HookFailure.HTTP_STATUS
    assert str(error) == f"POST 127.0.0.1:{port}/leave answered {int(status[:3])}"
    assert error.output.startswith("no: zzz")
    assert len(error.output) == OUTPUT_BYTES


def test_a_member_that_does_not_answer_in_time_has_failed_and_may_still_do_it() -> None:
    """However slowly it drips."""
    begun = time.monotonic()
    with serving(saying(*(b"H" for _ in range(40)), every=0.1)) as port:
        error = fails(port, UrlHook("/leave"), 0.5)
        assert time.monotonic() - begun < 3.0
    assert error.code == HookFailure.TIMED_OUT
    assert "was not answered within 0.5 s; it may still have an effect" in str(error)


def test_a_port_where_nobody_listens_has_failed() -> None:
    """With the system's words."""
    error = fails(free_port(), UrlHook("/leave"))
    assert (error.code, "Connection refused" in str(error)) == (HookFailure.UNREACHABLE, True)


def test_an_answer_that_is_not_http_has_failed() -> None:
    """Something else listens there."""
    with serving(saying(b"SSH-2.0-OpenSSH\r\n\r\n")) as port:
        error = fails(port, UrlHook("/leave"))
    assert (error.code, "not HTTP" in str(error)) == (HookFailure.UNREACHABLE, True)


def test_a_member_without_an_address_has_failed() -> None:
    """There is nobody to ask, and nobody else is asked."""
    with pytest.raises(HookFailedError, match="has no address on any network") as told:
        call_url(member(9003, "cut"), UrlHook("/leave"), 1.0)
    assert told.value.code == HookFailure.UNREACHABLE
