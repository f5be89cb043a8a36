"""The control socket, spoken to over a real Unix socket."""

from __future__ import annotations

import contextlib
import json
import os
import pwd
import queue
import socket
import stat
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from autoscaler.errors import AutoscalerError, DaemonUnreachableError
from autoscaler.surface.control import call
from autoscaler.surface.control_socket import ControlSocket
from autoscaler.surface.defects import Defect, Defects
from autoscaler.surface.requests import Reply, Request

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


class Daemon:
    """Answers verbs like the controller would."""

    def __init__(self, run_dir: Path) -> None:
        self.run_dir = run_dir
        self.asked: list[str] = []
        self.requests: list[Request] = []
        self.busy = False
        self.broken = self.clumsy = False
        self.told: list[Defect] = []
        self.lost: list[str] = []
        self.looks = 0
        self.control = ControlSocket(
            run_dir, self.ask, Defects(self.told.append), self.lost.append, self._beside
        )

    def _beside(self) -> None:
        self.looks += 1
        if self.clumsy:
            raise RuntimeError("no such look")

    def ask(self, request: Request) -> Reply:
        """Answer, or not in time."""
        self.asked.append(request.verb)
        self.requests.append(request)
        if self.broken:
            raise RuntimeError("no such thing")
        if self.busy:
            raise queue.Empty
        return Reply({"verb": request.verb, "where": Path("/run")})

    def raw(self, request: bytes) -> bytes:
        """Send bytes as they are and return all that comes back."""
        with socket.socket(socket.AF_UNIX) as client:
            client.settimeout(5.0)
            client.connect(str(self.control.path))
            client.sendall(request)
            client.shutdown(socket.SHUT_WR)
            answer = b""
            while chunk := client.recv(65536):
                answer += chunk
            return answer


@pytest.fixture
def daemon(tmp_path: Path) -> Iterator[Daemon]:
    """Yield a daemon that listens."""
    one = Daemon(tmp_path)
    one.control.start()
    yield one
    one.control.stop()


def test_status_is_answered(daemon: Daemon) -> None:
    """What the daemon says comes back as JSON, whatever was in it."""
    assert call(daemon.run_dir, "GET", "/v1/status") == {"verb": "status", "where": "/run"}


def test_reload_is_a_post(daemon: Daemon) -> None:
    """It changes something."""
    call(daemon.run_dir, "POST", "/v1/reload")
    assert daemon.asked == ["reload"]


@pytest.mark.parametrize(
    ("method", "path"),
    [("GET", "/v1/reload"), ("POST", "/v1/status"), ("GET", "/v2/status"), ("GET", "/")],
)
def test_what_does_not_exist_is_refused_with_what_does(
    daemon: Daemon, method: str, path: str
) -> None:
    """An unknown path or the wrong method never reaches the daemon."""
    with pytest.raises(AutoscalerError, match=r"there are GET /v1/status, .*POST /v1/reload"):
        call(daemon.run_dir, method, path)
    assert daemon.asked == []


@pytest.mark.parametrize(
    "garbage",
    [b"\x00\xff\x16\x03\x01\r\n\r\n", b"GET\r\n\r\n", b"DELETE /v1/status HTTP/1.1\r\n\r\n", b""],
    ids=["binary", "half a line", "unknown method", "nothing"],
)
def test_garbage_harms_nobody(daemon: Daemon, garbage: bytes) -> None:
    """The next client is served as if nothing had been."""
    assert b" 200 " not in daemon.raw(garbage)
    assert call(daemon.run_dir, "GET", "/v1/status")["verb"] == "status"


def test_a_client_that_says_nothing_blocks_nobody(daemon: Daemon) -> None:
    """Each connection has a thread of its own."""
    with socket.socket(socket.AF_UNIX) as idle:
        idle.connect(str(daemon.control.path))
        assert call(daemon.run_dir, "GET", "/v1/status")["verb"] == "status"


def test_a_daemon_that_does_not_answer_in_time_is_told(daemon: Daemon) -> None:
    """The client gets words, not a hanging connection."""
    daemon.busy = True
    with pytest.raises(AutoscalerError, match="did not answer within"):
        call(daemon.run_dir, "GET", "/v1/status")


def test_only_owner_and_group_may_open_the_socket(daemon: Daemon) -> None:
    """Mode 0660, whatever the umask."""
    assert stat.S_IMODE(daemon.control.path.stat().st_mode) == 0o660


def test_the_umask_is_what_it_was(tmp_path: Path) -> None:
    """Files made later are not affected."""
    before = os.umask(0o022)
    control = ControlSocket(tmp_path, lambda _request: Reply({}), Defects(print))
    control.start()
    assert os.umask(before) == 0o022
    control.stop()


def test_a_socket_left_by_a_killed_daemon_is_replaced(tmp_path: Path) -> None:
    """It is there, but nobody listens."""
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(str(tmp_path / "control.sock"))
    with pytest.raises(DaemonUnreachableError):
        call(tmp_path, "GET", "/v1/status")
    daemon = Daemon(tmp_path)
    daemon.control.start()
    assert call(tmp_path, "GET", "/v1/status")["verb"] == "status"
    daemon.control.stop()


def _until(fact: Callable[[], bool]) -> None:
    """Wait until something is so."""
    end = time.monotonic() + 20.0
    while not fact():
        assert time.monotonic() < end
        time.sleep(0.01)


def test_a_socket_that_was_removed_is_made_anew_and_told(daemon: Daemon) -> None:
    """A cleaner of old files must not make a daemon that runs unreachable for ever."""
    daemon.control.path.unlink()
    _until(lambda: daemon.lost == [""])
    assert call(daemon.run_dir, "GET", "/v1/status")["verb"] == "status"
    assert stat.S_IMODE(daemon.control.path.stat().st_mode) == 0o660


def test_a_socket_whose_directory_is_gone_is_told_once_and_made_when_it_is_back(
    daemon: Daemon,
) -> None:
    """It is tried at every look; the words name the directory's setting."""
    aside = daemon.run_dir.rename(daemon.run_dir.with_name("aside"))
    looks = daemon.looks
    _until(lambda: daemon.looks > looks + 1)
    (trouble,) = daemon.lost
    assert "AUTOSCALER_RUN_DIR must be a directory" in trouble
    (aside / "control.sock").unlink()
    aside.rename(daemon.run_dir)
    _until(lambda: daemon.lost == [trouble, ""])
    assert call(daemon.run_dir, "GET", "/v1/status")["verb"] == "status"


def test_what_somebody_has_put_in_the_place_of_the_socket_stays(daemon: Daemon) -> None:
    """It is told once; two daemons must not take the place from each other for ever."""
    daemon.control.path.unlink()
    _until(lambda: daemon.lost == [""])
    other = daemon.run_dir / "other"
    other.write_text("precious", encoding="utf-8")
    other.replace(daemon.control.path)
    _until(lambda: len(daemon.lost) == 2)
    looks = daemon.looks
    _until(lambda: daemon.looks > looks + 1)
    assert daemon.lost[1:] == [
        f"{daemon.control.path} is not this daemon's socket any more; remove it"
    ]
    daemon.control.stop()
    assert daemon.control.path.read_text(encoding="utf-8") == "precious"


def test_a_defect_beside_the_listening_does_not_end_it(daemon: Daemon) -> None:
    """It is reported like one in an answer."""
    daemon.clumsy = True
    _until(lambda: bool(daemon.told))
    assert daemon.told[0].request == "a look beside"
    assert call(daemon.run_dir, "GET", "/v1/status")["verb"] == "status"


def test_a_file_that_is_no_socket_is_not_removed(tmp_path: Path) -> None:
    """The error names it and the setting."""
    (tmp_path / "control.sock").write_text("precious", encoding="utf-8")
    with pytest.raises(AutoscalerError, match="AUTOSCALER_RUN_DIR"):
        ControlSocket(tmp_path, lambda _request: Reply({}), Defects(print)).start()
    assert (tmp_path / "control.sock").read_text(encoding="utf-8") == "precious"


def test_without_a_daemon_the_error_says_how_to_start_one(tmp_path: Path) -> None:
    """The socket does not exist."""
    with pytest.raises(DaemonUnreachableError, match="systemctl start autoscaler"):
        call(tmp_path, "GET", "/v1/status")


def test_an_answer_that_is_no_answer_is_no_daemon(tmp_path: Path) -> None:
    """Somebody else listens on that socket."""
    with socket.socket(socket.AF_UNIX) as other:
        other.bind(str(tmp_path / "control.sock"))
        other.listen(1)

        def babble() -> None:
            client, _ = other.accept()
            client.recv(1000)
            client.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello")
            client.close()

        thread = threading.Thread(target=babble)
        thread.start()
        with pytest.raises(DaemonUnreachableError):
            call(tmp_path, "GET", "/v1/status")
        thread.join(5.0)


@pytest.mark.filterwarnings("error::pytest.PytestUnhandledThreadExceptionWarning")
def test_stopping_removes_the_socket_and_frees_the_address(tmp_path: Path) -> None:
    """The next daemon starts at once, and no thread ends with a traceback."""
    for _ in range(2):
        daemon = Daemon(tmp_path)
        daemon.control.start()
        assert call(tmp_path, "GET", "/v1/status")["verb"] == "status"
        daemon.control.stop()
        assert not daemon.control.path.exists()
    names = {thread.name for thread in threading.enumerate() if thread.is_alive()}
    assert "control" not in names


def test_answers_are_json_with_a_length(daemon: Daemon) -> None:
    """Any HTTP client can read them."""
    head, _, body = daemon.raw(b"GET /v1/status HTTP/1.1\r\nHost: x\r\n\r\n").partition(b"\r\n\r\n")
    assert b"Content-Type: application/json" in head
    assert json.loads(body)["verb"] == "status"


def test_the_daemon_is_told_which_user_asks(daemon: Daemon) -> None:
    """As the kernel knows it, whatever the client says."""
    call(daemon.run_dir, "POST", "/v1/pause", {"reason": "deploy"})
    assert daemon.requests[0].by == pwd.getpwuid(os.geteuid()).pw_name


@pytest.mark.parametrize(
    ("header", "code"),
    [
        (b"Content-Length: 999999999", b"413"),
        (b"Content-Length: -1", b"400"),
        (b"Content-Length: 1e3", b"400"),
        (b"Content-Length: 2\r\nContent-Length: 3", b"400"),
        (b"Content-Length: 50", b"400"),
        (b"Transfer-Encoding: chunked", b"411"),
    ],
)
def test_a_body_of_a_wrong_length_is_refused(daemon: Daemon, header: bytes, code: bytes) -> None:
    """It never reaches the daemon, and the next client is served."""
    request = b"POST /v1/pause HTTP/1.1\r\nHost: x\r\n" + header + b'\r\n\r\n{"reason":"x"}'
    assert daemon.raw(request).startswith(b"HTTP/1.1 " + code)
    assert daemon.asked == []
    assert call(daemon.run_dir, "GET", "/v1/status")["verb"] == "status"


def test_a_defect_is_answered_and_told(daemon: Daemon) -> None:
    """Nobody waits for an answer that never comes, and the log says what was asked."""
    daemon.broken = True
    with pytest.raises(AutoscalerError, match="a defect: this answer could not be made"):
        call(daemon.run_dir, "POST", "/v1/reload")
    assert [(d.surface, d.request) for d in daemon.told] == [("control", "POST /v1/reload")]


def test_a_thread_that_cannot_be_started_costs_no_place(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With the last place lost, every later request would be refused for ever."""
    monkeypatch.setattr("autoscaler.surface.control.MOST_THREADS", 1)
    daemon = Daemon(tmp_path)
    daemon.control.start()

    def refuse(_thread: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    with monkeypatch.context() as patched:
        patched.setattr(threading.Thread, "start", refuse)
        with contextlib.suppress(ConnectionError):  # reset, or closed: as the kernel likes
            assert daemon.raw(b"GET /v1/status HTTP/1.1\r\n\r\n") == b""
    assert call(tmp_path, "GET", "/v1/status")["verb"] == "status"
    daemon.control.stop()
