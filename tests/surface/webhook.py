"""A place to send to: a real HTTP server on loopback that answers, refuses or hangs."""

from __future__ import annotations

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

WAIT_SECONDS = 20.0


class Webhook:
    """Takes messages. `answer` is the status it gives; while `free` is not set it hangs."""

    def __init__(self) -> None:
        self.answer = 200
        self.free = threading.Event()
        self.free.set()
        self.requests = 0
        self.messages: list[dict[str, Any]] = []
        self._came = threading.Condition()
        hook = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                with hook._came:
                    hook.requests += 1
                    hook._came.notify_all()
                hook.free.wait(WAIT_SECONDS)
                answer = hook.answer
                with hook._came:  # before the answer: whoever has it may look at once
                    if answer == 200:
                        hook.messages.append(json.loads(body))
                    hook._came.notify_all()
                self.send_response(answer)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002
                """Say nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()

    @property
    def url(self) -> str:
        """Its address as Apprise writes it."""
        return f"json://someone:geheim@127.0.0.1:{self._server.server_port}/hooks/geheim?rto=15"

    def wait_for(self, *, messages: int = 0, requests: int = 0) -> None:
        """Wait until so many messages were taken and requests have come."""

        def there() -> bool:
            return len(self.messages) >= messages and self.requests >= requests

        with self._came:
            assert self._came.wait_for(there, WAIT_SECONDS), (self.messages, self.requests)

    def close(self) -> None:
        """Let go of who hangs, and end."""
        self.free.set()
        self._server.shutdown()
        self._server.server_close()


def write_places(path: Path, *urls: str) -> Path:
    """Write a file of addresses that only its owner can read."""
    path.touch(mode=0o600)
    path.write_text("".join(f"{url}\n" for url in urls), encoding="utf-8")
    return path
