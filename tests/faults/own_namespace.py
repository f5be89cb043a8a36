"""A network namespace of the tests' own, in which this process can work for a while.

Threads and processes that begin inside stay there. Unix sockets and files do not care.
"""

from __future__ import annotations

import contextlib
import ctypes
import fcntl
import os
import socket
import struct
from collections.abc import Iterator

CLONE_NEWNET = 0x40000000
SIOCSIFFLAGS = 0x8914
IFF_UP = 1
_OWN = "/proc/thread-self/ns/net"
_libc = ctypes.CDLL(None, use_errno=True)


class Namespace:
    """A namespace with nothing but a loopback device; it goes with its last process."""

    def __init__(self) -> None:
        before = os.open(_OWN, os.O_RDONLY)
        try:
            _check(_libc.unshare(CLONE_NEWNET))
            try:
                with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
                    up = struct.pack("16sh14x", b"lo", IFF_UP)
                    fcntl.ioctl(any_socket, SIOCSIFFLAGS, up)
                self._descriptor = os.open(_OWN, os.O_RDONLY)
            finally:
                _check(_libc.setns(before, CLONE_NEWNET))
        finally:
            os.close(before)

    @contextlib.contextmanager
    def entered(self) -> Iterator[None]:
        """Let this thread, and what it begins, work in the namespace."""
        before = os.open(_OWN, os.O_RDONLY)
        try:
            _check(_libc.setns(self._descriptor, CLONE_NEWNET))
            yield
        finally:
            _check(_libc.setns(before, CLONE_NEWNET))
            os.close(before)

    def close(self) -> None:
        """Let go of it."""
        os.close(self._descriptor)


def _check(answer: int) -> None:
    """Raise OSError for an answer of the C library that means failure."""
    if answer:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
