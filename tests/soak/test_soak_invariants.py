"""The soak's own rules: each of them notices what it is for, and an injected fault explains only
what it causes.
"""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.soak.invariants import Checker, Failure, Stop
from tests.soak.looks import Look, Seen, listed_in
from tests.soak.troubles import BAD_GATEWAY, LISTED_SECONDS, REPAIR_SECONDS, SLACK_SECONDS, Trouble
from tests.soak.vitals import Vitals, judge_life

ROLE = frozenset({"web"})


def seen(number: int, *, state: str = "running", answers: bool = True, inside: int = 0) -> Seen:
    """Return member `number` of the role web."""
    return Seen(f"web-{number}", "web", state, f"10.0.0.{number}", 0.0, answers, inside)


def look(at: float, *members: Seen, listed: tuple[int, ...] = (1,), proven: bool = True) -> Look:
    """Return a look at the role web."""
    names = {f"web-{n}": f"10.0.0.{n}" for n in listed}
    return Look(at, {m.name: m for m in members}, {"web": names}, proven, at)


@pytest.fixture
def checker() -> Checker:
    """Return a checker of the role web, 1 to 2 members, that has seen a good look."""
    made = Checker({"web": 1}, {"web": 2})
    assert made.look(look(0.0, seen(1))) == []
    return made


def test_the_generated_file_is_read_by_role_name_and_address() -> None:
    """The fallback server of an empty role is no member."""
    text = (
        "upstream autoscaler_web {\n    least_conn;\n"
        "    server 10.0.0.1:80 max_fails=0 fail_timeout=10s;  # web-1\n}\n"
        "upstream autoscaler_api {\n"
        "    server 127.0.0.1:9178 max_fails=0;  # no healthy member: 503\n}\n"
    )
    found = listed_in(text)
    assert found["web"] == {"web-1": "10.0.0.1"}
    assert "127.0.0.1" not in found["web"].values()


def test_too_few_members_are_told(checker: Checker) -> None:
    """Two looks in a row see nobody serve and no fault explains it."""
    down = seen(1, state="exited", answers=False)
    assert checker.look(look(0.2, down, listed=())) == []
    assert "below min" in checker.look(look(0.4, down, listed=()))[0]


def test_too_many_members_are_told(checker: Checker) -> None:
    """A paused member takes a place too."""
    members = (seen(1), seen(2), seen(3, state="paused", answers=False))
    checker.look(look(0.2, *members))
    assert "above max" in checker.look(look(0.4, *members))[0]


def test_a_listed_member_that_cannot_answer_is_told_when_it_stays(checker: Checker) -> None:
    """NGINX's list may be behind for as long as the bound."""
    members = (seen(1), seen(2, answers=False))
    told = [
        words
        for step in range(1, int(LISTED_SECONDS * 9))
        for words in checker.look(look(step * 0.2, *members, listed=(1, 2)))
    ]
    assert len(told) == 1
    assert "cannot answer" in told[0]


def test_a_request_that_fails_without_a_fault_is_lost(checker: Checker) -> None:
    """Nothing explains it."""
    assert checker.failure(Failure("web", "status 502", 1.0, 1.1))


def test_a_kill_explains_failures_until_the_list_is_whole_again(checker: Checker) -> None:
    """It explains the bad gateways of its role, not those of another, not a refused connection,
    and none that was due later.
    """
    kill = Trouble("kill", ROLE, 1.0, "web-1", BAD_GATEWAY, hurts=True, injected=1.0, ended=1.0)
    checker.ledger.all.append(kill)
    assert not checker.failure(Failure("web", "status 502", 0.9, 1.1))
    assert checker.failure(Failure("api", "status 502", 0.9, 1.1))
    assert checker.failure(Failure("web", "connect", 0.9, 1.1))
    checker.look(look(2.0, seen(1, answers=False), seen(2), listed=(2,)))
    assert kill.closed == 2.0
    assert checker.failure(Failure("web", "status 502", 2.1 + SLACK_SECONDS, 2.8))


def test_a_list_is_whole_when_the_look_at_it_ends(checker: Checker) -> None:
    """A look may take long on a busy machine, and NGINX proves its list only at the end of it."""
    kill = Trouble("kill", ROLE, 1.0, "web-1", BAD_GATEWAY, hurts=True, injected=1.0, ended=1.0)
    checker.ledger.all.append(kill)
    checker.look(replace(look(2.0, seen(1)), ended=2.8))
    assert not checker.failure(Failure("web", "status 503", 2.7 + SLACK_SECONDS, 3.5))
    assert checker.failure(Failure("web", "status 503", 2.9 + SLACK_SECONDS, 4.5))


def test_a_repair_that_takes_too_long_is_told(checker: Checker) -> None:
    """The time runs while another member could take the place."""
    hit = Trouble("pause", ROLE, 1.0, "web-1", BAD_GATEWAY, hurts=True, injected=1.0)
    checker.ledger.all.append(hit)
    members = (seen(1, state="paused", answers=False), seen(2, state="exited", answers=False))
    checker.look(look(2.0, *members))
    told = checker.look(look(2.5 + REPAIR_SECONDS, *members))
    assert "not repaired" in told[0]


def test_no_repair_is_asked_for_while_the_daemon_is_away(checker: Checker) -> None:
    """Its time begins when it is back."""
    hit = Trouble("kill", ROLE, 1.0, "web-1", BAD_GATEWAY, hurts=True, injected=1.0, ended=1.0)
    away = Trouble("daemon", ROLE, 1.0, of_all=True, injected=1.0)
    checker.ledger.all += [hit, away]
    down = seen(1, state="exited", answers=False)
    assert checker.look(look(2.0, down)) == []
    assert checker.look(look(100.0, down)) == []


@pytest.mark.parametrize(
    ("before", "words"),
    [
        (look(1.0, seen(1), seen(2), listed=(1, 2)), "while NGINX lists it"),
        (look(1.0, seen(1), seen(2, inside=3), listed=(1,)), "with 3 requests in it"),
    ],
)
def test_a_stop_of_a_member_with_requests_is_told(
    checker: Checker, before: Look, words: str
) -> None:
    """Whether NGINX still sends it requests or some are left in it."""
    checker.look(before)
    assert words in str(checker.stop(Stop("web-2", "web", 1.1)))


def test_a_stop_right_after_leaving_the_list_is_told(checker: Checker) -> None:
    """The drain takes a second at least."""
    checker.look(look(1.0, seen(1), seen(2), listed=(1, 2)))
    checker.look(look(1.2, seen(1), seen(2), listed=(1,)))
    assert "after it left NGINX" in str(checker.stop(Stop("web-2", "web", 1.4)))
    for at in (1.6, 2.2, 3.0):
        checker.look(look(at, seen(1), seen(2), listed=(1,)))
    assert checker.stop(Stop("web-2", "web", 3.1)) == []


def test_a_stop_of_the_primary_is_told(checker: Checker) -> None:
    """It is never allowed."""
    checker.look(look(1.0, seen(1), seen(2), listed=(2,)))
    checker.look(look(4.0, seen(1), seen(2), listed=(2,)))
    assert "primary" in str(checker.stop(Stop("web-1", "web", 4.1)))


def test_a_life_that_grows_is_told() -> None:
    """Memory, descriptors and threads each have their bound."""
    flat = [Vitals(float(n), 50.0, 30, 20) for n in range(120)]
    assert judge_life(flat) == []
    assert judge_life([replace(v, rss_mib=50.0 + n / 5) for n, v in enumerate(flat)])
    assert judge_life([replace(v, descriptors=30 + n // 4) for n, v in enumerate(flat)])
    assert judge_life([replace(v, threads=20 + n // 4) for n, v in enumerate(flat)])
