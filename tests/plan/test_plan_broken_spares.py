"""Spares that fail to start: the next one gets its turn."""

from __future__ import annotations

from autoscaler.model import ContainerState, Health, Member
from autoscaler.plan import MemberView, RoleView, plan_role


def spare(number: int, failed_starts: int) -> MemberView:
    """Return a stopped member that failed so often in a row."""
    member = Member(
        "validator",
        f"v{number}",
        number,
        f"id{number}",
        ContainerState.EXITED,
        Health.NONE,
        "",
        9003,
    )
    return MemberView(member, failed_starts=failed_starts)


def chosen(*members: MemberView) -> tuple[str, ...]:
    """Choose one of them."""
    return plan_role(RoleView("validator", 1, 1, 3, members)).chosen


def test_of_equal_spares_the_lowest_order_is_chosen() -> None:
    """Nobody failed: order decides."""
    assert chosen(spare(3, 0), spare(2, 0)) == ("v2",)


def test_a_spare_that_failed_less_often_is_tried_before_a_lower_order() -> None:
    """Two broken spares must not take turns while a good one waits."""
    assert chosen(spare(1, 2), spare(2, 1), spare(3, 0)) == ("v3",)
