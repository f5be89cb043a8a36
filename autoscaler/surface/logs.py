"""Structured logs: one JSON object a line for machines, colours for a terminal."""

from __future__ import annotations

import os
import sys
from typing import Any, TextIO, cast

import structlog

from autoscaler.surface.log_stream import LogStream

_PRIORITIES = {"debug": 7, "info": 6, "warning": 4, "error": 3, "critical": 2}
_LEVELS = {"debug": 10, "info": 20, "warning": 30, "error": 40}

_streams: dict[int, LogStream] = {}
"""One for each file descriptor, however often the log is configured."""


def configure(level: str, log_format: str, stream: TextIO | None = None) -> None:
    """Set up logging for the process.

    `level` is debug, info, warning or error; `log_format` is json, console or auto (json unless
    the stream is a terminal). Under systemd, which sets JOURNAL_STREAM, each line starts with its
    priority so that the journal can filter by it. A stream with a file descriptor gets its lines
    from a thread; what it does not take is lost.
    """
    out = stream or sys.stdout
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
        logger_factory=structlog.WriteLoggerFactory(file=_destination(out)),
        cache_logger_on_first_use=False,
    )


def _destination(out: TextIO) -> TextIO:
    """Return what takes lines for a stream without ever holding or failing whoever logs."""
    try:
        descriptor = out.fileno()
    except (OSError, ValueError):
        return out  # kept in memory
    out.flush()
    if descriptor not in _streams:
        _streams[descriptor] = LogStream(descriptor, out.encoding or "utf-8", _tell_lost)
    return cast("TextIO", _streams[descriptor])  # it is only written to and flushed


def _tell_lost(lines: int) -> None:
    structlog.get_logger().warning(
        "log.lost",
        lines=lines,
        reason="the log took no line for a while",
        hint="what was lost here is in history: autoscaler events",
    )


def _prefix(_logger: object, method: str, line: str) -> str:
    """Put the journal's priority prefix before a rendered line."""
    return f"<{_PRIORITIES.get(method, 6)}>{line}"
