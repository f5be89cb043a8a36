"""Labels are anyone's text: none of it reaches NGINX, none of it stops the daemon."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from autoscaler.demo.containers import ContainerMaker
from autoscaler.inventory import Claim, claim, found
from autoscaler.labels import LabelWarning
from autoscaler.scope import RoleScope, Scope
from tests.e2e.harness import BY_HAND, none_failed, role
from tests.e2e.waiting import until

if TYPE_CHECKING:
    from tests.e2e.conftest import MakeHost
    from tests.e2e.harness import Host

RATE = 100.0
TEXTS = {
    "newline": "1\n}\nserver { listen 80; }",
    "brace": "}",
    "semicolon": "9003; return 200",
    "variable": "$host",
    "ten kilobytes": "9" * 10_240,
    "unicode digits": "\uff19\uff10\uff10\uff13",
    "emoji": "\U0001f433",
    "control characters": "\x1b[2J\x07",
    "word": "abc",
    "empty": "",
    "exponent": "1e9",
    "not a number": "nan",
    "infinite": "inf",
    "overflow": "1e400",
    "negative": "-1",
    "underscore": "9_003",
    "sign": "+1",
    "fraction": "2.5",
}
BAD = {
    "autoscaler.port": {**TEXTS, "zero": "0", "too high": "65536"},
    "autoscaler.order": {**TEXTS, "too high": "1000001"},
    "autoscaler.protect": {**TEXTS, "yes": "yes"},
    "autoscaler.role": {**TEXTS, "other case": "Validator", "with a blank": "validator x"},
}
CASES = [(label, what, value) for label, values in BAD.items() for what, value in values.items()]
SCOPE = Scope("mine", (RoleScope("validator", 9003),))


@pytest.mark.parametrize(
    ("label", "value"), [c[::2] for c in CASES], ids=[f"{c[0]}: {c[1]}" for c in CASES]
)
def test_a_label_that_cannot_be_used_is_told_with_the_container_and_what_is_allowed(
    label: str, value: str
) -> None:
    """The text of the label itself is cut and quoted, so that it cannot forge a log line; a member
    takes the default meanwhile.
    """
    labels = {
        "com.docker.compose.project": "mine",
        "com.docker.compose.container-number": "1",
        "autoscaler.role": "validator",
        label: value,
    }
    claimed = claim({"Names": ["/node-1"], "Labels": labels}, SCOPE)
    if label == "autoscaler.role":
        assert isinstance(claimed, LabelWarning)
        told = str(claimed)
    else:
        assert isinstance(claimed, Claim)
        inspected = {"Id": "1", "State": {"Status": "running"}, "Config": {"Labels": labels}}
        member, warnings = found(inspected, claimed, 2.0)
        assert (member.member.port, member.labelled) == (9003, None)
        (told,) = map(str, warnings)
    assert told.startswith(f"node-1: label {label}=")
    assert "allowed: " in told
    assert told.isprintable()
    assert told.isascii()
    assert len(told) < 400


RUNNING = {
    "autoscaler.port": TEXTS["newline"],
    "autoscaler.order": TEXTS["not a number"],
    "autoscaler.protect": TEXTS["brace"],
    "com.docker.compose.service": TEXTS["newline"],
    "com.docker.compose.container-number": TEXTS["ten kilobytes"],
}
"""Labels of members that run; each gets a member of its own."""


def add_hostile(host: Host) -> tuple[list[str], list[str]]:
    """Create a running member per label of RUNNING and a spare per other case; return the names."""
    stack = host.stack
    image = f"autoscaler-demo:{stack.project}"
    maker = ContainerMaker(stack.client, image, stack.network_name, stack._labels)
    spec = stack.roles["validator"]
    wanted = [*RUNNING.items(), *((label, value) for label, _, value in CASES[::3])]
    names = []
    for number, (label, value) in enumerate(wanted, 100):
        name = f"{stack.project}-hostile-{number}"
        asked = role("validator", 1, labels={label: value}, cpus=spec.cpus)
        maker.create_member(asked, number, name, stack._address(number))
        names.append(name)
    running = names[: len(RUNNING)]
    for name in running:
        stack.start(name)
    return running, names[len(RUNNING) :]


@pytest.mark.engine
def test_hostile_labels_reach_no_configuration_and_stop_nothing(make_host: MakeHost) -> None:
    """Members with such labels serve on their role's port, NGINX's test passes with the file, and
    the log names every container.
    """
    count = str(1 + len(RUNNING))
    settings = {**BY_HAND, "min": count, "max": count}
    host = make_host(role("validator", 1, settings=settings))
    running, spares = add_hostile(host)

    daemon = host.start()
    load = host.load(RATE, "validator")

    served = {host.stack.members("validator")[0], *running}
    until(
        lambda: {m["name"] for m in host.role("validator")["members"] if m["published"]} == served,
        "all that run are published",
    )
    until(lambda: set(load.report().nodes) == served, "all of them answer")
    text = (host.stack.generated / "autoscaler.conf").read_text(encoding="ascii")
    lines = [line for line in text.splitlines() if "hostile" in line]
    assert len(lines) == len(running)
    assert all(":9003 max_fails=0" in line for line in lines)
    assert text.count("server {") == 2
    assert len(text) < 4000
    tested = host.stack.container(host.stack.nginx_name).exec_run(["/usr/sbin/nginx", "-t"])
    assert tested.exit_code == 0, tested.output
    told = [str(e.fields["reason"]) for e in daemon.of("inventory.warning")]
    for name in (*running[:3], *spares):
        assert any(line.startswith(f"{name}: label ") and "allowed: " in line for line in told)
    none_failed(load)
