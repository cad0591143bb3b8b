"""Which histories there are: the strategies that Hypothesis draws them from, the simplest first."""

from __future__ import annotations

import math
from functools import cache
from typing import Final, TypeVar

import attrs
from hypothesis import strategies as st

from labtroupe.policy import Backoff, Group, Policy, Restart, RestartLimit, Strategy

from ._plans import ChildPlan, Does, Goes, Kind, LifePlan, Step
from ._script import Action, Adding, Call, Ending, Halting, History, How, Leasing, Order

# All seconds are exact as floats, and few, so that much happens in the same moment.
SHORT: Final = st.sampled_from([0.25, 0.0, 0.5, 1.0])
MOMENTS: Final = st.integers(0, 12).map(lambda quarters: quarters / 4)

_ALONE: Final = [
    *[Does.EXCHANGE] * 6,
    *[Does.THINK] * 3,
    *[Does.SHIELD] * 2,
    *[Does.CRASH] * 2,
    Does.REFUSE,
    Does.GARBLE,
    Does.LOSE,
    Does.BREAK,
    Does.SWALLOW,
    Does.FINISH,
    Does.HOLD,
]

# The seconds of the scope around a caller, and those until somebody cancels it.
_SCOPES: Final = [
    *[(math.inf, math.inf)] * 6,
    (0.0, math.inf),
    (0.5, math.inf),
    (1.0, math.inf),
    (math.inf, 0.0),
    (math.inf, 0.25),
    (math.inf, 1.0),
]


T = TypeVar("T")


def _weighted(*strategies: tuple[int, st.SearchStrategy[T]]) -> st.SearchStrategy[T]:
    """Draw from each so many times as often; `one_of` forgets those that it is given twice."""
    choices = [strategy for weight, strategy in strategies for _ in range(weight)]
    return st.sampled_from(choices).flatmap(lambda strategy: strategy)


@cache
def steps(names: str) -> st.SearchStrategy[tuple[Step, ...]]:
    """Return what a handler does."""
    alone = st.builds(Step, st.sampled_from(_ALONE), SHORT)
    others = st.builds(
        Step,
        st.sampled_from([Does.ASK, Does.ASK, Does.TELL]),
        st.sampled_from([3.0, 0.5]),
        st.sampled_from(names),
        st.sampled_from([*[""] * 4, *names]),
    )
    return st.lists(_weighted((4, alone), (1, others)), max_size=3).map(tuple)


_ODD: Final = [Goes.STUBBORN, Goes.FINISHES]

LIVES: Final = st.builds(
    LifePlan,
    start=st.sampled_from([*[Goes.WELL] * 5, Goes.FAILS, Goes.FAILS, Goes.ABSENT, Goes.HANGS, *_ODD]),
    start_seconds=SHORT,
    recovery=st.sampled_from([Goes.WELL] * 6 + [Goes.FAILS]),
    recovery_seconds=SHORT,
    crashes_after=st.sampled_from([math.inf, math.inf, 0.0, 0.5, 2.0]),
    safe=st.sampled_from([*[Goes.WELL] * 5, Goes.FAILS, Goes.REFUSED, Goes.HANGS, Goes.STUBBORN]),
    safe_seconds=SHORT,
    stop=st.sampled_from([Goes.WELL] * 4 + [Goes.FAILS, Goes.HANGS, Goes.STUBBORN]),
    stop_seconds=st.sampled_from([0.0, 0.25, 0.5, 2.0, 4.0]),
)

POLICIES: Final = st.builds(
    Policy,
    restart=st.sampled_from([Restart.PERMANENT] * 3 + [Restart.TRANSIENT, Restart.TEMPORARY]),
    required=st.sampled_from([False] * 9 + [True]),
    critical=st.sampled_from([False] * 9 + [True]),
    on_demand=st.sampled_from([False] * 4 + [True]),
    group=st.sampled_from(["", "", "g"]),
    shutdown=st.sampled_from([2.0, 0.0, 0.5]),
    backoff=st.sampled_from(
        [Backoff(jitter=0.0), Backoff(first=0.0), Backoff(first=2.0), Backoff(first=1.0, longest=1.0)]
    ),
    limit=st.sampled_from(
        [
            RestartLimit(max_restarts=9, max_attempts=9),
            RestartLimit(),
            RestartLimit(max_restarts=1, max_seconds=2.0),
            RestartLimit(max_restarts=9, max_attempts=2, healthy_after=2.0),
        ]
    ),
)


@cache
def children(name: str, before: str) -> st.SearchStrategy[ChildPlan]:
    """Return plans of one child, most of which start well."""
    well = st.just(LifePlan())
    return st.builds(
        _plan,
        name=st.just(name),
        kind=st.sampled_from(Kind),
        policy=st.one_of(st.just(Policy(backoff=Backoff(jitter=0.0))), POLICIES),
        depends_on=st.lists(st.sampled_from(before), max_size=2, unique=True) if before else st.just([]),
        mailbox=st.sampled_from([16, 1, 2]),
        start_timeout=st.sampled_from([10.0, 1.0]),
        lives=_weighted(
            (1, well.map(_alone)), (1, st.lists(well | LIVES, min_size=1, max_size=3).map(tuple))
        ),
    )


def _alone(life: LifePlan) -> tuple[LifePlan, ...]:
    return (life,)


def _plan(  # noqa: PLR0913 - the fields of a plan
    *,
    name: str,
    kind: Kind,
    policy: Policy,
    depends_on: list[str],
    mailbox: int,
    start_timeout: float,
    lives: tuple[LifePlan, ...],
) -> ChildPlan:
    """Return a plan that lets time pass: what is absent is tried again for ever, so not without a pause."""
    if not policy.backoff.first:
        # An instrument whose cable is out is absent, too.
        kind = Kind.DEVICE if kind is Kind.INSTRUMENT else kind
        present = {Goes.ABSENT: Goes.FAILS}
        lives = tuple(attrs.evolve(life, start=present.get(life.start, life.start)) for life in lives)
    return ChildPlan(
        name=name,
        kind=kind,
        policy=attrs.evolve(policy, depends_on=tuple(depends_on)),
        mailbox=mailbox,
        start_timeout=start_timeout,
        lives=lives,
    )


@cache
def calls(names: str) -> st.SearchStrategy[Call]:
    """Return requests."""
    return st.builds(
        _call,
        at=MOMENTS,
        child=st.sampled_from(names),
        how=st.sampled_from([How.ASK, How.ASK, How.ASK, How.SEND, How.TELL]),
        command=st.sampled_from(["work", "work", "work", "look", "home", "brake"]),
        steps=steps(names),
        timeout=st.sampled_from([None, None, 0.5, 1.0, 2.0, 20.0, math.inf, 0.0]),
        around=st.sampled_from(_SCOPES),
    )


def _call(  # noqa: PLR0913 - the fields of a call
    *,
    at: float,
    child: str,
    how: How,
    command: str,
    steps: tuple[Step, ...],
    timeout: float | None,
    around: tuple[float, float],
) -> Call:
    scope, cancelled_after = around
    return Call(
        at=at,
        child=child,
        how=how,
        command=command,
        steps=steps,
        timeout=timeout,
        scope=scope,
        cancelled_after=cancelled_after,
    )


_VERBS: Final = [*["restart", "stop", "start"] * 2, "reset", "reset", "suspend", "resume", "clear"]


@cache
def orders(names: str) -> st.SearchStrategy[Action]:
    """Return what operators want."""
    child = st.sampled_from(names)
    order: st.SearchStrategy[Action] = st.builds(Order, at=MOMENTS, child=child, verb=st.sampled_from(_VERBS))
    halt = st.builds(Halting, at=MOMENTS, children=st.sampled_from(["", *names]))
    lease = st.builds(
        Leasing, at=MOMENTS, child=child, steps=steps(names), seconds=SHORT, takeover=st.booleans()
    )
    return _weighted((9, order), (1, halt), (2, lease))


def _ungrouped(plan: ChildPlan) -> ChildPlan:
    return attrs.evolve(plan, policy=attrs.evolve(plan.policy, group=""))


@cache
def additions(names: str) -> st.SearchStrategy[Action]:
    """Return what becomes of a child that comes later."""
    return st.one_of(
        st.builds(Adding, at=MOMENTS, plan=st.shared(children("x", names).map(_ungrouped), key="x")),
        st.builds(Order, at=MOMENTS, child=st.just("x"), verb=st.sampled_from(["stop", "remove", "restart"])),
    )


@cache
def scripts(names: str, size: int) -> st.SearchStrategy[list[Action]]:
    """Return what happens, in any order."""
    each = _weighted((12, calls(names)), (4, orders(names)), (1, additions(names)))
    return st.lists(each, min_size=size, max_size=2 * size)


GROUPS: Final = st.builds(
    Group,
    st.sampled_from([Strategy.ONE_FOR_ALL, Strategy.REST_FOR_ONE]),
    st.sampled_from([RestartLimit(max_restarts=9, max_attempts=9), RestartLimit(max_restarts=1)]),
)


@st.composite
def histories(draw: st.DrawFn) -> History:
    """Draw a history."""
    names = draw(st.sampled_from(["a", "ab", "abc", "abcd"]))
    bench = [draw(children(name, names[:place])) for place, name in enumerate(names)]
    groups = [("g", draw(GROUPS))] if draw(st.booleans()) else [("g", Group())]
    if draw(st.sampled_from([False, False, False, True])):
        groups.append(("", draw(GROUPS)))
    script = draw(scripts(names, draw(st.sampled_from([1, 6, 12]))))
    if len(groups) > 1:
        # Who is added to a group shares the fate of those that came before, from then on only.
        script = [each for each in script if not isinstance(each, Adding)]
    return History(
        children=tuple(bench),
        groups=tuple(groups),
        actions=tuple(script),
        ends_at=draw(st.integers(0, 24)) / 4,
        ending=draw(st.sampled_from(Ending)),
        callers_stay=draw(st.booleans()),
        schedule=draw(st.integers(0, 999)),
    )
