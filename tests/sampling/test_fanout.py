"""Many blocking calls at once."""

from __future__ import annotations

import sys
import threading
import time

import pytest

from autoscaler.sampling.fanout import Fanout


def test_all_calls_run_at_once() -> None:
    """Each waits for all the others."""
    together = threading.Barrier(30, timeout=5)
    fanout: Fanout[int, int] = Fanout("test", 64)
    assert len(fanout.run(dict.fromkeys(range(30), together.wait), 5)) == 30


def test_more_calls_than_threads_are_made_one_after_another() -> None:
    """Nothing is lost."""
    fanout: Fanout[int, int] = Fanout("test", 3)
    assert fanout.run({n: lambda n=n: n * n for n in range(20)}, 5) == {  # type: ignore[misc]
        n: n * n for n in range(20)
    }


def test_threads_are_used_again() -> None:
    """A tick every few seconds does not make threads every few seconds."""
    fanout: Fanout[int, int] = Fanout("test", 8)
    threads: set[int] = set()
    for _ in range(20):
        threads.update(fanout.run(dict.fromkeys(range(3), threading.get_ident), 5).values())
    assert len(threads) <= 3


def test_a_key_may_be_asked_again_as_soon_as_it_is_answered() -> None:
    """Whichever thread the kernel lets run first; switching often brings the odd orders about."""
    fanout: Fanout[str, int] = Fanout("test", 8)
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        assert all(fanout.run({"a": lambda: 1}, 5) == {"a": 1} for _ in range(2000))
    finally:
        sys.setswitchinterval(before)


def test_a_call_that_hangs_is_left_out_and_not_made_again() -> None:
    """The others are answered, now and next time, and it is called again once it returned."""
    release, calls = threading.Event(), []

    def hang() -> str:
        calls.append(1)
        release.wait(10)
        return "at last"

    fanout: Fanout[str, str] = Fanout("test", 8)
    work = {"bad": hang, "good": lambda: "fine"}
    began = time.monotonic()
    assert fanout.run(work, 0.2) == {"good": "fine"}
    assert fanout.run(work, 0.2) == {"good": "fine"}
    assert time.monotonic() - began < 2
    assert len(calls) == 1
    release.set()
    while fanout._under_way:
        threading.Event().wait(0.01)
    assert fanout.run(work, 5) == {"bad": "at last", "good": "fine"}


def test_threads_the_system_does_not_give_are_tried_again_at_the_next_run(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Else no member would be read any more, long after there are threads again."""
    fanout: Fanout[str, int] = Fanout("test", 8)

    def refuse(_thread: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    with monkeypatch.context() as patched:
        patched.setattr(threading.Thread, "start", refuse)
        assert fanout.run({"a": lambda: 1}, 0.01) == {}
    assert fanout.run({"b": lambda: 2}, 5.0) == {"b": 2}
    deadline = time.monotonic() + 5.0
    while (again := fanout.run({"a": lambda: 3}, 1.0)) != {"a": 3}:
        assert time.monotonic() < deadline, again
