"""The rules that tests of the policy share: those of the built-in role `validator`."""

from __future__ import annotations

from dataclasses import replace

from autoscaler.model import LimitKind, RateLimit, RolePolicy, ScalingRules, Select

DEFAULT = RolePolicy(
    minimum=1,
    maximum=3,
    cpu_high=70,
    cpu_low=40,
    scale_up=ScalingRules(0, Select.MAX, (RateLimit(LimitKind.PERCENT, 100, 30),)),
    scale_down=ScalingRules(
        300,
        Select.MIN,
        (RateLimit(LimitKind.PERCENT, 50, 60), RateLimit(LimitKind.MEMBERS, 1, 60)),
    ),
)


def one_a_minute(window_seconds: float) -> RolePolicy:
    """Return the same with such a grace, and with one member a minute as the only limit."""
    rules = ScalingRules(window_seconds, Select.MIN, (RateLimit(LimitKind.MEMBERS, 1, 60),))
    return replace(DEFAULT, scale_down=rules)
