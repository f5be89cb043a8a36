"""Sends a message from a process of its own that ends with it.

What Apprise loads stays there, and a place that never answers leaves nothing behind. The address
goes through a pipe: no list of processes shows it.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

from autoscaler.errors import AutoscalerError
from autoscaler.surface.notices.delivery import deliver
from autoscaler.surface.notices.places import Place
from autoscaler.surface.notices.text import Message, Tone

LONGEST_SECONDS = 60.0
"""After this a process that still sends is killed; whoever waits for it has long given up."""

_PACKAGES = str(Path(__file__).resolve().parents[3])


def deliver_apart(place: Place, message: Message, seconds: float = LONGEST_SECONDS) -> None:
    """Send; raises AutoscalerError with what is wrong, without the address."""
    order = {
        "line": place.line,
        "kind": place.kind,
        "url": place.url,
        "title": message.title,
        "body": message.body,
        "tone": message.tone.value,
    }
    try:
        done = subprocess.run(  # noqa: S603 - our own module, the order goes through a pipe
            [sys.executable, "-P", "-m", __name__],
            input=json.dumps(order),
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,  # a traceback may hold the address
            text=True,
            timeout=seconds,
            check=True,
            env={**os.environ, "PYTHONPATH": _PACKAGES},
        )
    except subprocess.TimeoutExpired:
        raise AutoscalerError(f"no answer within {seconds:g} s") from None
    except subprocess.CalledProcessError as error:
        raise AutoscalerError(f"what sends ended with {error.returncode}") from None
    except OSError as error:
        raise AutoscalerError(f"no process can be started: {error.strerror}") from None
    if done.stdout:
        raise AutoscalerError(done.stdout)


def main() -> None:
    """Send what standard input says; print why that failed, nothing if it did not."""
    signal.alarm(int(LONGEST_SECONDS))  # where nobody is left to kill it
    order = json.load(sys.stdin)
    place = Place(order["line"], order["kind"], order["url"])
    try:
        deliver(place, Message(order["title"], order["body"], Tone(order["tone"])))
    except AutoscalerError as error:
        sys.stdout.write(str(error) or "it failed")


if __name__ == "__main__":
    main()
