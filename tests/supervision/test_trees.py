"""Groups, nested supervisors and children that come and go: real actors on the mock clock."""

from __future__ import annotations

import math
from collections.abc import Sequence

import pytest
import trio
from trio.testing import MockClock, wait_all_tasks_blocked

from labtroupe.actor import Change, ChangeKind
from labtroupe.errors import (
    NotRunning,
    Outcome,
    RestartLimitError,
    TooManyChildren,
    UnknownInstrumentError,
    WrongState,
)
from labtroupe.lifecycle import State
from labtroupe.messages import Event, StateChanged, Wedged
from labtroupe.policy import AutoShutdown, Backoff, Group, Policy, Restart, RestartLimit, Strategy
from labtroupe.supervision import Supervisor, branch
from labtroupe.supervision._child import Member

from ._played import AT_ONCE, NO_JITTER, Played, Run, Script, child, crash, shared, supervised

RIG = Policy(group="rig", backoff=NO_JITTER)


async def work_until_the_end(run: Run, name: str) -> None:
    await run.supervisor.ref(name, Played).ask(Played.look(), timeout=100)


async def watch(run: Run, name: str, seen: list[Change]) -> None:
    async for change in run.supervisor.ref(name, Played).watch():
        seen.append(change)  # noqa: PERF401 - it never ends by itself


# --- groups ---


@pytest.mark.parametrize(
    ("strategy", "log"),
    [
        (Strategy.ONE_FOR_ONE, "-b +b"),
        (Strategy.ONE_FOR_ALL, "-b -c -a +a +b +c"),
        (Strategy.REST_FOR_ONE, "-b -c +b +c"),
    ],
)
async def test_a_group_shares_the_fate_of_its_members(
    autojump_clock: MockClock, strategy: Strategy, log: str
) -> None:
    """S3: each is closed before anybody of the new life opens anything."""
    scripts = {name: Script(stop_seconds=0.5, start_seconds=0.5) for name in "abc"}
    seen = shared(list(scripts.values()))
    specs = [child(name, scripts[name], policy=RIG) for name in "abc"]
    async with supervised(*specs, groups={"rig": Group(strategy)}) as run:
        for name in "abc":
            await work_until_the_end(run, name)
        seen.clear()
        await crash(run, "b")
        await trio.sleep(10)
        marks = {"start": "+", "stop": "-"}
        assert " ".join(marks[line.split()[0]] + line.split()[1] for line in seen) == log


async def test_a_request_to_a_bystander_waits_for_its_next_life(autojump_clock: MockClock) -> None:
    """R7, R8: it did not fail itself, so nobody is refused for it."""
    specs = [child("a", Script(), policy=RIG), child("b", Script(), policy=RIG)]
    async with supervised(*specs, groups={"rig": Group(Strategy.ONE_FOR_ALL)}) as run:
        await work_until_the_end(run, "b")
        await crash(run, "a")
        await wait_all_tasks_blocked()
        assert run.supervisor.ref("b", Played).state is State.BACKOFF
        assert await run.supervisor.ref("b", Played).ask(Played.look(), timeout=100) == 2


# --- nested ---


def nested(inner: Supervisor, policy: Policy | None = None) -> Supervisor:
    """Return a supervisor with one below it, called ``rack``, and a child of its own."""
    return Supervisor([child("top", Script()), branch("rack", inner, policy or Policy(shutdown=math.inf))])


async def test_a_tree_is_used_as_if_it_were_flat(autojump_clock: MockClock) -> None:
    """S13: refs, verbs and waits find their instrument wherever it is."""
    deep = Supervisor([child("deep", Script())])
    supervisor = nested(Supervisor([child("inner", Script()), branch("shelf", deep)]))
    assert [member.spec.name for member in supervisor.walk()] == ["top", "rack", "inner", "shelf", "deep"]
    async with trio.open_nursery() as nursery:
        await nursery.start(supervisor.run)
        assert await supervisor.ref("deep", Played).ask(Played.look()) == 1
        supervisor.restart("deep")
        assert await supervisor.wait_settled("deep") is State.RUNNING
        assert await supervisor.ref("deep", Played).ask(Played.look()) == 2
        supervisor.stop("rack")
        assert await supervisor.wait_settled("rack") is State.STOPPED
        assert supervisor.ref("deep", Played).state is State.STOPPED
        supervisor.start("rack")
        assert await supervisor.ref("deep", Played).ask(Played.look(), timeout=10) == 3
        with pytest.raises(UnknownInstrumentError, match="there are: top, rack, inner, shelf, deep"):
            supervisor.stop("nobody")
        nursery.cancel_scope.cancel()


async def test_a_tree_stops_from_below(autojump_clock: MockClock) -> None:
    """S2, P10: in order inside the inner one, however long that takes."""
    scripts = [Script(stop_seconds=1.9), Script(stop_seconds=1.9), Script()]
    log = shared(scripts)
    inner = Supervisor(
        [child("bus", scripts[0]), child("pump", scripts[1], policy=Policy(depends_on=("bus",)))]
    )
    top = Policy(depends_on=())
    supervisor = Supervisor(
        [
            child("gate", scripts[2], policy=top),
            branch("rack", inner, Policy(depends_on=("gate",), shutdown=math.inf)),
        ]
    )
    async with trio.open_nursery() as nursery:
        await nursery.start(supervisor.run)
        await supervisor.ref("pump", Played).ask(Played.look())
        nursery.cancel_scope.cancel()
    assert log[3:] == ["stop pump", "stop bus", "stop gate"]
    assert trio.current_time() == pytest.approx(3.8)


async def test_an_inner_supervisor_that_gives_up_is_restarted_by_the_outer_one(
    autojump_clock: MockClock,
) -> None:
    """S5, S6: what it counted is not forgiven by that, and the outer one parks it in the end."""
    critical = Policy(critical=True, limit=RestartLimit(max_restarts=1), backoff=AT_ONCE)
    script = Script()
    inner = Supervisor([child("pump", script, policy=critical)])
    supervisor = nested(inner, Policy(limit=RestartLimit(max_restarts=1), backoff=AT_ONCE))
    async with trio.open_nursery() as nursery:
        await nursery.start(supervisor.run)
        run = Run(supervisor, [])
        for _ in range(3):
            await work_until_the_end(run, "pump")
            await crash(run, "pump")
            await trio.sleep(1)
        assert supervisor.member("rack").cell.state is State.FAILED
        assert isinstance(supervisor.member("rack").failure, RestartLimitError)
        assert script.lives == 3, "one restart by the inner one, one by the outer one"
        with pytest.raises(NotRunning):
            await work_until_the_end(run, "pump")
        assert await supervisor.ref("top", Played).ask(Played.look()) == 1
        nursery.cancel_scope.cancel()


async def test_what_an_operator_stopped_stays_stopped_when_its_supervisor_is_restarted(
    autojump_clock: MockClock,
) -> None:
    """S13."""
    supervisor = nested(Supervisor([child("a", Script()), child("b", Script())]))
    async with trio.open_nursery() as nursery:
        await nursery.start(supervisor.run)
        supervisor.stop("a")
        supervisor.restart("rack")
        assert await supervisor.wait_settled("b") is State.RUNNING
        assert await supervisor.wait_settled("a") is State.STOPPED
        nursery.cancel_scope.cancel()


async def test_an_inner_supervisor_ends_with_its_significant_child(autojump_clock: MockClock) -> None:
    """S4: which is an end without a failure for the outer one."""
    main = Policy(restart=Restart.TEMPORARY, significant=True)
    inner = Supervisor([child("main", Script(), policy=main)], auto_shutdown=AutoShutdown.ANY)
    supervisor = nested(inner, Policy(restart=Restart.TRANSIENT, shutdown=math.inf))
    async with trio.open_nursery() as nursery:
        await nursery.start(supervisor.run)
        await crash(Run(supervisor, []), "main")
        await wait_all_tasks_blocked()
        assert supervisor.member("rack").cell.state is State.STOPPED
        nursery.cancel_scope.cancel()


async def test_a_supervisor_runs_once_at_a_time() -> None:
    supervisor = Supervisor([])
    async with trio.open_nursery() as nursery:
        await nursery.start(supervisor.run)
        with pytest.raises(RuntimeError, match="runs already"):
            await supervisor.run()
        nursery.cancel_scope.cancel()


# --- children that come and go ---


async def test_a_child_is_added_and_removed_while_the_others_run(autojump_clock: MockClock) -> None:
    """S4, S13: each answer tells apart what is the matter."""
    async with supervised(child("a", Script())) as run:
        supervisor = run.supervisor
        supervisor.add(child("b", Script(), policy=Policy(depends_on=("a",))))
        assert await supervisor.ref("b", Played).ask(Played.look()) == 1
        with pytest.raises(WrongState, match="there is a child 'b' already, and it is running"):
            supervisor.add(child("b", Script()))
        with pytest.raises(WrongState, match="b is running"):
            supervisor.remove("b")
        with pytest.raises(UnknownInstrumentError):
            supervisor.remove("c")
        supervisor.stop("a")
        await supervisor.wait_settled("a")
        with pytest.raises(WrongState, match="b depends on a"):
            supervisor.remove("a")
        ref = supervisor.ref("b", Played)
        supervisor.stop("b")
        supervisor.remove("b")
        with pytest.raises(NotRunning, match="stopped"):
            await ref.ask(Played.look())
        with pytest.raises(UnknownInstrumentError):
            supervisor.start("b")
        supervisor.add(child("b", Script()))
        assert await supervisor.ref("b", Played).ask(Played.look()) == 1


async def test_who_backs_off_is_not_removed_under_the_eyes_of_its_callers(autojump_clock: MockClock) -> None:
    """S13: it is told apart from one that runs."""
    async with supervised(child("a", Script())) as run:
        await crash(run, "a")
        await wait_all_tasks_blocked()
        with pytest.raises(WrongState, match="a is backoff") as caught:
            run.supervisor.remove("a")
        assert caught.value.state == "backoff"


async def test_there_is_a_most_of_children(autojump_clock: MockClock) -> None:
    """S4."""
    supervisor = Supervisor([child("a", Script())], max_children=2)
    supervisor.add(child("b", Script()))
    with pytest.raises(TooManyChildren, match="c would be one more than the 2 allowed"):
        supervisor.add(child("c", Script()))
    supervisor.stop("b")
    supervisor.remove("b")
    supervisor.add(child("c", Script()))


async def test_a_thousand_temporary_children_leave_nothing_behind(autojump_clock: MockClock) -> None:
    """S4, P11: each is forgotten with its only life."""
    temporary = Policy(restart=Restart.TEMPORARY)
    async with supervised() as run:
        names = [f"job-{i}" for i in range(1000)]
        refs = [run.supervisor.add(child(name, Script(), policy=temporary)) for name in names]
        await refs[-1].ask(Played.look())
        assert len(list(run.supervisor)) == 1000
        for ref in refs:
            ref.tell(Played.crash())
        await trio.sleep(1)
        assert list(run.supervisor) == []


async def test_nobody_is_added_to_a_supervisor_that_stops(autojump_clock: MockClock) -> None:
    """S13: terminate wins."""
    refusals: list[str] = []

    def add_another(event: Event) -> None:
        if isinstance(event, StateChanged) and event.after is State.STOPPING:
            with pytest.raises(NotRunning) as caught:
                supervisor.add(child("b", Script()))
            refusals.append(str(caught.value))

    supervisor = Supervisor([child("a", Script())], add_another)
    async with trio.open_nursery() as nursery:
        await nursery.start(supervisor.run)
        await supervisor.ref("a", Played).ask(Played.look())
        nursery.cancel_scope.cancel()
    assert refusals == ["b: stopped (the bench stops): the bench stops, and takes no orders any more"]
    assert [member.spec.name for member in supervisor] == ["a"]


# --- who watches ---


async def test_watchers_are_told_each_change_once_and_in_order(autojump_clock: MockClock) -> None:
    """S16: also who is parked for the sake of another."""
    groups = {"rig": Group(Strategy.ONE_FOR_ALL, RestartLimit(max_restarts=1))}
    policy = Policy(group="rig", backoff=Backoff(first=1.0))
    specs = [child("a", Script(), policy=policy), child("b", Script(), policy=policy)]
    seen: dict[str, list[Change]] = {"a": [], "b": []}
    async with supervised(*specs, groups=groups) as run, trio.open_nursery() as nursery:
        for name, changes in seen.items():
            nursery.start_soon(watch, run, name, changes)
        for _ in range(2):
            await work_until_the_end(run, "b")
            await crash(run, "a")
            await trio.sleep(5)
        nursery.cancel_scope.cancel()
    up, down, parked = ChangeKind.UP, ChangeKind.DOWN, ChangeKind.PARKED
    lives = [(up, 1), (down, 1), (up, 2), (down, 2), (parked, 2)]
    assert [(change.kind, change.life) for change in seen["a"]] == lives
    assert [(change.kind, change.life) for change in seen["b"]] == lives


async def test_a_wedged_life_is_reported_with_the_place_where_it_is(autojump_clock: MockClock) -> None:
    """R13, S14, S16: once, and to those who watch as well."""
    async with supervised(child("a", Script())) as run:
        changes: list[Change] = []
        reply = run.supervisor.ref("a", Played).send(Played.wedge(60), timeout=100)
        await wait_all_tasks_blocked()
        run.supervisor.stop("a")
        async with trio.open_nursery() as nursery:
            nursery.start_soon(watch, run, "a", changes)
            await trio.sleep(5)
            nursery.cancel_scope.cancel()
        events = [event for event in run.events if isinstance(event, Wedged)]
        assert len(events) == 1
        assert "await trio.sleep(seconds)" in events[0].stack
        assert [change.kind for change in changes] == [ChangeKind.WEDGED]
        assert reply.outcome is Outcome.UNKNOWN, "nobody waits for it any longer"
        run.supervisor.start("a")
        await trio.sleep(5)
        assert run.supervisor.ref("a", Played).state is State.STOPPING, "never beside itself"
        assert len([event for event in run.events if isinstance(event, Wedged)]) == 1, "said once"


async def test_a_whole_tree_waits_for_the_wedged_alone(autojump_clock: MockClock) -> None:
    """R13: who is wedged two supervisors below is told to the one above, when all others have gone."""
    scripts = [Script() for _ in range(3)]
    log = shared(scripts)
    told: list[tuple[float, list[str], list[str]]] = []

    def tell(members: Sequence[Member]) -> None:
        told.append((trio.current_time(), list(log), [member.spec.name for member in members]))

    lowest = Supervisor([child("stuck", scripts[0]), child("low", scripts[1])])
    middle = Supervisor([branch("lowest", lowest)])
    highest = Supervisor([branch("middle", middle), child("high", scripts[2])], on_wedged=tell)
    async with trio.open_nursery() as nursery:
        await nursery.start(highest.run)
        await highest.wait_first_starts()
        await highest.wait_been_up("stuck")
        highest.ref("stuck", Played).tell(Played.wedge(60))
        await wait_all_tasks_blocked()
        nursery.cancel_scope.cancel()
    assert [(sorted(log[3:]), names) for _, log, names in told] == [(["stop high", "stop low"], ["stuck"])]
    assert told[0][0] == pytest.approx(3)
    assert trio.current_time() == 60


async def test_at_the_end_only_the_wedged_are_waited_for_or_left(autojump_clock: MockClock) -> None:
    """R13: all others are closed before anybody decides about the process."""
    stuck, other = Script(), Script()
    log = shared([stuck, other])
    events: list[Event] = []
    left: list[list[str]] = []
    supervisor = Supervisor(
        [child("stuck", stuck), child("other", other)],
        events.append,
        on_wedged=lambda members: left.append([*log, *(member.spec.name for member in members)]),
    )
    async with trio.open_nursery() as nursery:
        await nursery.start(supervisor.run)
        supervisor.ref("stuck", Played).tell(Played.wedge(60))
        await wait_all_tasks_blocked()
        nursery.cancel_scope.cancel()
    assert [each[2:] for each in left] == [["stop other", "stuck"]]
    assert trio.current_time() == 60
