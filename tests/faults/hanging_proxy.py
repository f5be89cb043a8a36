"""A proxy before the engine's socket that can keep its answers, break them, or refuse.

It forwards bytes; of HTTP it knows only that a chunk from the client that begins with a method is
the head of a request, which holds for the program's client.
"""

from __future__ import annotations

import contextlib
import re
import socket
import threading
from enum import Enum, auto
from pathlib import Path
from typing import Self

CHUNK = 65536
_HEAD = re.compile(rb"^(GET|POST|PUT|DELETE|HEAD) (\S+) HTTP/1\.[01]\r\n")
_ERROR = b'{"message": "the engine is not well"}'
_ANSWER_500 = (
    b"HTTP/1.1 500 Internal Server Error\r\nContent-Type: application/json\r\n"
    b"Content-Length: %d\r\n\r\n%s" % (len(_ERROR), _ERROR)
)


class Way(Enum):
    """How the engine behind the proxy behaves."""

    WELL = auto()
    HANGS = auto()
    REFUSES = auto()
    ANSWERS_HALF = auto()
    ANSWERS_500 = auto()


class _Link:
    """A client's connection and the one to the engine that belongs to it."""

    def __init__(self, client: socket.socket, engine: socket.socket) -> None:
        self.client = client
        self.engine = engine
        self.muted = False

    def end(self) -> None:
        """End both, so that whoever reads from one wakes up."""
        for end in (self.client, self.engine):
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)


class HangingProxy:
    """Listens on `path` for the engine at `engine`; as a context manager it ends at the end."""

    def __init__(self, path: Path, engine: str = "/var/run/docker.sock") -> None:
        self.url = f"unix://{path}"
        self.way = Way.WELL
        self.kept: list[str] = []
        self._path = path
        self._engine = engine
        self._keep: re.Pattern[str] | None = None
        self._then = Way.WELL
        self._links: list[_Link] = []
        self._listener: socket.socket | None = None

    def __enter__(self) -> Self:
        """Listen."""
        self._listen()
        return self

    def __exit__(self, *error: object) -> None:
        """End every connection and listen no more."""
        self._deafen()
        self._end_links()

    def turn(self, way: Way) -> None:
        """Behave like that from now on, also on connections that are open."""
        self.way = way
        if way is Way.REFUSES:
            self._deafen()
            self._end_links()

    def keep_answers(self, pattern: str, then: Way = Way.WELL) -> None:
        """Pass on requests like `POST /containers/x/start` that match, but never their answers.

        From the first one on behave like `then`.
        """
        self.kept, self._then, self._keep = [], then, re.compile(pattern)

    def heal(self) -> None:
        """Behave well again; connections that missed something end."""
        self._keep = None
        self.way = Way.WELL
        self._end_links()
        if self._listener is None:
            self._listen()

    def _listen(self) -> None:
        self._path.unlink(missing_ok=True)
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(str(self._path))
        self._listener.listen(64)
        threading.Thread(target=self._accept, args=(self._listener,), daemon=True).start()

    def _deafen(self) -> None:
        """Stop listening; the path stays, so that connections are refused."""
        if self._listener is not None:
            with contextlib.suppress(OSError):
                self._listener.shutdown(socket.SHUT_RDWR)
            self._listener.close()
            self._listener = None

    def _end_links(self) -> None:
        links, self._links = self._links, []
        for link in links:
            link.end()

    def _accept(self, listener: socket.socket) -> None:
        while True:
            try:
                client, _ = listener.accept()
            except OSError:
                return
            engine = socket.socket(socket.AF_UNIX)
            try:
                engine.connect(self._engine)
            except OSError:
                client.close()
                continue
            link = _Link(client, engine)
            self._links.append(link)
            for relay in (self._requests, self._answers):
                threading.Thread(target=relay, args=(link,), daemon=True).start()

    def _requests(self, link: _Link) -> None:
        """Pass on what the client says."""
        with contextlib.suppress(OSError), link.client:
            while data := link.client.recv(CHUNK):
                self._note_request(link, data)
                if self.way is Way.HANGS and not link.muted:
                    continue  # taken, and nothing ever done about it
                if self.way is Way.ANSWERS_500:
                    link.client.sendall(_ANSWER_500)
                else:
                    link.engine.sendall(data)
        link.end()

    def _note_request(self, link: _Link, data: bytes) -> None:
        """Begin to keep the answers of a connection whose request is one to be kept."""
        head = _HEAD.match(data)
        if head is None or self._keep is None:
            return
        request = f"{head[1].decode()} {head[2].decode()}"
        if self._keep.search(request):
            link.muted = True
            if self._then is not Way.WELL:
                self.way = self._then
            self.kept.append(request)

    def _answers(self, link: _Link) -> None:
        """Pass on what the engine says, as far as that is wanted."""
        with contextlib.suppress(OSError), link.engine:
            while data := link.engine.recv(CHUNK):
                if link.muted or self.way is Way.HANGS:
                    continue
                if self.way is Way.ANSWERS_HALF:
                    link.client.sendall(data[: len(data) // 2])
                    break
                link.client.sendall(data)
        link.end()
