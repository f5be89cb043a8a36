"""What `check` says when rules, Docker and NGINX do not show the same, without an engine."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from autoscaler.actuation.upstreams import Probe, Server, Upstream, render
from autoscaler.cli.driftcheck import Served, Told, ask_status, drift_findings, look_at_file
from autoscaler.cli.findings import Level
from autoscaler.model import ContainerState, Health, Member

if TYPE_CHECKING:
    from pathlib import Path

RUNS, SPARE = ContainerState.RUNNING, ContainerState.EXITED


def _member(number: int, state: ContainerState) -> Member:
    """Return a member of business."""
    health = Health.HEALTHY if state is RUNS else Health.NONE
    return Member("business", f"b-{number}", number, str(number), state, health, "", 80)


def _served(*numbers: int, proven: bool | None = True) -> Served:
    """Return a file that lists these members."""
    return Served(frozenset(("business", f"b-{n}") for n in numbers), proven, "said so")


def _told(*chosen: int, **of_second: Any) -> Told:  # noqa: ANN401 - JSON
    """Return the status of a daemon with two members; the second one as given."""
    known = {"next_step": None, "quarantine_seconds": None, "detail": "", "phase": "spare"}
    members = [{"name": "b-1", **known}, {"name": "b-2", **known, **of_second}]
    role = {"desired": len(chosen), "chosen": [f"b-{n}" for n in chosen], "members": members}
    return Told({"roles": {"business": role}, "overrides": []})


def _found(members: list[Member], served: Served, told: Told) -> dict[str, tuple[Level, str, str]]:
    """Return what was found by item."""
    found = drift_findings(members, served, told)
    return {one.item: (one.level, one.text, one.remedy) for one in found}


def test_where_all_three_agree_each_member_is_well() -> None:
    """One line for the role and one for each member, side by side."""
    members = [_member(1, RUNS), _member(2, SPARE)]
    assert _found(members, _served(1), _told(1)) == {
        "drift business": (
            Level.OK,
            "rules want 1, Docker runs 1, NGINX's file lists 1 (proven)",
            "",
        ),
        "drift b-1": (
            Level.OK,
            "rules: wanted; Docker: running (healthy); NGINX's file: listed, and served",
            "",
        ),
        "drift b-2": (Level.OK, "rules: spare; Docker: exited; NGINX's file: not listed", ""),
    }


BLOCKED = {"hook": "before_stop", "reason": "exit code 3"}
STEP = {"step": "start", "reason": "wanted are 2", "in_seconds": 0.0}


@pytest.mark.parametrize(
    ("of_second", "says"),
    [
        ({"next_step": STEP}, "the daemon starts it: wanted are 2"),
        ({"next_step": {**STEP, "in_seconds": 4.0}}, "the daemon starts it, in 4 s: wanted are 2"),
        (
            {"quarantine_seconds": 29.6, "detail": "exited"},
            "the daemon leaves it alone for 30 s more, because it failed; at the last look: exited",
        ),
        (
            {"blocked": BLOCKED},
            "the daemon leaves it as it is for now; its hook before stop failed: exit code 3",
        ),
        (
            {"next_step": STEP, "blocked": {**BLOCKED, "hook": "after_healthy"}},
            "the daemon starts it: wanted are 2; its hook after healthy failed: exit code 3",
        ),
        ({"phase": "dead"}, "the daemon does nothing with it now (dead); see status"),
    ],
)
def test_a_member_that_differs_has_what_the_daemon_will_do(
    of_second: dict[str, Any], says: str
) -> None:
    """Wanted by the rules, but it does not run."""
    members = [_member(1, RUNS), _member(2, SPARE)]
    found = _found(members, _served(1), _told(1, 2, **of_second))
    assert found["drift b-2"] == (
        Level.WARN,
        "rules: wanted; Docker: exited; NGINX's file: not listed",
        says,
    )
    assert found["drift b-1"][0] is Level.OK


def test_a_wanted_spare_of_a_frozen_host_has_the_reason_of_the_freeze() -> None:
    """As the daemon will do nothing."""
    told = _told(1, 2)
    assert told.status is not None
    frozen = {**told.status, "overrides": [{"kind": "freeze", "reason": "forensics"}]}
    found = _found([_member(1, RUNS), _member(2, SPARE)], _served(1), Told(frozen))
    assert found["drift b-2"][2] == (
        "the daemon neither starts nor stops it while frozen: forensics"
    )


def test_a_member_the_daemon_has_not_seen_yet_is_said_to_be_so() -> None:
    """It was created a moment ago."""
    found = _found([_member(3, RUNS)], _served(), _told(1))
    assert found["drift b-3"][2] == "the daemon has not seen it yet; look again"


def test_a_file_that_nginx_does_not_prove_is_drift_though_its_lines_are_right() -> None:
    """It may serve an older one."""
    found = _found([_member(1, RUNS)], _served(1, proven=False), _told(1))
    assert found["drift business"][0] is Level.WARN
    assert "(not proven: said so)" in found["drift business"][1]
    assert found["drift b-1"][0] is Level.WARN
    assert found["drift b-1"][1].endswith("NGINX's file: listed, not proven")


def test_a_spare_outside_the_file_is_well_though_nginx_proves_nothing() -> None:
    """That is told once, of the role."""
    members = [_member(1, RUNS), _member(2, SPARE)]
    found = _found(members, _served(1, proven=False), _told(1))
    assert found["drift b-2"][0] is Level.OK
    assert found["drift b-2"][1].endswith("NGINX's file: not listed, not proven")


def test_a_listed_member_without_a_container_is_named() -> None:
    """NGINX may send it requests."""
    found = drift_findings([_member(1, RUNS)], _served(1, 9), _told(1))
    assert [(one.level, one.text) for one in found if "b-9" in one.text] == [
        (Level.WARN, "NGINX's file lists b-9, but there is no such container")
    ]


def test_a_role_that_the_running_daemon_does_not_know_asks_for_a_reload() -> None:
    """The env file has it, the daemon has older settings."""
    found = _found([_member(1, RUNS)], _served(1), Told({"roles": {}, "overrides": []}))
    assert found == {
        "drift business": (
            Level.WARN,
            "the running daemon does not know this role",
            "let it read the settings: autoscaler reload",
        )
    }


def test_with_the_daemon_down_it_says_so_and_compares_docker_with_nginx(tmp_path: Path) -> None:
    """A stopped member that NGINX still lists is drift that nobody mends now."""
    members = [_member(1, RUNS), _member(2, SPARE), _member(3, SPARE)]
    found = _found(members, _served(1, 2), ask_status(tmp_path))
    level, text, remedy = found["drift"]
    assert level is Level.WARN
    assert remedy.startswith("start it (systemctl start autoscaler), or point AUTOSCALER_RUN_DIR")
    assert text.startswith(f"no daemon answers on {tmp_path}/control.sock: the socket does not")
    assert "what the rules want is not known" in text
    assert [found[f"drift b-{n}"][0] for n in (1, 2, 3)] == [Level.OK, Level.WARN, Level.OK]
    assert found["drift b-2"][1] == (
        "rules: unknown; Docker: exited; NGINX's file: listed, and served"
    )


def test_the_file_is_read_and_its_members_found(tmp_path: Path) -> None:
    """By role and name, without the local 503 of an empty role; nobody answers at the probe."""
    upstreams = (
        Upstream("business", (Server("b-1", "10.0.0.1", 80), Server("b.x_2", "fd00::2", 81))),
        Upstream("slim", ()),
        Upstream("validator", (Server("v-1", "10.0.0.3", 82),), "least_conn", 8),
    )
    (tmp_path / "autoscaler.conf").write_text(render(upstreams, Probe("9180", 9180)).text)
    served = look_at_file(tmp_path, ("127.0.0.1", 9), 1)
    assert sorted(served.listed or ()) == [
        ("business", "b-1"),
        ("business", "b.x_2"),
        ("validator", "v-1"),
    ]
    assert served.proven is False
    assert look_at_file(tmp_path, None, 1).proven is None


def test_without_a_file_nothing_is_listed_and_the_words_say_so(tmp_path: Path) -> None:
    """The same for somebody else's file in its place."""
    assert look_at_file(tmp_path, None, 1) == Served(detail="there is no generated file yet")
    (tmp_path / "autoscaler.conf").write_text("upstream autoscaler_x {}\n")
    assert "was not written by this program" in look_at_file(tmp_path, None, 1).detail
