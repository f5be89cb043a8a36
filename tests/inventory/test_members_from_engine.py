"""The engine's answers, recorded and changed, turned into members."""

from __future__ import annotations

import json
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autoscaler.inventory import (
    Claim,
    Found,
    allowed_cpus,
    claim,
    cpuset_size,
    found,
    list_filters,
    natural,
    settle,
)
from autoscaler.labels import LabelWarning
from autoscaler.model import ContainerState, Health, Member, PublishedPort
from autoscaler.scope import RoleScope, Scope

DATA = Path(__file__).with_name("data")
LISTED: dict[str, Any] = json.loads((DATA / "listed.json").read_text(encoding="utf-8"))
RUNNING: dict[str, Any] = json.loads((DATA / "inspect.json").read_text(encoding="utf-8"))
EXITED: dict[str, Any] = json.loads((DATA / "inspect_exited.json").read_text(encoding="utf-8"))

VALIDATOR = RoleScope("validator", 9003)
SCOPE = Scope("recp", (VALIDATOR, RoleScope("business", 9004)))


def listed(name: str = "node-1", **labels: str) -> dict[str, Any]:
    """Return a list entry of the project recp with these labels (dots as two underscores)."""
    given_labels = {key.replace("__", "."): value for key, value in labels.items()}
    return {"Id": "1", "Names": [f"/{name}"], "Labels": given_labels}


def member_of(
    inspected: dict[str, Any] = RUNNING, labels: dict[str, str] | None = None, name: str = "rec-a"
) -> tuple[Found, tuple[LabelWarning, ...]]:
    """Return the member and warnings of an inspect answer, with labels added."""
    answer = deepcopy(inspected)
    answer["Config"]["Labels"].update(labels or {})
    return found(answer, Claim(VALIDATOR, name), 2.0)


def test_a_running_container_as_recorded_becomes_a_member() -> None:
    """Every field comes from the engine's own answer."""
    assert member_of()[0].member == Member(
        role="validator",
        name="rec-a",
        order=0,
        container_id=RUNNING["Id"],
        state=ContainerState.RUNNING,
        health=Health.HEALTHY,
        started_at="2026-11-23T23:27:18.862847223Z",
        port=9003,
        addresses=(("astest-sampling-rec", "10.231.7.9"),),
        published=(PublishedPort(9003, "127.0.0.1", 28081),),
        networks=("astest-sampling-rec",),
        static_address=True,
        project="recp",
        allowed_cpus=0.2,
        pid=RUNNING["State"]["Pid"],
        image_id=RUNNING["Image"],
    )


def test_a_stopped_container_has_an_exit_code_and_neither_address_nor_pid() -> None:
    """Its fixed address is still known to be fixed."""
    member = member_of(EXITED)[0].member
    assert (member.state, member.exit_code, member.pid) == (ContainerState.EXITED, 137, 0)
    assert (member.addresses, member.published, member.static_address) == ((), (), True)


def test_a_container_that_never_ran_has_no_start_and_no_exit_code() -> None:
    """The engine writes the year 1 and an exit code of 0 for it."""
    created = deepcopy(EXITED)
    created["State"] |= {"Status": "created", "StartedAt": "0001-01-01T00:00:00Z", "ExitCode": 0}
    member = member_of(created)[0].member
    assert (member.started_at, member.exit_code) == ("", None)


def test_a_state_or_health_no_engine_had_so_far_is_never_taken_for_usable() -> None:
    """A container that cannot be understood does not run."""
    odd = deepcopy(RUNNING)
    odd["State"] |= {"Status": "frobbing", "Health": {"Status": "splendid"}}
    member = member_of(odd)[0].member
    assert (member.state, member.health) == (ContainerState.DEAD, Health.NONE)


def test_the_recorded_list_entry_claims_its_role() -> None:
    """By project and role label."""
    assert claim(LISTED, SCOPE) == Claim(VALIDATOR, "rec-a")


@pytest.mark.parametrize(
    "entry",
    [
        listed(autoscaler__role="validator"),
        listed(autoscaler__role="validator", com__docker__compose__project="other"),
        listed(com__docker__compose__project="recp"),
        listed(
            autoscaler__role="validator",
            com__docker__compose__project="recp",
            com__docker__compose__oneoff="True",
        ),
        listed(
            "0123456789ab_node-1",
            autoscaler__role="validator",
            com__docker__compose__project="recp",
        ),
        {"Id": "1", "Names": None, "Labels": None},
    ],
    ids=["no project", "other project", "no role", "one-off", "twin", "nothing"],
)
def test_what_is_outside_the_scope_is_invisible(entry: dict[str, Any]) -> None:
    """Neither a member nor a warning."""
    assert claim(entry, SCOPE) is None


def test_a_container_of_a_role_that_is_switched_off_is_left_alone_without_a_word() -> None:
    """Whoever switched the role off knows; of a role that nobody knows a warning tells."""
    entry = listed(autoscaler__role="slim", com__docker__compose__project="recp")
    assert isinstance(claim(entry, SCOPE), LabelWarning)
    assert claim(entry, Scope("recp", (VALIDATOR,), off=frozenset({"slim"}))) is None


def test_labels_without_the_number_that_compose_gives_make_no_member() -> None:
    """A plain `docker run` of an image that bears project and role is left alone, and told."""
    stray = listed(autoscaler__role="validator", com__docker__compose__project="recp")
    told = claim(stray, SCOPE)
    assert isinstance(told, LabelWarning)
    assert "compose did not make it" in told.text
    assert "MEMBERS" in told.text


def test_without_a_project_labels_count_for_nothing() -> None:
    """The scope is required: a role label alone never makes a member."""
    scope = Scope(None, (VALIDATOR,))
    assert claim(LISTED, scope) is None
    assert list_filters(scope) == ()


def test_a_role_that_does_not_exist_is_a_warning_with_those_that_do() -> None:
    """A typing mistake in a label must not go unnoticed."""
    entry = listed(autoscaler__role="validtor", com__docker__compose__project="recp")
    warning = claim(entry, SCOPE)
    assert isinstance(warning, LabelWarning)
    assert "'validtor'" in str(warning)
    assert "validator, business" in str(warning)


def test_members_by_name_need_exactly_that_name_and_no_label() -> None:
    """The label of such a role makes no member, also within the project."""
    scope = Scope("recp", (RoleScope("validator", 9003, ("v-2", "v-1")),))
    assert claim(listed("v-1"), scope) == Claim(scope.roles[0], "v-1", 1)
    assert claim(listed("v-11"), scope) is None
    assert claim(listed("xv-1"), scope) is None
    labelled = listed("v-3", autoscaler__role="validator", com__docker__compose__project="recp")
    assert claim(labelled, scope) is None


def test_a_link_to_a_container_is_not_its_name() -> None:
    """The engine lists `/other/alias` beside the own name."""
    entry = {**listed(), "Names": ["/other/v-1", "/real"]}
    scope = Scope(None, (RoleScope("validator", 9003, ("real",)),))
    assert claim(entry, scope) == Claim(scope.roles[0], "real")


def test_filters_are_as_narrow_as_the_scope() -> None:
    """By label, by exact name, or both where roles differ."""
    by_name = RoleScope("business", 9004, ("b.1",))
    assert list_filters(SCOPE) == (
        {"label": ["com.docker.compose.project=recp", "autoscaler.role"]},
    )
    assert list_filters(Scope("recp", (by_name,))) == ({"name": [r"^/?b\.1$"]},)
    assert len(list_filters(Scope("recp", (VALIDATOR, by_name)))) == 2


def orders(*members: tuple[str, dict[str, str]]) -> dict[str, int]:
    """Return the order of members with these names and labels."""
    settled = settle(member_of(labels=labels, name=name)[0] for name, labels in members)
    return {m.name: m.order for m in settled.members}


def service(name: str, number: str) -> dict[str, str]:
    """Return the labels compose gives."""
    return {
        "com.docker.compose.service": name,
        "com.docker.compose.container-number": number,
    }


def test_without_labels_service_and_number_decide_in_natural_order() -> None:
    """node-2 comes before node-10, and the name only last."""
    assert orders(
        ("x", service("node", "10")), ("y", service("node", "2")), ("z", service("anode", "99"))
    ) == {"z": 1, "y": 2, "x": 3}


def test_a_labelled_order_wins_and_the_others_take_the_free_numbers() -> None:
    """One label is enough to make a member the first or the last."""
    assert orders(("a", {}), ("b", {"autoscaler.order": "1"}), ("c", {})) == {
        "b": 1,
        "a": 2,
        "c": 3,
    }
    assert orders(("a", {"autoscaler.order": "99"}), ("b", {})) == {"b": 1, "a": 99}
    assert orders(("a", {}), ("b", {"autoscaler.order": "0"})) == {"b": 0, "a": 1}


def test_two_members_with_the_same_order_are_a_warning_and_their_names_decide() -> None:
    """The lower name is the primary."""
    same = {"autoscaler.order": "5"}
    settled = settle(member_of(labels=same, name=name)[0] for name in ("n-10", "n-2"))
    assert [m.name for m in settled.members] == ["n-2", "n-10"]
    assert len(settled.warnings) == 1
    assert "autoscaler.order=5" in settled.warnings[0]


def test_members_by_name_keep_the_order_of_the_list() -> None:
    """The administrator wrote the primary first."""
    role = RoleScope("validator", 9003, ("zeta", "alpha"))
    both = [found(RUNNING, Claim(role, name, n), 2.0)[0] for n, name in enumerate(role.members)]
    assert [m.name for m in settle(reversed(both)).members] == ["zeta", "alpha"]


@pytest.mark.parametrize(
    ("label", "value"),
    [
        ("autoscaler.order", "first"),
        ("autoscaler.order", "-1"),
        ("autoscaler.order", "1e3"),
        ("autoscaler.order", "٣"),
        ("autoscaler.order", "9" * 5000),
        ("autoscaler.port", "0"),
        ("autoscaler.port", "65536"),
        ("autoscaler.port", "9003;"),
        ("autoscaler.port", ""),
        ("autoscaler.protect", "ture"),
    ],
)
def test_a_bad_label_is_a_warning_that_names_it_and_what_is_allowed(label: str, value: str) -> None:
    """And the default counts; unreadable protection protects."""
    one, warnings = member_of(labels={label: value})
    assert len(warnings) == 1
    assert label in str(warnings[0])
    assert "allowed: " in str(warnings[0])
    assert str(warnings[0]).startswith("rec-a: ")
    assert len(str(warnings[0])) < 300
    assert (one.labelled, one.member.port) == (None, 9003)
    assert one.member.protected is (label == "autoscaler.protect")


@pytest.mark.parametrize(
    ("label", "meant"),
    [
        ("autoscaler.ordr", "autoscaler.order"),
        ("autoscaler.prot", "autoscaler.port"),
        ("autoscaler.Port", "autoscaler.port"),
        ("autoscaler.protected", "autoscaler.protect"),
    ],
)
def test_a_misspelt_label_is_told_with_the_one_that_is_meant(label: str, meant: str) -> None:
    """It would else be ignored, and a member thought protected be stopped."""
    _, warnings = member_of(labels={label: "1"})
    assert len(warnings) == 1
    assert label in str(warnings[0])
    assert f"is {meant} meant?" in str(warnings[0])


def test_labels_of_others_are_nobodys_misspelling() -> None:
    """People may put labels of their own under the same prefix."""
    _, warnings = member_of(labels={"autoscaler.team": "red", "autoscaler.x": "1", "port": "1"})
    assert warnings == ()


def test_good_labels_are_taken() -> None:
    """Spaces around a value do no harm."""
    labels = {"autoscaler.order": " 7 ", "autoscaler.port": "8080", "autoscaler.protect": "True"}
    one, warnings = member_of(labels=labels)
    assert (one.labelled, one.member.port, one.member.protected) == (7, 8080, True)
    assert warnings == ()


@given(
    st.dictionaries(
        st.sampled_from(
            [
                "autoscaler.order",
                "autoscaler.port",
                "autoscaler.protect",
                "com.docker.compose.service",
                "com.docker.compose.container-number",
            ]
        ),
        st.text(),
    )
)
def test_no_text_in_labels_raises(labels: dict[str, str]) -> None:
    """Anyone may write them; warnings stay printable and on one line."""
    one, warnings = member_of(labels=labels)
    assert settle([one]).members[0].port in range(1, 65_536)
    assert all(str(w).isprintable() for w in warnings)


@pytest.mark.parametrize(
    ("host", "cpus"),
    [
        ({}, 8.0),
        ({"NanoCpus": 1_500_000_000}, 1.5),
        ({"CpuQuota": 50_000, "CpuPeriod": 100_000}, 0.5),
        ({"CpuQuota": 50_000}, 0.5),
        ({"CpuQuota": 50_000, "CpuPeriod": 25_000}, 2.0),
        ({"CpuQuota": -1, "CpuPeriod": 100_000}, 8.0),
        ({"CpusetCpus": "0-3,7"}, 5.0),
        ({"CpusetCpus": "0-3", "NanoCpus": 2_000_000_000}, 2.0),
        ({"CpusetCpus": "0", "NanoCpus": 2_000_000_000}, 1.0),
        ({"CpusetCpus": "nonsense"}, 8.0),
    ],
)
def test_allowed_cpus_are_the_quota_else_the_cpuset_else_the_hosts(
    host: dict[str, Any], cpus: float
) -> None:
    """With both, what can really be used: the smaller."""
    assert allowed_cpus(host, 8.0) == cpus


@given(st.sets(st.integers(0, 255), min_size=1))
def test_the_size_of_a_cpuset_is_the_number_of_its_cpus(cpus: set[int]) -> None:
    """However it is written."""
    assert cpuset_size(",".join(str(c) for c in sorted(cpus))) == len(cpus)
    assert cpuset_size(f"{min(cpus)}-{max(cpus)}") == max(cpus) - min(cpus) + 1


@given(st.text(), st.text())
def test_any_two_texts_have_a_natural_order(one: str, other: str) -> None:
    """Digits and letters in the same place compare."""
    assert (natural(one) < natural(other)) or (natural(one) >= natural(other))


@pytest.mark.parametrize("answer", [{}, {"Id": "1"}, {"Id": "", "State": {"Status": "running"}}])
def test_an_answer_that_is_no_container_is_refused(answer: dict[str, Any]) -> None:
    """The adapter turns this into a warning about that one container."""
    with pytest.raises(ValueError, match="rec-a"):
        found(answer, Claim(VALIDATOR, "rec-a"), 2.0)
