"""Pykka's actors and refs: test_actor, test_ref, test_logging."""

from __future__ import annotations

import logging

import attrs
import pytest
import trio
from trio.testing import MockClock, wait_all_tasks_blocked

from labtroupe.actor import Actor, ActorRef, finish
from labtroupe.errors import CommandCrashed, CommandTimeout, NotRunning, Outcome, UnknownCommandError
from labtroupe.lifecycle import State
from labtroupe.messages import CleanupFailed, CommandFailed, StateChanged, command
from labtroupe.policy import Backoff, Policy, Restart
from labtroupe.supervision import ChildSpec, Supervisor

from ._play import Part, Play, Player, otp, perform


@attrs.define(eq=False)
class Generous(Actor):
    """Takes any arguments its maker likes."""

    args: tuple[object, ...]
    kwargs: dict[str, object]

    @command
    async def arguments(self) -> object:
        """Return them."""
        return self.args, self.kwargs


@attrs.define(eq=False)
class BadLeaver(Player):
    """Fails in its clean-up."""

    async def on_stop(self) -> None:
        """Fail."""
        await super().on_stop()
        raise OSError("cannot close")


@attrs.define(eq=False)
class Leaver(Player):
    """Leaves by itself."""

    @command
    async def end_twice(self, me: ActorRef[Leaver]) -> str:
        """End this life, twice, and leave something in the mailbox."""
        me.tell(Player.remember("too late"))
        finish()
        finish()
        self.part.diary.append("still at it")
        return "done"


async def stopped(play: Play, name: str) -> None:
    """Stop a child and wait until it is."""
    play.supervisor.stop(name)
    assert await play.supervisor.wait_settled(name) is State.STOPPED


# --- test_actor ---


async def test_what_is_queued_when_its_actor_stops_gets_an_error(autojump_clock: MockClock) -> None:
    """Pykka: messages_left_in_queue_after_actor_stops_receive_an_error; S13, R8: and never began."""
    async with perform(Part("a")) as play:
        await play.all_up()
        running, queued = (play.ref("a").send(Player.echo(word, 10.0)) for word in ("first", "second"))
        await wait_all_tasks_blocked()
        play.supervisor.stop("a")
        with pytest.raises(NotRunning):
            await queued
        assert queued.outcome is Outcome.NOT_SENT
        await play.supervisor.wait_settled("a")
        assert running.outcome is Outcome.UNKNOWN
        assert "echo second" not in play.diary


async def test_an_actor_may_be_stopped_twice(autojump_clock: MockClock) -> None:
    """Pykka: stop_requests_left_in_queue_are_handled, stop_does_not_stop_already_dead_actor; S13."""
    async with perform(Part("a", stop_seconds=1)) as play:
        await play.all_up()
        play.supervisor.stop("a")
        play.supervisor.stop("a")
        assert await play.supervisor.wait_settled("a") is State.STOPPED
        play.supervisor.stop("a")
        assert await play.supervisor.wait_settled("a") is State.STOPPED
        assert play.diary.count("stop a") == 1


async def test_a_factory_gives_its_actor_what_it_likes(autojump_clock: MockClock) -> None:
    """Pykka: init_can_be_called_with_arbitrary_arguments."""
    spec = ChildSpec(name="a", factory=lambda: Generous((1, 2, 3), {"foo": "bar"}), actor_type=Generous)
    supervisor = Supervisor([spec])
    async with trio.open_nursery() as nursery:
        await nursery.start(supervisor.run)
        asked = await supervisor.ref("a", Generous).ask(Generous.arguments())
        assert asked == ((1, 2, 3), {"foo": "bar"})
        nursery.cancel_scope.cancel()


async def test_an_actor_has_started_before_its_first_message(autojump_clock: MockClock) -> None:
    """Pykka: on_start_is_called_before_first_message_is_processed; S11."""

    async def slow(_: int) -> None:
        await trio.sleep(2)

    async with perform(Part("a", opening=slow)) as play:
        assert await play.ref("a").ask(Player.echo("hello")) == "hello"
        assert play.diary == ["start a", "up a", "echo hello"]


async def test_an_actor_can_be_found_while_it_starts(autojump_clock: MockClock) -> None:
    """Pykka: on_start_is_called_after_the_actor_is_registered."""
    found: list[str] = []

    async def look_around(_: int) -> None:
        found.append(repr(play.ref("a")))

    part = Part("a")
    async with perform(part) as play:
        await play.all_up()
        part.opening = look_around
        await play.die("a")
        assert await play.life("a") == 2
    assert found == ["<ref to a: Player>"]


async def test_an_actor_whose_start_fails_is_cleaned_up_and_tried_again(autojump_clock: MockClock) -> None:
    """Pykka: on_start_failure_causes_actor_to_stop; S11, P10: here it is not the end of it."""

    async def fail_once(life: int) -> None:
        if life == 1:
            raise OSError("not yet")

    async with perform(Part("a", opening=fail_once)) as play:
        assert await play.life("a") == 2
        assert play.diary == ["start a", "stop a", "start a", "up a"]


async def test_a_stopped_actor_has_cleaned_up(autojump_clock: MockClock) -> None:
    """Pykka: on_stop_is_called_when_actor_is_stopped; S2."""
    async with perform(Part("a", stop_seconds=1)) as play:
        await play.all_up()
        assert "stop a" not in play.diary
        await stopped(play, "a")
        assert play.diary[-1] == "stop a"
        assert trio.current_time() == 1


async def test_an_actor_whose_clean_up_fails_is_stopped_all_the_same(autojump_clock: MockClock) -> None:
    """Pykka: on_stop_failure_causes_actor_to_stop, exception_in_on_stop_is_logged; S15."""
    async with perform(Part("a", player=BadLeaver)) as play:
        await play.all_up()
        await stopped(play, "a")
        assert [e.text for e in play.events if isinstance(e, CleanupFailed)] == [
            "clean-up failed: OSError('cannot close')"
        ]


async def test_a_crash_that_nobody_waits_for_is_an_event_and_a_restart(autojump_clock: MockClock) -> None:
    """Pykka: on_failure_is_called_when_exception_cannot_be_returned, R9."""
    async with perform(Part("a", Policy(backoff=Backoff(1.0, jitter=0.0)))) as play:
        await play.all_up()
        play.ref("a").tell(Player.die())
        await wait_all_tasks_blocked()
        failed = [event for event in play.events if isinstance(event, CommandFailed)]
        assert [(event.code, event.command) for event in failed] == [("crashed", "Player.die()")]
        reasons = [e.reason for e in play.events if isinstance(e, StateChanged) and e.after is State.BACKOFF]
        assert [each.partition(" at ")[0] for each in reasons] == ["OSError('died')"]
        assert await play.life("a") == 2


async def test_a_crash_is_one_of_its_caller_and_of_the_actor(autojump_clock: MockClock) -> None:
    """Pykka: exception_in_method_reraised_by_future, actor_is_stopped_when_unhandled_exceptions_are_raised.

    R12: there, an error that reaches a caller leaves the actor as it was.  Here it has
    crashed: what its code did not foresee says that its idea of the device is wrong.
    """
    async with perform(Part("a")) as play:
        await play.ref("a").ask(Player.remember("word"))
        with pytest.raises(CommandCrashed, match="died"):
            await play.ref("a").ask(Player.die())
        assert await play.ref("a").ask(Player.recall()) == []


async def test_an_actor_may_end_its_life_more_than_once(autojump_clock: MockClock) -> None:
    """Pykka: actor_can_call_stop_on_self_multiple_times; S4: the present command is finished first."""
    async with perform(Part("a", otp(Restart.TRANSIENT), player=Leaver)) as play:
        a = play.supervisor.ref("a", Leaver)
        assert await a.ask(Leaver.end_twice(a)) == "done"
        assert await play.supervisor.wait_settled("a") is State.STOPPED
        assert play.diary == ["start a", "up a", "still at it", "stop a"]


async def test_what_waits_when_an_actor_ends_its_life_is_refused(autojump_clock: MockClock) -> None:
    """Pykka: actor_processes_all_messages_before_stop_on_self_stops_it: there, a stop waits in line; R7."""
    async with perform(Part("a", otp(Restart.TRANSIENT), player=Leaver)) as play:
        a = play.supervisor.ref("a", Leaver)
        await a.ask(Leaver.end_twice(a))
        await play.supervisor.wait_settled("a")
        failed = [event for event in play.events if isinstance(event, CommandFailed)]
        assert [(event.command, event.outcome) for event in failed] == [
            ("Player.remember('too late')", Outcome.NOT_SENT)
        ]
        play.supervisor.start("a")
        assert await a.ask(Player.recall()) == []


# --- test_ref ---


async def test_a_ref_says_whose_it_is(autojump_clock: MockClock) -> None:
    """Pykka: repr_reveals_that_this_is_a_ref, repr_contains_actor_class_name, repr_contains_actor_urn."""
    async with perform(Part("a")) as play:
        assert repr(play.ref("a")) == str(play.ref("a")) == "<ref to a: Player>"
        assert play.ref("a").name == "a"


async def test_a_ref_says_what_its_actor_is_doing(autojump_clock: MockClock) -> None:
    """Pykka: is_alive_returns_true_for_running_actor, is_alive_returns_false_for_dead_actor; S14."""
    async with perform(Part("a")) as play:
        await play.all_up()
        assert play.ref("a").state is State.RUNNING
        await stopped(play, "a")
        assert play.ref("a").state is State.STOPPED


async def test_a_told_message_is_carried_out(autojump_clock: MockClock) -> None:
    """Pykka: tell_delivers_message_to_actors_custom_on_receive."""
    async with perform(Part("a")) as play:
        play.ref("a").tell(Player.remember("word"))
        assert await play.ref("a").ask(Player.recall()) == ["word"]


@pytest.mark.parametrize("message", [123, {"a": "dict"}, ("a", "tuple"), ["a", "list"], OSError("x")])
async def test_what_is_no_command_of_the_actor_is_no_message(
    autojump_clock: MockClock, message: object
) -> None:
    """Pykka: tell_accepts_any_object_as_the_message, unexpected_messages_are_logged: refused at once here."""
    async with perform(Part("a")) as play:
        with pytest.raises(TypeError, match="is no message; make one by calling a command"):
            play.ref("a").tell(message)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
        with pytest.raises(UnknownCommandError, match="is not a command of Player"):
            play.ref("a").tell(Generous.arguments())


async def test_to_tell_a_stopped_actor_fails_at_once(autojump_clock: MockClock) -> None:
    """Pykka: tell_fails_if_actor_is_stopped; R8."""
    async with perform(Part("a")) as play:
        await play.all_up()
        await stopped(play, "a")
        with pytest.raises(NotRunning, match="a: stopped"):
            play.ref("a").tell(Player.remember("word"))


async def test_to_ask_a_stopped_actor_fails_whichever_way(autojump_clock: MockClock) -> None:
    """Pykka: ask_fails_if_actor_is_stopped, ask_nonblocking_fails_future_if_actor_is_stopped; R8."""
    async with perform(Part("a")) as play:
        await play.all_up()
        await stopped(play, "a")
        with pytest.raises(NotRunning, match="a: stopped"):
            await play.ref("a").ask(Player.life())
        reply = play.ref("a").send(Player.life())  # does not raise
        with pytest.raises(NotRunning, match="a: stopped"):
            await reply


async def test_an_ask_ends_in_time_and_without_a_timeout_of_its_own_too(autojump_clock: MockClock) -> None:
    """Pykka: ask_can_timeout_if_blocked_too_long; R1: there, without a timeout it waits for ever."""
    async with perform(Part("a")) as play:
        _ = play.ref("a").send(Player.echo("busy", 100.0))
        with pytest.raises(CommandTimeout):
            await play.ref("a").ask(Player.life(), timeout=0)
        assert trio.current_time() == 0
        with pytest.raises(CommandTimeout):
            await play.ref("a").ask(Player.life())
        assert trio.current_time() == 5


# --- test_logging ---


async def test_a_crash_is_logged_with_its_place(
    autojump_clock: MockClock, caplog: pytest.LogCaptureFixture
) -> None:
    """Pykka: exception_is_logged_when_not_reply_requested, exception_is_logged_when_returned_to_caller."""
    async with perform(Part("a", otp())) as play:
        await play.life("a")
        play.ref("a").tell(Player.die())
        assert await play.life("a") == 2
    crashed = [record for record in caplog.records if record.levelno == logging.ERROR]
    assert [record.getMessage() for record in crashed] == ["a crashed"]
    assert crashed[0].exc_info is not None
    assert crashed[0].exc_info[0] is OSError


async def test_a_start_that_crashes_is_logged_too(
    autojump_clock: MockClock, caplog: pytest.LogCaptureFixture
) -> None:
    """Pykka: exception_in_on_start_is_logged."""

    async def fail_once(life: int) -> None:
        if life == 1:
            raise ZeroDivisionError

    async with perform(Part("a", opening=fail_once)) as play:
        assert await play.life("a") == 2
    assert [record.getMessage() for record in caplog.records] == ["a crashed"]
