"""Requests: one actor in its loop, without a supervisor."""

from __future__ import annotations

import copy
import gc
import math
import weakref
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, suppress

import attrs
import pytest
import trio
from trio.testing import MockClock, wait_all_tasks_blocked

from labtroupe.actor import Actor, ActorRef, Cell, Deadlines, Mailbox, Reply, Stage, live, mark_acted
from labtroupe.errors import (
    ArgumentError,
    CommandCancelled,
    CommandCrashed,
    CommandError,
    CommandRefused,
    CommandTimeout,
    LinkLost,
    MailboxFull,
    NotRunning,
    Outcome,
    Restarted,
    UnknownCommandError,
)
from labtroupe.lifecycle import State
from labtroupe.messages import CommandFailed, Event, command


@attrs.define(eq=False)
class Worker(Actor):
    """Does what it is told, and keeps a diary that outlives it."""

    diary: list[str]

    @command(timeout=math.inf)
    async def work(self, name: str, seconds: float = 0.0) -> str:
        """Work for a while."""
        self.diary.append(f"begin {name}")
        if trio.current_time() >= trio.current_effective_deadline():
            self.diary.append("too late")
        await trio.sleep(seconds)
        self.diary.append(f"end {name}")
        return name

    @command
    async def declared(self) -> None:
        """Take for ever, with the default timeout."""
        await trio.sleep_forever()

    @command(idempotent=True)
    async def look(self) -> str:
        """Look."""
        return "seen"

    @command
    async def refuse(self) -> None:
        """Say no."""
        raise CommandRefused("no")

    @command
    async def crash(self, seconds: float = 0.0) -> None:
        """Crash after a while."""
        await trio.sleep(seconds)
        raise OSError("broken")

    @command
    async def lose_link(self) -> None:
        """Lose the link."""
        raise LinkLost("gone")

    @command(timeout=math.inf)
    async def deadline(self) -> float:
        """Return the deadline that holds inside."""
        return trio.current_effective_deadline()

    @command
    async def refuse_in_a_nursery(self) -> None:
        """Say no from a task of one's own."""
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self.refuse)

    @command(timeout=math.inf)
    async def relay_lost_link(self, other: ActorRef[Worker]) -> None:
        """Ask another actor that loses its link."""
        await other.ask(Worker.lose_link())

    @command(timeout=math.inf)
    async def stubborn(self, seconds: float) -> None:
        """Ignore every cancellation."""
        with trio.CancelScope(shield=True):
            await trio.sleep(seconds)

    @command(timeout=math.inf)
    async def relay(self, other: ActorRef[Worker], name: str) -> str:
        """Ask another actor."""
        return await other.ask(Worker.work(name, 1000))


@attrs.define(eq=False)
class Careful(Worker):
    """Says when it acts."""

    marks_its_acts = True

    @command(timeout=math.inf)
    async def think_then_act(self, think: float, act: float) -> None:
        """Act only after a while."""
        await trio.sleep(think)
        mark_acted()
        await trio.sleep(act)

    @command(timeout=math.inf)
    async def act_in_spite_of_all(self, seconds: float) -> None:
        """Try to act although nobody wants it any more."""
        with trio.CancelScope(shield=True):
            await trio.sleep(seconds)
        mark_acted()
        self.diary.append("acted")


@attrs.define(eq=False)
class Playing:
    """One actor on a stage: its ref, cell, diary, and what was published."""

    ref: ActorRef[Worker]
    cell: Cell
    diary: list[str]
    events: list[Event]
    crashes: list[BaseException]


@asynccontextmanager
async def stage(
    actor_type: type[Worker] = Worker, *, name: str = "worker", capacity: int = 16
) -> AsyncGenerator[Playing]:
    """Run one actor, with a new life after each crash."""
    events: list[Event] = []
    diary: list[str] = []
    crashes: list[BaseException] = []
    deadlines = Deadlines()
    cell = Cell(name, actor_type, Mailbox(capacity), deadlines, events.append)
    ready = trio.Event()

    def started() -> None:
        cell.come_up()
        cell.move(State.RUNNING)
        ready.set()

    async def lives() -> None:
        while True:
            try:
                await live(cell, actor_type(diary), started=started)
            except Exception as error:  # noqa: BLE001 - any crash is followed by another life
                crashes.append(error)

    with trio.fail_after(100_000):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(deadlines.run)
            nursery.start_soon(lives)
            await ready.wait()
            yield Playing(ActorRef(cell), cell, diary, events, crashes)
            nursery.cancel_scope.cancel()


async def outcome_of(reply: Reply[object]) -> Outcome | None:
    """Wait for a reply to end, and return its outcome."""
    with suppress(CommandError, LinkLost):
        await reply
    return reply.outcome


async def test_ask_returns_the_answer(autojump_clock: MockClock) -> None:
    async with stage() as s:
        assert await s.ref.ask(Worker.work("a")) == "a"
        assert await s.ref.proxy.work("b") == "b"
        assert await s.ref.send(Worker.look()) == "seen"


async def test_a_message_in_the_mailbox_ends_at_its_deadline_and_never_begins(
    autojump_clock: MockClock,
) -> None:
    """R1: an expired message is never started; R5: the stage says where it was."""
    async with stage() as s:
        first = s.ref.send(Worker.work("a", 10))
        with pytest.raises(CommandTimeout) as caught:
            await s.ref.ask(Worker.work("b"), timeout=3)
        assert (trio.current_time(), caught.value.stage, caught.value.outcome) == (
            3,
            "mailbox",
            Outcome.NOT_SENT,
        )
        assert caught.value.elapsed == 3
        assert str(caught.value).startswith("worker: Worker.work('b', 0.0) was not done within 3 s")
        await first
        await wait_all_tasks_blocked()
    assert s.diary == ["begin a", "end a"]


@pytest.mark.parametrize("attempt", range(8))
async def test_a_message_taken_in_the_tick_of_its_deadline_never_begins(
    autojump_clock: MockClock, attempt: int
) -> None:
    """R1: the clock is tested at the start; a scope that has expired still runs its body to a checkpoint."""
    del attempt  # trio shuffles the order of tasks in a tick
    async with stage() as s:
        _ = s.ref.send(Worker.work("a", 3))
        late = s.ref.send(Worker.work("b"), timeout=3)
        assert await outcome_of(late) is Outcome.NOT_SENT
        await trio.sleep(1)
    assert "begin b" not in s.diary


@pytest.mark.parametrize("attempt", range(20))
async def test_a_message_whose_deadline_passes_while_others_hold_up_the_loop_never_begins(
    autojump_clock: MockClock, attempt: int
) -> None:
    """R1: trio looks at its deadlines before a round of tasks, and one of those can take long."""
    del attempt  # trio shuffles the order of tasks in a round
    async with stage() as s, trio.open_nursery() as nursery:
        late = s.ref.send(Worker.work("a"), timeout=3)

        async def hold_up_the_loop() -> None:
            autojump_clock.jump(5)

        nursery.start_soon(hold_up_the_loop)
        await outcome_of(late)
    assert "too late" not in s.diary


async def test_a_running_command_is_cancelled_at_its_deadline(autojump_clock: MockClock) -> None:
    """R2, R5."""
    async with stage() as s:
        with pytest.raises(CommandTimeout) as caught:
            await s.ref.ask(Worker.work("a", 10), timeout=2)
        assert (trio.current_time(), caught.value.stage, caught.value.outcome) == (
            2,
            "running",
            Outcome.UNKNOWN,
        )
        await wait_all_tasks_blocked()
        assert s.cell.current is None
        assert await s.ref.ask(Worker.look()) == "seen"
    assert s.diary == ["begin a"]


async def test_the_declared_timeout_holds_where_the_caller_names_none(autojump_clock: MockClock) -> None:
    """R1: it defaults to the command's own, else 5 s."""
    async with stage() as s:
        with pytest.raises(CommandTimeout):
            await s.ref.ask(Worker.declared())
        assert trio.current_time() == 5


async def test_the_deadline_of_the_callers_scope_travels(autojump_clock: MockClock) -> None:
    """R1, R2: the handler lives in one scope with the deadline of the message."""
    async with stage() as s:
        with trio.fail_after(7):
            assert await s.ref.ask(Worker.deadline()) == 7
            assert await s.ref.ask(Worker.deadline(), timeout=3) == 3
        assert await s.ref.ask(Worker.deadline(), timeout=3) == 3


@pytest.mark.parametrize("attempt", range(20))
async def test_at_the_deadline_of_its_own_scope_a_caller_is_cancelled_by_it(
    autojump_clock: MockClock, attempt: int
) -> None:
    """R4: the outcome is on the reply, as `Cancelled` cannot carry it."""
    scopes = [trio.CancelScope() for _ in range(attempt)]  # trio sorts equal deadlines by address
    async with stage() as s:
        del scopes
        reply = s.ref.send(Worker.work("a", 10), timeout=4)
        with trio.move_on_after(4) as scope:
            await reply
        assert scope.cancelled_caught
        assert trio.current_time() == 4
        assert reply.outcome is Outcome.UNKNOWN


async def test_cancelling_the_caller_cancels_its_running_command_at_once(autojump_clock: MockClock) -> None:
    """R4: running, its scope is cancelled, and the outcome is unknown if it may have acted."""
    async with stage() as s:
        reply = s.ref.send(Worker.work("a", 10))
        with trio.CancelScope() as scope:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(reply.wait)
                await trio.sleep(1)
                scope.cancel()
        await wait_all_tasks_blocked()
        assert (trio.current_time(), s.cell.current, reply.outcome) == (1, None, Outcome.UNKNOWN)


async def test_cancelling_the_caller_withdraws_a_queued_command(autojump_clock: MockClock) -> None:
    """R4: queued, it is withdrawn and not sent; the other caller does not notice."""
    async with stage() as s:
        running = s.ref.send(Worker.work("a", 10))
        queued = s.ref.send(Worker.work("b"))
        with trio.move_on_after(1):
            await queued
        assert (queued.outcome, len(s.cell.mailbox), running.ended) == (Outcome.NOT_SENT, 0, False)
        assert await running == "a"
    assert s.diary == ["begin a", "end a"]


async def test_into_a_cancelled_scope_nothing_is_sent(autojump_clock: MockClock) -> None:
    """R1."""
    async with stage() as s:
        with trio.CancelScope() as scope:
            scope.cancel()
            await s.ref.ask(Worker.work("a"))
        assert scope.cancelled_caught
        await wait_all_tasks_blocked()
    assert s.diary == []


async def test_a_reply_can_be_cancelled_from_anywhere(autojump_clock: MockClock) -> None:
    """R4."""
    async with stage() as s:
        running = s.ref.send(Worker.work("a", 10))
        queued = s.ref.send(Worker.work("b"))
        await trio.sleep(1)
        queued.cancel()
        running.cancel("changed my mind")
        with pytest.raises(CommandCancelled, match="changed my mind"):
            await running
        assert (running.outcome, queued.outcome) == (Outcome.UNKNOWN, Outcome.NOT_SENT)
        running.cancel()
        assert running.outcome is Outcome.UNKNOWN


async def test_a_caller_leaves_on_time_whatever_the_handler_does(autojump_clock: MockClock) -> None:
    """SC-1, SC-2, R13, P16: one that ignores its cancellation holds up the next, not its caller."""
    async with stage() as s:
        with pytest.raises(CommandTimeout):
            await s.ref.ask(Worker.stubborn(10), timeout=1)
        assert trio.current_time() == 1
        assert await s.ref.ask(Worker.look(), timeout=100) == "seen"
        assert trio.current_time() == 10


async def test_a_request_nobody_awaits_ends_on_time_too(autojump_clock: MockClock) -> None:
    """P16, R9: and becomes an event."""
    async with stage() as s:
        s.ref.tell(Worker.work("a", 10), timeout=1)
        await trio.sleep(2)
        assert s.cell.current is None
        (event,) = s.events[1:]
        assert isinstance(event, CommandFailed)
        assert (event.code, event.outcome) == ("timeout", Outcome.UNKNOWN)


async def test_a_command_that_says_when_it_acts_has_not_been_sent_before(autojump_clock: MockClock) -> None:
    """R3, R4: unknown only once it may have acted."""
    async with stage(Careful) as s:
        for think, act, outcome in ((10, 0, Outcome.NOT_SENT), (0, 10, Outcome.UNKNOWN)):
            with pytest.raises(CommandTimeout) as caught:
                await s.ref.ask(Careful.think_then_act(think, act), timeout=1)
            assert (caught.value.stage, caught.value.outcome) == ("running", outcome)


async def test_what_was_reported_as_not_sent_is_not_sent_later(autojump_clock: MockClock) -> None:
    """P3: not even by a handler that ignored its cancellation."""
    async with stage(Careful) as s:
        with pytest.raises(CommandTimeout) as caught:
            await s.ref.ask(Careful.act_in_spite_of_all(10), timeout=1)
        assert caught.value.outcome is Outcome.NOT_SENT
        assert await s.ref.ask(Worker.look(), timeout=100) == "seen"
    assert "acted" not in s.diary
    assert s.crashes == []


async def test_a_refusal_is_an_answer_and_the_actor_goes_on(autojump_clock: MockClock) -> None:
    """R12."""
    async with stage() as s:
        with pytest.raises(CommandRefused, match="worker: no") as caught:
            await s.ref.ask(Worker.refuse())
        assert caught.value.outcome is Outcome.REFUSED
        assert s.crashes == []


async def test_an_unexpected_error_reaches_the_caller_and_crashes_the_actor(
    autojump_clock: MockClock,
) -> None:
    """R12: both need to know."""
    async with stage() as s:
        with pytest.raises(CommandCrashed, match=r"OSError\(.*\) at actor/.*\.py:\d+$") as caught:
            await s.ref.ask(Worker.crash())
        assert caught.value.outcome is Outcome.UNKNOWN
        assert isinstance(caught.value.__cause__, OSError)
        with pytest.raises(LinkLost):
            await s.ref.ask(Worker.lose_link())
        await wait_all_tasks_blocked()
        assert [type(error) for error in s.crashes] == [OSError, LinkLost]


async def test_a_crash_flushes_the_mailbox_before_its_verdict_is_seen(autojump_clock: MockClock) -> None:
    """R7: queued ones are not sent, idempotent ones stay, who asks afterwards meets the next life."""
    async with stage() as s:
        replies = [s.ref.send(m) for m in (Worker.crash(1), Worker.work("queued"), Worker.look())]
        with pytest.raises(CommandCrashed):
            await replies[0]
        assert isinstance(replies[1].error, Restarted)
        assert replies[1].outcome is Outcome.NOT_SENT
        assert await s.ref.ask(Worker.work("next life")) == "next life"
        assert await replies[2] == "seen"
    assert s.diary == ["begin next life", "end next life"]


async def test_each_flushed_caller_gets_an_error_of_its_own(autojump_clock: MockClock) -> None:
    """R7: a shared one would collect the tracebacks of all its waiters."""
    async with stage() as s:
        _ = s.ref.send(Worker.crash(1))
        queued = [s.ref.send(Worker.work(str(i))) for i in range(3)]
        await trio.sleep(2)
        assert len({id(reply.error) for reply in queued}) == 3


@pytest.mark.parametrize("state", [State.STOPPED, State.FAILED, State.STOPPING])
async def test_an_actor_that_is_not_going_to_run_refuses_at_once(
    autojump_clock: MockClock, state: State
) -> None:
    """R8: with the reason and the remedy."""
    async with stage() as s:
        s.cell.move(state, "because")
        with pytest.raises(NotRunning, match=f"{state} .because.") as caught:
            await s.ref.ask(Worker.look())
        assert (caught.value.state, caught.value.outcome) == (state, Outcome.NOT_SENT)
        assert caught.value.remedy
        s.cell.move(State.RUNNING)


async def test_what_cannot_start_before_its_deadline_is_refused_now(autojump_clock: MockClock) -> None:
    """R8: with the time of the next attempt; what can wait, waits."""
    async with stage() as s:
        s.cell.move(State.BACKOFF, retry_at=trio.current_time() + 10)
        with pytest.raises(NotRunning) as caught:
            await s.ref.ask(Worker.look(), timeout=10)
        assert (trio.current_time(), caught.value.retry_in) == (0, 10)
        assert await s.ref.ask(Worker.look(), timeout=11) == "seen"
        s.cell.move(State.RUNNING)


async def test_a_full_mailbox_makes_askers_wait_and_refuses_the_others(autojump_clock: MockClock) -> None:
    """R9: bounded; ask waits for room in order, tell and send never wait."""
    async with stage(capacity=2) as s:
        answers: list[str] = []

        async def ask(name: str) -> None:
            answers.append(await s.ref.ask(Worker.work(name, 1)))

        async with trio.open_nursery() as nursery:
            for name in "abcdef":
                nursery.start_soon(ask, name)
                await wait_all_tasks_blocked()
            assert len(s.cell.mailbox) == 5
            with pytest.raises(MailboxFull, match="no room"):
                s.ref.tell(Worker.work("told"))
            assert await outcome_of(s.ref.send(Worker.work("sent"))) is Outcome.NOT_SENT
            with trio.move_on_after(0.5):
                await s.ref.ask(Worker.work("withdrawn"))
        assert answers == list("abcdef")
        assert len(s.cell.mailbox) == 0


async def test_messages_of_one_sender_are_carried_out_in_order(autojump_clock: MockClock) -> None:
    """P7."""
    async with stage() as s:
        replies = [s.ref.send(Worker.work(str(i), 1)) for i in range(10)]
        for reply in replies:
            await reply
    assert [line for line in s.diary if line.startswith("begin")] == [f"begin {i}" for i in range(10)]


async def test_a_nested_ask_inherits_the_deadline_and_the_cancellation(autojump_clock: MockClock) -> None:
    """R2."""
    async with stage() as outer, stage() as inner:
        with pytest.raises(CommandTimeout):
            await outer.ref.ask(Worker.relay(inner.ref, "x"), timeout=7)
        await wait_all_tasks_blocked()
        assert (trio.current_time(), inner.cell.current) == (7, None)
        assert outer.crashes == []


async def test_a_refusal_from_a_nursery_is_a_refusal(autojump_clock: MockClock) -> None:
    """R12, S15: groups of one are taken apart."""
    async with stage() as s:
        with pytest.raises(CommandRefused, match="worker: no"):
            await s.ref.ask(Worker.refuse_in_a_nursery())
        assert s.crashes == []


async def test_the_link_of_another_actor_is_no_reason_to_go_down(autojump_clock: MockClock) -> None:
    """R12: its error is an answer to who asked it."""
    async with stage() as outer, stage(name="other") as inner:
        with pytest.raises(LinkLost, match="other: gone"):
            await outer.ref.ask(Worker.relay_lost_link(inner.ref))
        await wait_all_tasks_blocked()
        assert (len(inner.crashes), len(outer.crashes)) == (1, 0)


async def test_who_has_asked_another_to_act_has_acted(autojump_clock: MockClock) -> None:
    """P3: nothing says not sent while a device behind another actor may have acted."""
    async with stage(Careful) as outer, stage(Worker) as inner:
        reply = outer.ref.send(Worker.relay(inner.ref, "x"), timeout=7)
        assert await outcome_of(reply) is Outcome.UNKNOWN
    async with stage(Careful) as outer, stage(Careful) as inner:
        reply = outer.ref.send(Worker.relay(inner.ref, "x"), timeout=7)
        assert await outcome_of(reply) is Outcome.NOT_SENT


async def test_an_error_of_a_nested_request_keeps_what_it_says_of_that(autojump_clock: MockClock) -> None:
    """R3: one error, two requests, two outcomes."""
    async with stage() as outer, stage(name="other") as inner:
        inner.cell.move(State.FAILED, "parked")
        reply = outer.ref.send(Worker.relay(inner.ref, "x"))
        assert await outcome_of(reply) is Outcome.UNKNOWN
        assert isinstance(reply.error, NotRunning)
        assert reply.error.outcome is Outcome.UNKNOWN
        assert isinstance(reply.error.__cause__, NotRunning)
        assert reply.error.__cause__.outcome is Outcome.NOT_SENT
        inner.cell.move(State.RUNNING)


async def test_a_timeout_that_is_no_number_is_refused(autojump_clock: MockClock) -> None:
    async with stage() as s:
        with pytest.raises(ArgumentError, match="must be a number of seconds, not nan"):
            await s.ref.ask(Worker.look(), timeout=math.nan)
        assert len(s.cell.mailbox) == 0
        assert await s.ref.ask(Worker.look()) == "seen"


async def test_a_tell_while_being_cancelled_is_carried_out(autojump_clock: MockClock) -> None:
    """R1: nobody waits for it, so no scope around its caller ends it."""
    async with stage() as s:
        replies: list[Reply[str]] = []
        with trio.CancelScope() as scope:  # noqa: ASYNC100 - to be cancelled is all it is for
            scope.cancel()
            s.ref.tell(Worker.work("switch off"))
            replies.append(s.ref.send(Worker.work("b")))
        await trio.sleep(1)
        assert isinstance(replies[0].error, CommandCancelled)
        assert replies[0].outcome is Outcome.NOT_SENT
    assert s.diary == ["begin switch off", "end switch off"]


async def test_a_message_for_another_class_is_refused_with_the_known_commands(
    autojump_clock: MockClock,
) -> None:
    class Other(Actor):
        @command
        async def sing(self) -> None: ...

    async with stage() as s:
        with pytest.raises(
            UnknownCommandError, match=r"sing\(\) is not a command of Worker; its commands: crash"
        ):
            await s.ref.ask(Other.sing())
        with pytest.raises(AttributeError, match="no command 'sing'"):
            _ = s.ref.proxy.sing  # type: ignore[attr-defined]  # pyright: ignore[reportAttributeAccessIssue]


async def test_what_is_no_message_is_refused_in_words(autojump_clock: MockClock) -> None:
    async with stage() as s:
        with pytest.raises(TypeError, match=r"'look' is no message; make one .* such as Worker\.work\(\)"):
            await s.ref.ask("look")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]


async def test_only_one_task_waits_for_a_reply(autojump_clock: MockClock) -> None:
    async with stage() as s:
        reply = s.ref.send(Worker.work("a", 1))
        assert repr(reply) == "<reply to Worker.work('a', 1) of worker: mailbox>"
        async with trio.open_nursery() as nursery:
            nursery.start_soon(reply.wait)
            await wait_all_tasks_blocked()
            assert repr(reply) == "<reply to Worker.work('a', 1) of worker: running>"
            with pytest.raises(trio.BusyResourceError):
                await reply
        assert await reply == "a"
        assert reply.stage is Stage.ENDED


async def test_a_failed_reply_leaves_no_cycle_for_the_garbage_collector(autojump_clock: MockClock) -> None:
    """The cycle cost milliseconds at the worst moment."""
    async with stage() as s:
        gc.disable()
        try:
            reply = s.ref.send(Worker.refuse())
            gone = weakref.ref(reply)
            with suppress(CommandRefused):
                await reply
            del reply
            await wait_all_tasks_blocked()
            s.cell.deadlines._heap.clear()  # it may hold a few that have ended
            assert gone() is None
        finally:
            gc.enable()


async def test_requests_that_have_ended_do_not_pile_up(autojump_clock: MockClock) -> None:
    """A heap that only grows would be a leak on a bench that asks with long timeouts."""
    async with stage() as s:
        for _ in range(1000):
            await s.ref.ask(Worker.look(), timeout=3600)
            assert len(s.cell.deadlines._heap) <= 70


async def test_a_command_that_is_called_on_a_ref_is_told_how_to_be_asked_for(
    autojump_clock: MockClock,
) -> None:
    async with stage() as s:
        with pytest.raises(
            AttributeError, match=r"no attribute 'work'; ask for it: `await ref.ask\(Worker.work"
        ):
            _ = s.ref.work  # type: ignore[attr-defined]  # pyright: ignore[reportAttributeAccessIssue]
        with pytest.raises(AttributeError, match=r"no attribute 'sing'$"):
            _ = s.ref.sing  # type: ignore[attr-defined]  # pyright: ignore[reportAttributeAccessIssue]
        assert copy.copy(s.ref).name == "worker"
