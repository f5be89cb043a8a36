"""What may be asked: everything else is refused with words."""

from __future__ import annotations

import json

import pytest

from autoscaler.surface.requests import PauseBody, RefusedError, read_request

PAUSE = {"reason": "deploy"}
SCALE = {"role": "validator", "count": 2, "seconds": 60, "reason": "sale"}


@pytest.mark.parametrize(
    ("path", "body", "words"),
    [
        ("pause", {}, "reason is required; allowed fields: reason, role, direction, seconds"),
        ("pause", {**PAUSE, "rol": "x"}, "'rol' is no field of this request; allowed: reason, "),
        ("pause", {**PAUSE, "role": "Validator!"}, "role is 'Validator!'; allowed: a role's name"),
        ("pause", {**PAUSE, "role": 7}, "role is 7: Input should be a valid string"),
        ("pause", {**PAUSE, "direction": "left"}, "direction is 'left': .*'up', 'down' or 'both'"),
        ("pause", {"reason": "a\nb"}, "reason is .*; allowed: one line of text"),
        ("pause", {"reason": "a\x9b2J"}, "reason is .*; allowed: one line of text"),
        ("pause", {"reason": "a\u2028b"}, "reason is .*; allowed: one line of text"),
        ("pause", {"reason": "  "}, "reason is .*at least 1 character"),
        ("pause", {**PAUSE, "seconds": "60"}, "seconds is '60': Input should be a valid number"),
        ("pause", {**PAUSE, "seconds": 0}, "seconds is 0: Input should be greater than 0"),
        ("pause", {**PAUSE, "seconds": 1e99}, "seconds is 1e\\+99: .*less than or equal"),
        ("scale", {**SCALE, "count": 2.5}, "count is 2.5: Input should be a valid integer"),
        ("scale", {**SCALE, "count": True}, "count is True: Input should be a valid integer"),
        ("scale", {**SCALE, "count": 0}, "count is 0: .*greater than or equal to 1"),
        ("scale", {**SCALE, "force": "false"}, "force is 'false': Input should be a valid boolean"),
        ("hold", {"lease": "../x", "reason": "x"}, "lease is '../x'; allowed: 8 to 64 letters"),
        ("reload", {"now": True}, "'now' is no field of this request; allowed: force"),
    ],
)
def test_a_wrong_field_is_named_with_what_is_allowed(
    path: str, body: dict[str, object], words: str
) -> None:
    """Nothing is converted, guessed or ignored."""
    with pytest.raises(RefusedError, match=words) as refused:
        read_request("POST", f"/v1/{path}", json.dumps(body).encode(), "alice")
    assert refused.value.code == 400


@pytest.mark.parametrize(
    "content",
    [b"[]", b"7", b"null", b"{", b"\xff\xfe", b'{"reason": NaN}', b"[" * 5000, b'"reason"'],
)
def test_a_body_that_is_no_object_is_refused(content: bytes) -> None:
    """However deep or broken."""
    with pytest.raises(RefusedError) as refused:
        read_request("POST", "/v1/pause", content, "alice")
    assert refused.value.code == 400


@pytest.mark.parametrize(
    ("target", "words"),
    [
        ("/v1/status?x=1", "'x' is no field"),
        ("/v1/explain", "role is required"),
        ("/v1/explain?role=a&role=b", "given twice"),
        ("/v1/explain?role", "is not name=value"),
    ],
)
def test_a_wrong_query_is_refused(target: str, words: str) -> None:
    """Fields of a GET are checked like those of a body."""
    with pytest.raises(RefusedError, match=words):
        read_request("GET", target, b"", "alice")


def test_a_good_request_comes_out_with_its_defaults_and_its_user() -> None:
    """What is left out has its documented value."""
    request = read_request("POST", "/v1/pause", b'{"reason": " deploy "}', "alice")
    assert (request.verb, request.by) == ("pause", "alice")
    assert request.body == PauseBody(reason="deploy")


def test_the_wrong_method_is_told_apart_from_the_wrong_path() -> None:
    """405 and 404."""
    codes = []
    for method, path in (("GET", "/v1/pause"), ("POST", "/v1/paus")):
        with pytest.raises(RefusedError) as refused:
            read_request(method, path, b"", "alice")
        codes.append(refused.value.code)
    assert codes == [405, 404]
