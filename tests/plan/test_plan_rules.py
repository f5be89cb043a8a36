"""The planner, rule by rule: which members run and serve, and what is done next."""

from __future__ import annotations

from dataclasses import replace

from autoscaler.model import ContainerState, Health, Member, StepKind
from autoscaler.plan import MemberView, RolePlan, RoleView, plan_role


def spare(order: int, state: ContainerState = ContainerState.CREATED) -> MemberView:
    """Return a member that does not run."""
    name = f"v{order}"
    return MemberView(Member("validator", name, order, f"id-{name}", state, Health.NONE, "", 9003))


def starting(order: int) -> MemberView:
    """Return a member that runs and is not ready yet."""
    view = spare(order, ContainerState.RUNNING)
    return replace(view, coming_up=True, drained=True)


def ready(order: int) -> MemberView:
    """Return a healthy member that gets no requests."""
    return replace(starting(order), ready=True, coming_up=False)


def serving(order: int) -> MemberView:
    """Return a healthy member that gets requests."""
    return replace(ready(order), exposed=True, published=True, drained=False)


def sick(order: int) -> MemberView:
    """Return a running member that cannot answer and is still in NGINX."""
    return replace(serving(order), ready=False, published=False)


def protected(view: MemberView) -> MemberView:
    """Return the same member with the label that keeps it from being stopped."""
    return replace(view, member=replace(view.member, protected=True))


def plan(
    desired: int, *members: MemberView, minimum: int = 1, maximum: int = 3, **more: bool
) -> RolePlan:
    """Plan the role of these members."""
    return plan_role(RoleView("validator", desired, minimum, maximum, members, **more))


def steps(plan: RolePlan) -> dict[str, StepKind]:
    """Return the kind of each member's step."""
    assert len({s.member for s in plan.steps}) == len(plan.steps)
    return {s.member: s.kind for s in plan.steps}


# Up.


def test_the_lowest_order_spare_is_started() -> None:
    """Of two spares the one with the lower order comes first, however they are listed."""
    assert steps(plan(2, spare(3), serving(1), spare(2))) == {"v2": StepKind.START}


def test_a_start_for_the_minimum_names_the_minimum() -> None:
    """A raised MIN starts members before the count follows; the log must not say 1 is wanted."""
    (step,) = plan(1, serving(1), spare(2), minimum=2).steps
    assert (step.member, step.reason) == ("v2", "wanted are 2")


def test_a_quarantined_spare_is_passed_over() -> None:
    """The next spare is tried instead."""
    quarantined = replace(spare(2), quarantined=True)
    assert steps(plan(2, serving(1), quarantined, spare(3))) == {"v3": StepKind.START}


def test_a_quarantined_spare_is_not_started_even_if_it_is_the_only_one() -> None:
    """Quarantine means to be left alone."""
    assert steps(plan(2, serving(1), replace(spare(2), quarantined=True))) == {}


def test_a_started_member_is_waited_for() -> None:
    """Running is not healthy: it is neither published nor given up."""
    result = plan(2, serving(1), starting(2), spare(3))
    assert steps(result) == {"v2": StepKind.WAIT_HEALTHY}
    assert result.serve == ("v1",)


def test_a_healthy_chosen_member_is_published() -> None:
    """Healthy comes before published."""
    assert steps(plan(2, serving(1), ready(2), spare(3))) == {"v2": StepKind.PUBLISH}


def test_the_hook_after_healthy_comes_before_publishing() -> None:
    """A member whose hook is due does not serve yet."""
    hooked = replace(ready(2), hooks_due=frozenset({StepKind.AFTER_HEALTHY}))
    result = plan(2, serving(1), hooked, spare(3))
    assert steps(result) == {"v2": StepKind.AFTER_HEALTHY}
    assert result.serve == ("v1",)


def test_several_members_are_started_at_once() -> None:
    """Two members wanted more are two starts in one plan."""
    assert steps(plan(3, serving(1), spare(2), spare(3))) == {
        "v2": StepKind.START,
        "v3": StepKind.START,
    }


def test_nothing_is_left_to_do_when_the_world_is_as_wished() -> None:
    """Two of two serve: no step."""
    result = plan(2, serving(1), serving(2), spare(3))
    assert result.steps == ()
    assert result.chosen == result.serve == ("v1", "v2")


def test_a_start_under_way_is_not_begun_again() -> None:
    """A busy member is left alone, and no other spare is started in its place."""
    assert steps(plan(2, serving(1), replace(spare(2), busy=StepKind.START), spare(3))) == {}


def test_never_more_than_the_maximum_run_because_of_starts() -> None:
    """With the maximum running, one of them sick, the spare waits for its place."""
    result = plan(3, serving(1), serving(2), sick(3), spare(4))
    assert StepKind.START not in steps(result).values()


def test_below_the_maximum_a_sick_member_runs_until_its_place_is_taken() -> None:
    """Nothing is won by stopping it earlier: it may recover before the spare is up."""
    left = replace(sick(2), exposed=False, drained=True)
    assert steps(plan(2, serving(1), left, spare(3))) == {"v3": StepKind.START}
    assert steps(plan(2, serving(1), left, spare(3), maximum=2)) == {"v2": StepKind.STOP}


def test_starts_in_one_plan_stop_at_the_maximum() -> None:
    """Two more are wanted, one place is left: one start."""
    result = plan(3, serving(1), sick(2), spare(3), spare(4))
    assert steps(result)["v3"] is StepKind.START
    assert "v4" not in steps(result)


def test_a_paused_member_takes_a_place() -> None:
    """It uses memory and may run again any moment, so it counts against the maximum."""
    paused = spare(2, ContainerState.PAUSED)
    assert steps(plan(2, serving(1), paused, spare(3), maximum=2)) == {}


def test_a_dead_or_vanishing_container_is_replaced_and_takes_no_place() -> None:
    """Nothing can be done with it, and it does not run."""
    for state in (ContainerState.DEAD, ContainerState.REMOVING):
        result = plan(2, serving(1), spare(2, state), spare(3), maximum=2)
        assert steps(result) == {"v3": StepKind.START}


def test_a_paused_member_is_replaced() -> None:
    """It cannot answer, so a spare takes over and nobody touches it."""
    result = plan(2, serving(1), spare(2, ContainerState.PAUSED), spare(3))
    assert steps(result) == {"v3": StepKind.START}


def test_a_paused_member_leaves_nginx() -> None:
    """It is listed but cannot answer."""
    paused = replace(spare(2, ContainerState.PAUSED), exposed=True)
    assert steps(plan(2, serving(1), paused))["v2"] is StepKind.UNPUBLISH


def test_a_restarting_member_is_waited_for_and_leaves_nginx() -> None:
    """The engine is starting it again: no other spare is started, and it gets no requests."""
    restarting = replace(spare(2, ContainerState.RESTARTING), exposed=True)
    assert steps(plan(2, serving(1), restarting, spare(3))) == {"v2": StepKind.UNPUBLISH}


def test_a_quarantined_restarting_member_is_replaced() -> None:
    """A crash loop under a restart policy does not hold its place for ever."""
    looping = replace(spare(2, ContainerState.RESTARTING), quarantined=True)
    assert steps(plan(2, serving(1), looping, spare(3))) == {"v3": StepKind.START}


# A start that fails.


def test_a_condemned_member_is_stopped_without_a_drain_if_it_never_served() -> None:
    """Its start failed: there is no request in it to wait for."""
    condemned = replace(starting(2), coming_up=False, condemned=True, quarantined=True)
    assert steps(plan(2, serving(1), condemned, spare(3))) == {
        "v2": StepKind.STOP,
        "v3": StepKind.START,
    }


def test_a_condemned_member_is_stopped_even_if_it_is_chosen_for_want_of_others() -> None:
    """It is not left running unhealthy just because no other spare exists."""
    condemned = replace(starting(2), coming_up=False, condemned=True, quarantined=True)
    assert steps(plan(2, serving(1), condemned)) == {"v2": StepKind.STOP}


def test_a_condemned_member_that_served_is_taken_out_and_drained_first() -> None:
    """Condemned or not, requests in it are waited for."""
    condemned = replace(sick(2), condemned=True)
    assert steps(plan(2, serving(1), condemned))["v2"] is StepKind.UNPUBLISH
    unexposed = replace(condemned, exposed=False)
    assert steps(plan(2, serving(1), unexposed))["v2"] is StepKind.DRAIN


# Down.


def test_the_highest_order_leaves_first() -> None:
    """Of three healthy members the last one is surplus, and it leaves NGINX before all else."""
    result = plan(2, serving(1), serving(2), serving(3))
    assert steps(result) == {"v3": StepKind.UNPUBLISH}
    assert result.serve == ("v1", "v2")


def test_an_unhealthy_member_leaves_before_a_healthy_one_of_higher_order() -> None:
    """Members 1 and 3 stay, the sick 2 goes."""
    result = plan(2, serving(1), sick(2), serving(3))
    assert steps(result) == {"v2": StepKind.UNPUBLISH}
    assert result.chosen == ("v1", "v3")


def test_an_unpublished_surplus_member_is_drained_before_it_is_stopped() -> None:
    """Out of NGINX is not yet free of requests."""
    leaving = replace(ready(3), drained=False)
    assert steps(plan(2, serving(1), serving(2), leaving)) == {"v3": StepKind.DRAIN}


def test_a_drained_surplus_member_is_stopped() -> None:
    """The last step of a removal."""
    assert steps(plan(2, serving(1), serving(2), ready(3))) == {"v3": StepKind.STOP}


def test_the_hook_before_stop_comes_between_drain_and_stop() -> None:
    """Due while not drained: drain; drained: the hook; then the stop."""
    due = frozenset({StepKind.BEFORE_STOP})
    undrained = replace(ready(3), drained=False, hooks_due=due)
    assert steps(plan(2, serving(1), serving(2), undrained)) == {"v3": StepKind.DRAIN}
    drained = replace(ready(3), hooks_due=due)
    assert steps(plan(2, serving(1), serving(2), drained)) == {"v3": StepKind.BEFORE_STOP}


def test_an_exposed_member_is_never_stopped_even_when_drained() -> None:
    """Unpublishing failed so far: nothing is stopped."""
    exposed = replace(ready(3), exposed=True, drained=True)
    assert steps(plan(2, serving(1), serving(2), exposed)) == {"v3": StepKind.UNPUBLISH}


def test_the_primary_is_never_stopped() -> None:
    """Sick, out of NGINX, drained and replaced, it still runs."""
    primary = replace(sick(1), exposed=False, drained=True)
    assert steps(plan(2, primary, serving(2), serving(3))) == {}


def test_the_primary_is_not_stopped_even_when_condemned() -> None:
    """Its start failed, but there is nothing to gain by a stop."""
    primary = replace(starting(1), coming_up=False, condemned=True)
    assert steps(plan(1, primary, serving(2))) == {}


def test_a_protected_member_is_never_stopped() -> None:
    """The healthy member next to it goes instead."""
    result = plan(2, serving(1), serving(2), protected(serving(3)))
    assert result.chosen == ("v1", "v3")
    assert steps(result) == {"v2": StepKind.UNPUBLISH}


def test_a_protected_member_never_pushes_the_primary_out_of_nginx() -> None:
    """Neither can be stopped, so both serve though one is wanted; only the third is surplus."""
    result = plan(1, serving(1), protected(serving(2)), serving(3))
    assert (result.chosen, result.serve) == (("v1",), ("v1", "v2"))
    assert steps(result) == {"v3": StepKind.UNPUBLISH}


def test_a_surplus_member_that_is_kept_and_healthy_is_published() -> None:
    """It runs on in any case, so it may as well serve; never one that is set aside."""
    result = plan(1, serving(1), protected(ready(2)))
    assert (steps(result), result.serve) == ({"v2": StepKind.PUBLISH}, ("v1", "v2"))
    aside = protected(replace(ready(2), quarantined=True))
    assert plan(1, serving(1), aside).serve == ("v1",)


def test_a_sick_protected_member_is_taken_out_of_nginx_but_not_stopped() -> None:
    """Protection is about stopping, not about requests."""
    result = plan(1, serving(1), protected(sick(2)))
    assert steps(result) == {"v2": StepKind.UNPUBLISH}
    unexposed = protected(replace(sick(2), exposed=False))
    assert steps(plan(1, serving(1), unexposed)) == {}


def test_a_healthy_surplus_member_stays_until_enough_chosen_ones_serve() -> None:
    """Member 2 is chosen and not published yet, so member 3 keeps serving."""
    result = plan(2, serving(1), ready(2), serving(3))
    assert result.serve == ("v1", "v2", "v3")
    assert steps(result) == {"v2": StepKind.PUBLISH}


def test_a_surplus_member_that_is_still_starting_stays_until_enough_chosen_ones_serve() -> None:
    """The count fell while two were starting: nobody knows yet that the chosen one will answer."""
    assert steps(plan(1, starting(1), starting(2))) == {"v1": StepKind.WAIT_HEALTHY}
    assert steps(plan(1, serving(1), starting(2))) == {"v2": StepKind.STOP}


def test_a_place_that_no_chosen_spare_waits_for_is_not_made_free() -> None:
    """All places are taken, but the one chosen for it runs already: the sick one may recover."""
    gone = replace(sick(3), exposed=False)
    result = plan(2, serving(1), starting(2), gone, spare(4))
    assert steps(result) == {"v2": StepKind.WAIT_HEALTHY}


def test_a_healthy_member_stays_while_fewer_than_the_minimum_would_remain() -> None:
    """With 1 desired and a minimum of 2: two are kept."""
    assert steps(plan(1, serving(1), serving(2), minimum=2)) == {}


def test_a_sick_surplus_member_makes_room_for_a_replacement_at_the_maximum() -> None:
    """All places are taken and the spare is needed: the sick one goes first."""
    gone = replace(sick(2), exposed=False)
    assert steps(plan(3, serving(1), gone, serving(3), spare(4))) == {"v2": StepKind.DRAIN}


def test_a_flapping_member_makes_room_for_a_replacement_at_the_maximum() -> None:
    """It is healthy this moment, but quarantined it serves nobody and must not keep a place."""
    flapping = replace(ready(2), quarantined=True)
    assert steps(plan(3, serving(1), flapping, serving(3), spare(4))) == {"v2": StepKind.STOP}


def test_a_stop_under_way_does_not_count_as_capacity() -> None:
    """While member 3 stops, the two others are all there is: nothing else goes."""
    going = replace(ready(3), busy=StepKind.STOP)
    result = plan(2, serving(1), ready(2), going)
    assert result.serve == ("v1", "v2")
    assert "v3" not in steps(result)


def test_several_surplus_members_leave_at_once() -> None:
    """One reload takes both out."""
    assert steps(plan(1, serving(1), serving(2), serving(3))) == {
        "v2": StepKind.UNPUBLISH,
        "v3": StepKind.UNPUBLISH,
    }


# Crashes.


def test_a_crashed_member_leaves_nginx_at_once() -> None:
    """Whatever else is decided about it."""
    crashed = replace(spare(2, ContainerState.EXITED), exposed=True, awaited=True)
    result = plan(2, serving(1), crashed, spare(3))
    assert steps(result) == {"v2": StepKind.UNPUBLISH}
    assert result.serve == ("v1",)


def test_a_stop_by_somebody_else_is_awaited_before_it_is_repaired() -> None:
    """Neither it nor another spare is started until the case is clear."""
    down = replace(spare(2, ContainerState.EXITED), awaited=True)
    assert steps(plan(2, serving(1), down, spare(3))) == {}


def test_a_crashed_member_is_started_again() -> None:
    """It is the lowest spare once its case is clear."""
    crashed = spare(2, ContainerState.EXITED)
    assert steps(plan(2, serving(1), crashed, spare(3))) == {"v2": StepKind.START}


def test_a_crashed_member_in_quarantine_is_replaced() -> None:
    """The next spare takes over."""
    crashed = replace(spare(2, ContainerState.EXITED), quarantined=True)
    assert steps(plan(2, serving(1), crashed, spare(3))) == {"v3": StepKind.START}


def test_a_crashed_primary_is_replaced_and_started_like_any_other() -> None:
    """It is the lowest spare."""
    crashed = spare(1, ContainerState.EXITED)
    assert steps(plan(1, crashed, spare(2))) == {"v1": StepKind.START}


def test_a_flapping_member_does_not_serve_beside_a_steady_one() -> None:
    """A quarantined member serves only where nobody else can."""
    flapping = replace(serving(2), quarantined=True)
    result = plan(2, serving(1), flapping)
    assert result.serve == ("v1",)
    assert steps(result) == {"v2": StepKind.UNPUBLISH}


def test_a_flapping_member_serves_where_nobody_else_can() -> None:
    """One that answers now and then is better than none."""
    flapping = replace(serving(1), quarantined=True)
    result = plan(1, flapping, spare(2))
    assert result.serve == ("v1",)
    assert steps(result) == {"v2": StepKind.START}


def test_a_flapping_member_that_is_alone_serves_only_when_it_has_been_well_for_a_while() -> None:
    """Else each of its turns would be a reload for everybody."""
    flapping = replace(ready(1), quarantined=True)
    assert plan(1, flapping).serve == ("v1",)
    assert plan(1, replace(flapping, steady=False)).serve == ()


def test_a_flapping_member_that_is_alone_and_served_while_slow_serves_on_when_it_is_well() -> None:
    """It had requests when it answered late: answering well is no reason to send it none."""
    flapping = replace(serving(1), quarantined=True, steady=False)
    assert plan(1, replace(flapping, ready=False, slow=True)).serve == ("v1",)
    assert plan(1, flapping).serve == ("v1",)


# Freeze, and an NGINX that is gone.


def test_freeze_stops_starts_and_stops() -> None:
    """A missing member is not started, a drained surplus one not stopped."""
    assert steps(plan(2, serving(1), spare(2), frozen=True)) == {}
    assert steps(plan(1, serving(1), ready(2), frozen=True)) == {}
    assert steps(plan(1, serving(1), replace(ready(2), drained=False), frozen=True)) == {}


def test_freeze_still_takes_the_dead_out_of_nginx() -> None:
    """Requests to a dead member would fail."""
    dead = replace(spare(2, ContainerState.EXITED), exposed=True)
    assert steps(plan(2, serving(1), dead, frozen=True)) == {"v2": StepKind.UNPUBLISH}


def test_freeze_leaves_a_condemned_member_running() -> None:
    """To stop it is a stop."""
    condemned = replace(starting(2), coming_up=False, condemned=True)
    assert steps(plan(2, serving(1), condemned, frozen=True)) == {}


def test_while_nginx_is_gone_nothing_is_started_above_the_minimum() -> None:
    """Nobody could send the new member a request."""
    assert steps(plan(3, serving(1), spare(2), spare(3), starts_wait=True)) == {}


def test_while_nginx_is_gone_the_minimum_is_kept_running() -> None:
    """One of three spares is started, as many as the minimum asks for and no more."""
    result = plan(3, spare(1), spare(2), spare(3), starts_wait=True)
    assert steps(result) == {"v1": StepKind.START}


def test_a_role_without_containers_has_nothing_to_do() -> None:
    """No members, no steps, no error."""
    result = plan(2)
    assert result == RolePlan((), (), ())


def test_every_step_says_why() -> None:
    """A step without a reason could not be explained in the log."""
    result = plan(2, sick(1), serving(2), replace(ready(3), drained=False), spare(4))
    assert result.steps
    assert all(step.reason and step.role == "validator" for step in result.steps)


# Hooks.


def test_a_member_whose_stop_was_refused_serves_on_though_it_is_surplus() -> None:
    """Out of NGINX already, it is published again and nothing else is done."""
    refusing = replace(ready(2), stays=True, hooks_due=frozenset({StepKind.BEFORE_STOP}))
    result = plan(1, serving(1), refusing)
    assert (steps(result), result.serve) == ({"v2": StepKind.PUBLISH}, ("v1", "v2"))
    assert result.chosen == ("v1",)
    assert steps(plan(1, serving(1), replace(refusing, exposed=True, published=True))) == {}


def test_a_refusing_member_that_turns_unhealthy_gets_no_requests() -> None:
    """It is left running, out of NGINX."""
    result = plan(1, serving(1), replace(sick(2), stays=True))
    assert (steps(result), result.serve) == ({"v2": StepKind.UNPUBLISH}, ("v1",))


def test_a_member_in_a_hook_gets_no_requests_though_it_is_wanted() -> None:
    """The hook before stop may have made it useless by the time it ends."""
    for kind in (StepKind.AFTER_HEALTHY, StepKind.BEFORE_STOP):
        assert plan(2, serving(1), replace(ready(2), busy=kind)).serve == ("v1",)


def test_a_spare_takes_the_place_of_a_member_in_its_hook_before_stop() -> None:
    """That one is on its way out."""
    leaving = replace(ready(2), busy=StepKind.BEFORE_STOP)
    assert steps(plan(2, serving(1), leaving, spare(3))) == {"v3": StepKind.START}


def test_a_member_that_serves_goes_before_one_whose_hook_is_to_come() -> None:
    """It is capacity; the other one may become it."""
    hooked = replace(ready(2), hooks_due=frozenset({StepKind.AFTER_HEALTHY}))
    assert plan(2, serving(1), hooked, serving(3)).chosen == ("v1", "v3")


def test_a_member_that_came_back_too_fast_leaves_nginx_before_its_hook() -> None:
    """Its old run is still listed."""
    hooked = replace(serving(2), hooks_due=frozenset({StepKind.AFTER_HEALTHY}))
    assert steps(plan(2, serving(1), hooked)) == {"v2": StepKind.UNPUBLISH}


def test_a_primary_that_is_not_wanted_runs_its_hook_all_the_same() -> None:
    """It runs anyway; without its hook it could never be wanted."""
    hooked = replace(ready(1), hooks_due=frozenset({StepKind.AFTER_HEALTHY}))
    assert steps(plan(1, hooked, serving(2))) == {"v1": StepKind.AFTER_HEALTHY}
    assert steps(plan(1, replace(hooked, quarantined=True), serving(2))) == {}
