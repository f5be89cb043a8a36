"""Whatever is sent to the control socket, the daemon behind it goes on and keeps what it knew.

FUZZ_EXAMPLES=20000 looks harder.
"""

from __future__ import annotations

import contextlib
import os
import re
import threading
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from autoscaler.errors import AutoscalerError
from autoscaler.surface import control
from autoscaler.surface.control import LARGEST_BODY, MOST_THREADS, call
from autoscaler.surface.requests import VERBS
from tests.daemon.desk import GOOD, Desk, dribble, request, until

EXAMPLES = int(os.environ.get("FUZZ_EXAMPLES", "60"))
FUZZ = settings(
    max_examples=EXAMPLES,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=list(HealthCheck),
)


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    """Yield one daemon for all examples: what one leaves behind, the next would meet."""
    one = Desk(tmp_path_factory.mktemp("run"))
    yield one
    one.control.stop()


TEXT = st.text(max_size=80) | st.sampled_from(["validator", "both", "12345678", "\ud800", "\x9b1m"])
ANY = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=6,
)
POSTS = [verb for (method, _), (verb, _) in VERBS.items() if method == "POST"]


_BLANKS = "\t\n\x0b\x0c\r \x85\xa0\u1680\u2028\u2029\u202f\u205f\u3000" + "".join(
    map(chr, range(0x2000, 0x200B))
)
"""Blanks around a reason are not part of it."""


def is_good(field: str, value: object) -> bool:
    """Say by the documentation whether a field may hold a value."""
    if value is None:
        return field in {"role", "seconds"}
    if field in {"role", "lease", "reason", "direction"}:
        rule = {
            "role": "validator",
            "lease": "[A-Za-z0-9-]{8,64}",
            "reason": r"[^\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]{1,500}",
            "direction": "up|down|both",
        }[field]
        if not isinstance(value, str):
            return False
        text = value.strip(_BLANKS) if field == "reason" else value
        return re.fullmatch(rule, text) is not None
    if field == "force":
        return isinstance(value, bool)
    number = isinstance(value, int | float) and not isinstance(value, bool)
    if field == "seconds":
        return number and 0 < value <= 366 * 86400  # type: ignore[operator]
    return number and isinstance(value, int) and 1 <= value <= 3


@FUZZ
@given(st.binary(max_size=400))
def test_random_bytes_change_nothing(desk: Desk, data: bytes) -> None:
    """They are no request."""
    assert desk.same_after(data) != 200


@FUZZ
@given(st.sampled_from([v for v in POSTS if GOOD[v]]), st.data())
def test_a_field_of_a_wrong_value_changes_nothing(
    desk: Desk, verb: str, data: st.DataObject
) -> None:
    """Each field of each verb, with everything JSON can hold: only what is documented passes."""
    field = data.draw(st.sampled_from(sorted(GOOD[verb])))
    value = data.draw(ANY)
    code = desk.same_after(request(verb, {**GOOD[verb], field: value}))
    required = verb == "scale" and field in {"role", "seconds"}
    good = is_good(field, value) and not (required and value is None)
    assert (code == 200) == good, (verb, field, value)


@FUZZ
@given(st.sampled_from(POSTS), ANY | st.binary(max_size=200))
def test_a_body_of_anything_changes_nothing(desk: Desk, verb: str, body: object) -> None:
    """Whatever it is, other than an empty one or an empty object where no field is required."""
    is_empty = body in ({}, b"") or (
        isinstance(body, bytes)
        and re.fullmatch(rb"[ \t\r\n]*\{[ \t\r\n]*\}[ \t\r\n]*", body) is not None
    )
    nothing = is_empty and verb in {"reload", "resume"}
    assert nothing == (desk.same_after(request(verb, body)) == 200)


@FUZZ
@given(st.sampled_from(sorted(GOOD)), st.floats(0, 1, exclude_max=True))
def test_half_a_request_changes_nothing(desk: Desk, verb: str, part: float) -> None:
    """Its client died while it spoke, at any byte."""
    whole = request(verb, GOOD[verb], b"Accept: */*\r\n")
    assert desk.same_after(whole[: int(part * len(whole))]) != 200


@FUZZ
@given(st.sampled_from(sorted(GOOD)), st.binary(min_size=1, max_size=3), st.floats(0, 1))
def test_a_request_with_a_few_wrong_bytes_is_no_defect(
    desk: Desk, verb: str, wrong: bytes, place: float
) -> None:
    """It may still be one that is allowed, but it is never answered by half."""
    whole = request(verb, GOOD[verb])
    at = int(place * len(whole))
    desk.same_after(whole[:at] + wrong + whole[at + len(wrong) :])


@FUZZ
@given(st.sampled_from(["explain", "status"]), st.text(max_size=60) | st.binary(max_size=60))
def test_a_query_of_anything_is_refused(desk: Desk, verb: str, query: str | bytes) -> None:
    """Only a role that exists is explained."""
    raw = query if isinstance(query, bytes) else query.encode("utf-8", "surrogatepass")
    code = desk.same_after(f"GET /v1/{verb}?".encode() + raw + b" HTTP/1.1\r\nHost: x\r\n\r\n")
    assert (code == 200) == (verb == "status" and not raw.strip(b" \x85\xa0"))


def test_clients_that_say_nothing_cannot_take_all_threads(desk: Desk) -> None:
    """Beyond the limit one is told so at once, and served again when one of them has gone."""
    before = threading.active_count()
    with contextlib.ExitStack() as stack:
        for _ in range(MOST_THREADS):
            stack.enter_context(desk.connect()).sendall(b"POST /v1/resume HTTP/1.1\r\n")
        with pytest.raises(AutoscalerError, match=f"{MOST_THREADS} requests are under way"):
            call(desk.control.path.parent, "GET", "/v1/status")
        assert threading.active_count() <= before + MOST_THREADS
    until(lambda: desk.send(request("status", {}))[0] == 200)


def test_a_client_that_dawdles_is_cut_off(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """The whole request has a deadline, however often a byte of it comes."""
    monkeypatch.setattr(control, "REQUEST_SECONDS", 0.2)
    before = desk.known()
    whole = request("pause", GOOD["pause"])
    with desk.connect() as wire, pytest.raises(BrokenPipeError):
        dribble(wire, whole[:-1] + b" " * 5_000)
    assert desk.known() == before
    assert desk.same_after(b"") == 0


@pytest.mark.parametrize(
    "header",
    [
        b"no colon here",
        b" folded: first",
        b"Content-Length : 3",
        b"Transfer-Encoding:",
        b": nameless",
        b"X: \xff\xfe",
        b"X: " + b"a" * 70_000,
        b"X: y\r\n" * 300 + b"X: y",
        b"Content-Length: 0x10",
        b"Content-Length: \xb2",
        b"Content-Length: 99999999999999999999999",
        b"Expect: 100-continue",
        b"Upgrade: websocket",
    ],
    ids=lambda header: header[:24].decode("latin-1"),
)
def test_a_strange_header_never_changes_what_a_request_means(desk: Desk, header: bytes) -> None:
    """In front of the length: with the length lost, ending one role's pause would end all."""
    body = b'{"role":"nobody"}'
    head = b"POST /v1/resume HTTP/1.1\r\nHost: x\r\n" + header + b"\r\n"
    assert desk.same_after(head + b"Content-Length: %d\r\n\r\n" % len(body) + body) != 200


@pytest.mark.parametrize(
    "body",
    [
        b"[" * 60_000,
        b'{"reason":' * 6_000,
        b'{"reason":"' + b"a" * 65_000 + b'"}',
        b'{"reason":"\xff"}',
        b'{"reason":"\\ud800"}',
        b'{"reason":"x","seconds":' + b"9" * 60_000 + b"}",
        b'{"reason":"x","seconds":1e999999}',
        b'{"reason":"x","reason":7}',
        b"\xef\xbb\xbf{}",
        b"\x00" * LARGEST_BODY,
        b" " * (LARGEST_BODY + 1),
    ],
    ids=lambda body: f"{body[:12].decode('latin-1')!r} {len(body)}",
)
def test_a_huge_deep_or_broken_body_is_refused(desk: Desk, body: bytes) -> None:
    """With words, in no time."""
    assert desk.same_after(request("pause", body)) in {400, 413}
