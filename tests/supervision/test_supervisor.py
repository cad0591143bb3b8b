"""Supervisors: real actors on the mock clock."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextlib import suppress

import pytest
import trio
from trio.testing import MockClock, wait_all_tasks_blocked

from labtroupe.actor import Actor
from labtroupe.errors import (
    CommandCancelled,
    CommandCrashed,
    CommandError,
    CommandTimeout,
    DeviceAbsent,
    NotRunning,
    Outcome,
    RestartLimitError,
    StartTimeout,
    UnknownInstrumentError,
)
from labtroupe.lifecycle import State
from labtroupe.messages import CleanupFailed, Event, StateChanged
from labtroupe.policy import Backoff, Policy, Restart, RestartLimit
from labtroupe.supervision import Supervisor

from ._played import AT_ONCE, NO_JITTER, Played, Run, Script, child, crash, shared, supervised


async def test_a_crashed_actor_gets_another_life_after_a_pause(autojump_clock: MockClock) -> None:
    """S7: 0.5 s, doubling."""
    async with supervised(child("a", Script())) as run:
        ref = run.supervisor.ref("a", Played)
        for life, pause in ((1, 0.5), (2, 1.0), (3, 2.0)):
            assert await ref.ask(Played.look(), timeout=60) == life
            before = trio.current_time()
            await crash(run, "a")
            assert await ref.ask(Played.look(), timeout=60) == life + 1
            assert trio.current_time() - before == pytest.approx(pause)


async def test_who_was_healthy_starts_again_with_the_first_pause(autojump_clock: MockClock) -> None:
    """S7, S5."""
    async with supervised(child("a", Script())) as run:
        ref = run.supervisor.ref("a", Played)
        for _ in range(20):
            await trio.sleep(31)
            await crash(run, "a")
            before = trio.current_time()
            await ref.ask(Played.look(), timeout=60)
            assert trio.current_time() - before == pytest.approx(0.5)


async def test_beyond_the_limit_an_actor_is_parked_and_its_callers_are_refused(
    autojump_clock: MockClock,
) -> None:
    """S5, S6: three restarts in 30 s; its neighbour does not notice."""
    async with supervised(child("a", Script()), child("b", Script())) as run:
        a, b = (run.supervisor.ref(name, Played) for name in "ab")
        for _ in range(4):
            await a.ask(Played.look(), timeout=60)
            await crash(run, "a")
        await wait_all_tasks_blocked()
        assert a.state is State.FAILED
        before = trio.current_time()
        with pytest.raises(NotRunning, match=r"failed .*broken") as caught:
            await a.ask(Played.look(), timeout=60)
        assert (trio.current_time(), caught.value.outcome) == (before, Outcome.NOT_SENT)
        assert await b.ask(Played.look()) == 1


async def test_an_operator_revives_a_parked_actor_with_a_clean_slate(autojump_clock: MockClock) -> None:
    """S6, S13."""
    limit = RestartLimit(max_restarts=1)
    async with supervised(child("a", Script(), policy=Policy(limit=limit, backoff=NO_JITTER))) as run:
        a = run.supervisor.ref("a", Played)
        for _ in range(3):
            await crash(run, "a")
            await a.ask(Played.look(), timeout=60)
            await crash(run, "a")
            await wait_all_tasks_blocked()
            assert a.state is State.FAILED
            run.supervisor.start("a")
            assert await run.supervisor.wait_settled("a") is State.RUNNING


async def test_restarting_in_vain_a_critical_actor_ends_the_supervisor(autojump_clock: MockClock) -> None:
    """S6, S15: bare, with the cause, after everybody else has been stopped."""
    scripts = [Script(), Script()]
    log = shared(scripts)
    policy = Policy(critical=True, limit=RestartLimit(max_restarts=0))
    supervisor = Supervisor([child("a", scripts[0]), child("b", scripts[1], policy=policy)])

    async def client() -> None:
        with pytest.raises(CommandCrashed):
            await supervisor.ref("b", Played).ask(Played.crash())

    with pytest.raises(RestartLimitError, match=r"b: given up: OSError\('broken'\)") as caught:
        await with_client(supervisor, client)
    assert isinstance(caught.value.__cause__, OSError)
    assert log[2:] == ["stop b", "stop a"]


async def with_client(supervisor: Supervisor, client: Callable[[], Awaitable[object]]) -> None:
    """Run a supervisor, and once it runs a client beside it; raise what the supervisor raises, as it is."""
    failure: list[RestartLimitError] = []
    async with trio.open_nursery() as nursery:

        async def run(task_status: trio.TaskStatus[None]) -> None:
            try:
                await supervisor.run(task_status=task_status)
            except RestartLimitError as error:
                failure.append(error)

        await nursery.start(run)
        nursery.start_soon(client)
    if failure:
        raise failure[0]


async def test_a_required_actor_that_does_not_start_ends_the_supervisor(autojump_clock: MockClock) -> None:
    """S11: with the first cause, after the others have been stopped in order."""

    def fail(_: int) -> None:
        raise DeviceAbsent("nobody there")

    scripts = [Script(), Script(), Script(on_start=fail, start_seconds=1)]
    log = shared(scripts)
    specs = [
        child("a", scripts[0]),
        child("b", scripts[1], policy=Policy(depends_on=("a",))),
        child("c", scripts[2], policy=Policy(required=True)),
    ]
    with pytest.raises(RestartLimitError, match="c: given up: nobody there") as caught:
        await Supervisor(specs).run()
    assert isinstance(caught.value.__cause__, DeviceAbsent)
    assert log[-3:] == ["stop c", "stop b", "stop a"]


async def test_looking_again_for_an_absent_device_never_counts_as_a_restart(
    autojump_clock: MockClock,
) -> None:
    """S5, S7: it is tried for ever with growing pauses, and used as soon as it is there."""

    def absent_for_an_hour(_: int) -> None:
        if trio.current_time() < 3600:
            raise DeviceAbsent("nobody there")

    script = Script(on_start=absent_for_an_hour)
    async with supervised(child("a", script)) as run:
        ref = run.supervisor.ref("a", Played)
        await trio.sleep(3599)
        assert ref.state is State.BACKOFF
        await ref.ask(Played.look(), timeout=60)
        assert trio.current_time() < 3631
        assert 115 < script.lives < 130


async def test_a_start_is_bounded_and_a_slow_one_counts_as_failed(autojump_clock: MockClock) -> None:
    """S11."""
    async with supervised(child("a", Script(start_seconds=60), start_timeout=3)) as run:
        await trio.sleep(3.1)
        assert run.supervisor.ref("a", Played).state is State.BACKOFF
        assert isinstance(run.supervisor.member("a").failure, StartTimeout)
        with pytest.raises(NotRunning, match=r"backoff .not ready within 3 s"):
            await run.supervisor.ref("a", Played).ask(Played.look(), timeout=0.1)


async def test_a_slow_start_evades_the_window_but_not_the_attempts(autojump_clock: MockClock) -> None:
    """S5: the reason why there are two limits."""

    def fail(_: int) -> None:
        raise OSError("dies at once")

    script = Script(on_start=fail, start_seconds=4)
    limit = RestartLimit(max_restarts=1, max_seconds=3, max_attempts=5)
    async with supervised(child("a", script, policy=Policy(limit=limit, backoff=AT_ONCE))) as run:
        await trio.sleep(1000)
        assert (script.lives, run.supervisor.ref("a", Played).state) == (6, State.FAILED)


@pytest.mark.parametrize(
    ("restart", "lives"), [(Restart.PERMANENT, 2), (Restart.TRANSIENT, 2), (Restart.TEMPORARY, 1)]
)
async def test_the_restart_type_decides_about_another_life(
    autojump_clock: MockClock, restart: Restart, lives: int
) -> None:
    """S4, P11."""
    script = Script()
    async with supervised(child("a", script, policy=Policy(restart=restart))) as run:
        await crash(run, "a")
        await trio.sleep(10)
        assert script.lives == lives


async def test_a_request_in_backoff_waits_if_it_can_and_is_refused_if_not(autojump_clock: MockClock) -> None:
    """R8."""
    async with supervised(child("a", Script(), policy=Policy(backoff=Backoff(10, jitter=0)))) as run:
        await crash(run, "a")
        await wait_all_tasks_blocked()
        ref = run.supervisor.ref("a", Played)
        with pytest.raises(NotRunning, match="cannot start before its deadline") as caught:
            await ref.ask(Played.look(), timeout=5)
        assert (trio.current_time(), caught.value.retry_in) == (0, 10)
        assert await ref.ask(Played.look(), timeout=20) == 2
        assert trio.current_time() == 10


async def test_a_backoff_holds_up_nobody_else(autojump_clock: MockClock) -> None:
    """S7."""
    slow = Policy(backoff=Backoff(100, longest=100, jitter=0))
    async with supervised(child("a", Script(), policy=slow), child("b", Script())) as run:
        await crash(run, "a")
        await crash(run, "b")
        await trio.sleep(1)
        assert run.supervisor.ref("a", Played).state is State.BACKOFF
        assert run.supervisor.ref("b", Played).state is State.RUNNING


async def test_who_depends_on_a_crashed_actor_goes_down_with_it_and_comes_back(
    autojump_clock: MockClock,
) -> None:
    """S3, P9: nobody of a new life starts while one of the old is up; bystanders do not notice."""
    scripts = [Script(), Script(stop_seconds=1), Script(), Script()]
    log = shared(scripts)
    specs = [
        child("bus", scripts[0], policy=Policy(backoff=AT_ONCE)),
        child("x", scripts[1], policy=Policy(depends_on=("bus",))),
        child("y", scripts[2], policy=Policy(depends_on=("x",))),
        child("other", scripts[3]),
    ]
    async with supervised(*specs) as run:
        await run.supervisor.wait_state("y", State.RUNNING)
        log.clear()
        await crash(run, "bus")
        await run.supervisor.wait_state("y", State.STARTING)
        assert await run.supervisor.ref("y", Played).ask(Played.look()) == 2
        assert log == ["stop bus", "stop y", "stop x", "start bus", "start x", "start y"]
        assert scripts[3].lives == 1


async def test_children_are_stopped_dependents_first_and_in_parallel_beside_that(
    autojump_clock: MockClock,
) -> None:
    """S2, P10."""
    scripts = [Script(stop_seconds=1) for _ in range(4)]
    log = shared(scripts)
    async with supervised(
        child("a", scripts[0]),
        child("b", scripts[1], policy=Policy(depends_on=("a",))),
        child("c", scripts[2], policy=Policy(depends_on=("b",))),
        child("d", scripts[3], policy=Policy(depends_on=("a",))),
    ) as run:
        await run.supervisor.wait_state("c", State.RUNNING)
        before = trio.current_time()
    stops = [line for line in log if line.startswith("stop")]
    assert stops[3] == "stop a"
    assert stops.index("stop c") < stops.index("stop b")
    assert trio.current_time() - before == 3


async def test_clean_up_that_hangs_is_bounded_and_said(autojump_clock: MockClock) -> None:
    """S2, P17."""
    async with supervised(child("a", Script(stop_seconds=1000), policy=Policy(shutdown=2))) as run:
        await run.supervisor.wait_state("a", State.RUNNING)
    assert trio.current_time() == 2
    assert [e.text for e in run.events if isinstance(e, CleanupFailed)] == [
        "clean-up failed: not done within 2 s"
    ]


async def test_an_error_in_clean_up_is_said_and_hides_nothing(autojump_clock: MockClock) -> None:
    """S15."""
    async with supervised(child("a", Script(stop_error=OSError("cannot close")))) as run:
        await crash(run, "a")
        assert await run.supervisor.ref("a", Played).ask(Played.look()) == 2
        assert "cannot close" in next(e.text for e in run.events if isinstance(e, CleanupFailed))
        reasons = [e.reason for e in run.events if isinstance(e, StateChanged) and e.after is State.BACKOFF]
        assert [each.partition(" at ")[0] for each in reasons] == ["OSError('broken')"]


async def test_an_error_that_a_stop_brings_to_light_is_said(autojump_clock: MockClock) -> None:
    """S15: errors during a stop are collected, not lost."""
    async with supervised(child("a", Script())) as run:
        _ = run.supervisor.ref("a", Played).send(Played.break_when_cancelled())
        await wait_all_tasks_blocked()
        run.supervisor.stop("a")
        assert await run.supervisor.wait_settled("a") is State.STOPPED
        [text] = [e.text for e in run.events if isinstance(e, CleanupFailed)]
        assert text.startswith("clean-up failed: OSError('broken by the cancellation') at ")


async def test_every_started_life_is_cleaned_up_once(autojump_clock: MockClock) -> None:
    """P10: a failed start too."""

    def fail_at_first(life: int) -> None:
        if life < 3:
            raise OSError("not yet")

    script = Script(on_start=fail_at_first)
    async with supervised(child("a", script)) as run:
        await run.supervisor.ref("a", Played).ask(Played.look(), timeout=60)
    assert script.log == ["start a", "stop a"] * 3


async def test_a_life_that_does_not_end_is_wedged_and_never_restarted_beside_itself(
    autojump_clock: MockClock,
) -> None:
    """R13, P5."""
    async with supervised(child("a", Script(), policy=Policy(shutdown=2))) as run:
        ref = run.supervisor.ref("a", Played)
        with pytest.raises(CommandTimeout):
            await ref.ask(Played.wedge(100), timeout=1)
        run.supervisor.restart("a")
        assert await run.supervisor.wait_settled("a") is State.STOPPING
        assert trio.current_time() == 4
        assert run.supervisor.member("a").cell.reason == "wedged: told to stop, and does not"
        await trio.sleep(50)
        assert run.supervisor.member("a").cell.life == 1
        assert await ref.ask(Played.look(), timeout=200) == 2
        assert trio.current_time() == 100


async def test_stop_wins_over_a_restart_loop(autojump_clock: MockClock) -> None:
    """S13."""

    def fail(_: int) -> None:
        raise DeviceAbsent("nobody there")

    script = Script(on_start=fail)
    async with supervised(child("a", script, policy=Policy(backoff=Backoff(1, longest=1)))) as run:
        await trio.sleep(10)
        run.supervisor.stop("a")
        assert await run.supervisor.wait_settled("a") is State.STOPPED
        lives = script.lives
        await trio.sleep(100)
        assert script.lives == lives


async def test_stopping_ends_what_runs_and_refuses_what_waits(autojump_clock: MockClock) -> None:
    """S13, R8."""
    async with supervised(child("a", Script())) as run:
        ref = run.supervisor.ref("a", Played)
        running, queued = ref.send(Played.work(100), timeout=200), ref.send(Played.look())
        await wait_all_tasks_blocked()
        run.supervisor.stop("a")
        with pytest.raises(CommandCancelled, match="the actor went down under it"):
            await running
        with pytest.raises(CommandError) as caught:
            await queued
        assert (running.outcome, caught.value.outcome) == (Outcome.UNKNOWN, Outcome.NOT_SENT)
        await run.supervisor.wait_settled("a")
        with pytest.raises(NotRunning, match=r"stopped .stopped by an operator"):
            await ref.ask(Played.look())
        run.supervisor.start("a")
        assert await ref.ask(Played.look()) == 2


async def test_a_restart_is_one_new_life_whatever_it_begins_with(autojump_clock: MockClock) -> None:
    """S13."""
    script = Script()
    async with supervised(child("a", script, policy=Policy(backoff=Backoff(20)))) as run:
        await run.supervisor.wait_state("a", State.RUNNING)
        run.supervisor.restart("a")
        assert await run.supervisor.wait_settled("a") is State.RUNNING
        assert script.lives == 2
        run.supervisor.stop("a")
        await run.supervisor.wait_settled("a")
        run.supervisor.restart("a")
        assert await run.supervisor.wait_settled("a") is State.RUNNING
        assert script.lives == 3
        await crash(run, "a")
        await wait_all_tasks_blocked()
        run.supervisor.restart("a")
        assert await run.supervisor.wait_settled("a") is State.RUNNING
        assert script.lives == 4


async def test_start_cuts_a_backoff_short(autojump_clock: MockClock) -> None:
    """S13, S7."""
    async with supervised(child("a", Script(), policy=Policy(backoff=Backoff(20)))) as run:
        await crash(run, "a")
        await wait_all_tasks_blocked()
        run.supervisor.start("a")
        assert await run.supervisor.wait_settled("a") is State.RUNNING
        assert trio.current_time() == 0


@pytest.mark.parametrize("attempt", range(10))
async def test_a_start_that_is_revoked_at_once_leaves_nothing_open(
    autojump_clock: MockClock, attempt: int
) -> None:
    """P4: a task that is cancelled before its first step still takes that step."""
    del attempt  # trio shuffles the order of tasks in a tick
    script = Script()
    revoke = False

    def publish(event: Event) -> None:
        if revoke and isinstance(event, StateChanged) and event.after is State.STARTING:
            supervisor.stop("a")

    supervisor = Supervisor([child("a", script)], publish)
    async with trio.open_nursery() as nursery:
        await nursery.start(supervisor.run)
        supervisor.stop("a")
        await supervisor.wait_settled("a")
        revoke, script.log = True, []
        supervisor.start("a")
        assert await supervisor.wait_settled("a") is State.STOPPED
        assert script.log in ([], ["start a", "stop a"])
        nursery.cancel_scope.cancel()


async def test_a_supervisor_that_stops_takes_no_orders(autojump_clock: MockClock) -> None:
    """P4, S13: or it would never end."""
    async with supervised(child("a", Script(stop_seconds=1))) as run:
        await run.supervisor.wait_state("a", State.RUNNING)
    for verb in (run.supervisor.start, run.supervisor.stop, run.supervisor.restart):
        with pytest.raises(NotRunning, match="takes no orders"):
            verb("a")


@pytest.mark.parametrize("moment", [0.0, 0.3, 0.55, 0.75, 1.2, 2.0])
async def test_cancelled_at_any_moment_of_a_restart_everything_ends_in_order(
    autojump_clock: MockClock, moment: float
) -> None:
    """S2, P17, P19."""
    scripts = [Script(start_seconds=0.25, stop_seconds=0.25) for _ in range(3)]
    log = shared(scripts)
    replies: list[Outcome | None] = []

    async def client(run: Run, message_name: str) -> None:
        reply = run.supervisor.ref("a", Played).send(getattr(Played, message_name)(), timeout=100)
        with suppress(CommandError):
            await reply
        replies.append(reply.outcome)

    async with (
        trio.open_nursery() as clients,
        supervised(
            child("a", scripts[0]),
            child("b", scripts[1], policy=Policy(depends_on=("a",))),
            child("c", scripts[2], policy=Policy(depends_on=("b",))),
        ) as run,
    ):
        await run.supervisor.wait_state("c", State.RUNNING)
        clients.start_soon(client, run, "crash")
        clients.start_soon(client, run, "look")
        await trio.sleep(moment)
    assert len(replies) == 2
    starts = sum(line.startswith("start") for line in log)
    assert starts == len(log) - starts
    assert trio.current_time() <= 0.75 + moment + 1.0


async def test_a_supervisor_cancelled_before_it_has_begun_ends_at_once(autojump_clock: MockClock) -> None:
    """P17: it once stood for ever, waiting for somebody to end it."""
    script = Script()
    with trio.fail_after(10), trio.CancelScope() as scope:
        scope.cancel()
        await Supervisor([child("a", script)]).run()
    assert scope.cancelled_caught
    assert script.log == []


async def test_what_becomes_due_during_a_look_at_the_records_is_not_missed(
    autojump_clock: MockClock,
) -> None:
    """S1: it was seen neither by this look nor by the next, which never came."""
    jump = 0.0

    def publish(_: Event) -> None:
        autojump_clock.jump(jump)

    def absent(_: int) -> None:
        raise DeviceAbsent("nobody there")

    specs = [
        child("a", Script(on_start=absent), policy=Policy(backoff=Backoff(0.5, longest=0.5, jitter=0.0))),
        child("b", Script(stop_seconds=0.3995)),
    ]
    supervisor = Supervisor(specs, publish)
    async with trio.open_nursery() as nursery:
        await nursery.start(supervisor.run)
        await trio.sleep(0.1)
        supervisor.stop("b")  # its clean-up ends 0.5 ms before a is due
        await trio.sleep(0.399)
        jump = 0.001  # and to look at the records takes 1 ms
        await trio.sleep(0.01)
        jump = 0.0
        lives = supervisor.member("a").cell.life
        await trio.sleep(10)
        assert supervisor.member("a").cell.life > lives + 10
        nursery.cancel_scope.cancel()


async def test_nothing_begins_after_a_stop_has_returned(autojump_clock: MockClock) -> None:
    """P4."""
    for _ in range(20):
        script = Script()
        async with supervised(child("a", script)) as run:
            ref = run.supervisor.ref("a", Played)
            await ref.ask(Played.look())
            run.supervisor.stop("a")
            reply = ref.send(Played.work(1))
            await wait_all_tasks_blocked()
            assert isinstance(reply.error, NotRunning)
            assert reply.outcome is Outcome.NOT_SENT


async def test_while_it_is_cleaned_up_after_a_crash_an_actor_is_not_running(
    autojump_clock: MockClock,
) -> None:
    """R8, R13: what is asked waits for the next life; clean-up that hangs is wedged."""
    script = Script(stop_seconds=1)
    async with supervised(child("a", script, policy=Policy(backoff=AT_ONCE))) as run:
        ref = run.supervisor.ref("a", Played)
        await crash(run, "a")
        await wait_all_tasks_blocked()
        assert ref.state is State.STOPPING
        assert await ref.ask(Played.look(), timeout=10) == 2
        assert trio.current_time() == 1


async def test_a_request_of_a_wedged_life_ends_on_time_even_at_the_end(autojump_clock: MockClock) -> None:
    """P16."""
    async with trio.open_nursery() as clients:
        async with supervised(child("a", Script())) as run:
            reply = run.supervisor.ref("a", Played).send(Played.wedge(1000), timeout=60)
            ended: list[float] = []

            async def client() -> None:
                with suppress(CommandError):
                    await reply
                ended.append(trio.current_time())

            clients.start_soon(client)
            await trio.sleep(1)
        assert trio.current_time() == 1000
        assert ended[0] <= 60


async def test_a_start_that_ends_in_the_tick_of_its_deadline_has_failed(autojump_clock: MockClock) -> None:
    """S11: and is not taken for an end without error."""
    for _ in range(10):
        script = Script(start_seconds=3)
        policy = Policy(restart=Restart.TRANSIENT)
        async with supervised(child("a", script, start_timeout=3, policy=policy)) as run:
            await trio.sleep(3.1)
            assert run.supervisor.ref("a", Played).state in {State.RUNNING, State.BACKOFF}


async def test_a_caller_who_waits_is_refused_when_the_next_try_comes_too_late(
    autojump_clock: MockClock,
) -> None:
    """R8: not only when it asks, but after each try that failed."""

    def absent(_: int) -> None:
        raise DeviceAbsent("nobody there")

    script = Script(on_start=absent)
    async with supervised(child("a", script, policy=Policy(backoff=Backoff(4, jitter=0)))) as run:
        await wait_all_tasks_blocked()
        with pytest.raises(NotRunning, match=r"nobody there.*next try in 8.0 s") as caught:
            await run.supervisor.ref("a", Played).ask(Played.look(), timeout=10)
        assert (trio.current_time(), caught.value.retry_in) == (4, 8)


async def test_who_waits_when_an_operator_stops_it_is_told_so(autojump_clock: MockClock) -> None:
    """S13: and not to ask again."""
    async with supervised(child("a", Script())) as run:
        ref = run.supervisor.ref("a", Played)
        _, queued = ref.send(Played.work(100), timeout=200), ref.send(Played.work(1))
        await wait_all_tasks_blocked()
        run.supervisor.stop("a")
        assert isinstance(queued.error, NotRunning)
        assert "stopped by an operator" in str(queued.error)


async def test_unknown_names_and_classes_are_refused_in_words(autojump_clock: MockClock) -> None:
    class Other(Actor):
        pass

    supervisor = Supervisor([child("a", Script())])
    with pytest.raises(UnknownInstrumentError, match="there is no instrument 'b'; there are: a"):
        supervisor.ref("b", Played)
    with pytest.raises(TypeError, match="a is a Played, not a Other"):
        supervisor.ref("a", Other)
    with pytest.raises(ValueError, match="in a circle: a -> b -> a"):
        Supervisor([child(x, Script(), policy=Policy(depends_on=(y,))) for x, y in ("ab", "ba")])
