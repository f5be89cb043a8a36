"""A daemon with everything on that costs something: Prometheus, schedule, hooks, messages, HTTP."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator, Sequence
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from autoscaler.demo.spec import RoleSpec
from tests.bench.hosts import host
from tests.e2e.harness import Host
from tests.e2e.waiting import until
from tests.prometheus.counters import container_text
from tests.prometheus.server import Exporter, Prometheus

SCRAPE_SECONDS = 5.0
"""How often Prometheus reads the containers' counters, and the daemon's own metrics."""

OF_ROLE = {
    "schedule": "work: 0 8 * * mon-fri -> 0 18 * * mon-fri max=8; night: 0 23 * * * -> 0 6 * * *"
    " max=9",
    "after_healthy": "exec: true",
    "before_stop": "exec: true",
}


@contextlib.contextmanager
def all_on(roles: Sequence[RoleSpec]) -> Iterator[Host]:
    """Start a daemon that reads Prometheus, which scrapes it, and has sent its first message."""
    specs = [replace(spec, settings={**spec.settings, **OF_ROLE}) for spec in roles]
    with contextlib.ExitStack() as stack:
        inbox = stack.enter_context(_Inbox())
        stand = stack.enter_context(host(specs, {}))
        ids = {
            n: str(stand.stack.container(n).id) for r in roles for n in stand.stack.members(r.role)
        }
        exporter = Exporter(lambda: container_text(ids))
        stack.callback(exporter.server.shutdown)
        directory = stand.stack.directory / "prometheus"
        directory.mkdir()
        own = int(stand.settings["HTTP__LISTEN"].rpartition(":")[2])
        prometheus = Prometheus(directory, exporter.port, own, scrape=SCRAPE_SECONDS)
        stack.enter_context(prometheus)
        addresses = stand.stack.directory / "people"
        addresses.write_text(f"json://127.0.0.1:{inbox.port}/\n", encoding="utf-8")
        addresses.chmod(0o600)
        stand.settings |= {
            "CPU_SOURCE": "prometheus,cgroup",
            "PROMETHEUS__URL": prometheus.url,
            "NOTIFY__URLS_FILE": str(addresses),
            "NOTIFY__EVENTS": "daemon.started,*failed,*recovered",
        }
        stand.start()
        until(lambda: _read_by(stand) == {"prometheus"}, "Prometheus is what the rules read", 60)
        until(lambda: inbox.messages, "the first message has come", 60)
        yield stand


def _read_by(stand: Host) -> set[str]:
    """Name the sources of all readings."""
    roles = stand.status().get("roles", {}).values()
    return {m["source"] for role in roles for m in role["members"]}


class _Inbox(ThreadingHTTPServer):
    """A web hook on loopback that counts its messages."""

    daemon_threads = True

    def __init__(self) -> None:
        self.messages = 0
        inbox = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                self.rfile.read(int(self.headers.get("Content-Length", 0)))
                inbox.messages += 1
                self.send_response(200)
                self.end_headers()

            def log_message(self, *_: object) -> None:
                pass

        super().__init__(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.serve_forever, daemon=True).start()

    @property
    def port(self) -> int:
        """The port it listens on."""
        return self.server_port
