"""Structured logs: one JSON object a line for machines, colours for a terminal."""

from __future__ import annotations

import contextlib
import io
import os
import sys
from typing import Any, TextIO

import structlog

_PRIORITIES = {"debug": 7, "info": 6, "warning": 4, "error": 3, "critical": 2}
_LEVELS = {"debug": 10, "info": 20, "warning": 30, "error": 40}


def configure(level: str, log_format: str, stream: TextIO | None = None) -> None:
    """Set up logging for the process.

    `level` is debug, info, warning or error; `log_format` is json, console or auto (json unless
    the stream is a terminal). Under systemd, which sets JOURNAL_STREAM, each line starts with its
    priority so that the journal can filter by it. A line that the stream does not take is lost.
    """
    out = stream or sys.stdout
    if isinstance(out, io.TextIOWrapper):
        out.reconfigure(errors="backslashreplace")  # some text has no place in an encoding
    as_json = log_format == "json" or (log_format == "auto" and not out.isatty())
    processors: list[Any] = [
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    if as_json:
        processors += [
            structlog.processors.format_exc_info,
            structlog.processors.JSONRenderer(default=str, ensure_ascii=False),
        ]
        if os.environ.get("JOURNAL_STREAM"):
            processors.append(_prefix)
    else:
        processors.append(structlog.dev.ConsoleRenderer(colors=out.isatty()))
    structlog.configure(
        processors=processors,
        wrapper_class=structlog.make_filtering_bound_logger(_LEVELS[level]),
        logger_factory=structlog.PrintLoggerFactory(
            file=_Enduring(out)  # type: ignore[arg-type] # it is only written to and flushed
        ),
        cache_logger_on_first_use=False,
    )


class _Enduring:
    """Passes lines on to a stream, and lets go of those it does not take.

    A file on a full disk or a pipe without a reader must not end the daemon: what is lost here
    stands in history, too.
    """

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, text: str) -> int:
        """Write what can be written."""
        with contextlib.suppress(OSError):
            self._stream.write(text)
        return len(text)

    def flush(self) -> None:
        """Send on what can be sent."""
        with contextlib.suppress(OSError):
            self._stream.flush()


def _prefix(_logger: object, method: str, line: str) -> str:
    """Put the journal's priority prefix before a rendered line."""
    return f"<{_PRIORITIES.get(method, 6)}>{line}"
