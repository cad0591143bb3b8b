"""Halting a tree: latches, safe states in their order, and what passes them; on the mock clock."""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar

import attrs
import pytest
import trio
from trio.testing import MockClock, wait_all_tasks_blocked

from labtroupe.actor import Actor, ActorRef, halt_itself
from labtroupe.errors import CommandRefused, Halted, Outcome, RestartLimitError, UnknownInstrumentError
from labtroupe.lifecycle import State
from labtroupe.messages import Event, SafeState, command
from labtroupe.policy import Backoff, Policy, RestartLimit
from labtroupe.records import SafetyReport
from labtroupe.supervision import ChildSpec, Supervisor, branch

from ._played import NO_JITTER, Run, supervised


@attrs.define(eq=False)
class Plan:
    """What the safe states of one actor do, and what they and its commands did; survives its lives."""

    log: list[str]
    seconds: float = 0.0
    raises: Callable[[], Exception | None] = lambda: None
    asks: Callable[[], ActorRef[Valve]] | None = None


@attrs.define(eq=False)
class Valve(Actor):
    """An actor with a safe state."""

    safe_state_order: ClassVar[int] = 0

    name: str
    plan: Plan

    async def on_stop(self) -> None:
        """Note it."""
        self.plan.log.append(f"{self.name} stopped")

    async def safe_state(self) -> None:
        """Do as planned."""
        self.plan.log.append(f"{self.name} safe {trio.current_time():g}")
        await trio.sleep(self.plan.seconds)
        error = self.plan.raises()
        if error is not None:
            raise error
        if self.plan.asks is not None:
            await self.plan.asks().ask(Valve.work(0.0))

    @command
    async def work(self, seconds: float) -> None:
        """Work for a while."""
        self.plan.log.append(f"{self.name} works")
        await trio.sleep(seconds)

    @command
    async def crash(self) -> None:
        """Crash."""
        raise OSError("broken")


@attrs.define(eq=False)
class LateValve(Valve):
    """One whose turn comes after the others'."""

    safe_state_order: ClassVar[int] = 1


@attrs.define(eq=False)
class ShyValve(Valve):
    """One that waits for a person."""

    async def on_start(self) -> None:
        """Halt itself."""
        halt_itself("look")


@attrs.define(eq=False)
class TidyValve(Valve):
    """One that is made safe whenever it is stopped."""

    safe_on_stop: ClassVar[bool] = True


@attrs.define(eq=False)
class Lamp(Actor):
    """An actor without a safe state."""


def valve(
    name: str, plan: Plan, valve_type: type[Valve] = Valve, *, policy: Policy | None = None
) -> ChildSpec:
    return ChildSpec(
        name=name,
        factory=lambda: valve_type(name, plan),
        actor_type=valve_type,
        policy=policy or Policy(backoff=NO_JITTER),
    )


def ref(run: Run, name: str) -> ActorRef[Valve]:
    return run.supervisor.ref(name, Valve)


async def test_a_halt_stops_everything_at_once_and_reports_each(autojump_clock: MockClock) -> None:
    """S9, S10: what runs, what waits, what comes; side by side, and each with its reason."""
    log: list[str] = []
    specs = [
        valve("good", Plan(log, seconds=1.5)),
        valve("slow", Plan(log, seconds=60)),
        valve("no", Plan(log, raises=lambda: CommandRefused("the door is open"))),
        ChildSpec(name="lamp", factory=Lamp, actor_type=Lamp),
    ]
    async with supervised(*specs) as run:
        running = ref(run, "good").send(Valve.work(60))
        queued = ref(run, "good").send(Valve.work(1))
        await wait_all_tasks_blocked()
        reports = await run.supervisor.halt(None, "smoke")
        assert reports == [
            SafetyReport("good", confirmed=True),
            SafetyReport("slow", confirmed=False, reason="not done within 2 s"),
            SafetyReport("no", confirmed=False, reason="the door is open"),
            SafetyReport("lamp", confirmed=False, reason="no safe state is declared"),
        ]
        assert trio.current_time() == pytest.approx(2.0)
        assert (running.outcome, queued.outcome) == (Outcome.UNKNOWN, Outcome.NOT_SENT)
        with pytest.raises(Halted, match="smoke"):
            await ref(run, "good").ask(Valve.work(0))
        assert run.supervisor.member("good").cell.state is State.HALTED
        run.supervisor.reset("good")
        assert run.supervisor.member("good").cell.state is State.RUNNING
        await ref(run, "good").ask(Valve.work(0))
    assert log.count("good works") == 2


async def test_safe_states_come_in_their_order(autojump_clock: MockClock) -> None:
    """S9: everybody is latched before the first of them; nobody is forgotten by a caller who leaves."""
    log: list[str] = []
    specs = [
        valve("late", Plan(log), LateValve),
        valve("a", Plan(log, seconds=1)),
        valve("b", Plan(log, seconds=0.5)),
    ]
    async with supervised(*specs) as run:
        await wait_all_tasks_blocked()
        reports = await run.supervisor.halt(None, "smoke")
        assert [report.confirmed for report in reports] == [True, True, True]
        assert sorted(log[:2]) == ["a safe 0", "b safe 0"]
        assert log[2:] == ["late safe 1"]
        for member in run.supervisor:
            run.supervisor.reset(member.spec.name)
        log.clear()
        with trio.move_on_after(0.1):
            await run.supervisor.halt(None, "again")
        await trio.sleep(5)
        assert "late safe 1.1" in log


async def test_a_halt_begins_before_it_first_waits(autojump_clock: MockClock) -> None:
    """S10: nothing that happens later in the same tick can slip through."""
    log: list[str] = []
    async with supervised(valve("a", Plan(log))) as run:
        await wait_all_tasks_blocked()
        with trio.CancelScope() as scope:
            scope.cancel()
            await run.supervisor.halt(["a"], "smoke")
        assert ref(run, "a").send(Valve.work(0)).outcome is Outcome.NOT_SENT
        await wait_all_tasks_blocked()
        assert log == ["a safe 0"]


async def test_a_safe_state_may_ask_what_is_halted_too(autojump_clock: MockClock) -> None:
    """S9, L10: the valves hang on a bus, and all are halted."""
    log: list[str] = []
    async with supervised(
        valve("bus", Plan(log)), valve("valve", Plan(log, asks=lambda: ref(run, "bus")))
    ) as run:
        await wait_all_tasks_blocked()
        reports = await run.supervisor.halt(None, "smoke")
        assert [report.confirmed for report in reports] == [True, True]
        assert "bus works" in log
        with pytest.raises(Halted):
            await ref(run, "bus").ask(Valve.work(0))


async def test_a_safe_state_passes_leases(autojump_clock: MockClock) -> None:
    """S10, S17: a halt is gated by nobody."""
    log: list[str] = []
    async with supervised(
        valve("bus", Plan(log)), valve("valve", Plan(log, asks=lambda: ref(run, "bus")))
    ) as run:
        await wait_all_tasks_blocked()
        async with ref(run, "bus").lease(holder="somebody"):
            assert await run.supervisor.halt(["valve"], "smoke") == [SafetyReport("valve", confirmed=True)]
        assert "bus works" in log


async def test_a_new_life_under_the_latch_is_made_safe_first(autojump_clock: MockClock) -> None:
    """S9, S10: the latch is of the actor and not of a life; once confirmed, it is not repeated."""
    log: list[str] = []
    failures = [OSError("the cable")]
    plan = Plan(log, raises=lambda: failures.pop() if failures else None)
    async with supervised(valve("a", plan)) as run:
        await wait_all_tasks_blocked()
        [report] = await run.supervisor.halt(["a"], "smoke")
        assert not report.confirmed
        assert report.reason.startswith("OSError('the cable') at supervision/test_halt.py:")
        await trio.sleep(5)
        assert log == ["a safe 0", "a stopped", "a safe 0.5"]
        assert run.supervisor.member("a").cell.state is State.HALTED
        run.supervisor.restart("a")
        await trio.sleep(5)
        assert [line for line in log if "safe" in line] == ["a safe 0", "a safe 0.5"]
        assert run.supervisor.member("a").cell.state is State.HALTED


async def test_who_does_not_run_is_latched_and_reported(autojump_clock: MockClock) -> None:
    """S9: nobody takes it for safe."""
    log: list[str] = []
    async with supervised(valve("a", Plan(log))) as run:
        run.supervisor.stop("a")
        await run.supervisor.wait_settled("a")
        [report] = await run.supervisor.halt(["a"], "smoke")
        assert (report.confirmed, report.reason) == (False, "it is not running")
        run.supervisor.start("a")
        await trio.sleep(1)
        assert log[-1:] == ["a safe 0"]
        with pytest.raises(Halted):
            await ref(run, "a").ask(Valve.work(0))


async def test_nobody_is_halted_if_one_name_is_wrong(autojump_clock: MockClock) -> None:
    """S13."""
    async with supervised(valve("a", Plan([]))) as run:
        with pytest.raises(UnknownInstrumentError):
            await run.supervisor.halt(["a", "b"], "smoke")
        await ref(run, "a").ask(Valve.work(0))


async def test_a_halt_reaches_the_supervisors_below(autojump_clock: MockClock) -> None:
    log: list[str] = []
    inner = Supervisor([valve("deep", Plan(log))])
    async with supervised(branch("rack", inner)) as run:
        await ref(run, "deep").ask(Valve.work(0))
        reports = await run.supervisor.halt(None, "smoke")
        assert reports == [SafetyReport("deep", confirmed=True)]
        run.supervisor.reset("deep")
        await ref(run, "deep").ask(Valve.work(0))


async def test_before_it_is_given_up_everything_is_made_safe(autojump_clock: MockClock) -> None:
    """S6, S9: side by side, and before anybody is closed; nobody has to reset it afterwards."""
    log: list[str] = []
    events: list[Event] = []
    hopeless = Policy(critical=True, limit=RestartLimit(max_restarts=0))
    supervisor = Supervisor(
        [
            valve("a", Plan(log)),
            valve("b", Plan(log), policy=Policy(depends_on=("a",))),
            valve("c", Plan(log), policy=hopeless),
        ],
        events.append,
    )

    async def crash() -> None:
        await wait_all_tasks_blocked()
        supervisor.ref("c", Valve).tell(Valve.crash())

    async with trio.open_nursery() as nursery:
        nursery.start_soon(crash)
        with pytest.raises(RestartLimitError):
            await supervisor.run()
    assert log[0] == "c stopped"
    assert sorted(log[1:3]) == ["a safe 0", "b safe 0"]
    assert log[3:] == ["b stopped", "a stopped"]
    assert {event.instrument for event in events if isinstance(event, SafeState) and event.confirmed} == {
        "a",
        "b",
    }
    assert {member.cell.latch for member in supervisor} == {None}
    assert supervisor.member("a").cell.state is State.STOPPED


async def test_who_waits_for_a_person_is_made_safe_too_and_goes_on_waiting(autojump_clock: MockClock) -> None:
    """S9, S10, L11: nobody but a person lets go of what has halted itself."""
    log: list[str] = []
    hopeless = Policy(critical=True, limit=RestartLimit(max_restarts=0))
    supervisor = Supervisor([valve("a", Plan(log), ShyValve), valve("c", Plan(log), policy=hopeless)])

    async def crash() -> None:
        await wait_all_tasks_blocked()
        assert (supervisor.member("a").cell.state, log) == (State.HALTED, [])
        supervisor.ref("c", Valve).tell(Valve.crash())

    async with trio.open_nursery() as nursery:
        nursery.start_soon(crash)
        with pytest.raises(RestartLimitError):
            await supervisor.run()
    latch = supervisor.member("a").cell.latch
    assert log == ["c stopped", "a safe 0", "a stopped"]
    assert latch is not None
    assert (latch.reason, latch.leave) == ("look", True)


@pytest.mark.parametrize("seconds", [0.5, 60.0])
async def test_some_are_made_safe_whenever_they_are_stopped(
    autojump_clock: MockClock, seconds: float
) -> None:
    """S9: if declared; in time of its own, and no reason not to close."""
    log: list[str] = []
    async with supervised(valve("a", Plan(log, seconds=seconds), TidyValve), valve("b", Plan(log))) as run:
        await wait_all_tasks_blocked()
        run.supervisor.restart("a")
        await trio.sleep(10)
        run.supervisor.stop("b")
        log.append("-")
    assert log[:2] == ["a safe 0", "a stopped"]
    assert log[2:] == ["-", "b stopped", "a safe 10", "a stopped"]
    [first, second] = [event for event in run.events if isinstance(event, SafeState)]
    assert first.confirmed is second.confirmed is (seconds < 1)


async def test_who_crashes_is_not_made_safe_by_its_stop(autojump_clock: MockClock) -> None:
    """S9: its link may be lost, and its next life takes over."""
    log: list[str] = []
    async with supervised(valve("a", Plan(log), TidyValve, policy=Policy(backoff=Backoff(first=100)))) as run:
        ref(run, "a").tell(Valve.crash())
        await trio.sleep(1)
        assert log == ["a stopped"]


async def test_one_on_demand_starts_with_the_first_request(autojump_clock: MockClock) -> None:
    """S11: which waits for it; looking on does not count."""
    log: list[str] = []
    async with supervised(valve("a", Plan(log), policy=Policy(on_demand=True))) as run:
        await trio.sleep(100)
        cell = run.supervisor.member("a").cell
        assert (cell.state, cell.life, cell.reason) == (
            State.STOPPED,
            0,
            "starts when something is asked of it",
        )
        await ref(run, "a").ask(Valve.work(1))
        assert (ref(run, "a").state, cell.life) == (State.RUNNING, 1)
        run.supervisor.stop("a")
        assert ref(run, "a").send(Valve.work(0)).outcome is Outcome.NOT_SENT


async def test_suspended_it_finishes_and_takes_no_more(autojump_clock: MockClock) -> None:
    """S13: what waits, waits on; a new life changes nothing about it."""
    log: list[str] = []
    async with supervised(valve("a", Plan(log))) as run:
        running, queued = (ref(run, "a").send(Valve.work(1), timeout=50) for _ in range(2))
        await wait_all_tasks_blocked()
        run.supervisor.suspend("a")
        await running
        await trio.sleep(10)
        assert log == ["a works"]
        assert ref(run, "a").send(Valve.work(0)).outcome is Outcome.NOT_SENT
        run.supervisor.resume("a")
        await queued
        assert log == ["a works", "a works"]


class Lingering(Actor):
    """One whose clean-up takes a turn of the loop."""

    async def on_stop(self) -> None:
        """Let others have theirs."""
        await trio.lowlevel.checkpoint()


async def test_who_waits_for_a_halted_one_to_stop_sees_that_it_has(autojump_clock: MockClock) -> None:
    """S13, S14: also if its life ends in the moment of a look; each round has another order of tasks."""
    seen: list[str] = []
    async with supervised(ChildSpec(name="a", factory=Lingering, actor_type=Lingering)) as run:
        for _ in range(50):
            await run.supervisor.wait_settled("a")
            await run.supervisor.halt(["a"], "smoke")
            run.supervisor.stop("a")
            await run.supervisor.wait_settled("a")
            seen.append(run.supervisor.member("a").cell.reason)
            run.supervisor.reset("a")
            run.supervisor.start("a")

    assert set(seen) == {"smoke (it is stopped: stopped by an operator)"}
