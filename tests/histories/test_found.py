"""Histories that once broke a rule, cut down to their shortest script."""

from __future__ import annotations

import pytest

from labtroupe.policy import Group, Policy, RestartLimit, Strategy

from ._check import check
from ._plans import ChildPlan, Does, Goes, Kind, LifePlan, Step
from ._script import Adding, Call, Ending, Halting, History, Order

FOUND = {
    "what is asked of one that is wedged in its start ends when the supervisor has": History(
        children=(
            ChildPlan(
                name="a",
                policy=Policy(shutdown=0.0),
                lives=(LifePlan(start=Goes.FAILS, stop=Goes.STUBBORN, stop_seconds=2.0),),
            ),
        ),
        actions=(Call(at=0.0, child="a", timeout=20.0),),
        callers_stay=True,
    ),
    "who is reset before the halt has returned is halted no longer": History(
        children=(ChildPlan(name="a", kind=Kind.DEVICE, lives=(LifePlan(safe_seconds=1.0),)),),
        actions=(Halting(at=0.25), Order(at=0.5, child="a", verb="reset"), Call(at=2.0, child="a")),
        ending=Ending.SETTLED,
    ),
    "one that is halted twice at once has both halts return": History(
        children=(ChildPlan(name="a", kind=Kind.DEVICE),),
        actions=(Halting(at=0.25), Halting(at=0.25)),
        ending=Ending.SETTLED,
    ),
    "nobody is reset while all are made safe because one has been given up": History(
        children=(
            ChildPlan(name="a"),
            ChildPlan(name="b", kind=Kind.DEVICE, lives=(LifePlan(safe=Goes.HANGS),)),
            ChildPlan(
                name="c",
                policy=Policy(critical=True, limit=RestartLimit(max_restarts=0, max_attempts=0)),
                lives=(LifePlan(start=Goes.FAILS, start_seconds=0.25),),
            ),
        ),
        actions=(Order(at=0.5, child="a", verb="reset"), Call(at=0.75, child="a")),
        ends_at=5.0,
        callers_stay=True,
    ),
    "who has been given up cannot be removed while the others stop": History(
        children=(ChildPlan(name="a", lives=(LifePlan(stop_seconds=1.0),)),),
        actions=(
            Adding(
                at=0.25,
                plan=ChildPlan(name="x", policy=Policy(required=True), lives=(LifePlan(start=Goes.FAILS),)),
            ),
            Order(at=0.75, child="x", verb="remove"),
        ),
        ends_at=5.0,
        callers_stay=True,
    ),
    "who is reset while it gets in step does not go into its safe state": History(
        children=(ChildPlan(name="a", kind=Kind.DEVICE, lives=(LifePlan(recovery_seconds=0.5),)),),
        actions=(
            Call(at=0.75, child="a", steps=(Step(does=Does.EXCHANGE, seconds=1.0),)),
            Halting(at=1.0),
            Order(at=1.25, child="a", verb="reset"),
        ),
        ends_at=5.0,
    ),
    "one on demand is starting before it backs off with its group": History(
        children=(
            ChildPlan(name="a", lives=(LifePlan(start=Goes.FAILS, start_seconds=0.5),)),
            ChildPlan(name="d", policy=Policy(on_demand=True)),
        ),
        groups=(("", Group(Strategy.ONE_FOR_ALL, RestartLimit(max_restarts=9, max_attempts=9))),),
        actions=(Call(at=0.5, child="d"),),
        ends_at=5.0,
    ),
}


@pytest.mark.parametrize("name", FOUND)
def test_what_once_broke_a_rule_does_so_no_longer(name: str) -> None:
    """P1, P4, P16, P19, S1, S9, S10, S15."""
    check(FOUND[name])
