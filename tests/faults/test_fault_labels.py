"""Labels are anyone's text: none of it reaches NGINX, none of it stops the daemon."""

from __future__ import annotations

import pytest

from autoscaler.inventory import Claim, claim, found
from autoscaler.labels import LabelWarning
from autoscaler.model import RoleScope, Scope

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
