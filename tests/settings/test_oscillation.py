"""Thresholds that chase a steady load."""

from __future__ import annotations

import pytest

from autoscaler.model import Select
from autoscaler.settings import Oscillation, RoleSettings, oscillation_range, oscillations


def test_a_lower_threshold_above_half_of_the_upper_one_oscillates_between_one_and_two() -> None:
    """70/40: from 70 to 80 % of one node."""
    role = RoleSettings(port=80, cpu_high=70, cpu_low=40, flap_guard=False)
    assert oscillations(role) == (Oscillation(1, 2, 70.0, 80.0),)
    assert oscillation_range(role) == (70.0, 80.0)


def test_closer_thresholds_oscillate_at_higher_counts_too() -> None:
    """70/60 with up to three: 70-120 % and 140-180 % of one node."""
    role = RoleSettings(port=80, max=3, cpu_high=70, cpu_low=60, flap_guard=False)
    assert oscillations(role) == (
        Oscillation(1, 2, 70.0, 120.0),
        Oscillation(2, 3, 140.0, 180.0),
    )


@pytest.mark.parametrize(
    "role",
    [
        RoleSettings(port=80, cpu_high=70, cpu_low=40),
        RoleSettings(port=80, cpu_high=70, cpu_low=35, flap_guard=False),
        RoleSettings(port=80, max=1, cpu_high=70, cpu_low=60, flap_guard=False),
        RoleSettings(port=80, fixed=True, cpu_high=70, cpu_low=60, flap_guard=False),
        RoleSettings(port=80, cpu_low=60, flap_guard=False, scale_down_select=Select.DISABLED),
        RoleSettings(port=80, min=2, max=3, cpu_high=70, cpu_low=45, flap_guard=False),
    ],
)
def test_guarded_wide_or_immovable_roles_do_not_oscillate(role: RoleSettings) -> None:
    """The guard, half or less, one member, a fixed role, a switched-off direction, 2 <-> 3."""
    assert oscillations(role) == ()
    assert oscillation_range(role) is None


def test_the_range_is_where_the_literal_rule_never_rests() -> None:
    """Stepping the rule itself: inside the range the count keeps changing, outside it rests."""
    role = RoleSettings(port=80, max=3, cpu_high=70, cpu_low=60, flap_guard=False)
    ranges = oscillations(role)
    for tenths in range(10, 2100):
        load = tenths / 10
        count, seen = 1, []
        for _ in range(40):
            if load / count > role.cpu_high:
                count = min(count + 1, role.max)
            elif load / count < role.cpu_low:
                count = max(count - 1, role.min)
            seen.append(count)
        moves = len(set(seen[20:])) > 1
        assert moves == any(found.low < load < found.high for found in ranges), load
