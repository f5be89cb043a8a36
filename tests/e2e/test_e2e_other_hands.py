"""People start and stop members, and containers that are none of the program's business."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

import pytest

from autoscaler.demo.containers import ContainerMaker
from autoscaler.demo.image import build_image
from tests.e2e.harness import BY_HAND, LABELS, none_failed, role

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.e2e.conftest import MakeHost
    from tests.e2e.harness import Host

pytestmark = pytest.mark.engine

PROJECT = "com.docker.compose.project"
ONEOFF = "com.docker.compose.oneoff"


def test_a_member_started_by_hand_is_adopted_and_one_stopped_by_hand_too(
    make_host: MakeHost,
) -> None:
    """A higher count counts at once, a lower one after it has settled; both are told."""
    host = make_host(role("validator", 3, settings=BY_HAND))
    daemon = host.start()
    second = host.name("validator", 2)

    host.stack.start(second)
    started = daemon.wait_for("member.changed_by_hand", member=second, change="started")
    host.wait_published("validator", 1, 2)
    assert (started.fields["desired"], host.role("validator")["desired"]) == (2, 2)

    host.stack.stop(second)
    stopped = daemon.wait_for("member.changed_by_hand", member=second, change="stopped")
    host.wait_published("validator", 1)
    assert (stopped.fields["reason"], host.role("validator")["desired"]) == ("adopted", 1)
    assert not daemon.of("member.started")


def test_a_stop_by_hand_below_the_minimum_is_repaired_after_it_has_settled(
    make_host: MakeHost,
) -> None:
    """The member is started again, and the log says what to do to keep it down."""
    host = make_host(role("validator", 2, running=2, settings={**BY_HAND, "min": "2"}))
    daemon = host.start()
    host.wait_published("validator", 1, 2)
    first = host.name("validator", 1)

    host.stack.stop(first)
    told = daemon.wait_for("member.changed_by_hand", member=first, change="stopped")
    again = daemon.wait_for("member.started", member=first)
    host.wait_published("validator", 1, 2)
    assert told.fields["reason"] == "below_min"
    assert "first autoscaler scale validator 1 --force" in told.fields["hint"]
    down = daemon.wait_for("member.died", member=first)
    assert again.time - down.time >= 2.0  # the setting `settle`


@contextlib.contextmanager
def outsiders(host: Host) -> Iterator[dict[str, str]]:
    """Create containers that look like members but are none; give their ids by name."""
    stack = host.stack
    kinds = {
        "no-project": {},
        "other-project": {PROJECT: f"{stack.project}x"},
        "one-off": {PROJECT: stack.project, ONEOFF: "True"},
        "twin": {PROJECT: stack.project},
    }
    made: dict[str, str] = {}
    # An image of their own: a container inherits its image's labels, the project among them.
    image = build_image(stack.client, f"autoscaler-e2e:{stack.project}", LABELS)
    maker = ContainerMaker(stack.client, image, stack.network_name, LABELS)
    try:
        for index, (kind, labels) in enumerate(kinds.items()):
            for running in (True, False):
                name = f"{stack.project}-{kind}-{'up' if running else 'down'}"
                if kind == "twin":
                    name = f"0123456789{'ab' if running else 'cd'}_{name}"
                spec = role("validator", 1, labels=labels)
                address = stack._address(200 + 2 * index + running)
                maker.create_member(spec, 1, name, address)
                container = stack.container(name)
                made[name] = str(container.id)
                if running:
                    container.start()
        yield made
    finally:
        for container_id in made.values():
            stack.client.api.remove_container(container_id, force=True)
        stack.client.api.remove_image(image)


def test_containers_outside_the_scope_are_never_touched(make_host: MakeHost) -> None:
    """Those of no project, of another one, one-off ones and compose's twins carry the role's label
    through a grow and a shrink, and neither run, nor stop, nor get a request because of it.
    """
    host = make_host(role("validator", 3, settings=BY_HAND))
    with outsiders(host) as made:

        def states() -> dict[str, object]:
            found = {name: host.stack.container(name).attrs for name in made}
            return {name: (a["Id"], a["State"]) for name, a in found.items()}

        before = states()
        daemon = host.start()
        load = host.load(50, "validator")
        host.bounds("validator", 3, 3)
        host.wait_published("validator", 1, 2, 3)
        host.bounds("validator", 1, 1)
        host.wait_published("validator", 1)
        none_failed(load)
        assert states() == before
        assert set(load.report().nodes) <= set(host.stack.members("validator"))
        assert not [e for e in daemon.events if e.fields.get("member") in made]
        assert [m["name"] for m in host.role("validator")["members"]] == list(
            host.stack.members("validator")
        )
