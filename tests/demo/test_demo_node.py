"""The demo's node program, as a real process on loopback."""

from __future__ import annotations

import signal
import socket
import time
from pathlib import Path

import pytest

from tests.demo.loopback import StartNode, get, read_all, wait_until


def cpu_seconds(pid: int) -> float:
    """Return the CPU time a process has used."""
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / 100


@pytest.mark.parametrize("kind", ["health", "consensus", "transaction", "query"])
def test_the_four_paths_answer_with_the_nodes_name(start_node: StartNode, kind: str) -> None:
    """Each of the four paths answers 200 and tells the node's name in a header and the body."""
    answer = start_node().ask(get(f"/api/v11/{kind}"))
    assert answer.startswith(b"HTTP/1.1 200 OK")
    assert b"\r\nX-Node: n1\r\n" in answer
    assert answer.endswith(b"\r\n\r\nn1\n")


def test_pipelined_requests_are_answered_in_order(start_node: StartNode) -> None:
    """A delayed request and a fast one behind it on one connection are answered in that order."""
    slow = get("/api/v11/query?delay_ms=100", close=False)
    answer = start_node().ask(slow, get("/unknown"))
    assert answer.startswith(b"HTTP/1.1 200 OK")
    assert answer.count(b"HTTP/1.1 ") == 2
    assert b"HTTP/1.1 404 Not Found" in answer


def test_a_body_dripped_byte_by_byte_is_one_request(start_node: StartNode) -> None:
    """A Content-Length body that arrives in pieces is answered once, after its last byte."""
    head = b"POST /api/v11/transaction HTTP/1.1\r\nContent-Length: 4\r\nConnection: close\r\n\r\n"
    with socket.create_connection(start_node().address, timeout=10) as connection:
        for part in (head[:20], head[20:], b"a", b"b", b"c"):
            connection.sendall(part)
        connection.settimeout(0.2)
        with pytest.raises(TimeoutError):
            connection.recv(1)
        connection.settimeout(10)
        connection.sendall(b"d")
        assert read_all(connection).count(b"HTTP/1.1 200") == 1


def test_a_chunked_body_is_consumed_whole(start_node: StartNode) -> None:
    """A chunked body ends at its last chunk, and the next request on the connection is read."""
    chunked = (
        b"POST /api/v11/transaction HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n"
        b"3\r\nabc\r\n10;x=y\r\n0123456789abcdef\r\n0\r\n\r\n"
    )
    answer = start_node().ask(chunked, get("/api/v11/health"))
    assert answer.count(b"HTTP/1.1 200 OK") == 2


def test_a_request_that_is_no_http_is_refused(start_node: StartNode) -> None:
    """Bytes that are no HTTP request get 400 and the connection is closed."""
    assert start_node().ask(b"hello\r\n\r\n").startswith(b"HTTP/1.1 400")


def test_burning_uses_the_stated_cpu(start_node: StartNode) -> None:
    """20 requests that burn 20 ms each use at least 0.4 s of CPU, and little more."""
    node = start_node(NODE_BURN_MS="consensus=20")
    before = cpu_seconds(node.process.pid)
    for _ in range(20):
        node.ask(get("/api/v11/consensus"))
    assert 0.38 <= cpu_seconds(node.process.pid) - before < 0.55


def test_a_delay_uses_no_cpu_and_blocks_nobody(start_node: StartNode) -> None:
    """While one request waits its delay, another connection is answered at once."""
    node = start_node()
    with socket.create_connection(node.address, timeout=10) as waiting:
        waiting.sendall(get("/api/v11/query?delay_ms=60000"))
        begin = time.monotonic()
        assert b"200 OK" in node.ask(get("/api/v11/query"))
        assert time.monotonic() - begin < 5


def test_everything_is_503_until_it_is_ready(start_node: StartNode) -> None:
    """Before NODE_READY_AFTER every path answers 503, afterwards 200."""
    node = start_node(NODE_READY_AFTER="0.7")
    assert b"503" in node.ask(get("/api/v11/query")).split(b"\r\n")[0]
    assert b"503" in node.ask(get("/metrics")).split(b"\r\n")[0]
    wait_until(lambda: b"200 OK" in node.ask(get("/api/v11/query")), "ready")


def test_it_dies_when_told_to(start_node: StartNode) -> None:
    """NODE_DIE_AFTER ends the process with exit code 1."""
    assert start_node(NODE_DIE_AFTER="0.1").process.wait(10) == 1


def test_health_fails_for_as_long_as_a_test_asks(start_node: StartNode) -> None:
    """With NODE_CONTROL, POST health?fail=SECONDS makes health answer 503, other paths not."""
    node = start_node(NODE_CONTROL="1")
    node.ask(get("/api/v11/health?fail=60").replace(b"GET", b"POST"))
    assert b"503" in node.ask(get("/api/v11/health"))
    assert b"200 OK" in node.ask(get("/api/v11/query"))


def test_without_control_nobody_can_make_health_fail(start_node: StartNode) -> None:
    """Without NODE_CONTROL the same POST changes nothing."""
    node = start_node()
    node.ask(get("/api/v11/health?fail=60").replace(b"GET", b"POST"))
    assert b"200 OK" in node.ask(get("/api/v11/health"))


def test_metrics_count_what_was_served(start_node: StartNode) -> None:
    """/metrics holds the four platform metrics and the process's CPU, with served counts."""
    node = start_node()
    for _ in range(3):
        node.ask(get("/api/v11/transaction"))
    text = node.ask(get("/metrics")).decode()
    samples = dict(
        line.split(" ") for line in text.splitlines() if line.startswith(("aurigraph", "process"))
    )
    assert set(samples) == {
        "aurigraph_consensus_tps_current",
        "aurigraph_consensus_block_height",
        "aurigraph_transaction_processed_total",
        "aurigraph_cache_hit_ratio",
        "process_cpu_seconds_total",
    }
    assert samples["aurigraph_transaction_processed_total"] == "3"


def test_sigterm_cuts_requests_in_flight(start_node: StartNode) -> None:
    """SIGTERM ends the node at once; a request it was working on is cut without an answer."""
    node = start_node()
    with socket.create_connection(node.address, timeout=10) as connection:
        connection.sendall(get("/api/v11/query?delay_ms=60000"))
        node.ask(get("/api/v11/query"))  # answered, so the one before has been taken
        node.process.send_signal(signal.SIGTERM)
        assert node.process.wait(2) == 128 + signal.SIGTERM
        assert read_all(connection) == b""


def test_dual_stack_connections_show_only_in_the_tcp6_table(start_node: StartNode) -> None:
    """With NODE_DUAL_STACK an IPv4 client's connection is in tcp6 and not in tcp, as a JVM's."""
    node = start_node(NODE_DUAL_STACK="1")
    with socket.create_connection(node.address, timeout=10) as connection:
        connection.sendall(get("/api/v11/health", close=False))
        assert b"200 OK" in connection.recv(1000)
        port = f":{node.address[1]:04X} "
        net = Path(f"/proc/{node.process.pid}/net")
        local = {
            name: sum(
                line.split()[1].endswith(port.strip()) and line.split()[3] == "01"
                for line in (net / name).read_text(encoding="ascii").splitlines()[1:]
            )
            for name in ("tcp", "tcp6")
        }
        assert local == {"tcp": 0, "tcp6": 1}
