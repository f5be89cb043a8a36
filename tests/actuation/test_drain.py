"""The rule of draining, on looks with given times."""

from __future__ import annotations

import pytest

from autoscaler.actuation.drain import Draining, Look, connections_in
from autoscaler.actuation.workers import Worker

OLD = Worker(10, 1000)
OLD_LEAVING = Worker(10, 1000, shutting_down=True)
NEW = Worker(20, 2000)
NEW_LEAVING = Worker(20, 2000, shutting_down=True)
PROVEN = 100.0
BEGUN = Draining(PROVEN, frozenset({OLD.identity}))


def look(after: float, connections: int | None = 0, *workers: Worker, problem: str = "") -> Look:
    """Return a look so many seconds after the proof."""
    return Look(PROVEN + after, connections, frozenset(workers), problem)


def after(*looks: Look, begun: Draining = BEGUN) -> Draining:
    """Return the state after these looks."""
    state = begun
    for one in looks:
        state = state.after(one)
    return state


def test_two_clean_looks_a_quarter_second_apart_are_enough() -> None:
    """One second after the proof the first one counts."""
    assert after(look(1.0, 0, NEW), look(1.25, 0, NEW)).complete


def test_one_clean_look_is_not_enough() -> None:
    """A request may come between two connections."""
    assert not after(look(5.0)).complete


def test_two_looks_at_nearly_the_same_time_are_one() -> None:
    """They must lie 250 ms apart."""
    assert not after(look(5.0), look(5.2)).complete


def test_clean_looks_before_one_second_do_not_count() -> None:
    """Old workers start requests for up to 100 ms after the proof."""
    assert not after(look(0.0), look(0.5), look(0.75), look(0.99), look(1.0)).complete


@pytest.mark.parametrize("begun_at", [0.1, 0.3, 1 / 3, 12345.6789, 98765432.1])
def test_rounding_of_the_clock_does_not_cost_a_look(begun_at: float) -> None:
    """Quarter seconds after an odd start are quarter seconds."""
    state = Draining(begun_at, frozenset())
    for passed in (1.0, 1.25):
        state = state.after(Look(begun_at + passed, 0))
    assert state.complete


def test_a_connection_starts_the_wait_anew() -> None:
    """The two clean looks must follow each other."""
    assert not after(look(1.0), look(1.25, 1), look(1.5)).complete
    assert after(look(1.0), look(1.25, 1), look(1.5), look(1.75)).complete


def test_an_old_worker_is_waited_for_without_any_connection() -> None:
    """It may be reading an upload for the member."""
    assert not after(look(1.0, 0, OLD_LEAVING), look(9.0, 0, OLD_LEAVING)).complete


def test_an_old_worker_is_known_before_its_title_changes() -> None:
    """The snapshot from before the reload tells it, not the title."""
    assert not after(look(1.0, 0, OLD), look(9.0, 0, OLD)).complete


def test_a_reused_pid_is_another_worker() -> None:
    """Only pid and start time together are one worker."""
    reborn = Worker(OLD.pid, OLD.start_ticks + 500)
    assert after(look(1.0, 0, reborn), look(1.25, 0, reborn)).complete


def test_an_unknown_worker_that_shuts_down_is_waited_for() -> None:
    """After a restart of the daemon nobody knows the old ones but by their title."""
    begun = Draining(PROVEN, frozenset())
    state = after(look(1.0, 0, NEW_LEAVING), look(1.25, 0, NEW_LEAVING), begun=begun)
    assert not state.complete


def test_workers_of_a_later_reload_are_not_waited_for() -> None:
    """They never knew the member: another role's web sockets do not hold it."""
    assert after(look(1.0, 1, NEW), look(2.0, 0, NEW_LEAVING), look(2.25, 0, NEW_LEAVING)).complete


def test_a_worker_seen_serving_too_early_may_still_be_an_old_one() -> None:
    """Within the first second an old worker may not have been told to quit."""
    begun = Draining(PROVEN, frozenset())
    early = look(0.05, 0, NEW)
    state = after(early, look(1.0, 0, NEW_LEAVING), look(1.25, 0, NEW_LEAVING), begun=begun)
    assert not state.complete


def test_what_cannot_be_seen_is_not_clean() -> None:
    """A blind look never ends a drain."""
    state = after(look(1.0, problem="no"), look(1.25, problem="no"), look(1.5, problem="no"))
    assert not state.complete
    assert state.ended(9.0).problem == "no"


def test_a_member_that_ended_is_drained_at_once() -> None:
    """There is nothing left to cut, whatever the workers do."""
    state = after(look(0.0, 4, OLD), look(0.1, None, OLD))
    assert state.complete
    assert state.ended(0.1).cut_connections == 0


def test_the_record_of_a_complete_drain_names_what_was_awaited() -> None:
    """The most that was seen of each."""
    state = after(look(0.1, 3, OLD), look(1.0, 1, OLD_LEAVING), look(2.0), look(2.25))
    record = state.ended(2.25)
    assert (record.complete, record.awaited_connections, record.awaited_workers) == (True, 3, 1)
    assert (record.cut_connections, record.left_workers) == (0, 0)


def test_the_record_of_a_timeout_names_what_was_cut() -> None:
    """What the last look still showed."""
    record = after(look(0.1, 3, OLD), look(9.0, 2, OLD_LEAVING)).ended(35.0)
    assert (record.complete, record.cut_connections, record.left_workers) == (False, 2, 1)
    assert record.seconds == 35.0


def test_a_cancelled_drain_cut_nothing() -> None:
    """The member goes on."""
    record = after(look(0.1, 3, OLD)).ended(1.0, cancelled=True)
    assert (record.complete, record.cancelled, record.cut_connections) == (False, True, 0)


TABLE = """  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid
   0: 00000000:232B 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0
   1: 0100007F:232B 0100007F:A001 {state} 00000000:00000000 00:00000000 00000000     0
   2: 0100007F:A001 0100007F:232B 01 00000000:00000000 00:00000000 00000000     0
   3: 0100007F:1F90 0100007F:B001 01 00000000:00000000 00:00000000 00000000     0
"""


@pytest.mark.parametrize("state", ["01", "02", "03", "04", "05", "07", "08", "09", "0B", "0C"])
def test_a_connection_counts_in_every_state(state: str) -> None:
    """From SYN_RECV to CLOSE_WAIT: the local side has the member's port, 9003."""
    assert connections_in(TABLE.format(state=state), 9003) == 1


@pytest.mark.parametrize("state", ["0A", "06"])
def test_listening_and_time_wait_do_not_count(state: str) -> None:
    """Nothing can be cut there."""
    assert connections_in(TABLE.format(state=state), 9003) == 0


def test_the_ports_of_the_other_side_do_not_count() -> None:
    """A member's own connection to somebody's port 9003 is not a request to it."""
    assert connections_in(TABLE.format(state="01"), 0xA001) == 1
    assert connections_in(TABLE.format(state="01"), 0xB001) == 0


def test_a_short_port_matches_as_a_whole() -> None:
    """Port 0x32B is not 0x232B."""
    assert connections_in(TABLE.format(state="01"), 0x32B) == 0


def test_an_empty_or_cut_table_holds_no_connection() -> None:
    """The kernel may show just the heading."""
    assert connections_in("", 9003) == connections_in("heading\n 0: 1:232B", 9003) == 0
