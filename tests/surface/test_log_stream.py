"""The thread that writes the log: whoever logs never waits for who reads."""

from __future__ import annotations

import os
from contextlib import closing

from autoscaler.surface import log_stream
from autoscaler.surface.log_stream import LogStream


def test_a_reader_that_has_stopped_holds_nobody_and_what_it_missed_is_counted() -> None:
    """More lines than the pipe and the queue take; the reader goes on, and the count is told."""
    reader, writer = os.pipe()
    missed: list[int] = []
    stream = LogStream(writer, "utf-8", missed.append)
    line = "x" * 199 + "\n"
    for _ in range(log_stream.LINES + 2_000):  # the pipe holds 327 of them
        stream.write(line)
    stream.close(0.01)
    with closing(os.fdopen(reader, "rb")) as pipe:
        while sum(missed) < 1_000:
            assert pipe.readline() == line.encode()
    assert sum(missed) <= 2_000


def test_a_pipe_without_a_reader_is_no_error() -> None:
    """A collector of logs that has ended; the end of the process does not wait for it either."""
    reader, writer = os.pipe()
    os.close(reader)
    stream = LogStream(writer, "utf-8", lambda lines: None)
    stream.write("one\n")
    stream.close(5.0)
    os.close(writer)


def test_text_that_the_encoding_lacks_is_written_as_an_escape() -> None:
    """A locale without UTF-8."""
    reader, writer = os.pipe()
    stream = LogStream(writer, "ascii", lambda lines: None)
    stream.write("caf\u00e9\n")
    stream.close(5.0)
    os.close(writer)
    with closing(os.fdopen(reader, "rb")) as pipe:
        assert pipe.read() == b"caf\\xe9\n"
