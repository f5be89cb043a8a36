"""What `check` says of the query of each role: numbers, reasons, and what was asked."""

from __future__ import annotations

import contextlib
import json
import threading
import time
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs

import pytest

from autoscaler.cli.findings import Finding, Level
from autoscaler.cli.promcheck import prometheus_findings
from autoscaler.sampling.prometheus import PrometheusSetup
from tests.sampling.test_prometheus_answers import member

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

V1, V2 = member("v1"), member("v2", "b", "10.0.0.3")
B1 = replace(member("b1", "c", "10.0.0.4"), role="business")
QUERIES = {"validator": 'v{name=~"{members}"}', "business": 'b{name=~"{members}"}'}


def _vector(**percent: float | str) -> dict[str, Any]:
    """Return an answer with a series for each member name."""
    result = [
        {"metric": {"name": name}, "value": [time.time(), str(value)]}
        for name, value in percent.items()
    ]
    return {"status": "success", "data": {"resultType": "vector", "result": result}}


@contextlib.contextmanager
def _answering(answers: Mapping[str, Any]) -> Iterator[str]:
    """Answer queries by their first letters, on loopback; yield the address."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            form = self.rfile.read(int(self.headers["Content-Length"])).decode()
            content = json.dumps(answers[parse_qs(form)["query"][0][0]]).encode()
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as made:
        loop = {"poll_interval": 0.01}
        threading.Thread(target=made.serve_forever, kwargs=loop, daemon=True).start()
        yield f"http://127.0.0.1:{made.server_port}"
        made.shutdown()


def _found(url: str, *members: Any, works: bool = False) -> list[Finding]:  # noqa: ANN401 - members
    """Ask as `check` does."""
    setup = PrometheusSetup(url=url, timeout=2.0, queries=QUERIES)
    return list(prometheus_findings(setup, members, works=works))


def test_each_role_is_told_what_its_query_gives() -> None:
    """One finding a role, a number for each running member."""
    with _answering({"v": _vector(v1=12.4, v2=80.6), "b": _vector(b1=5)}) as url:
        assert _found(url, V1, V2, B1) == [
            Finding(Level.OK, "prometheus validator", f"{url} gives v1 12 %, v2 81 %"),
            Finding(Level.OK, "prometheus business", f"{url} gives b1 5 %"),
        ]


def test_a_member_without_a_series_fails_with_the_reason_and_the_query() -> None:
    """The other one's number and the setting that holds the query are told, too."""
    with _answering({"v": _vector(v1=12), "b": _vector(b1=5)}) as url:
        bad, good = _found(url, V1, V2, B1)
    assert (bad.level, good.level) == (Level.FAIL, Level.OK)
    assert bad.text.startswith(f"{url}: no reading of v2: empty: ")
    assert bad.text.endswith("; it gives v1 12 %")
    assert "the query in AUTOSCALER_ROLES__VALIDATOR__PROMETHEUS_QUERY" in bad.remedy
    assert bad.remedy.endswith('this was asked: v{name=~"v1|v2"}')


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        (_vector(v1="NaN"), "no reading of v1: not_a_number: "),
        ({"status": "error", "errorType": "bad_data", "error": "parse error"}, "parse error"),
    ],
)
def test_what_is_no_number_is_a_warning_while_another_source_serves(
    answer: dict[str, Any], says: str
) -> None:
    """Prometheus' own words are among them."""
    with _answering({"v": answer}) as url:
        (found,) = _found(url, V1, works=True)
    assert found.level is Level.WARN
    assert says in found.text
    assert found.text.endswith("; another source serves")


def test_a_prometheus_that_is_away_fails_for_every_role() -> None:
    """The address is told with what the connection said."""
    with _answering({}) as url:
        pass
    found = _found(url, V1, B1)
    assert [(one.level, one.item) for one in found] == [
        (Level.FAIL, "prometheus validator"),
        (Level.FAIL, "prometheus business"),
    ]
    assert all(one.text.startswith(f"{url}: no reading of ") for one in found)
    assert all("refused" in one.text for one in found)
