"""A defect in an answer reaches the log and history, by the controller's thread."""

from __future__ import annotations

from autoscaler.daemon.inbox import Item
from autoscaler.daemon.journal import Journal
from autoscaler.daemon.telling import Troubled
from autoscaler.daemon.worker import Done
from autoscaler.surface.defects import Defect
from tests.daemon.machine import Time
from tests.daemon.proxy import Memory


def test_a_defect_becomes_an_event_when_the_controller_takes_it() -> None:
    """With all that whoever mends it needs."""
    inbox: list[Item] = []
    time = Time()
    history = Memory(time)
    troubled = Troubled(Journal(history, time), inbox.append)
    troubled.tell(Defect("http", "GET /livez", "KeyError: 'x'", "site.py:9 in answer", 3))
    assert history.events == []
    (item,) = inbox
    assert isinstance(item, Done)
    item.deliver()
    (event,) = history.events
    assert event["event"] == "request.failed"
    assert (event["surface"], event["request"], event["more"]) == ("http", "GET /livez", 3)
    assert (event["reason"], event["place"]) == ("KeyError: 'x'", "site.py:9 in answer")
