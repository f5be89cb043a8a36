"""What `check` says of roles and their containers, without an engine."""

from __future__ import annotations

from autoscaler.cli.findings import Finding, Level
from autoscaler.cli.rolecheck import address_findings, role_findings, threshold_findings
from autoscaler.model import ContainerState, Health, Member
from autoscaler.settings import Settings, load


def _settings(**variables: str) -> Settings:
    """Return settings with business as the only role."""
    return load(
        None,
        {
            "AUTOSCALER_PROJECT": "v11",
            "AUTOSCALER_NGINX__CONTAINER": "proxy",
            "AUTOSCALER_ROLES__VALIDATOR__ENABLED": "false",
            "AUTOSCALER_ROLES__SLIM__ENABLED": "false",
        }
        | variables,
    ).settings


def _member(
    name: str, project: str = "v11", health: Health = Health.HEALTHY, *, static: bool = True
) -> Member:
    """Return a running member of business."""
    return Member(
        role="business",
        name=name,
        order=1,
        container_id=name,
        state=ContainerState.RUNNING,
        health=health,
        started_at="t",
        port=9009,
        addresses=(("back", "10.0.0.2"),),
        networks=("back",),
        static_address=static,
        project=project,
    )


def _found(settings: Settings, *members: Member, checked: frozenset[str] = frozenset()) -> str:
    """Return level and text of what is found about these members."""
    found = role_findings(settings, members, checked)
    return "\n".join(f"{one.level} {one.text} -> {one.remedy}" for one in found)


def test_a_complete_role_is_well() -> None:
    """As many containers as `max`, all with a health check."""
    assert _found(_settings(), _member("b-1"), _member("b-2")) == (
        "ok 2 containers, 2 running: b-1, b-2 -> "
    )


def test_a_role_without_containers_fails_with_both_ways_out() -> None:
    """Label some, or switch the role off."""
    text = _found(_settings())
    assert text.startswith("fail has no containers -> label its containers autoscaler.role=busines")
    assert "AUTOSCALER_ROLES__BUSINESS__ENABLED=false" in text


def test_spares_missing_for_the_maximum_are_a_warning() -> None:
    """The role works, but cannot grow as the settings say."""
    text = _found(_settings(), _member("b-1"))
    assert "warn may grow to 2 members but has 1 containers -> create 1 more" in text
    assert "AUTOSCALER_ROLES__BUSINESS__MAX=1" in text


def test_fewer_containers_than_the_minimum_fail() -> None:
    """The minimum can never be reached."""
    settings = _settings(AUTOSCALER_ROLES__BUSINESS__MIN="2")
    assert "fail needs at least 2 containers and has 1" in _found(settings, _member("b-1"))


def test_a_named_container_that_does_not_exist_fails_by_name() -> None:
    """Members by name are checked one by one."""
    settings = _settings(AUTOSCALER_ROLES__BUSINESS__MEMBERS="b-1,b-2")
    assert "fail no container is named b-2" in _found(settings, _member("b-1"))


def test_members_of_two_projects_fail() -> None:
    """Requests of one stack would reach the other."""
    text = _found(_settings(), _member("b-1"), _member("x-1", "other"))
    assert "fail its containers are of 2 compose projects" in text
    assert "b-1: v11; x-1: other" in text


def test_without_health_check_and_path_only_the_port_tells() -> None:
    """Such members are named; one that was created with a check but never ran is not."""
    settings = _settings(AUTOSCALER_ROLES__BUSINESS__HEALTH_PATH="")
    text = _found(
        settings,
        _member("b-1", health=Health.NONE),
        _member("b-2", health=Health.NONE),
        checked=frozenset({"b-2"}),
    )
    assert "warn only an open TCP port tells whether these are healthy: b-1 ->" in text


def test_a_health_path_is_enough() -> None:
    """No warning then."""
    text = _found(
        _settings(), _member("b-1", health=Health.NONE), _member("b-2", health=Health.NONE)
    )
    assert "warn" not in text


def test_more_members_than_workers_are_a_warning() -> None:
    """A drain holds a worker until it ends."""
    settings = _settings(AUTOSCALER_WORKERS="2", AUTOSCALER_ROLES__BUSINESS__MAX="3")
    text = _found(settings, _member("b-1"), _member("b-2"), _member("b-3"))
    assert "warn 3 members but 2 workers" in text


def test_oscillating_thresholds_are_a_warning_with_the_load_range() -> None:
    """The counts, the range and two ways out."""
    settings = _settings(
        AUTOSCALER_ROLES__BUSINESS__CPU_HIGH="70",
        AUTOSCALER_ROLES__BUSINESS__CPU_LOW="40",
        AUTOSCALER_ROLES__BUSINESS__FLAP_GUARD="false",
    )
    assert list(threshold_findings(settings)) == [
        Finding(
            Level.WARN,
            "role business",
            "CPU_LOW 40 and CPU_HIGH 70 with the flap guard off never come to rest between 1 and 2 "
            "members at a steady load between 70 and 80 percent of one member",
            "set AUTOSCALER_ROLES__BUSINESS__FLAP_GUARD=true, or "
            "AUTOSCALER_ROLES__BUSINESS__CPU_LOW to 35 or less",
        )
    ]


def test_the_default_thresholds_are_fine() -> None:
    """The flap guard is on."""
    assert list(threshold_findings(_settings())) == []


def test_a_fixed_role_with_room_to_scale_is_a_warning() -> None:
    """Raising the maximum of slim alone has no effect."""
    settings = _settings(AUTOSCALER_ROLES__SLIM__ENABLED="true", AUTOSCALER_ROLES__SLIM__MAX="2")
    (finding,) = threshold_findings(settings)
    assert finding.text == "is fixed, so load never takes it from 1 to 2 members"


def test_a_member_nginx_cannot_reach_fails() -> None:
    """It shares no network with NGINX."""
    found = list(address_findings(_settings(), [_member("b-1")], frozenset({"front"})))
    assert [one.level for one in found] == [Level.FAIL]
    assert "b-1 shares no network with NGINX" in found[0].text
    assert found[0].remedy


def test_a_member_without_a_fixed_address_is_a_warning() -> None:
    """Unless members are addressed by published ports."""
    members = [_member("b-1", static=False)]
    found = list(address_findings(_settings(), members, frozenset({"back"})))
    assert [(one.level, one.item) for one in found] == [(Level.WARN, "addresses")]
    assert found[0].text.startswith("without a fixed address: b-1;")
    published = _settings(AUTOSCALER_NGINX__ADDRESSES="published")
    assert list(address_findings(published, members, None)) == []
