"""A directory for one run, and an end to whatever earlier runs left behind."""

from __future__ import annotations

import contextlib
import shutil
import signal
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from autoscaler.demo.owner import is_gone, own_identity

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import FrameType

PREFIX = "autoscaler-demo-"
OWNER_FILE = "owner"
SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


@contextlib.contextmanager
def workspace() -> Iterator[Path]:
    """Give an empty directory that is removed at the end, and remove those of killed runs."""
    for owner in Path(tempfile.gettempdir()).glob(f"{PREFIX}*/{OWNER_FILE}"):
        # Another user's cannot be read, and that of a run that ends this moment is gone.
        with contextlib.suppress(OSError, ValueError):
            if is_gone(owner.read_text(encoding="utf-8")):
                shutil.rmtree(owner.parent, ignore_errors=True)
    path = Path(tempfile.mkdtemp(prefix=PREFIX))
    try:
        (path / OWNER_FILE).write_text(own_identity(), encoding="utf-8")
        yield path
    finally:
        shutil.rmtree(path, ignore_errors=True)


@contextlib.contextmanager
def one_interrupt() -> Iterator[None]:
    """Turn the first Ctrl-C, SIGTERM or SIGHUP into KeyboardInterrupt and ignore further ones.

    So cleaning up, which the first one starts, runs to its end.
    """

    def interrupt(_number: int, _frame: FrameType | None) -> None:
        for number in SIGNALS:
            signal.signal(number, signal.SIG_IGN)
        raise KeyboardInterrupt

    before = {number: signal.signal(number, interrupt) for number in SIGNALS}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
