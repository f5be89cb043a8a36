"""Which source serves a role when, and what is told about it."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from autoscaler.errors import EngineUnavailableError, SettingsError
from autoscaler.model import ContainerState, Health, Member, NoReading, Reading
from autoscaler.sampling.cpu import Counter, CpuWindows, Missing
from autoscaler.sampling.registry import SourceContext, build_sources
from autoscaler.sampling.source import not_running, reading
from autoscaler.sampling.sources import SourceEventKind, Sources

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence


def node(name: str, role: str = "validator", started_at: str = "t1") -> Member:
    """Return a running member."""
    state = ContainerState.RUNNING
    return Member(role, name, 1, f"id-{name}", state, Health.NONE, started_at, 9003)


class Scripted:
    """A source with real windows whose counters are missing for the members in `blind`."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.blind: set[str] = set()
        self.down = False
        self.asked: list[list[str]] = []
        self._windows = CpuWindows(15, 5)

    def sample(self, members: Sequence[Member], now: Callable[[], float]) -> dict[str, Reading]:
        """Read every member but the blind ones at 50 %."""
        self.asked.append([m.name for m in members])
        if self.down:
            raise EngineUnavailableError("no connection")
        missing = Missing(NoReading.NO_COUNTER, "nothing there")
        readings = {
            m.name: reading(
                m,
                self.name,
                missing if m.name in self.blind else (Counter(now() / 2, now()), None),
                self._windows,
            )
            if m.running
            else not_running(m, self.name)
            for m in members
        }
        self._windows.keep(readings)
        return readings


class Host:
    """Two sources and a clock that moves 5 s a tick."""

    def __init__(self, *members: Member) -> None:
        self.first, self.second = Scripted("cgroup"), Scripted("docker")
        self.now = 0.0
        self.sources = Sources([self.first, self.second], 15, lambda: self.now)
        self.members = list(members)

    def ticks(self, count: int) -> dict[str, Reading]:
        """Sample so many times; return the last readings."""
        readings: dict[str, Reading] = {}
        for _ in range(count):
            self.now += 5
            readings = self.sources.sample(self.members)
        return readings

    def told(self) -> list[tuple[SourceEventKind, str, str]]:
        """Return what was told since the last time."""
        return [(e.kind, e.source, e.role) for e in self.sources.events()]


FAILED, RECOVERED = SourceEventKind.FAILED, SourceEventKind.RECOVERED


def test_the_first_source_serves_and_the_second_is_not_asked_while_it_works() -> None:
    """The engine's stats cost hundreds of times more."""
    host = Host(node("a"), node("b"))
    assert host.ticks(10)["a"] == Reading("a", 50.0, source="cgroup")
    assert host.second.asked == []
    assert host.told() == []


def test_a_later_source_serves_after_more_than_twice_the_averaging_time_without_a_reading() -> None:
    """Not before; its windows were filled by then, so there is no hole."""
    host = Host(node("a"), node("b"))
    host.ticks(5)
    host.first.blind = {"a"}
    readings = host.ticks(7)  # the first without a reading, and 30 s more
    assert (readings["a"].source, readings["a"].reason) == ("cgroup", NoReading.NO_COUNTER)
    assert host.told() == []
    readings = host.ticks(1)
    assert {r.source for r in readings.values()} == {"docker"}
    assert [r.cpu_percent for r in readings.values()] == [pytest.approx(50)] * 2
    assert host.told() == [(FAILED, "cgroup", "validator")]


def test_the_first_source_serves_again_when_its_readings_are_full() -> None:
    """Not while its window fills."""
    host = Host(node("a"), node("b"))
    host.first.blind = {"a"}
    host.ticks(9)
    assert host.told() == [(FAILED, "cgroup", "validator")]
    host.first.blind = set()
    assert host.ticks(3)["a"].source == "docker"
    readings = host.ticks(1)
    assert [r.source for r in readings.values()] == ["cgroup"] * 2
    assert [r.cpu_percent for r in readings.values()] == [pytest.approx(50)] * 2
    assert host.told() == [(RECOVERED, "cgroup", "validator")]
    host.second.asked.clear()
    host.ticks(2)
    assert host.second.asked == []


def test_a_member_that_restarts_under_a_source_that_is_still_blind_is_no_recovery() -> None:
    """Its time counts anew, but the source gave no counter of it yet."""
    host = Host(node("a"), node("b"))
    host.first.blind = {"a"}
    host.ticks(9)
    assert len(host.told()) == 1
    host.members[0] = node("a", started_at="t2")
    host.ticks(2)
    assert host.told() == []


def test_only_the_role_concerned_changes_its_source() -> None:
    """The other role goes on with the cheap one."""
    host = Host(node("a"), node("x", "business"))
    host.first.blind = {"a"}
    readings = host.ticks(9)
    assert (readings["a"].source, readings["x"].source) == ("docker", "cgroup")
    assert host.sources.serving == {"validator": "docker", "business": "cgroup"}
    assert set(map(tuple, host.second.asked)) == {("a",)}


def test_a_member_that_has_just_started_triggers_nothing() -> None:
    """Nor does one that starts anew every 15 s for ever: no source can read that."""
    host = Host(node("a"), node("b"))
    host.ticks(3)
    for n in range(30):
        host.members[1] = node("b", started_at=f"t{n}")
        readings = host.ticks(3)
        assert readings["a"].source == "cgroup"
    assert host.told() == []
    assert host.second.asked == []


def test_a_stopped_member_triggers_nothing() -> None:
    """It has no reading for as long as it is a spare."""
    host = Host(node("a"), replace(node("b"), state=ContainerState.EXITED))
    assert host.ticks(20)["b"].reason is NoReading.NOT_RUNNING
    assert host.told() == []


def test_a_source_that_raises_has_failed_for_every_member() -> None:
    """The error's words are in the readings, and the next source serves."""
    host = Host(node("a"))
    host.first.down = True
    reading_ = host.ticks(1)["a"]
    assert (reading_.reason, reading_.detail) == (NoReading.SOURCE_FAILED, "no connection")
    assert host.ticks(8)["a"].source == "docker"


def test_a_second_source_that_is_down_as_well_does_not_make_it_worse() -> None:
    """Two readings of three are better than none; both failures are told once."""
    host = Host(node("a"), node("b"), node("c"))
    host.first.blind = {"a"}
    host.second.down = True
    readings = host.ticks(30)
    assert {r.source for r in readings.values()} == {"cgroup"}
    assert readings["b"].cpu_percent == pytest.approx(50)
    assert host.told() == [(FAILED, "cgroup", "validator"), (FAILED, "docker", "validator")]


def test_a_source_asked_again_after_a_long_time_is_not_blamed_for_its_absence() -> None:
    """Its windows have to fill first."""
    host = Host(node("a"))
    host.ticks(5)
    host.first.blind = {"a"}
    host.ticks(5)  # long enough for the second to be asked, too short to serve
    host.first.blind = set()
    host.ticks(100)
    assert host.second.asked
    host.first.blind = {"a"}
    host.ticks(8)
    assert host.told() == [(FAILED, "cgroup", "validator")]


def test_a_role_that_is_gone_is_forgotten() -> None:
    """Nothing is left behind for it."""
    host = Host(node("a"), node("x", "business"))
    host.ticks(3)
    host.members.pop()
    host.ticks(1)
    assert set(host.sources.serving) == {"validator"}


def test_the_trouble_of_a_role_that_is_gone_is_over() -> None:
    """Else it would be shown for ever, as nothing is read any more that could end it."""
    host = Host(node("a"), node("x", "business"))
    host.first.blind = {"x"}
    host.ticks(8)
    assert host.told() == [(FAILED, "cgroup", "business")]
    host.members.pop()
    host.ticks(2)
    assert host.told() == [(RECOVERED, "cgroup", "business")]


@pytest.mark.parametrize(
    ("names", "words"),
    [((), "no source is named"), (("cgrup",), "'cgrup'"), (("docker", "docker"), "twice")],
)
def test_sources_that_cannot_be_built_are_refused_with_what_is_allowed(
    names: tuple[str, ...], words: str
) -> None:
    """The settings name them."""
    context: SourceContext = object.__new__(SourceContext)
    with pytest.raises(SettingsError, match=words):
        build_sources(names, context)
