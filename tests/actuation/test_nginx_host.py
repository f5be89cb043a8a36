"""Publishing to a real NGINX on the host, of an old and of a current version."""

from __future__ import annotations

import os
import signal
import socket
import threading
import time
from typing import TYPE_CHECKING

import pytest

from autoscaler.actuation.nginx import ASK_SECONDS, OVERLAP_SECONDS, Nginx
from autoscaler.actuation.upstreams import MARK, Probe, Rendered, Upstream, host_of, render
from autoscaler.clock import SystemClock
from autoscaler.errors import NginxError, NginxTestFailedError, NginxUnreachableError
from tests.actuation.conftest import WORKERS, until

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.actuation.conftest import HostRig, Node

BROKEN = Rendered("0" * 16, f"{MARK}\n# generation {'0' * 16}\nupstream {{ broken\n")


def test_a_published_node_gets_requests(started: HostRig, make_node: Callable[..., Node]) -> None:
    """After the reload new connections reach the node."""
    published = started.publish(make_node("one"))
    assert published.reloaded
    assert published.old_workers
    assert started.ask()[2] == "one"


def test_every_phase_is_measured(started: HostRig, make_node: Callable[..., Node]) -> None:
    """Writing, testing, reloading and proving, in seconds."""
    published = started.nginx().publish(started.render(make_node("one")))
    assert set(published.seconds) == {"write", "test", "reload", "prove"}
    assert all(0 <= seconds < 5 for seconds in published.seconds.values())


def test_nothing_is_reloaded_when_nothing_changed(
    started: HostRig, make_node: Callable[..., Node]
) -> None:
    """The same workers go on; those of before the first reload may take their time to end."""
    rendered = started.render(make_node("one"))
    old = {w.identity for w in started.nginx().publish(rendered).old_workers}

    def serving() -> set[tuple[int, int]]:
        return {w.identity for w in started.reach().workers()} - old

    until(lambda: len(serving()) == WORKERS)  # the first new worker may answer before the second
    before = serving()
    assert not started.nginx().publish(rendered).reloaded
    assert serving() == before


def test_nothing_is_reloaded_while_old_workers_still_answer(
    started: HostRig, make_node: Callable[..., Node]
) -> None:
    """For 100 ms after a reload one answer may come from before it."""
    node = make_node("one")
    for nodes in ((node,), (), (node,), (), (node,)):
        started.nginx().publish(started.render(*nodes))
        assert [started.nginx().publish(started.render(*nodes)).reloaded for _ in "abc"] == [
            False
        ] * 3


def test_a_second_reload_waits_until_older_workers_are_quiet(
    started: HostRig, make_node: Callable[..., Node]
) -> None:
    """There and back at once, workers of an earlier time would prove what did not happen."""
    pauses: list[float] = []

    def pause(seconds: float) -> None:
        pauses.append(seconds)
        time.sleep(seconds)

    nginx = Nginx(started.reach(), started.directory, 5.0, SystemClock(), pause)
    nginx.publish(started.render(make_node("one")))
    first = time.monotonic()
    pauses.clear()
    nginx.publish(started.render())
    assert max(pauses) > ASK_SECONDS
    assert time.monotonic() - first >= OVERLAP_SECONDS


def test_an_empty_role_answers_503_with_retry_after(started: HostRig) -> None:
    """Clients learn when to come back, and not 502."""
    status, head, body = started.ask()
    assert (status, body) == (503, "no healthy member\n")
    assert "Retry-After: 7" in head


@pytest.mark.parametrize("path", ["/validator", "/validator/x?y=z"])
def test_an_empty_role_answers_503_to_every_request(started: HostRig, path: str) -> None:
    """Also to a POST, and to a client that asks for somebody else's Host."""
    request = f"POST {path} HTTP/1.1\r\nHost: 0.autoscaler.invalid\r\nContent-Length: 3\r\n"
    with socket.create_connection(("127.0.0.1", started.port), timeout=5) as client:
        client.sendall(f"{request}Connection: close\r\n\r\nabc".encode())
        assert client.recv(4096).startswith(b"HTTP/1.1 503")


def test_a_generation_that_is_not_served_is_not_proven(started: HostRig) -> None:
    """Only the current one answers 200 under its name."""
    generation = started.render().generation
    nginx = started.nginx()
    assert nginx.proven(generation)
    assert not nginx.proven("0" * 16)
    assert started.file.read_text().count(host_of(generation)) == 1


def test_a_refused_file_is_undone_and_the_old_workers_serve(
    started: HostRig, make_node: Callable[..., Node]
) -> None:
    """Byte for byte the previous file, the same workers, and NGINX's own words."""
    started.publish(make_node("one"))
    file, workers = started.file.read_bytes(), started.reach().workers()
    with pytest.raises(NginxTestFailedError, match="previous upstreams are back") as refused:
        started.nginx().publish(BROKEN)
    assert "autoscaler.conf:" in refused.value.output
    assert "[emerg]" in str(refused.value)
    assert started.file.read_bytes() == file
    serving = {w.identity for w in started.reach().workers() if not w.shutting_down}
    assert serving <= {w.identity for w in workers}
    assert started.ask()[2] == "one"


def test_the_same_refusal_has_the_same_message(started: HostRig) -> None:
    """Without time and process ids, so a log can tell that nothing is new."""
    messages = set()
    for _ in "ab":
        with pytest.raises(NginxTestFailedError) as refused:
            started.nginx().publish(BROKEN)
        messages.add(str(refused.value))
    assert len(messages) == 1
    assert "configuration: [emerg] invalid" in messages.pop()


def test_somebody_elses_broken_file_is_named_and_changes_nothing(
    started: HostRig, make_node: Callable[..., Node]
) -> None:
    """Once it is mended, the same publish goes through."""
    before = started.file.read_bytes()
    other = started.directory / "zz-other.conf"
    other.write_text("nonsense;\n")
    rendered = started.render(make_node("one"))
    with pytest.raises(NginxTestFailedError, match=r"zz-other\.conf"):
        started.nginx().publish(rendered)
    assert started.file.read_bytes() == before
    other.unlink()
    assert started.nginx().publish(rendered).reloaded


def test_a_reload_that_did_nothing_is_found_out_and_done_again(
    started: HostRig, make_node: Callable[..., Node]
) -> None:
    """The command succeeds without effect; the next publish of the same text reloads."""
    rendered = started.render(make_node("one"))
    before = started.file.read_bytes()
    with pytest.raises(NginxError, match=r"did not show generation \w+ within 0.3 s"):
        started.nginx(0.3, reload=("true",)).publish(rendered)
    assert started.file.read_bytes() == before
    assert started.nginx().publish(rendered).reloaded
    started.until(lambda: started.ask()[2] == "one")


def test_a_failed_reload_is_done_again_though_the_file_is_unchanged(
    started: HostRig, make_node: Callable[..., Node]
) -> None:
    """The right text on disk, as a killed daemon leaves it, proves nothing."""
    rendered = started.render(make_node("one"))
    started.file.write_text(rendered.text)
    assert started.nginx().publish(rendered).reloaded
    started.until(lambda: started.ask()[2] == "one")


def test_a_file_that_nginx_refuses_is_undone_after_the_daemon_was_killed(
    started: HostRig, make_node: Callable[..., Node]
) -> None:
    """Killed between the rename and the test: the previous copy is still known."""
    started.nginx().publish(started.render(make_node("one")))
    good = started.file.read_bytes()
    (started.directory / ".autoscaler.conf.previous").write_bytes(good)
    started.file.write_text(BROKEN.text)
    with pytest.raises(NginxTestFailedError):
        started.nginx().publish(BROKEN)
    assert started.file.read_bytes() == good


def test_a_file_nginx_meanwhile_serves_is_what_a_failure_goes_back_to(
    started: HostRig, make_node: Callable[..., Node]
) -> None:
    """Killed between the reload and its proof: the new file is the good one."""
    started.nginx().publish(started.render(make_node("one")))
    served = started.file.read_bytes()
    (started.directory / ".autoscaler.conf.previous").write_text(f"{MARK}\nstale\n")
    with pytest.raises(NginxTestFailedError):
        started.nginx().publish(BROKEN)
    assert started.file.read_bytes() == served


def test_a_taken_probe_port_is_a_failed_reload(started: HostRig) -> None:
    """NGINX's test passes, its master keeps the old configuration; then the port is free."""
    before = started.file.read_bytes()
    with socket.socket() as blocker:
        blocker.bind(("127.0.0.1", 0))
        blocker.listen()
        started.probe_port = int(blocker.getsockname()[1])
        rendered = started.render()
        with pytest.raises(NginxError, match=r"did not .* probe port is free"):
            started.nginx(0.5).publish(rendered)
        assert started.file.read_bytes() == before
    assert started.nginx(10.0).publish(rendered).reloaded


def test_a_first_file_the_site_refers_to_stays_after_an_unproven_reload(
    host_rig: HostRig,
) -> None:
    """Without it NGINX would not start again: it refuses a proxy_pass to no upstream."""
    host_rig.start()
    host_rig.site = "location / { proxy_pass http://autoscaler_validator; }"
    host_rig.write_config()
    rendered = host_rig.render()
    with pytest.raises(NginxError, match="did not show"):
        host_rig.nginx(0.3, reload=("true",)).publish(rendered)
    assert host_rig.file.read_text() == rendered.text
    assert host_rig.nginx().publish(rendered).reloaded


def test_a_first_file_nobody_refers_to_is_taken_away_after_an_unproven_reload(
    host_rig: HostRig,
) -> None:
    """There was none before."""
    host_rig.start()
    with pytest.raises(NginxError, match="did not show"):
        host_rig.nginx(0.3, reload=("true",)).publish(host_rig.render())
    assert list(host_rig.directory.iterdir()) == []


def test_a_killed_nginx_finds_the_right_file_when_it_is_back(
    started: HostRig, make_node: Callable[..., Node]
) -> None:
    """While it is down the file is kept right; back again, it needs no reload."""
    started.kill()
    rendered = started.render(make_node("one"))
    with pytest.raises(NginxUnreachableError, match="NGINX does not run"):
        started.nginx().publish(rendered)
    assert started.file.read_text() == rendered.text
    started.start()
    assert not started.nginx().publish(rendered).reloaded
    assert started.ask()[2] == "one"
    assert [path.name for path in started.directory.iterdir()] == ["autoscaler.conf"]


def test_a_file_without_the_header_is_left_alone(started: HostRig) -> None:
    """Somebody else's file of that name survives."""
    started.file.write_text("# mine\n")
    with pytest.raises(NginxError, match="move it away"):
        started.nginx().publish(started.render())
    assert started.file.read_text() == "# mine\n"


def test_no_request_fails_while_generations_change_under_load(
    started: HostRig, make_node: Callable[..., Node]
) -> None:
    """Swapping between two nodes ten times; each request reaches a node that is published."""
    nodes = [make_node("one"), make_node("two")]
    started.publish(nodes[0])
    answers: list[tuple[int, str]] = []
    stop = threading.Event()

    def load() -> None:
        while not stop.wait(0.005):
            status, _, body = started.ask()
            answers.append((status, body))

    threads = [threading.Thread(target=load) for _ in range(3)]
    for thread in threads:
        thread.start()
    try:
        for turn in range(10):
            started.nginx().publish(started.render(nodes[(turn + 1) % 2]))
    finally:
        stop.set()
        for thread in threads:
            thread.join(20)
    assert len(answers) > 10
    assert {status for status, _ in answers} == {200}


def test_a_stopped_master_does_not_prove_a_reload(started: HostRig) -> None:
    """A master that is stopped cannot reload: the proof times out, the file goes back."""
    assert started.child is not None
    before = started.file.read_bytes()
    other = render(
        (Upstream("other", ()),), Probe(f"127.0.0.1:{started.probe_port}", started.probe_port)
    )
    os.kill(started.child.pid, signal.SIGSTOP)
    try:
        with pytest.raises(NginxError, match="did not show"):
            started.nginx(0.3).publish(other)
    finally:
        os.kill(started.child.pid, signal.SIGCONT)
    assert started.file.read_bytes() == before
