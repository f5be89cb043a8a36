"""Settings of the messages to people."""

from __future__ import annotations

from pathlib import Path

import pytest

from autoscaler.errors import SettingsError
from autoscaler.settings import load
from autoscaler.settings.event_names import exists

_SCOPE = {"AUTOSCALER_PROJECT": "v11", "AUTOSCALER_NGINX__CONTAINER": "proxy"}


def test_by_default_nobody_is_told() -> None:
    """There is no place to send to."""
    assert load(None, _SCOPE).settings.notify.urls_file is None


def test_a_file_and_events_are_read() -> None:
    """Names in lower case, in the order given."""
    given = {
        "AUTOSCALER_NOTIFY__URLS_FILE": "/etc/autoscaler/notify.urls",
        "AUTOSCALER_NOTIFY__EVENTS": "Member.Died, *.failed",
    }
    notify = load(None, _SCOPE | given).settings.notify
    assert notify.urls_file == Path("/etc/autoscaler/notify.urls")
    assert notify.events == ("member.died", "*.failed")


@pytest.mark.parametrize(
    ("events", "wrong"),
    [
        ("", "is empty"),
        ("member died", "no name of an event"),
        ("member-died", "no name of an event"),
        ("*.failed,", "no name of an event"),
        ("*.failed,*.failed", "twice"),
        ("member.dies", "no such event; the closest is 'member.died'"),
        ("*failled", "no such event; the closest is '[*].failed'"),
        ("membr.*", "no such event; the closest is 'member.[*]'"),
        ("notify.failed", "no such event"),
    ],
)
def test_a_wrong_list_of_events_is_named(events: str, wrong: str) -> None:
    """With what is allowed."""
    with pytest.raises(SettingsError, match=wrong) as caught:
        load(None, _SCOPE | {"AUTOSCALER_NOTIFY__EVENTS": events})
    assert "allowed: a comma-separated list of event names" in str(caught.value)


def test_every_default_means_an_event() -> None:
    """A default that matched nothing would only look like a safety."""
    defaults = load(None, _SCOPE).settings.notify.events
    assert all(map(exists, defaults))
