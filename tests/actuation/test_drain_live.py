"""Draining a node behind a real NGINX: requests in flight, slow uploads, dual-stack nodes."""

from __future__ import annotations

import os
import socket
import threading
from typing import TYPE_CHECKING

from autoscaler.actuation.drain import Drained
from autoscaler.actuation.drainer import Drainer, Leaving
from autoscaler.clock import SystemClock

if TYPE_CHECKING:
    from collections.abc import Callable

    from autoscaler.actuation.nginx import Published
    from tests.actuation.conftest import HostRig, Node


def unpublish_and_drain(
    rig: HostRig, node: Node, looked: Callable[[int], None], timeout: float = 20.0
) -> tuple[Published, Drained]:
    """Take a node out of the upstream and drain it; `looked` hears the number of each look."""
    published = rig.nginx().publish(rig.render())
    leaving = Leaving(os.getpid(), node.port, published.old_workers, published.proven_at)
    looks = 0

    def cancelled() -> bool:
        nonlocal looks
        looks += 1
        looked(looks)
        return False

    drainer = Drainer(SystemClock(), rig.reach().workers)
    return published, drainer.drain(leaving, timeout, cancelled)


def test_a_drain_waits_for_a_request_in_flight(
    started: HostRig, make_node: Callable[..., Node]
) -> None:
    """A request of 2 s, begun before the node left, gets its answer before the drain ends."""
    node = make_node("one")
    started.publish(node)
    node.gate.clear()
    answers: list[tuple[int, str, str]] = []
    client = threading.Thread(target=lambda: answers.append(started.ask()))
    client.start()
    assert node.entered.acquire(timeout=10)

    def looked(number: int) -> None:
        if number == 8:
            assert not answers
            node.gate.set()

    _, drained = unpublish_and_drain(started, node, looked)
    client.join(10)
    assert answers[0][2] == "one"
    assert drained.complete
    assert drained.awaited_connections == 1
    assert drained.awaited_workers >= 1
    assert drained.seconds > 1.9


def test_a_drain_waits_for_an_upload_that_has_no_connection_to_the_node_yet(
    started: HostRig, make_node: Callable[..., Node]
) -> None:
    """The old worker is still reading it, and will hand it to the node that left."""
    node = make_node("one")
    started.publish(node)
    answers: list[tuple[int, str, str]] = []
    with socket.create_connection(("127.0.0.1", started.port), timeout=20) as upload:
        head = b"POST /validator HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"
        upload.sendall(head + b"Content-Length: 10\r\n\r\nhello")
        started.until(lambda: _is_read(upload))

        def finish() -> None:
            upload.sendall(b"world")
            answers.append(started.read_answer(upload))
            upload.shutdown(socket.SHUT_RDWR)  # else NGINX lingers for 5 s

        client = threading.Thread(target=finish)

        def looked(number: int) -> None:
            if number == 8:
                assert node.paths == []
                client.start()

        _, drained = unpublish_and_drain(started, node, looked)
        assert node.paths == ["/validator"]
        client.join(10)
    assert (answers[0][0], answers[0][2]) == (200, "one")
    assert drained.complete
    assert drained.awaited_workers >= 1
    assert drained.seconds > 1.9


def test_a_drain_sees_a_node_that_listens_dual_stack(
    started: HostRig, make_node: Callable[..., Node]
) -> None:
    """Its connections show in the tcp6 table only, as a JVM's do; the timeout names the cut one."""
    node = make_node("one", "::")
    started.publish(node)
    node.gate.clear()
    client = threading.Thread(target=started.ask)
    client.start()
    assert node.entered.acquire(timeout=10)
    _, drained = unpublish_and_drain(started, node, lambda _number: None, 1.6)
    node.gate.set()
    client.join(10)
    assert (drained.complete, drained.cut_connections, drained.left_workers) == (False, 1, 1)


def test_workers_are_seen_with_their_titles(
    started: HostRig, make_node: Callable[..., Node]
) -> None:
    """Two serve; after a reload with a request in flight an old one is shutting down."""
    node = make_node("one")
    started.publish(node)
    node.gate.clear()
    client = threading.Thread(target=started.ask)
    client.start()
    assert node.entered.acquire(timeout=10)
    before = started.reach().workers()
    started.nginx().publish(started.render())
    known = {worker.identity for worker in before}
    started.until(
        lambda: any(w.shutting_down and w.identity in known for w in started.reach().workers())
    )
    node.gate.set()
    client.join(10)


def _is_read(client: socket.socket) -> bool:
    """Tell whether the other side has taken all bytes: none is left in the kernel's queues."""
    peer = f":{client.getsockname()[1]:04X}"
    with open("/proc/net/tcp", encoding="ascii") as table:  # noqa: PTH123 - a table of the kernel
        rows = [line.split() for line in table][1:]
    theirs = [row for row in rows if row[2].endswith(peer)]
    return bool(theirs) and theirs[0][4].endswith(":00000000")
